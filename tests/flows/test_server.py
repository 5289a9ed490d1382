"""Do the deployments of prefect.yaml work on a real server: schedules, limits, and a run by a worker in pool cpu?"""

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from expecting import ROOT, few_guidelines, write_easy
from prefect_server import Server
from processes import wait_for

pytestmark = pytest.mark.slow
SCHEDULED_SOURCES = {"formulary": 1, "guidelines": 1, "icd10": 3}  # schedules of each


def _impatient(expectations: Path) -> Path:
    """With guidelines overdue a month after they took force, so that the release of the test is late."""
    path = expectations / "thresholds.toml"
    table, _, rest = path.read_text("utf-8").partition("[guidelines]")
    path.write_text(
        f"{table}[guidelines]{re.sub(r'release_late_after_days = 0', 'release_late_after_days = 30', rest)}", "utf-8"
    )
    return expectations


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    started = None
    try:
        folder = tmp_path_factory.mktemp("server")
        started = Server(folder, {"PROBATUM_EXPECTATIONS": str(_impatient(write_easy(folder / "easy")))})
        started.make_pools("cpu", "gpu", "alerts")
        started.run("deploy", "--all")
        yield started
    finally:
        if started:
            started.stop()


def test_every_deployment_is_in_its_pool_and_runs_once_at_a_time(server):
    """P15: a second run of a source waits for the first."""
    deployed = server.deployments()
    assert deployed.pop("notify")["work_pool_name"] == "alerts"
    assert deployed.pop("retrain")["work_pool_name"] == "gpu"
    sources = {f"refresh-{each}" for each in ("formulary", "guidelines", "icd10", "all", "dropped")}
    assert set(deployed) == sources | {"maintain", "publish", "watch"}
    for each in deployed.values():
        assert each["work_pool_name"] == "cpu"
        assert each["global_concurrency_limit"]["limit"] == 1
        assert each["concurrency_options"]["collision_strategy"] == "ENQUEUE"
        assert each["pull_steps"] == [{"prefect.deployments.steps.set_working_directory": {"directory": str(ROOT)}}]
        assert "probatum" in each["tags"]


def test_each_source_has_its_own_cadence_in_new_york_time(server):
    schedules = {
        name: {(s["slug"], s["schedule"]["cron"], s["schedule"]["timezone"]) for s in each["schedules"] if s["active"]}
        for name, each in server.deployments().items()
    }
    zone = "America/New_York"
    assert schedules == {
        "refresh-formulary": {("daily", "30 5 * * *", zone)},
        "refresh-guidelines": {("daily", "50 5 * * *", zone)},
        "refresh-icd10": {
            ("weekly-around-april", "10 6 * 3,4 1", zone),
            ("weekly-around-october", "10 6 * 9,10 1", zone),
            ("monthly", "10 6 15 1,2,5-8,11,12 *", zone),
        },
        "refresh-all": set(),
        "publish": set(),
        "notify": set(),  # an automation starts it
        "refresh-dropped": set(),  # every minute, once somebody has a queue and says so
        "maintain": {("weekly", "30 3 * * 0", zone)},
        "watch": {("weekly", "30 7 * * 1", zone)},
        "retrain": {("quarterly", "30 9 2 1,4,7,10 *", zone)},
    }


def test_scheduled_runs_are_really_created(server):
    """P23: a schedule that makes no runs would look healthy; these do make them."""

    def counted() -> dict[str, int]:
        return {
            name: server.post(
                "/flow_runs/count",
                {
                    "deployments": {"id": {"any_": [each["id"]]}},
                    "flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}},
                },
            )
            for name, each in server.deployments().items()
        }

    names = [f"refresh-{source}" for source in SCHEDULED_SOURCES]
    wait_for(lambda: all(counted()[name] > 0 for name in names), 90, "scheduled runs", server.log)
    assert counted()["refresh-all"] == counted()["refresh-dropped"] == 0


def test_a_worker_runs_the_deployment_of_a_source_to_its_end_and_publishes(server):
    server.run("deployment", "schedule", "pause", "--all")  # none may come due while this runs
    server.start("worker", "start", "--pool", "cpu")
    given = {"source": "guidelines", "origin": str(few_guidelines(server.folder, "2026-07"))}
    run = server.run_of("refresh-guidelines", **given)
    state = server.ended(run)
    assert state["type"] == "COMPLETED", state["message"] + server.log()
    assert run["parameters"] == given
    serving = json.loads((server.home / "current.json").read_bytes())["release"]
    assert f"release {serving} published (guidelines)" in state["message"]
    cards = server.post("/artifacts/filter", {"artifacts": {"key": {"any_": ["release-card"]}}})
    assert [card["flow_run_id"] for card in cards] == [run["id"]]
    _one_piece_of_news(server)


def test_after_an_outage_what_came_due_meanwhile_is_done_once(server):
    """P47: three looks at a source were due while no worker was there; the last one looks, the others leave it to it."""
    server.api.patch("/work_pools/cpu", json={"is_paused": True}).raise_for_status()
    late = [_came_due(server, minutes) for minutes in (30, 20, 10)]
    server.api.patch("/work_pools/cpu", json={"is_paused": False}).raise_for_status()
    by_hand = server.run_of("refresh-guidelines", source="guidelines", origin=str(server.folder / "2026-07"))
    *left, done = [server.ended(run)["message"] for run in late]
    assert [said.partition(",")[0] for said in left] == [late[-1]["name"]] * 2 and "unchanged: guidelines" in done
    assert "unchanged: guidelines" in server.ended(by_hand)["message"]


def _came_due(server, minutes: int) -> dict:
    """A run as the scheduler made it before the outage: by its clock, with the deployment's own parameters."""
    given = {"source": "guidelines", "origin": str(server.folder / "2026-07")}
    run = server.run_of("refresh-guidelines", at=datetime.now(UTC) - timedelta(minutes=minutes), **given)
    with closing(sqlite3.connect(server.folder / "prefect" / "prefect.db", timeout=60)) as database, database:
        assert database.execute("UPDATE flow_run SET auto_scheduled = 1 WHERE id = ?", (run["id"],)).rowcount == 1
    return run


def _one_piece_of_news(server) -> None:
    """A late source is told of in an event, with its name and the reason, once."""
    asked = {"filter": {"event": {"name": ["probatum.source.late"]}}}
    (told,) = wait_for(lambda: server.post("/events/filter", asked)["events"], 60, "the event", server.log)
    assert told["resource"]["prefect.resource.id"] == "probatum.source.guidelines"
    assert "overdue" in told["payload"]["why"]
