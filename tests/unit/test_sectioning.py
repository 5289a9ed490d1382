"""Does cutting a guideline into pieces keep every word, and together what must be read together?

Documents are built from clinical fragments whose places are known, so that the test knows, without asking the rules
under test, where a cut would do harm.
"""

import re
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from probatum import chunks
from probatum.encoder import Encoder
from probatum.records import Block, Document
from probatum.sectioning import cut
from probatum.verify import stands

WHOLE = [  # a cut inside any of these changes what is read
    "0.5 mg",
    "5 to 10 micrograms/min",
    "1.5-2 g",
    "10 x 10^9/L",
    "2 mg/kg/h",
    "pH 7.35",
    "< 3.5 mmol/L",
    "BP 90/60 mm Hg",
    "1 in 1,000",
    "E11.9",
    "S42.001A",
    "do not give",
    "never with alcohol",
    "no known allergy",
    "without dose adjustment",
    "contraindicated in severe asthma",
    "e.g. Aspirin",
    "approx. 5 mL",
    "No. 5",
    "1 April 2026",
    "5 µg",
    "5 μg",
    "5 mcg",
]
PLAIN = ["patient", "ward", "review", "the", "infusion", "check", "and", "treatment", "blood", "often", "nurse"]


def count(texts):
    """A word or mark is a token, and two special ones a text."""
    return [2 + len(re.findall(r"\w+|[^\w\s]", text)) for text in texts]


class Builder:
    """Writes a document block by block; `whole` are the spans no cut may enter."""

    def __init__(self, title="Adult sepsis"):
        self.title, self.text, self.blocks, self.whole = title, "", [], []

    def add(self, kind, text, section=(), table=-1, page=1, gap="\n"):
        start = len(self.text)
        self.text += text
        self.blocks.append(Block(start, len(self.text), kind, page, tuple(section), table))
        self.text += gap
        return self

    def document(self):
        blocks = tuple(self.blocks)
        sha256 = "0" * 64
        return Document(
            "g1", "guidelines", self.title, self.text, blocks, "g1", "2026-01-01", "g1.pdf", sha256, "sections"
        )


def body(pieces, document):
    return [document.text[piece.start : piece.end] for piece in pieces]


def shape(document, max_tokens=64):
    return [(p.section, p.text) for p in cut(document, count, max_tokens)]


def words(n, word="word"):
    return " ".join([word] * n)


@st.composite
def prose(draw, most=60):
    """Text and the spans of it that are whole: fragments between plain words, with or without full stops."""
    text, whole = "", []
    for fragment in draw(st.lists(st.sampled_from([*WHOLE, None, None]), min_size=1, max_size=most)):
        text += " ".join(draw(st.lists(st.sampled_from(PLAIN), min_size=3, max_size=5))) + " "
        if fragment:
            whole.append((len(text), len(text) + len(fragment)))
            text += fragment + draw(st.sampled_from([" ", " ", ", ", ". Then "]))
    return text + "end.", whole


@st.composite
def documents(draw):
    """A builder with sections, tables, lists, captions and words that no block covers."""
    made = Builder(draw(st.sampled_from(["Adult sepsis", "", "A title " * 30])))
    names = st.sampled_from(["Doses", "Renal", "Do not use", "Adults", "A heading " * 20])
    for path in draw(st.lists(st.lists(names, max_size=3), min_size=1, max_size=5)):
        if path:
            made.add("heading", path[-1], path)
        if draw(st.booleans()):
            table = len(made.blocks)
            for kind in draw(st.sampled_from([["caption", "table-header"], ["table-header"], ["table-row"]])):
                made.add(kind, "Drug | Dose", path, table)
            for _ in range(draw(st.integers(1, 6))):
                made.add("table-row", "Aspirin | 75 mg | " + words(draw(st.integers(1, 30))), path, table)
        for _ in range(draw(st.integers(0 if path else 1, 3))):
            text, whole = draw(prose())
            made.whole += [(len(made.text) + a, len(made.text) + b) for a, b in whole]
            kind = draw(st.sampled_from(["paragraph", "paragraph", "list"]))
            made.add(kind, text, path, page=len(made.blocks), gap=draw(st.sampled_from(["\n", "\n\n", "\nstray\n"])))
    return made


