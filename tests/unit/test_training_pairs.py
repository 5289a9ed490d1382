"""Does a retrieval adapter learn from what publishers say, and is what it is asked afterwards kept apart from it?"""

from dataclasses import replace

import numpy as np
import pytest
from small_home import drugs, protocols

from probatum.errors import Rejected
from probatum.records import Block, Document
from probatum.training.pairs import Lessons, lessons_of, part_of
from probatum.training.retrieval import Material, _worded, learnt_from, without_leaks


def code(id: str, title: str, *, synonyms=(), lexicon=(), excludes=(), stem: str = "") -> Document:
    text, blocks = f"{id} ", []
    if stem:
        blocks.append(Block(len(text), len(text) + len(stem), "stem"))
    for label, pieces, kind in (
        ("", (title,), "title"),
        ("\nIndex: ", synonyms, "synonym"),
        ("\nExcludes1: ", excludes, "detail"),
        ("\nIn plain words: ", lexicon, "lexicon"),
    ):
        for n, piece in enumerate(pieces):
            text += "; " if n else label
            blocks.append(Block(len(text), len(text) + len(piece), kind))
            text += piece
    return Document(id, "icd10", title, text, tuple(blocks), id[:3], "2026-04-01", "f", "0" * 64)


CODES = (
    code("R10.9", "Unspecified abdominal pain", synonyms=("Abdominalgia", "Gastrodynia"), lexicon=("my tummy hurts",)),
    code(
        "J44",
        "Other chronic obstructive pulmonary disease",
        excludes=("chronic bronchitis NOS (J42)", "bronchiectasis (J47.-)"),
    ),
    code("J42", "Unspecified chronic bronchitis"),
    code("J47", "Bronchiectasis"),
    code("S42.001A", "Fracture of clavicle, initial encounter", stem="Fracture of clavicle"),
    code("S42.001D", "Fracture of clavicle, subsequent encounter", stem="Fracture of clavicle"),
)


@pytest.fixture(scope="module")
def lessons() -> Lessons:
    return lessons_of([*CODES, *drugs(), *protocols()])


def asked(lessons: Lessons, text: str):
    return next((query for query in lessons.queries if query.text == text), None)


def test_what_the_publisher_calls_a_code_is_asked_and_found(lessons):
    assert asked(lessons, "Abdominalgia").families == {"R10"}
    assert {t.text for t in lessons.texts if t.family == "R10"} == {
        "Unspecified abdominal pain",
        "Abdominalgia",
        "Gastrodynia",
    }


def test_the_words_of_the_projects_own_lexicon_are_no_lesson(lessons):
    """P44: it was written in the words people ask in."""
    assert not any("tummy" in text for text in learnt_from(lessons))


def test_what_a_code_excludes_names_the_other_code_and_the_code_itself_is_wrong(lessons):
    query = asked(lessons, "chronic bronchitis NOS")
    assert (query.families, query.near, query.kind) == ({"J42"}, {"J44"}, "excludes")
    assert not any(text.text == "chronic bronchitis NOS" for text in lessons.texts)


def test_titles_that_differ_by_encounter_only_are_one_text(lessons):
    assert [t.text for t in lessons.texts if t.family == "S42"] == ["Fracture of clavicle"]


def test_brands_lead_to_their_drug_and_headings_to_what_stands_under_them(lessons):
    assert asked(lessons, "Lasix 40 mg tablet").families == {"furosemide"}
    heading = asked(lessons, "Hyperkalaemia Calcium")
    under = [t.text for t in lessons.texts if t.family in heading.families]
    assert len(under) == 1 and under[0].startswith("Give 30 mL of calcium gluconate")


def test_lessons_do_not_depend_on_the_order_of_the_documents(lessons):
    assert lessons_of([*reversed(protocols()), *reversed(drugs()), *reversed(CODES)]).digest() == lessons.digest()


def test_no_category_is_both_learnt_from_and_asked():
    """P44: the split is by category, and a name that categories of two parts bear is in neither."""
    many = [code(f"A{n:02d}", f"Disease number {n}", synonyms=(f"Name {n}", "Fever")) for n in range(100)]
    lessons = lessons_of(many)
    parts = {part: {f for q in lessons.of(part) for f in q.families} for part in ("train", "validation", "held-out")}
    assert all(len(families) >= 3 for families in parts.values())
    assert len(parts["train"]) > 60
    assert not parts["train"] & (parts["validation"] | parts["held-out"])
    assert not any(query.text == "Fever" for query in lessons.queries)


def test_the_part_of_a_category_is_the_same_on_every_machine():
    assert [part_of(group) for group in ("A00", "A01", "A05", "J44")] == PARTS


PARTS = ["train", "validation", "held-out", "validation"]


@pytest.fixture(scope="module")
def material(encoder, lessons) -> Material:
    every = replace(lessons, queries=tuple(q for q in lessons.queries if part_of(q.group) == "train"))
    return Material(every, "train", encoder.encode([t.text for t in lessons.texts]))


def test_a_question_is_never_answered_by_its_own_words(material):
    for query in material.queries:
        texts = [material.lessons.texts[p] for p in material.right(query)]
        assert texts and all(t.family in query.families and t.source == query.source for t in texts)
        assert query.text.casefold() not in {t.text.casefold() for t in texts}


def test_what_is_near_and_wrong_is_of_another_family_of_the_same_source(material):
    for number, query in enumerate(material.queries):
        wrong = [material.lessons.texts[p] for p in material.wrong(number)]
        assert wrong and not any(t.family in query.families or t.source != query.source for t in wrong)


def test_what_gives_a_kept_question_away_is_neither_asked_nor_right(encoder, lessons):
    """P44: what is left out knowingly is left out on both sides, and the gate then finds nothing."""
    kept = {"q-1": "unspecified abdominal pain", "q-2": "abdominalgia"}
    without, ids = without_leaks(lessons, kept, encoder.encode)
    assert ids == ["q-1", "q-2"]
    assert not {"Abdominalgia", "Unspecified abdominal pain"} & set(learnt_from(without))
    assert without.digest() != lessons.digest()
    material = Material(without, "train", encoder.encode([t.text for t in without.texts]))
    query = next((q for q in material.queries if q.text == "Gastrodynia"), None)
    assert query is None or not material.right(query)


def test_nothing_to_learn_from_is_said_before_training():
    with pytest.raises(Rejected, match="nothing to learn from"):
        Material(lessons_of([CODES[2]]), "train", np.zeros((1, 384), np.float32))


def test_a_question_is_worded_as_people_do_and_keeps_what_it_is_about():
    import random

    said = {_worded("Fracture of clavicle", random.Random(n)) for n in range(200)}
    assert len(said) > 20
    assert all("fracture of clavicle" in text.lower() for text in said)
