"""The embedded ICD-10-CM, read by our parser, says of every code what the library that carries it says."""

from collections import Counter
from pathlib import Path

import pytest
import simple_icd_10_cm as oracle

from sources.icd10 import Icd10

pytestmark = pytest.mark.slow

CODES = 98_186
BILLABLE = 74_719
KINDS = ("code", "title", "synonym")
LINES = {  # label in the text: what the library says
    "Includes": oracle.get_includes,
    "Excludes1": oracle.get_excludes1,
    "Excludes2": oracle.get_excludes2,
    "Inclusion terms": oracle.get_inclusion_term,
    "Use additional code": lambda code: oracle.get_use_additional_code(code).split("\n"),
    "Code first": lambda code: oracle.get_code_first(code).split("\n"),
    "Code also": lambda code: oracle.get_code_also(code).split("\n"),
    "Note": lambda code: oracle.get_notes(code).split("\n"),
    "7th character": lambda code: [oracle.get_seven_chr_note(code)],
}


@pytest.fixture(scope="module")
def documents():
    source = Icd10()
    found = source.find(None)
    return {d.id: d for d in source.parse({f.name: Path(f.location) for f in found.files}, found.release)}


@pytest.fixture(scope="module")
def codes():
    """All codes but the names of sections, some of which (B20) are also that of their only category."""
    return list(dict.fromkeys(code for code in oracle.get_all_codes() if oracle.is_category_or_subcategory(code)))


def joined(pieces):
    """As our text has them: white space made even, also where a note with a tab follows a 7th character."""
    return "; ".join(text for piece in pieces if (text := " ".join(piece.replace("/\t", "/").split())))


def line(document, label):
    """What one line of the text says, "" where there is none."""
    start = f"{label}: "
    return next((said.removeprefix(start) for said in document.text.split("\n")[1:] if said.startswith(start)), "")


def differing(documents, expected, said):
    """{code: (the library's word, ours)} of the first few that differ."""
    wrong = {code: (want, have) for code, want in expected.items() if (have := said(documents[code])) != want}
    return dict(list(wrong.items())[:3])


def test_every_code_of_the_library_is_there_once_and_no_other(documents, codes):
    assert len(codes) == len(documents) == CODES
    assert set(documents) == set(codes)


def test_a_code_is_billable_when_nothing_is_below_it(documents, codes):
    assert not differing(documents, {c: oracle.is_leaf(c) for c in codes}, lambda d: d.meta["billable"])
    assert Counter(d.meta["billable"] for d in documents.values()) == {True: BILLABLE, False: CODES - BILLABLE}


def test_every_title_is_the_description(documents, codes):
    assert not differing(documents, {c: joined([oracle.get_description(c)]) for c in codes}, lambda d: d.title)


def test_every_code_stands_below_the_parent_the_library_knows(documents, codes):
    known = set(codes)
    expected = {
        c: parent if (parent := oracle.get_parent(c)) in known and not oracle.is_category(c) else "" for c in codes
    }
    assert not differing(documents, expected, lambda d: d.meta["parent"])


def test_the_path_names_every_code_above_then_section_and_chapter(documents, codes):
    def path(code):
        *above, section, chapter = oracle.get_ancestors(code)
        outer = [oracle.get_description(name, prioritize_blocks=True) for name in (section, chapter)]
        return joined([*(f"{a} {oracle.get_description(a)}" for a in above), *outer])

    assert not differing(documents, {c: path(c) for c in codes}, lambda d: line(d, "Part of"))
    assert len({d.meta["chapter"] for d in documents.values()}) == 22


@pytest.mark.parametrize("label", LINES)
def test_notes_are_those_of_the_code(documents, codes, label):
    expected = {code: joined(LINES[label](code)) for code in codes}
    assert sum(map(bool, expected.values())) > 5
    assert not differing(documents, expected, lambda d: line(d, label))


def test_a_seventh_character_adds_its_nearest_definition_to_the_title(documents, codes):
    extended = [code for code in codes if oracle.is_extended_subcategory(code)]
    assert len(extended) > 50_000
    expected = {}
    for code in extended:
        parent = oracle.get_parent(code)
        meanings = oracle.get_seven_chr_def(parent, search_in_ancestors=True)
        expected[code] = joined([f"{oracle.get_description(parent)}, {meanings[code[-1]]}"])
    assert not differing(documents, expected, lambda d: d.title)


def test_titles_and_official_synonyms_are_blocks_at_their_place_in_the_text(documents, codes):
    for code in codes:
        document = documents[code]
        said = {kind: [document.text[b.start : b.end] for b in document.blocks if b.kind == kind] for kind in KINDS}
        synonyms = [*oracle.get_inclusion_term(code), *(oracle.get_includes(code) if len(code) == 3 else ())]
        assert said["code"] == [code]
        assert said["title"] == [document.title]
        assert sorted(said["synonym"]) == sorted(" ".join(synonym.split()) for synonym in synonyms)


def test_the_release_is_named_after_the_day_it_takes_force():
    release = Icd10().find(None).release
    assert (release.name, release.valid_from.isoformat()) == ("2026-04-01", "2026-04-01")