@settings(max_examples=100, deadline=None)
@given(documents(), st.sampled_from([64, 96, 256]))
def test_every_word_is_in_exactly_one_piece_and_no_cut_does_harm(made, max_tokens):
    """P9: no gap, no overlap, no boundary inside a dose, a code, an abbreviation, a date or a negation."""
    document = made.document()
    pieces = cut(document, count, max_tokens)
    assert all(piece.start < piece.end for piece in pieces)
    assert all(a.end <= b.start for a, b in pairwise(pieces))
    assert "".join("".join(part.split()) for part in body(pieces, document)) == "".join(document.text.split())
    borders = {piece.start for piece in pieces} | {piece.end for piece in pieces}
    for start, end in made.whole:
        assert not borders & set(range(start + 1, end)), document.text[start:end]


@settings(max_examples=60, deadline=None)
@given(documents(), st.sampled_from([64, 256]))
def test_every_piece_fits_the_encoder_and_shows_its_span(made, max_tokens):
    """P9: nothing is cut off by the encoder. P10: what is found is what stands at the span."""
    document = made.document()
    headings = {b.start: b.end for b in document.blocks if b.kind == "heading"}
    for piece in cut(document, count, max_tokens):
        assert count([piece.text])[0] <= max_tokens
        at = piece.start
        while not piece.text.endswith(document.text[at : piece.end].strip()):
            at += len(document.text[at:]) - len(document.text[at:].lstrip())
            at = headings[at]  # only headings the path already shows are left out


@settings(max_examples=60, deadline=None)
@given(documents(), st.sampled_from([64, 256]))
def test_a_piece_stands_in_one_section_and_never_ends_with_a_heading(made, max_tokens):
    """P9: only a tiny section shares a piece, and only with its next of kin."""
    document = made.add("paragraph", "The end.", ("End",)).document()
    for piece in cut(document, count, max_tokens):
        held = [b for b in document.blocks if b.start < piece.end and b.end > piece.start]
        paths = list(dict.fromkeys(b.section for b in held if b.kind != "heading"))
        endings = [b for b in held[-1:] if b.kind == "heading"]  # held is empty where only stray words are
        assert all(b.end - b.start > 150 for b in endings)  # so long that it is read as prose
        assert all(path[: len(piece.section)] == piece.section for path in paths)
        for one, following in pairwise(paths):
            assert following[: len(one)] == one or following[:-1] == one[:-1]


@settings(max_examples=30, deadline=None)
@given(documents())
def test_cutting_is_repeatable_and_counts_no_text_twice(made):
    """P12: same document, same pieces; and few calls of a costly counter."""
    calls = []

    def counting(texts):
        calls.append(list(texts))
        return count(texts)

    document = made.document()
    assert cut(document, counting, 64) == cut(replace(document, blocks=document.blocks[::-1]), count, 64)
    counted = [text for call in calls for text in call]
    assert len(counted) == len(set(counted))
    assert len(calls) <= 14


def test_the_text_to_find_a_piece_by_is_its_heading_path_and_its_words():
    path = ("Antibiotics", "Renal dosing")
    made = Builder().add("heading", "Antibiotics", path[:1]).add("heading", "Renal dosing", path)
    document = made.add("paragraph", "Give 0.5 mg.", path, page=4).document()
    (piece,) = cut(document, count, 64)
    assert piece.text == "Adult sepsis > Antibiotics > Renal dosing\nGive 0.5 mg."
    assert (piece.start, piece.section) == (0, path)


def test_a_heading_that_is_not_in_the_path_is_shown():
    document = Builder().add("heading", "Boxed warning").add("paragraph", "Stop.").document()
    assert shape(document) == [((), "Adult sepsis\nBoxed warning\nStop.")]


