"""Is a source that is late told from one that is not, once to people and in every hit to those who ask?"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from small_home import RELEASED

from probatum import arriving, cli, pipeline, settings
from probatum.errors import Misconfigured, Retryable
from probatum.freshness import Lateness, read_look, stale, stale_sources
from probatum.looks import note_look, to_be_told
from probatum.search import Searcher
from probatum.settings import Settings
from probatum.thresholds import lateness
from sources.formulary import Formulary

DAILY = Lateness(look_late_after_days=3, release_late_after_days=0)
NOW = datetime.now(UTC)
AGES = timedelta(days=9999)


@pytest.fixture
def state(published_once):
    return published_once.manifest.sources["formulary"]


def in_days(days: float) -> datetime:
    return NOW + timedelta(days=days)


def test_a_source_nobody_looked_at_yet_is_not_called_stale(tmp_path, state):
    assert stale(tmp_path, "formulary", state, NOW + AGES) == ""


def test_a_publisher_not_reached_for_too_long_makes_the_source_stale(tmp_path, state):
    """P46: with nothing running at all; the clock alone does it."""
    note_look(tmp_path, "formulary", DAILY)
    assert stale(tmp_path, "formulary", state, in_days(2.9)) == ""
    assert "last reached on" in stale(tmp_path, "formulary", state, in_days(3.1))


def test_seven_days_of_failures_are_one_state_and_one_piece_of_news(tmp_path, state, monkeypatch):
    """P46: a source that is down for a week is told of once, and once when it is back."""
    told = []
    note_look(tmp_path, "formulary", DAILY)
    for day in range(1, 8):
        note_look(tmp_path, "formulary", DAILY, failure="files.example.org answered 503.")
        why = stale(tmp_path, "formulary", state, in_days(day))
        told.append(to_be_told(tmp_path, "formulary", why))
        assert ("503" in why) == (day > 3)
    assert told == ["", "", "", "late", "", "", ""]
    assert read_look(tmp_path, "formulary").failing_since < read_look(tmp_path, "formulary").told
    note_look(tmp_path, "formulary", DAILY)
    assert to_be_told(tmp_path, "formulary", stale(tmp_path, "formulary", state)) == "recovered"
    assert to_be_told(tmp_path, "formulary", "") == ""


def test_a_source_that_was_never_reached_is_stale_after_the_same_time(tmp_path, state):
    note_look(tmp_path, "formulary", DAILY, failure="files.example.org did not deliver (ConnectError).")
    assert stale(tmp_path, "formulary", state, in_days(1)) == ""
    assert "no day" in stale(tmp_path, "formulary", state, in_days(4))


def test_a_release_that_is_overdue_makes_the_source_stale(tmp_path, state):
    rules = Lateness(look_late_after_days=0, release_late_after_days=200)
    note_look(tmp_path, "formulary", rules)
    day = datetime(RELEASED.year, RELEASED.month, RELEASED.day, tzinfo=UTC)
    assert stale(tmp_path, "formulary", state, day + timedelta(days=200)) == ""
    assert "overdue" in stale(tmp_path, "formulary", state, day + timedelta(days=201))
    assert stale(tmp_path, "formulary", state.model_copy(update={"origin": "embedded sample"}), day + AGES) == ""


def test_a_stale_source_shows_in_every_hit_and_in_the_list_of_releases(published, monkeypatch, capsys):
    """P46: and the answers are the same as before."""
    note_look(published.home, "formulary", DAILY)
    before = published.searcher().search("furosemide")
    old = replace(read_look(published.home, "formulary"), looked=(NOW - timedelta(days=10)).isoformat())
    monkeypatch.setattr(
        "probatum.freshness.read_look", lambda home, source: old if source == "formulary" else read_look(home, source)
    )
    hits = published.searcher().search("furosemide")
    assert {hit.source for hit in hits if hit.stale} == {"formulary"}
    assert all(hit.stale for hit in hits if hit.source == "formulary")
    assert [replace(hit, stale="") for hit in hits] == before
    assert list(stale_sources(published.home, published.manifest)) == ["formulary"]
    monkeypatch.setenv("PROBATUM_HOME", str(published.home))
    monkeypatch.setattr("sys.argv", ["probatum", "releases"])
    settings.reset()
    with pytest.raises(SystemExit):
        cli.main()
    assert "formulary is stale" in capsys.readouterr().out


def test_an_answer_about_a_day_gone_by_is_not_called_stale(published, monkeypatch):
    note_look(published.home, "formulary", Lateness(0, 1))
    assert published.searcher().search("furosemide", source="formulary")[0].stale
    assert not published.searcher().search("furosemide", source="formulary", as_of=RELEASED)[0].stale


def test_a_look_is_noted_by_the_step_that_looks(tmp_path, monkeypatch):
    chosen = Settings(home=tmp_path / "home", allowed_hosts="127.0.0.1")
    with pytest.raises(Retryable):
        pipeline.fetch(chosen, Formulary(), "http://127.0.0.1:9/2026-07.csv")
    failed = read_look(chosen.home, "formulary")
    assert failed.failing_since and not failed.looked and "127.0.0.1" in failed.reason
    pipeline.fetch(chosen, Formulary(), None)
    seen = read_look(chosen.home, "formulary")
    assert seen.looked and not seen.failing_since and seen.look_late_after_days


def test_news_are_journalled(published):
    """P37: that a source went stale, once."""
    chosen = Settings(home=published.home, expectations=published.expectations)
    note_look(published.home, "formulary", Lateness(0, 1))
    assert arriving.late(chosen, "formulary", actor="test")[0] == "late"
    assert arriving.late(chosen, "formulary", actor="test")[0] == ""
    lines = (published.home / "journal.jsonl").read_text("utf-8")
    assert lines.count("source-late") == 1


@pytest.mark.parametrize(
    "line", ["look_late_after_days = -1", "look_late_after_days = true", "", 'look_late_after_days = "3"']
)
def test_a_wrong_number_of_days_is_named(tmp_path, line):
    """P51: with the file, the key and the source."""
    (tmp_path / "thresholds.toml").write_text(f"[icd10]\n{line}\nrelease_late_after_days = 0\n", "utf-8")
    with pytest.raises(Misconfigured, match=r"look_late_after_days (of|for) icd10"):
        lateness(tmp_path, "icd10")


def test_the_searcher_of_a_candidate_says_nothing_of_lateness(published):
    note_look(published.home, "formulary", Lateness(0, 1))
    candidate = pipeline.Candidate(parent="", sources=published.manifest.sources, encoder=published.manifest.encoder)
    searcher = Searcher.of(published.home, candidate, published.encoder)
    assert not searcher.search("furosemide", source="formulary")[0].stale
