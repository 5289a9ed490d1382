"""Do query records show that a crowd moved, and nothing of what anybody asked?"""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import orjson
import pytest

from probatum.drift import queries
from probatum.drift.moved import moved
from probatum.drift.queries import Asked, QueryRecords, place_of
from probatum.drift.rules import drift_rules
from probatum.errors import Damaged

EXPECTATIONS = Path(__file__).parents[2] / "expectations"
RULES = drift_rules(EXPECTATIONS)
DAY = date(2026, 12, 7)


def asked(question: str, vector) -> Asked:
    return Asked(question, np.asarray(vector, np.float32), "icd10", 0.8312, True)


def unit(seed: int, width: int = 384) -> np.ndarray:
    vector = np.random.default_rng(seed).normal(size=width)
    return vector / np.linalg.norm(vector)


def test_a_record_holds_no_question_and_no_vector(small_home):
    """P38: a key, a source, a score, and sixteen coarse numbers."""
    records = QueryRecords(small_home)
    assert records.note([asked("my MRN is 4471823 and my chest hurts", unit(1))], DAY) == 1
    raw = (small_home / "queries" / "2026-12-07.jsonl").read_bytes()
    assert orjson.loads(raw).keys() == {"key", "source", "score", "enough", "place"}
    assert not any(word in raw for word in (b"MRN", b"4471823", b"chest"))
    assert len(raw) < 160 and (small_home / "queries" / "key").stat().st_mode & 0o077 == 0


def test_the_same_question_has_one_key_here_and_another_elsewhere(tmp_path):
    kept = []
    for home in ("one", "other"):
        QueryRecords(tmp_path / home).note([asked("Chest pain", unit(1)), asked(" chest  PAIN", unit(1))], DAY)
        lines = (tmp_path / home / "queries" / f"{DAY}.jsonl").read_bytes().splitlines()
        kept.append({orjson.loads(line)["key"] for line in lines})
        assert len(QueryRecords(tmp_path / home).places(DAY, DAY)) == 1
    assert len(kept[0]) == len(kept[1]) == 1 and kept[0] != kept[1]


def test_a_place_cannot_be_compared_between_homes():
    """Without the key the rotation is not known: the same vectors lie elsewhere."""
    vectors = [unit(n) for n in range(20)]
    same = sum(a == b for a, b in zip(place_of(b"a" * 32, vectors), place_of(b"b" * 32, vectors), strict=True))
    assert same == 0 and place_of(b"a" * 32, vectors) == place_of(b"a" * 32, vectors)


def test_another_kind_of_question_is_seen_to_move(encoder, small_home):
    """Real questions of two kinds, through sixteen numbers of four bits: told apart; two halves of one kind are not."""
    kinds = {name: _questions(name) for name in ("icd10", "guidelines")}
    by_turns = [
        kinds["icd10"][start::2] for start in (0, 1)
    ]  # they stand by chapter: the first half asks of other things
    days = {0: by_turns[0], 1: by_turns[1], 2: kinds["guidelines"]}
    records = QueryRecords(small_home)
    for n, questions in days.items():
        vectors = encoder.encode(questions)
        records.note([asked(q, v) for q, v in zip(questions, vectors, strict=True)], DAY + timedelta(days=n))
    places = [records.places(DAY + timedelta(days=n), DAY + timedelta(days=n)) for n in days]
    rules = RULES.model_copy(update={"least_queries": 100})
    alike, others = moved(places[0], places[1], rules), moved(places[0], places[2], rules)
    # how well depends on the home's own rotation: over 25 keys .63 to .82, and .41 to .56 for two halves of one kind
    assert others.chance < 0.01 < 0.05 < alike.chance and alike.figure < RULES.query_auc < others.figure


def _questions(source: str) -> list[str]:
    """Tuning questions: they gate nothing."""
    names = {"icd10": ("icd10.jsonl",), "guidelines": ("guidelines-more.jsonl",)}[source]
    dev = EXPECTATIONS.parent / "bench" / "dev"
    return [orjson.loads(line)["question"] for name in names for line in (dev / name).read_bytes().splitlines()]


def test_a_day_has_its_fill_and_old_days_go(small_home, monkeypatch):
    monkeypatch.setattr(queries, "MOST_A_DAY", 3)
    records = QueryRecords(small_home)
    assert [records.note([asked(f"q{n}", unit(n)) for n in range(2)], DAY) for _ in range(3)] == [2, 1, 0]
    later = DAY + timedelta(days=queries.KEPT_DAYS + 1)
    records.note([asked("new", unit(9))], later)
    assert [path.stem for path in (small_home / "queries").glob("*.jsonl")] == [later.isoformat()]


def test_forgetting_leaves_neither_records_nor_key(small_home):
    records = QueryRecords(small_home)
    records.note([asked("q", unit(1))], DAY)
    assert records.forget() == 1 and records.forget() == 0
    assert [path.name for path in (small_home / "queries").iterdir()] in ([], [".lock"])
    assert len(records.places(DAY, DAY)) == 0


def test_a_record_that_was_not_written_to_its_end_goes_with_the_next(small_home):
    records = QueryRecords(small_home)
    records.note([asked("one", unit(1))], DAY)
    path = small_home / "queries" / f"{DAY}.jsonl"
    path.write_bytes(path.read_bytes() + b'{"key": "ab')
    assert records.counts(DAY, DAY)["asked"] == 1
    records.note([asked("two", unit(2))], DAY)
    assert records.counts(DAY, DAY) == {"asked": 2, "unanswered": 0.0}
    (small_home / "queries" / "key").write_bytes(b"short")
    with pytest.raises(Damaged, match="key of the query records"):
        records.note([asked("three", unit(3))], DAY)


def test_a_command_records_only_where_that_was_chosen(published, monkeypatch, capsys):
    """P38: off by default."""
    from probatum import cli, settings
    from probatum.encoder import Encoder

    monkeypatch.setenv("PROBATUM_HOME", str(published.home))
    monkeypatch.setattr(Encoder, "load", lambda *_, **__: published.encoder)
    for chosen, kept in (("false", False), ("true", True)):
        monkeypatch.setenv("PROBATUM_QUERY_RECORDS", chosen)
        settings.reset()
        cli.app(["search", "furosemide", "--json"], standalone_mode=False)
        assert "furosemide" in capsys.readouterr().out.lower()
        assert (published.home / "queries").exists() is kept
