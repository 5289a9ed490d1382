"""Does the flow that watches judge what serves, tell of a drift once, and leave Prefect ids and figures alone?"""

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from databases import ready_home

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))

from test_drift_watching import write_probes

from probatum.alert_kinds import KINDS

HERE = Path(__file__).parent
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def ran(published_once, tmp_path_factory):
    """(home, Prefect's folder, what the runs ended in)"""
    import shutil

    folder = tmp_path_factory.mktemp("watching")
    home = shutil.copytree(published_once.home, folder / "home")
    expectations = shutil.copytree(published_once.expectations, folder / "expectations")
    write_probes(expectations)
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "PROBATUM_"))}
    places = {
        "PROBATUM_HOME": str(home),
        "PROBATUM_EXPECTATIONS": str(expectations),
        "PREFECT_HOME": str(ready_home(folder / "prefect")),
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
        "PYTHONPATH": os.pathsep.join([str(HERE.parents[1]), str(HERE.parent)]),
    }
    done = subprocess.run([sys.executable, str(HERE / "watch_runs.py")], env=kept | places, capture_output=True, text=True, timeout=600)  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return home, folder / "prefect", json.loads(done.stdout.splitlines()[-1])


def test_a_watch_says_what_it_found(ran):
    """P42: a good release is steady, a confused one drifted, week after week."""
    told = {name: ran[2][name] for name in ("first", "second", "third")}
    assert [each["message"] for each in told.values()] == [
        "retrieval: steady",
        "retrieval: drifted",
        "retrieval: drifted",
    ]
    assert {each["type"] for each in told.values()} == {"COMPLETED"}
    assert told["second"]["outcome"]["retrieval"]["loss"] > 0.1


def test_a_drift_is_one_event_with_a_payload_that_does_not_change(ran):
    """P42: two weeks of drift start one retrain at most."""
    home, prefect, told = ran
    events = _events(prefect, KINDS["drift"].event)
    assert len(events) == 1 and set(events[0]) == set(KINDS["drift"].payload)
    assert events[0]["behaviour"] == "retrieval" and Path(events[0]["report"]).is_relative_to(home)
    assert events[0]["champion"] == told["second"]["outcome"]["retrieval"]["champion"]


def test_the_event_starts_the_deployment_retrain_where_there_is_one(ran):
    """P42: with the behaviour and the drift, which the ledger knows; before there is one, no automation is made."""
    before, expect, match, parameters = ran[2]["automations"]
    assert before == [] and expect == [KINDS["drift"].event]
    assert match == {"prefect.resource.id": "probatum.behaviour.*"} and set(parameters) == {"behaviour", "drift"}


def test_prefect_is_given_no_question(ran):
    """P38: neither in results, nor in events, nor in the summary that people see."""
    _, prefect, told = ran
    with sqlite3.connect(prefect / "prefect.db") as database:
        artifacts = database.execute("select data from artifact where key = 'drift-retrieval'").fetchall()
    assert len(artifacts) == 3
    seen = json.dumps(told) + str(artifacts) + str(_events(prefect, KINDS["drift"].event))
    assert "the ward asks for" not in seen and "furosemide" not in seen.lower()


def _events(prefect: Path, name: str) -> list[dict]:
    with sqlite3.connect(prefect / "prefect.db") as database:
        return [json.loads(p) for (p,) in database.execute("select payload from events where event = ?", (name,))]