def test_the_page_is_that_of_the_first_block():
    """P10: a citation opens where the piece begins."""
    made = Builder().add("paragraph", words(40), page=3).add("paragraph", words(40), page=4)
    assert [piece.page for piece in cut(made.document(), count, 64)] == [3, 4]


def test_a_title_that_is_also_the_first_heading_is_said_once():
    document = Builder().add("paragraph", "Stop.", ("ADULT  sepsis", "Care")).document()
    assert shape(document)[0][1] == "ADULT sepsis > Care\nStop."


def test_a_long_path_keeps_the_start_of_the_title_and_the_innermost_heading():
    path = tuple(f"part {n} of it" for n in range(12))
    long = Builder().add("paragraph", "Stop.", path).document()
    assert shape(long)[0][1] == "Adult sepsis > … > part 10 of it > part 11 of it\nStop."
    path = ("Between", words(300, "renal"))
    longer = Builder("Sepsis " + words(300)).add("paragraph", "Stop.", path).document()
    assert re.fullmatch(r"Sepsis [word ]+… > … > [renal ]+…\nStop\.", shape(longer)[0][1])
    assert count([shape(longer)[0][1].removesuffix("Stop.")])[0] <= 64 * 0.25 + 2


def test_a_section_is_not_cut_while_it_fits():
    made = Builder().add("paragraph", words(25)).add("list", words(25))
    assert len(cut(made.document(), count, 64)) == 1


def test_a_long_section_is_cut_into_even_pieces_at_block_ends():
    made = Builder()
    for _ in range(13):
        made.add("paragraph", words(20))
    sizes = [len(part.split()) for part in body(cut(made.document(), count, 80), made.document())]
    assert sizes == [60, 60, 60, 40, 40] or sorted(sizes) == [40, 40, 60, 60, 60]


def test_a_long_paragraph_is_cut_at_sentence_ends():
    sentence = "The nurse gives 0.5 mg of it, then waits."
    document = Builder().add("paragraph", " ".join([sentence] * 20)).document()
    parts = body(cut(document, count, 64), document)
    assert all(part.startswith("The nurse") and part.endswith("waits.") for part in parts)
    assert max(map(len, parts)) - min(map(len, parts)) <= len(sentence) + 1


def test_two_sections_share_no_piece():
    made = Builder().add("heading", "Adults", ("Adults",)).add("paragraph", words(25), ("Adults",))
    made.add("heading", "Children", ("Children",)).add("paragraph", words(25), ("Children",))
    assert [section for section, _ in shape(made.document(), 256)] == [("Adults",), ("Children",)]


def test_a_tiny_section_joins_its_sibling_under_their_common_path():
    made = Builder().add("heading", "Adults", ("Dose", "Adults")).add("paragraph", "500 mg.", ("Dose", "Adults"))
    made.add("heading", "Children", ("Dose", "Children")).add("paragraph", "125 mg.", ("Dose", "Children"))
    text = "Adult sepsis > Dose\nAdults\n500 mg.\nChildren\n125 mg."
    assert shape(made.document()) == [(("Dose",), text)]


def test_a_tiny_section_does_not_join_a_stranger():
    made = Builder().add("paragraph", "Stop it.", ("Adults", "Warning"))
    made.add("paragraph", "Give it.", ("Children", "Dose"))
    assert [section for section, _ in shape(made.document())] == [("Adults", "Warning"), ("Children", "Dose")]


def test_headings_with_nothing_after_them_are_not_lost():
    """P9: a line a reader took for a heading may be a warning."""
    made = Builder().add("paragraph", words(30), ("Dose",)).add("heading", "Never give 10 mg", ("Never give 10 mg",))
    assert shape(made.document())[-1] == (("Never give 10 mg",), "Adult sepsis > Never give 10 mg\nNever give 10 mg")


def table(rows, header="Drug | Dose", caption="Table 1. Doses"):
    made = Builder().add("caption", caption, table=0).add("table-header", header, table=0)
    for row in rows:
        made.add("table-row", row, table=0)
    return made


