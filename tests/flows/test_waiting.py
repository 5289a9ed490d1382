"""Does the flow wait where a person has to approve, without holding up any other source, and is that told once?"""

import json
import os
import shutil
import sqlite3
import subprocess
import sys

import pytest
from databases import ready_home
from expecting import ROOT, few_drugs, few_guidelines, write_easy

from probatum.journal import Journal
from probatum.release import Releases

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """(home, Prefect's folder, what the runs ended in)"""
    folder = tmp_path_factory.mktemp("waiting")
    expectations = write_easy(folder / "easy")
    rules = expectations / "thresholds.toml"
    rules.write_text(rules.read_text("utf-8").replace("[guidelines]\n", "[guidelines]\napproval = true\n"), "utf-8")
    first = few_guidelines(folder / "guidelines", "2026-07")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "PROBATUM_"))}
    places = {
        "PROBATUM_HOME": str(folder / "home"),
        "PROBATUM_EXPECTATIONS": str(expectations),
        "PREFECT_HOME": str(ready_home(folder / "prefect")),
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
    }
    command = [
        sys.executable,
        ROOT / "tests" / "flows" / "waiting_runs.py",
        few_drugs(folder / "drugs"),
        first,
        _later(first),
    ]
    done = subprocess.run(command, cwd=ROOT, env=kept | places, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder / "home", folder / "prefect", json.loads(done.stdout.splitlines()[-1])


def _later(first):
    """The same folder in which somebody corrected one protocol."""
    later = shutil.copytree(first, first.parent / "later")
    path = next(later.glob("*delirium.md"))
    path.write_text(path.read_text("utf-8") + "\nAsk the family what is usual for this person.\n", "utf-8")
    return later


def test_what_needs_no_approval_is_published_and_the_rest_waits(runs):
    """Nobody's approval holds up another source."""
    home, _, told = runs
    outcome = told["both"]["outcome"]
    assert told["both"]["type"] == "COMPLETED" and outcome["exit_code"] == 0
    assert outcome["published"] == ["formulary"] and outcome["waits_for_approval"] == ["guidelines"]
    assert "waits for approval: guidelines" in told["both"]["message"]
    first = Releases(home).read(outcome["release"])
    assert list(first.sources) == ["formulary"] and first.parent == ""


def test_the_same_refresh_again_waits_on(runs):
    _, _, told = runs
    assert told["again"]["type"] == "COMPLETED" and told["again"]["outcome"]["waits_for_approval"] == ["guidelines"]
    assert told["pending"] == [told["both"]["outcome"]["candidate"]] == [told["again"]["outcome"]["candidate"]]


def test_what_was_approved_serves_and_a_refresh_finds_nothing_new(runs):
    home, _, told = runs
    assert told["after"]["outcome"]["unchanged"] == ["guidelines"]
    approved = Releases(home).read(told["approved"])
    assert approved.candidate == told["pending"][0] and set(approved.sources) == {"formulary", "guidelines"}


def test_what_was_declined_is_refused_with_the_reason_and_nothing_changes(runs):
    home, _, told = runs
    assert told["later"]["outcome"]["waits_for_approval"] == ["guidelines"]
    refused = told["declined"]["outcome"]["refused"]["guidelines"]
    assert "was declined by lead" in refused["reason"] and "Not yet." in refused["reason"]
    assert told["declined"]["type"] == "FAILED" and Releases(home).current().id == told["approved"]


def test_each_step_has_one_record(runs):
    """P37: a publish by the flow, an approval and a refusal by a person."""
    records = [r for r in Journal(runs[0] / "journal.jsonl").records() if r["action"] != "source-late"]
    assert [(r["action"], r["actor"]) for r in records] == [
        ("publish", "test"),
        ("approve", "lead"),
        ("decline", "lead"),
    ]


def test_an_event_says_once_that_a_candidate_waits(runs):
    """Ids and names of releases, no content; the second run of the same is no news."""
    _, prefect, told = runs
    with sqlite3.connect(prefect / "prefect.db") as database:
        kept = database.execute("select payload from events where event = 'probatum.release.waiting'").fetchall()
    payloads = [json.loads(payload) for (payload,) in kept]
    assert [each["candidate"] for each in payloads] == [told["pending"][0], told["later"]["outcome"]["candidate"]]
    assert payloads[0].keys() == {"candidate", "sources", "parent", "since", "next"}
