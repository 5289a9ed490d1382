"""Are the rules of a behaviour kept and broken as a reader of its file would say?"""

import itertools
import random
from pathlib import Path

import pytest

from bench import invented_notes
from probatum.behaviours import Facts, Output, behaviours, measured, read_behaviour
from probatum.errors import Misconfigured

EXPECTATIONS = Path(__file__).parents[2] / "expectations"
KNOWN = {behaviour.name: behaviour for behaviour in behaviours(EXPECTATIONS)}
SOAP = KNOWN["soap-note"]
FACTS = Facts(codes=frozenset(condition.code for condition in invented_notes.CONDITIONS) | {"E11.65"})
VISITS = list(itertools.islice(invented_notes.visits(random.Random(7)), 400))
NOTE = """Subjective:
Thirsty for two weeks, getting worse. History: high cholesterol.
Objective:
Vitals: BP 142/88, HR 76, Temp 36.8 C, SpO2 97 %
Feet: pulses and sensation present.
Assessment:
Type 2 diabetes mellitus with hyperglycemia (E11.65)
Hypertension (I10)
Plan:
1. Metformin 500 mg twice a day
2. HbA1c in three months
Review: in 4 weeks."""


def broken(text: str, behaviour: str = "soap-note") -> dict[str, str]:
    return KNOWN[behaviour].broken(text, FACTS)


def test_four_behaviours_are_described():
    assert set(KNOWN) == {"soap-note", "discharge-summary", "triage-level", "prior-authorisation"}
    assert KNOWN["triage-level"].labels == ("immediate", "urgent", "soon", "routine")


def test_a_note_that_keeps_every_rule_breaks_none():
    assert broken(NOTE) == {}


@pytest.mark.parametrize(
    ("before", "after", "rules"),
    [
        ("Objective:\n", "", {"sections-in-order", "vitals-line"}),
        ("Subjective:\n", "Summary\nSubjective:\n", {"sections-in-order"}),
        ("Plan:\n", "Plan:\nPlan:\n", {"sections-in-order", "numbered-plan"}),
        ("Vitals: BP 142/88", "BP 142/88", {"vitals-line"}),
        ("142/88", "high", {"vitals-line"}),
        (", SpO2 97 %", "", {"vitals-line"}),
        ("\nFeet:", "\nVitals: BP 142/88, HR 76, Temp 36.8 C, SpO2 97 %\nFeet:", {"vitals-line"}),
        ("(E11.65)", "[E11.65]", {"codes-in-parentheses"}),
        ("(E11.65)", "", {"codes-in-parentheses"}),
        ("Hypertension (I10)", "Hypertension (I10), was I15.9", {"codes-in-parentheses"}),
        ("Hypertension (I10)", "I10 hypertension (I10)", {"codes-in-parentheses"}),
        ("(E11.65)", "(E11.66)", {"codes-valid"}),
        ("(E11.65)", "(E11.65, E11.66)", {"codes-valid"}),
        ("(E11.65)", "(250.00)", {"codes-in-parentheses"}),
        ("2. HbA1c", "- HbA1c", {"numbered-plan"}),
        ("2. HbA1c", "3. HbA1c", {"numbered-plan"}),
        ("\nReview: in 4 weeks.", "", {"review-line"}),
        ("Review: in 4 weeks.", "Review: .", {"review-line"}),
        ("in 4 weeks.", "in 4 weeks.\nSigned.", {"review-line", "numbered-plan"}),
        ("Thirsty", "As an AI language model I see: thirsty", {"no-placeholder"}),
        ("two weeks", "[insert duration]", {"no-placeholder"}),
    ],
)
def test_each_change_of_a_good_note_breaks_the_rule_it_should(before, after, rules):
    assert before in NOTE
    assert set(broken(NOTE.replace(before, after, 1))) == rules


@pytest.mark.parametrize("text", ["", "\n\n", "I am fine.", NOTE[:200], "Plan:\n" * 3_000])
def test_what_is_no_note_is_told_and_not_choked_on(text):
    assert "sections-in-order" in broken(text)


@pytest.mark.parametrize(
    "words", ["Vitamin B12 deficiency (I10)", "Fracture of T12 (I10)", "Diabetes, HbA1c 9.1 (I10)"]
)
def test_words_that_look_like_codes_are_none(words):
    """A name such as B12 has the shape of a code of three characters; it counts as one only where the release has it."""
    assert broken(NOTE.replace("Hypertension (I10)", words)) == {}


def test_a_patient_who_cannot_do_something_is_no_refusal():
    assert broken(NOTE.replace("Thirsty", "I cannot bear the sheet on my toe")) == {}


def test_a_code_is_valid_only_in_the_release_that_serves():
    """A code that was split since is refused though its shape is right."""
    older = NOTE.replace("(E11.65)", "(M54.5)")
    assert set(broken(older)) == {"codes-valid"}
    assert SOAP.broken(older, Facts(codes=FACTS.codes | {"M54.5"})) == {}
    assert "codes-valid" in SOAP.broken(NOTE, Facts())


def test_what_is_said_of_a_broken_rule_holds_no_word_of_the_note():
    spoilt = NOTE.replace("Vitals: ", "Readings ").replace("2. HbA1c", "- HbA1c").replace("(E11.65)", "E11.66").lower()
    said = " ".join(SOAP.broken(spoilt, FACTS).values())
    ours = " ".join([SOAP.model_dump_json()]).casefold()
    strange = {word for word in spoilt.split() if word not in ours}
    assert said and not any(word in said.split() for word in strange if word.isalpha())