def test_a_table_that_fits_is_whole_with_its_caption():
    made = Builder().add("paragraph", words(40))
    made.add("caption", "Table 1. Doses").add("table-header", "Drug | Dose", table=0)
    made.add("table-row", "Aspirin | 75 mg", table=0).add("table-row", words(20), table=0).add("paragraph", words(30))
    whole = [part for part in body(cut(made.document(), count, 64), made.document()) if "Table 1" in part]
    assert len(whole) == 1 and whole[0].startswith("Table 1.") and "word" in whole[0] and "75 mg" in whole[0]


def test_a_longer_table_is_cut_between_rows_and_repeats_its_header():
    """P9: a dose never loses the column it stands in."""
    document = table([f"Drug{n} | {n} mg by mouth twice daily" for n in range(30)]).document()
    first, *others = cut(document, count, 64)
    assert first.start == 0 and first.text.startswith("Adult sepsis\nTable 1. Doses\nDrug | Dose\nDrug0 |")
    assert len(others) > 3
    for piece in others:
        assert piece.text.startswith("Adult sepsis\nDrug | Dose\nDrug")
        assert re.fullmatch(r"(Drug\d+ \| \d+ mg by mouth twice daily\n?)+", document.text[piece.start : piece.end])


def test_a_caption_below_a_table_stays_with_its_last_row():
    made = table([words(20) for _ in range(6)], caption="Above").add("caption", "Below").add("paragraph", words(30))
    assert [part for part in body(cut(made.document(), count, 64), made.document()) if "word\nBelow" in part]


def test_a_row_longer_than_the_limit_is_cut_like_prose_under_its_header():
    document = table(["Aspirin | 75 mg | " + "Take with food. " * 40]).document()
    pieces = cut(document, count, 64)
    assert all("Drug | Dose\n" in piece.text and piece.text.endswith(("food.", "food. ")) for piece in pieces)


def test_a_header_too_long_to_repeat_is_not_repeated():
    document = table([words(30, "row") for _ in range(4)], header=words(50, "column")).document()
    pieces = cut(document, count, 64)
    assert sum("column" in piece.text for piece in pieces) <= 2
    assert max(count([piece.text for piece in pieces])) <= 64


def test_a_table_of_header_rows_only_is_kept():
    document = Builder().add("table-header", "Drug | Dose", table=0).document()
    assert shape(document) == [((), "Adult sepsis\nDrug | Dose")]


def test_the_stem_of_a_list_goes_with_its_first_item_and_is_shown_to_the_others():
    """P9: "Do not give in:" still stands over the last of a long list, and over nothing after it."""
    made = Builder().add("paragraph", words(50)).add("paragraph", "Do not give in:")
    for n in range(12):
        made.add("list", f"- condition {n} that is longer than a word")
    made.add("paragraph", "Give it to all others. " + words(35))
    texts = [text for _, text in shape(made.document())]
    assert all("Do not give in:\n" in text for text in texts if "- condition" in text)
    assert not [text for text in texts if "Do not give" in text and "- condition" not in text]


@pytest.mark.parametrize("counter", [count, lambda texts: [2 + len(text) for text in texts]])
@pytest.mark.parametrize("word", ["x" * 10_000, "1" * 10_000, "0.5mg/" * 2_000])
def test_a_word_without_end_is_cut_in_the_end(word, counter):
    document = Builder().add("paragraph", f"Give {word} now").document()
    pieces = cut(document, counter, 64)
    assert "".join("".join(body(pieces, document)).split()) == f"Give{word}now"
    assert max(counter([piece.text for piece in pieces])) <= 64


def test_a_tokenizer_whose_parts_do_not_add_up_is_still_obeyed():
    def jumpy(texts):
        return [int(n * 1.15) if n > 40 else n for n in count(texts)]

    document = Builder().add("paragraph", "The nurse waits. " * 100).document()
    assert max(jumpy([piece.text for piece in cut(document, jumpy, 64)])) <= 64


@pytest.mark.parametrize("text", ["", " \n\t "])
def test_an_empty_document_has_no_pieces(text):
    assert cut(Builder().add("paragraph", text).document(), count, 64) == []


