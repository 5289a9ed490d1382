"""Do the deployments of prefect.yaml work on a real server: schedules, limits, and a run by a worker in pool cpu?"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from expecting import ROOT, few_guidelines, write_easy

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("flows")]
PREFECT = Path(sys.executable).with_name("prefect")
SCHEDULED_SOURCES = {"formulary": 1, "guidelines": 1, "icd10": 3}  # schedules of each


class Server:
    """A Prefect server, its deployments and a worker; every process it starts is ended by its id."""

    def __init__(self, folder: Path):
        self.folder, self.home, self._processes = folder, folder / "home", []
        port = _free_port()
        self.url = f"http://127.0.0.1:{port}/api"
        self._env = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "PROBATUM_"))} | {
            "PREFECT_HOME": str(folder / "prefect"),
            "PREFECT_API_URL": self.url,
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "DO_NOT_TRACK": "1",
            "PROBATUM_HOME": str(self.home),
            "PROBATUM_EXPECTATIONS": str(_impatient(write_easy(folder / "easy"))),
        }
        self.api = httpx.Client(base_url=self.url, timeout=30, trust_env=False)
        self.start("server", "start", "--host", "127.0.0.1", "--port", str(port))
        wait_for(self._healthy, 120, "the server to answer", self.log)

    def start(self, *arguments: str) -> None:
        log = (self.folder / f"{arguments[0]}.log").open("wb")
        command = [PREFECT, "--no-prompt", *arguments]
        with log:
            started = subprocess.Popen(
                command, cwd=ROOT, env=self._env, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
        self._processes.append(started)

    def run(self, *arguments: str) -> str:
        done = subprocess.run(
            [PREFECT, "--no-prompt", *arguments], cwd=ROOT, env=self._env, capture_output=True, text=True, timeout=180
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def post(self, path: str, body: dict | None = None):
        answer = self.api.post(path, json=body or {})
        answer.raise_for_status()
        return answer.json()

    def deployments(self) -> dict[str, dict]:
        return {each["name"]: each for each in self.post("/deployments/filter")}

    def log(self) -> str:
        return "\n".join(path.read_text("utf-8", "replace")[-2000:] for path in self.folder.glob("*.log"))

    def stop(self) -> None:
        self.api.close()
        for process in reversed(self._processes):
            _end(process)

    def _healthy(self) -> bool:
        try:
            return self.api.get("/health").status_code == 200
        except httpx.TransportError:
            return False


def _impatient(expectations: Path) -> Path:
    """With guidelines overdue a month after they took force, so that the release of the test is late."""
    path = expectations / "thresholds.toml"
    table, _, rest = path.read_text("utf-8").partition("[guidelines]")
    path.write_text(
        f"{table}[guidelines]{re.sub(r'release_late_after_days = 0', 'release_late_after_days = 30', rest)}", "utf-8"
    )
    return expectations


def wait_for(true: Callable[[], object], seconds: float, what: str, log: Callable[[], str]) -> object:
    end = time.monotonic() + seconds
    while not (value := true()):
        assert time.monotonic() < end, f"waited {seconds:.0f} s for {what}\n{log()}"
        time.sleep(0.5)
    return value


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _end(process: subprocess.Popen) -> None:
    """End a process and those of its own session that it started."""
    for sent, seconds in ((signal.SIGTERM, 20), (signal.SIGKILL, 10)):
        try:
            os.killpg(process.pid, sent)
            process.wait(seconds)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    started = None
    try:
        started = Server(tmp_path_factory.mktemp("server"))
        started.run("work-pool", "create", "cpu", "--type", "process")
        started.run("deploy", "--all")
        yield started
    finally:
        if started:
            started.stop()


def test_every_deployment_is_in_pool_cpu_and_runs_once_at_a_time(server):
    """P15: a second run of a source waits for the first."""
    deployed = server.deployments()
    sources = {f"refresh-{each}" for each in ("formulary", "guidelines", "icd10", "all", "dropped")}
    assert set(deployed) == sources | {"maintain"}
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
        "refresh-dropped": set(),  # every minute, once somebody has a queue and says so
        "maintain": {("weekly", "30 3 * * 0", zone)},
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
    wanted = server.deployments()["refresh-guidelines"]
    given = {"source": "guidelines", "origin": str(few_guidelines(server.folder, "2026-07"))}
    run = server.post(
        f"/deployments/{wanted['id']}/create_flow_run", {"state": {"type": "SCHEDULED"}, "parameters": given}
    )

    def ended() -> dict | None:
        now = server.api.get(f"/flow_runs/{run['id']}").json()
        return now if now["state"]["type"] in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED") else None

    done = wait_for(ended, 480, "the run to end", server.log)
    assert done["state"]["type"] == "COMPLETED", done["state"]["message"] + server.log()
    assert done["parameters"] == given
    serving = json.loads((server.home / "current.json").read_bytes())["release"]
    assert f"release {serving} published (guidelines)" in done["state"]["message"]
    cards = server.post("/artifacts/filter", {"artifacts": {"key": {"any_": ["release-card"]}}})
    assert [card["flow_run_id"] for card in cards] == [run["id"]]
    _one_piece_of_news(server)


def _one_piece_of_news(server) -> None:
    """A late source is told of in an event, with its name and the reason, once."""
    asked = {"filter": {"event": {"name": ["probatum.source.late"]}}}
    (told,) = wait_for(lambda: server.post("/events/filter", asked)["events"], 60, "the event", server.log)
    assert told["resource"]["prefect.resource.id"] == "probatum.source.guidelines"
    assert "overdue" in told["payload"]["why"]
