"""Are probes questions of their own, and is a reading what the hits say?"""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from probatum.drift.probes import golden_among, must_not_be_golden, probed_sources, read_probes, reading_of
from probatum.errors import Misconfigured
from probatum.golden import GoldenQuestion, every_question

EXPECTATIONS = Path(__file__).parents[2] / "expectations"
SOURCES = ("formulary", "guidelines", "icd10")


def asked(question: str, identity: str = "probe-1", **expected) -> GoldenQuestion:
    said = {"slice": "lay", "severity": "routine", "rationale": "none", "role": "nurse", "reviewed_on": "2026-11-30"}
    expects = [expected or {"document": "D-0001"}]
    return GoldenQuestion(id=identity, source="formulary", question=question, expects=expects, **said)


def test_every_embedded_source_has_probes():
    assert probed_sources(EXPECTATIONS) == SOURCES
    for source in SOURCES:
        assert len(read_probes(EXPECTATIONS, source)) >= 40


def test_no_probe_is_a_golden_question_or_nearly_one(encoder):
    """P44: neither word for word, nor in another case or order, nor by meaning (a cosine above 0.95)."""
    for source in SOURCES:
        must_not_be_golden(read_probes(EXPECTATIONS, source), every_question(EXPECTATIONS, source), encoder)


def test_a_probe_that_is_a_golden_question_is_named(encoder):
    """P44: the ids of both are listed, and their words are not."""
    golden = [
        asked("who may order meropenem on the ward", "golden-1"),
        asked("is there a liquid for seizures", "golden-2"),
    ]
    for copy in (
        "who may order meropenem on the ward",
        "Who may order MEROPENEM on  the ward?",
        "on the ward: meropenem, who may order",
        "who may order meropenem on the wards",
    ):
        found = golden_among([asked(copy)], golden, encoder)
        assert found == [("probe-1", "golden-1")], copy
        with pytest.raises(Misconfigured, match=r"1 probes .*probe-1 is golden-1") as refused:
            must_not_be_golden([asked(copy)], golden, encoder)
        assert "meropenem" not in str(refused.value).lower()
    assert golden_among([asked("antibiotics for a chest that rattles")], golden, encoder) == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "line 1: is no JSON"),
        ('{"id": "a"}', "line 1: source"),
        ("twice", "line 2: the id probe-1 is there twice"),
    ],
)
def test_a_line_that_is_no_probe_is_named_by_file_and_number(tmp_path, line, said):
    probe = asked("may we use it").model_dump_json()
    (tmp_path / "probes").mkdir()
    (tmp_path / "probes" / "formulary.jsonl").write_text(f"{probe}\n{probe}" if line == "twice" else line, "utf-8")
    with pytest.raises(Misconfigured, match=said):
        read_probes(tmp_path, "formulary")


def test_a_probe_of_another_source_or_that_expects_nothing_is_refused(tmp_path):
    (tmp_path / "probes").mkdir()
    for changed in ({"source": "icd10"}, {"expects": [], "unanswerable": True}):
        told = json.loads(asked("may we use it").model_dump_json()) | changed
        (tmp_path / "probes" / "formulary.jsonl").write_text(json.dumps(told), "utf-8")
        with pytest.raises(Misconfigured, match="has to be of formulary"):
            read_probes(tmp_path, "formulary")


def test_a_reading_says_how_far_an_answer_is_above_the_edge(published_once):
    """Its quality has the sign of its answer: among the first three, or not."""
    searcher = published_once.searcher()
    hits = searcher.search("furosemide tablets", source="formulary", k=10)
    for place, hit in enumerate(hits):
        reading = reading_of(asked("furosemide tablets", document=hit.document_id), hits)
        assert reading.ok == (place < 3) == (reading.quality > 0)
    first = reading_of(asked("furosemide tablets", document=hits[0].document_id), hits)
    assert first.quality == pytest.approx(hits[0].score - hits[3].score, abs=1e-4)
    assert first.level == hits[0].score and not first.unanswered
    missed = reading_of(asked("furosemide tablets", document="D-none"), hits)
    assert not missed.ok and missed.quality < 0 and missed.top == first.top


def test_a_reading_of_no_hit_is_a_bad_one():
    reading = reading_of(asked("anything"), [])
    assert not reading.ok and reading.quality < 0 and reading.unanswered and reading.top == ()


def test_equal_scores_do_not_put_an_answer_on_the_wrong_side(published_once):
    hits = published_once.searcher().search("furosemide tablets", source="formulary", k=10)
    tied = [replace(hit, score=0.5) for hit in hits]
    assert reading_of(asked("any", document=hits[2].document_id), tied).quality > 0
    assert reading_of(asked("any", document=hits[3].document_id), tied).quality < 0
