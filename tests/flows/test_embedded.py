"""Does the flow refresh a source without a Prefect server, and does it leave only ids behind?"""

import json
import os
import re
import sqlite3
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import pytest
from databases import ready_home
from expecting import ROOT, few_guidelines, write_easy, write_impossible

WORDS_OF_CONTENT = 8  # that many words of a document in a row are no coincidence


class Runs:
    def __init__(self, folder: Path):
        self.home, self.prefect = folder / "home", folder / "prefect"
        arguments = [
            write_easy(folder / "easy"),
            write_impossible(folder / "impossible"),
            few_guidelines(folder / "guidelines", "2026-07"),
            few_guidelines(folder / "guidelines", "2026-10"),
        ]
        done = subprocess.run(
            [sys.executable, ROOT / "tests" / "flows" / "embedded_runs.py", *arguments],
            cwd=folder,
            env=_without_prefect() | {"PROBATUM_HOME": str(self.home), "PREFECT_HOME": str(ready_home(self.prefect))},
            capture_output=True,
            text=True,
            timeout=600,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        self.log = done.stderr
        self.states = json.loads(done.stdout.splitlines()[-1])

    def rows(self, query: str) -> list[tuple]:
        with sqlite3.connect(self.prefect / "prefect.db") as database:
            return database.execute(query).fetchall()


def _without_prefect() -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "PROBATUM_"))}
    return kept | {"PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180"}


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> Runs:
    return Runs(tmp_path_factory.mktemp("embedded"))


def test_a_refresh_without_a_server_ends_in_a_published_release(runs):
    first = runs.states["first"]
    assert first["type"] == "COMPLETED"
    assert first["outcome"]["published"] == ["guidelines"]
    assert first["outcome"]["exit_code"] == 0
    assert re.fullmatch(r"\d{4}-\d\d-\d\d\.1", first["outcome"]["release"])
    assert (runs.home / "releases" / f"{first['outcome']['release']}.json").is_file()


def test_a_second_refresh_of_the_same_release_does_nothing_and_says_so(runs):
    """P12: the same inputs make no second release."""
    again = runs.states["again"]
    assert again["type"] == "COMPLETED"
    assert again["outcome"]["unchanged"] == ["guidelines"]
    assert again["outcome"]["release"] == "" and again["outcome"]["candidate"] == ""
    assert "unchanged: guidelines" in again["message"]
    assert len(list((runs.home / "releases").glob("*.json"))) == 1


def test_a_refused_run_ends_as_failed_with_its_exit_code_and_leaves_the_release(runs):
    """P4: a candidate that loses a critical question is refused by the flow, which names the question."""
    refused = runs.states["refused"]
    assert refused["type"] == "FAILED"
    assert refused["outcome"]["exit_code"] == 20
    assert refused["outcome"]["release"] == ""
    assert "easy-guidelines-critical is lost" in refused["outcome"]["refused"]["guidelines"]["reason"]
    serving = json.loads((runs.home / "current.json").read_bytes())
    assert serving["release"] == runs.states["first"]["outcome"]["release"]


def test_every_run_and_state_is_kept_by_prefect(runs):
    assert [state for (state,) in runs.rows("select state_type from flow_run order by start_time")] == [
        "COMPLETED",
        "COMPLETED",
        "FAILED",
    ]


def test_a_run_leaves_progress_a_golden_table_and_a_release_card(runs):
    kinds = runs.rows("select key, type, data from artifact")
    assert {(key, kind) for key, kind, _ in kinds} >= {
        ("write-guidelines", "progress"),
        ("audit", "progress"),
        ("golden-results", "table"),
        ("release-card", "markdown"),
    }
    cards = [data for key, _, data in kinds if key == "release-card"]
    assert len(cards) == 1 and runs.states["first"]["outcome"]["release"] in cards[0]
    assert all(float(data) == 100 for _, kind, data in kinds if kind == "progress")


def test_a_run_leaves_the_report_on_its_candidate_and_links_to_its_pages(runs):
    found = {
        (key, kind): data for key, kind, data in runs.rows("select key, type, data from artifact order by created")
    }
    assert "guidelines" in found["report", "markdown"] and "hit rate @3" in found["report", "markdown"]
    for key in ("report-page", "data-docs-guidelines"):
        address = re.search(r"file://([^)\"]+)", found[key, "markdown"])
        assert Path(unquote(address[1])).is_file()


def test_golden_results_are_one_row_a_source_and_slice(runs):
    (first, *_) = runs.rows("select data from artifact where key = 'golden-results' order by created")
    rows = json.loads(json.loads(first[0])) if isinstance(json.loads(first[0]), str) else json.loads(first[0])
    assert [(row["source"], row["slice"]) for row in rows] == [("guidelines", "all"), ("guidelines", "easy")]
    assert all(row["@3"] > 0.9 for row in rows)


def test_no_question_and_no_text_of_a_document_reaches_prefect(runs):
    """P35: what Prefect keeps (parameters, states, artifacts, logs) has ids, counts and rates, no content."""
    kept = b"".join(path.read_bytes() for path in runs.prefect.rglob("*") if path.is_file()) + runs.log.encode()
    assert b"golden-results" in kept and b"release-card" in kept  # it is the right place that is searched
    content = [*_questions(runs), *_passages(runs)]
    assert len(content) > 500
    assert [text for text in content if text.encode() in kept] == []


def _questions(runs: Runs) -> list[str]:
    golden = ROOT / "expectations" / "golden" / "guidelines.jsonl"
    easy = runs.home.parent / "easy" / "golden" / "guidelines.jsonl"
    return [json.loads(line)["question"] for path in (golden, easy) for line in path.read_text("utf-8").splitlines()]


def _passages(runs: Runs) -> list[str]:
    """Runs of plain words from what was read, some from every document."""
    passages = []
    for path in (runs.home / "work" / "guidelines").rglob("*"):
        if path.is_file():
            words = re.findall(rb"(?:[A-Za-z]+ ){%d}" % WORDS_OF_CONTENT, path.read_bytes())
            passages += [passage.decode() for passage in words]
    return passages
