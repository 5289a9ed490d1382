"""Does one drift ever start two retrains, and does anything start one that should not?"""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from probatum.drift.ledger import COMPLETE, RECOVERED, Ledger
from probatum.drift.rules import drift_rules
from probatum.drift.verdict import BASELINE, DRIFTED, MISSING, STEADY, SUSPECTED, Verdict
from probatum.errors import Conflict, Damaged
from probatum.journal import Journal

RULES = drift_rules(Path(__file__).parents[2] / "expectations")
FIRST = date(2026, 1, 5)


def verdict(week: int, state: str, champion: str = "c1") -> Verdict:
    day = (FIRST + timedelta(weeks=week)).isoformat()
    now = 0.88 if state == DRIFTED else 0.92
    return Verdict("retrieval", day, champion, state, ("why",), before=0.93, now=now, loss=0.93 - now, size=120)


@pytest.fixture
def ledger(small_home):
    return Ledger(small_home, "retrieval", RULES)


def noted(ledger: Ledger, *states: str, start: int = 0, champion: str = "c1") -> list[str]:
    return [ledger.note(verdict(start + n, state, champion), actor="test") for n, state in enumerate(states)]


def day(week: int) -> date:
    return FIRST + timedelta(weeks=week)


def claim(ledger: Ledger, week: int, key: str = "run-1", minutes: int = 30, **more):
    return ledger.claim(day(week), more.pop("champion", "c1"), key=key, minutes=minutes, actor="test", **more)


def test_a_drift_is_news_once_however_long_it_lasts(ledger):
    """P42: drifted, week after week, is one drift."""
    assert noted(ledger, BASELINE, STEADY, *[DRIFTED] * 20) == ["", "", DRIFTED, *[""] * 19]
    assert len(ledger.state().drifts) == 1


def test_one_drift_is_retrained_for_once(ledger):
    """P42: not again when it failed, not after the quarter, not under another key."""
    noted(ledger, BASELINE, DRIFTED)
    assert claim(ledger, 1).drift == ledger.state().open.id
    with pytest.raises(Conflict, match="has not ended"):
        claim(ledger, 1, key="run-2")
    ledger.settle("run-1", "kept", minutes=12, actor="test")
    noted(ledger, *[DRIFTED] * 40, start=2)
    with pytest.raises(Conflict, match="retrained for once, and is never twice"):
        claim(ledger, 40, key="run-3")


def test_ten_runs_at_once_get_one_claim(ledger):
    """P42: an event that comes ten times starts ten runs, and one of them trains."""
    noted(ledger, BASELINE, DRIFTED)

    def tries(n: int) -> str:
        try:
            return claim(ledger, 1, key=f"run-{n}").key
        except Conflict:
            return ""

    with ThreadPoolExecutor(10) as pool:
        assert len([key for key in pool.map(tries, range(10)) if key]) == 1
    assert len(ledger.state().retrains) == 1


def test_a_run_that_is_started_again_gets_its_claim_back(ledger):
    noted(ledger, BASELINE, DRIFTED)
    assert claim(ledger, 1) == claim(ledger, 2) and len(ledger.state().retrains) == 1


def test_nothing_is_retrained_without_drift(ledger):
    """P42: the quarterly question ends as not needed, with the figures."""
    assert "no window was judged yet" in ledger.may_retrain(day(0), "c1").why
    noted(ledger, BASELINE, STEADY, SUSPECTED, MISSING)
    answer = ledger.may_retrain(day(13), "c1")
    assert (
        not answer.go
        and answer.why.startswith("not needed: nothing has drifted")
        and "0.920 right, 0.930" in answer.why
    )
    with pytest.raises(Conflict, match="not needed"):
        claim(ledger, 13)


def test_a_behaviour_is_retrained_once_a_quarter_unless_somebody_forces_it(ledger):
    """P42: a second drift, of the next champion, waits for the quarter to pass."""
    noted(ledger, BASELINE, DRIFTED)
    claim(ledger, 1)
    ledger.settle("run-1", "promoted", minutes=20, actor="test")
    assert noted(ledger, BASELINE, STEADY, STEADY, STEADY, DRIFTED, start=2, champion="c2") == [
        RECOVERED,
        "",
        "",
        "",
        DRIFTED,
    ]
    assert "one in 91 days" in ledger.may_retrain(day(6), "c2").why
    assert ledger.may_retrain(day(15), "c2").go
    assert claim(ledger, 6, key="run-2", champion="c2", forced=True, why="the committee asks").forced