@pytest.mark.parametrize("text", ["urgent", " soon\n", "immediate"])
def test_a_label_is_a_label_whatever_space_is_around_it(text):
    assert broken(text, "triage-level") == {}


@pytest.mark.parametrize("text", ["", "Urgent", "urgent.", "This is urgent.", "urgent soon", "later"])
def test_anything_else_is_no_label(text):
    assert set(broken(text, "triage-level")) == {"a-label"}


@pytest.mark.parametrize("name", sorted(invented_notes.WRITERS))
def test_the_invented_notes_keep_the_rules_of_their_behaviour(name):
    write = invented_notes.WRITERS[name]
    assert [said for visit in VISITS if (said := broken(write(visit), name))] == []


@pytest.mark.parametrize(
    ("name", "before", "after", "rules"),
    [
        ("discharge-summary", "Course:", "Stay:", {"sections-in-order"}),
        ("discharge-summary", "1. ", "* ", {"numbered-medicines"}),
        ("discharge-summary", "With the family doctor", "Later", {"follow-up-says-when"}),
        ("prior-authorisation", ": met", "", {"no-criterion-left-open"}),
        ("prior-authorisation", "Conclusion: ", "Conclusion: perhaps ", {"conclusion"}),
        ("prior-authorisation", "Tried before:", "Before:", {"sections-in-order"}),
    ],
)
def test_the_other_behaviours_have_rules_that_can_be_broken(name, before, after, rules):
    text = next(text for visit in VISITS if before in (text := invented_notes.WRITERS[name](visit)))
    assert set(broken(text.replace(before, after, 1), name)) == rules


def test_clinics_with_habits_keep_the_form_less_than_seven_times_in_ten():
    """What the base model learns from is mixed on purpose; the detailed wish helps, and not enough."""
    plain, told = ([broken(invented_notes.as_written(v, told=t)) for v in VISITS] for t in (False, True))
    assert 0.2 < sum(not b for b in plain) / len(plain) < sum(not b for b in told) / len(told) < 0.6
    assert {name for b in plain for name in b} == {"sections-in-order", "vitals-line", "codes-in-parentheses", "codes-valid", "numbered-plan", "review-line"}  # fmt: skip


def test_compliance_counts_the_outputs_that_keep_every_rule():
    outputs = [
        Output("a", "north", NOTE),
        Output("b", "north", NOTE.replace("2. ", "- ")),
        Output("c", "south", NOTE.replace("2. ", "- ").replace("Vitals: ", "")),
        Output("d", "south", NOTE, cut=True),
    ]
    found = measured(SOAP, outputs, FACTS)
    assert (found.compliance, found.kept, found.agreement, found.cut) == (0.5, ("a", "d"), None, 1)
    assert found.by_rule["numbered-plan"] == 0.5 and found.by_rule["vitals-line"] == 0.75
    assert found.by_slice == {"north": 0.5, "south": 0.5}
    assert found.broken == {"b": ("numbered-plan",), "c": ("vitals-line", "numbered-plan")}


def test_a_wrong_label_keeps_the_rule_and_does_not_agree():
    texts = {"a": "urgent", "b": "soon", "c": "no idea"}
    found = measured(KNOWN["triage-level"], [Output(n, "all", t, label="urgent") for n, t in texts.items()], FACTS)
    assert found.compliance == pytest.approx(2 / 3) and found.agreement == pytest.approx(1 / 3) and found.kept == ("a",)


def test_no_outputs_are_no_success():
    assert measured(SOAP, [], FACTS).compliance == 0.0


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('kind = "numbered"', 'kind = "numbred"', "rule 5 (numbered-plan)"),
        ('section = "Plan:"', "", "rule 5 (numbered-plan), section"),
        ("pattern = 'Vitals: BP", "pattern = '(Vitals: BP", "rule 2 (vitals-line), pattern"),
        ("compliance = 0.97", "compliance = 97", "bounds.compliance"),
        ('name = "vitals-line"', 'name = "numbered-plan"', "two rules have one name"),
        ('kind = "text"', 'kind = "label"', "a behaviour of labels has a rule one-of"),
        ('folder = ""', 'folder = "/srv/model"', "named by folder and sha256"),
        ("about = ", "least_per_class = 20\nabout = ", "least_per_class"),
        ("about = ", "about ", "cannot be read"),
    ],
)
def test_a_mistake_in_the_file_is_named_with_its_place(tmp_path, before, after, said):
    text = (EXPECTATIONS / "behaviours" / "soap-note.toml").read_text("utf-8")
    assert before in text
    (tmp_path / "behaviours").mkdir()
    (tmp_path / "behaviours" / "soap-note.toml").write_text(text.replace(before, after, 1), "utf-8")
    with pytest.raises(Misconfigured) as told:
        read_behaviour(tmp_path, "soap-note")
    assert "soap-note.toml" in told.value.happened and said in told.value.happened
    assert told.value.safe == "Nothing was trained."


def test_an_unknown_behaviour_is_told_which_are_known():
    with pytest.raises(Misconfigured, match="known: discharge-summary, prior-authorisation, soap-note, triage-level"):
        read_behaviour(EXPECTATIONS, "poetry")


def test_a_behaviour_has_another_digest_when_a_rule_changes():
    other = SOAP.model_copy(update={"rule": SOAP.rule[1:]})
    assert SOAP.digest() == read_behaviour(EXPECTATIONS, "soap-note").digest() != other.digest()
