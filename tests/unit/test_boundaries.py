"""Where may clinical prose be cut? Phrases that must stay whole, sentences that end, and sentences that seem to."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probatum.boundaries import AVOID, CLAUSE, PROTECTED, SENTENCE, SPACE, gaps

DOSES = [
    "0.5 mg",
    ".5 mg",
    "5 to 10 micrograms/min",
    "1.5-2 g",
    "10 x 10^9/L",
    "2 mg/kg/h",
    "pH 7.35",
    "< 3.5 mmol/L",
    "90/60 mm Hg",
    "BP 90/60 mm Hg",
    "1 in 1,000",
    "10 – 20 mL",
    "5 mg – 10 mg",
    "5, 10 or 20 mg",
    "5 µg",
    "5 μg",
    "5 mcg",
    "5 and 10 mg",
    "500 mg twice daily",
    "2 mg / kg / h",
    "5 units per hour",
    "pH: 7.35",
    "5\u00a0mg",
    "5\nmg",
    "½ tablet",
    "one tablet twice daily",
    "18 000 units",
    "1 April 2026",
    "April 1, 2026",
    "≥ 65 years",
    "more than 4 g",
    "at least 2 hours",
    "up to 4 g",
    "e.g. 5 mg",
    "max. 4 g",
    "No. 5 needle",
    "× 10 cm",
    "20 mg every 8 hours",
]
NEGATIONS = [
    "do not give this",
    "must never be given again",
    "no known allergy",
    "without renal impairment",
    "avoid all NSAIDs",
    "contraindicated in severe asthma",
    "should not be used in pregnancy",
    "don't restart therapy",
    "cannot tolerate food",
    "Do not:\n- crush tablets",
    "not, however, given",
    "no fever, chills",
    "not recommended e.g. Asthma",
]
SENTENCES = [
    "Give it.‖Then wait.‖Is he worse?‖Call.",
    "Take 0.5 mg.‖Then e.g. Aspirin, i.e. Salicylate.‖Dr. A agrees.",
    "Dose q.d. Monday onwards.‖See No. 5 and Fig. 2 below.",
    "Use grade 2.‖Then rest.",
    "1. Start low.‖2. Go slow.‖3. Stop.",
    "First line\n\n‖second line",
    "Stop at pH 7.‖(See below.)‖“Quoted.”‖End",
    "- one thing‖\n- another thing‖\n• a third",
    "E. coli grew.¹‖Treat it.",
    "It helps for 10 min.‖Repeat it.",
]


def inside(phrase, rank):
    """The gaps within `phrase` where it stands in running text that are below `rank`."""
    text = f"plain words come first {phrase} plain words come last"
    start = text.index(phrase)
    found = [gap for gap in gaps(text) if start < gap.left < start + len(phrase) and gap.rank < rank]
    return [text[gap.left - 5 : gap.right + 5] for gap in found]


@pytest.mark.parametrize("phrase", DOSES)
def test_no_gap_inside_a_dose_a_range_or_a_date_is_open(phrase):
    """P9: a number is never parted from its unit, nor a range from its other end."""
    assert not inside(phrase, PROTECTED)


@pytest.mark.parametrize("phrase", NEGATIONS)
def test_a_negation_keeps_the_words_before_and_after_it(phrase):
    """P9: what is forbidden never reads as allowed."""
    assert not inside(phrase, PROTECTED)


@pytest.mark.parametrize(
    "phrase", ["(see the note below)", "[local policy, then ring]", "vitamin B12 level", "RxCUI 197361", "stage 3"]
)
def test_short_brackets_and_numbered_names_are_cut_only_when_nothing_else_is_left(phrase):
    assert not inside(phrase, AVOID)


def test_a_long_bracket_is_prose():
    text = "(" + "a long remark that goes on and on " * 3 + "to its end)"
    assert {gap.rank for gap in gaps(text)} == {SPACE}


@pytest.mark.parametrize("marked", SENTENCES)
def test_sentences_end_where_a_reader_says_they_end(marked):
    """P9: a decimal point, an abbreviation and a list number end no sentence."""
    text = marked.replace("‖\n", "\n").replace("\n\n‖", "\n\n").replace("‖", " ")
    at, wanted = 0, []
    for part in re.split(r"\s*‖\s*", marked)[:-1]:
        at = text.index(part, at) + len(part)
        wanted.append(at)
    assert [gap.left for gap in gaps(text) if gap.rank == SENTENCE] == wanted


def test_a_clause_ends_after_its_mark_and_a_cell_after_its_bar():
    text = "if worse, call; otherwise wait | next cell"
    assert [text[g.right :].split()[0] for g in gaps(text) if g.rank == CLAUSE] == ["call;", "otherwise", "next"]


def test_a_cell_with_the_number_is_not_parted_from_the_cell_with_its_unit():
    """P9: tables that give value and unit a column each."""
    assert not inside("5 | mg", PROTECTED)


def test_a_stem_is_not_parted_from_the_first_item_of_its_list():
    text = "Give these drugs:\n- aspirin\n- heparin"
    first, second = (gap for gap in gaps(text) if "\n" in text[gap.left : gap.right])
    assert (first.rank, second.rank) == (AVOID, SENTENCE)


@given(st.text(alphabet="ab1.,;:()-–|µ \n\t\u00a0<no", max_size=80))
def test_every_white_space_between_two_words_is_one_gap(text):
    found = gaps(text)
    assert [(g.left, g.right) for g in found] == [m.span() for m in re.finditer(r"(?<=\S)\s+(?=\S)", text)]
    assert all(SENTENCE <= gap.rank <= PROTECTED for gap in found)


@pytest.mark.parametrize("unit", ["1", "(", "no ", "5 ", ". ", "a.", "[x] ", "- ", "\n- 1. ", "< "])
def test_a_hostile_text_takes_linear_time(unit):
    started = time.perf_counter()
    gaps(unit * (300_000 // len(unit)))
    assert time.perf_counter() - started < 15  # seconds; a quadratic pass takes many minutes