def test_words_that_no_block_covers_and_words_two_blocks_cover_come_once():
    """P9: a reader's slip loses nothing and doubles nothing."""
    blocks = (Block(4, 13, "paragraph"), Block(8, 99, "list"))
    document = replace(Builder().document(), text="one two three four", blocks=blocks)
    assert shape(document) == [((), "Adult sepsis\none two three four")]


@example("5 µg")
@example("5 μg")
@given(st.sampled_from(["5 mcg", "5 mg", "5 \u00b5g", "5 \u03bcg", "E11.9.", "00197361"]))
def test_characters_are_kept_as_they_are(fragment):
    """P9: U+00B5 and U+03BC, mcg and mg, leading zeros and trailing dots stay what they were."""
    document = Builder().add("paragraph", f"Give {fragment} now").document()
    assert shape(document) == [((), f"Adult sepsis\nGive {fragment} now")]


def test_chunks_of_a_guideline_carry_their_span_and_an_id_of_their_own():
    """P10, P16: two sections with the same words are two chunks."""
    made = Builder()
    for name in ("Adults", "Children", "Adults"):
        made.add("heading", name, (name,)).add("paragraph", words(chunks.PASSAGE_TOKENS - 10), (name,))
    found = chunks.chunk(made.document(), count, 2 * chunks.PASSAGE_TOKENS)
    assert len({chunk.id for chunk in found}) == 3
    assert [(c.texts[0].start, c.texts[0].end) for c in found] == [(c.start, c.end) for c in found]


def test_short_sections_are_read_together_and_cited_apart():
    """Neighbouring sections share a passage while they fit; each text keeps the headings it stands under."""
    made = Builder()
    for name in ("Purpose", "Doses", "Review"):
        made.add("heading", name, (name,)).add("paragraph", words(30), (name,))
    (passage,) = chunks.chunk(made.document(), count, 64)
    assert {text.section for text in passage.texts} == {("Purpose",), ("Doses",), ("Review",)}
    assert passage.section == ()


def test_words_below_two_headings_stand_where_they_are_said_to():
    """P10: `verify` reads such a piece as whole: in the document its headings stand one below the other."""
    made = Builder()
    made.add("heading", "After the first hour", ("After the first hour",))
    made.add("heading", "Vasopressors", ("After the first hour", "Vasopressors"))
    made.add("paragraph", words(20), ("After the first hour", "Vasopressors"))
    document = made.document()
    (passage,) = chunks.chunk(document, count, 64)
    piece = passage.texts[0]
    said = document.text[piece.start : piece.end]
    assert said.startswith("After the first hour") and "Vasopressors" in said
    assert stands(piece.text, said, named=True)
    assert not stands(piece.text, said.replace("Vasopressors", "Inotropes"), named=True)
    assert not stands(piece.text, said[:-3], named=True)


@pytest.fixture(scope="module")
def encoder():
    return Encoder.load()


@pytest.mark.slow
def test_pieces_of_a_long_guideline_suit_the_real_encoder(encoder):
    """P9: with the encoder's own count no piece is truncated, and long sections are used well."""
    made = Builder()
    for part in range(4):
        path = (f"Part {part}", "Doses")
        made.add("heading", "Doses", path)
        for n in range(12):
            whole = (WHOLE[(n + i) % len(WHOLE)] for i in range(3 + n % 9))
            made.add("paragraph", " ".join(f"The patient needs {what} before the next review." for what in whole), path)
        made.add("paragraph", "Give hydrochlorothiazide 12.5 mg and " + words(400, "levothyroxine"), path)
    document = made.document()
    pieces = cut(document, encoder.count_tokens, encoder.max_tokens)
    sizes = encoder.count_tokens([piece.text for piece in pieces])
    assert max(sizes) <= encoder.max_tokens
    assert min(sizes) > 120 and 180 <= sum(sizes) / len(sizes) <= 230
    assert "".join("".join(body(pieces, document)).split()) == "".join(document.text.split())