def test_the_budget_is_one_for_all_behaviours_and_holds_even_when_forced(ledger, small_home):
    """P42: what is planned counts until it is known what it took."""
    other = Ledger(small_home, "soap-note", RULES)
    other.claim(day(0), "s1", key="soap", minutes=RULES.gpu_minutes - 20, actor="test", forced=True)
    noted(ledger, BASELINE, DRIFTED)
    with pytest.raises(Conflict, match="30 minutes of a GPU are asked for, and 20"):
        claim(ledger, 1, forced=True)
    other.settle("soap", "failed", minutes=5, actor="test")
    assert claim(ledger, 1).minutes == 30


def test_a_drift_is_over_when_a_new_champion_is_well(ledger):
    noted(ledger, BASELINE, DRIFTED)
    assert noted(ledger, MISSING, BASELINE, start=2, champion="c2") == [MISSING, RECOVERED]
    assert ledger.state().open is None


def test_a_new_champion_that_is_no_better_ends_no_drift(ledger):
    """P42: steady by its own beginning, and still as bad as what it was trained to mend; enough steady windows end it all the same."""
    noted(ledger, BASELINE, DRIFTED)
    bad = [replace(verdict(week, STEADY, "c2"), now=0.88) for week in range(2, 9)]
    news = [ledger.note(each, actor="test") for each in bad]
    assert (
        news[: RULES.calm_windows - 1] == [""] * (RULES.calm_windows - 1) and news[RULES.calm_windows - 1] == RECOVERED
    )


def test_a_drift_that_goes_by_itself_is_over_after_some_calm_windows(ledger):
    noted(ledger, BASELINE, DRIFTED)
    told = noted(ledger, STEADY, DRIFTED, *[STEADY] * RULES.calm_windows, start=2)
    assert told == [*[""] * (1 + RULES.calm_windows), RECOVERED]


def test_a_new_drift_is_held_off_after_the_last_one(ledger):
    noted(ledger, BASELINE, DRIFTED, *[STEADY] * RULES.calm_windows)
    weeks = 2 + RULES.calm_windows
    assert noted(ledger, *[DRIFTED] * 3, start=weeks) == ["", "", DRIFTED]


def test_missing_data_is_told_once_and_once_that_it_is_back(ledger):
    """P42: an alert, and no drift."""
    told = noted(ledger, BASELINE, MISSING, MISSING, MISSING, STEADY, STEADY)
    assert told == ["", MISSING, "", "", COMPLETE, ""] and ledger.state().drifts == ()


def test_what_was_not_told_is_told_later(ledger):
    """A machine that stops between writing and telling loses no news, and a look that is done again makes none."""
    noted(ledger, BASELINE, DRIFTED)
    assert noted(ledger, DRIFTED, start=1) == [""]
    assert ledger.state().untold == ((DRIFTED, ledger.state().open.id),)
    ledger.told()
    assert ledger.state().untold == ()


def test_what_is_found_and_retrained_is_in_the_journal(ledger, small_home):
    """P37: who retrained what, for which drift; without content."""
    noted(ledger, BASELINE, DRIFTED)
    claim(ledger, 1, why="evidence")
    ledger.settle("run-1", "promoted", minutes=20, actor="test")
    noted(ledger, BASELINE, start=2, champion="c2")
    journal = Journal(small_home / "journal.jsonl")
    assert [r["action"] for r in journal.records()] == ["drift-found", "retrain", "retrained", "drift-over"]
    assert journal.verify() == 4 and {r["behaviour"] for r in journal.records()} == {"retrieval"}


def test_a_ledger_that_is_not_what_was_written_starts_nothing(ledger, small_home):
    noted(ledger, BASELINE, DRIFTED)
    path = small_home / "drift" / "retrieval" / "ledger.json"
    value = json.loads(path.read_text("utf-8"))
    value["drifts"] = []
    path.write_text(json.dumps(value), "utf-8")
    with pytest.raises(Damaged, match="is not what was written"):
        claim(ledger, 1)


def test_an_older_window_is_no_news(ledger):
    noted(ledger, BASELINE, STEADY)
    before = ledger.state()
    assert ledger.note(replace(verdict(0, DRIFTED)), actor="test") == "" and ledger.state() == before
