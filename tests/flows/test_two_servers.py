"""Does a site with two API servers on PostgreSQL and Redis work: with the shipped settings, with authentication, with two workers?

The environment is that of deploy/server.env; only ports, and secrets, are added. Skipped where there is no PostgreSQL or Redis.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from databases import Postgres, has_postgres
from expecting import ROOT, few_guidelines, write_easy
from processes import PREFECT, end, free_port, wait_for

pytestmark = pytest.mark.slow
AUTH = "ward:correct horse"
NEEDED = {"PostgreSQL": has_postgres(), "redis-server": shutil.which("redis-server")}


def said(name: str) -> dict[str, str]:
    """The variables of a shipped file."""
    lines = (ROOT / "deploy" / name).read_text("utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


class Site:
    """PostgreSQL, Redis, two API servers, the background services; every process it starts is ended by its id."""

    def __init__(self, folder: Path):
        self.folder, self.home, self._processes = folder, folder / "home", []
        self._database = Postgres(bare=True)
        redis, *apis = (free_port() for _ in range(3))
        self.urls = [f"http://127.0.0.1:{port}/api" for port in apis]
        bare = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "PROBATUM_"))}
        self._server = bare | said("server.env") | {
            "PREFECT_HOME": str(folder / "server"),
            "PREFECT_API_DATABASE_CONNECTION_URL": self._database.url,
            "PREFECT_REDIS_MESSAGING_PORT": str(redis),
            "PREFECT_SERVER_DOCKET_URL": f"redis://127.0.0.1:{redis}/1",
            "PREFECT_SERVER_API_AUTH_STRING": AUTH,
        }  # fmt: skip
        self._client = bare | said("worker.env") | {
            "PREFECT_HOME": str(folder / "client"),
            "PREFECT_API_AUTH_STRING": AUTH,
            "PROBATUM_HOME": str(self.home),
            "PROBATUM_EXPECTATIONS": str(write_easy(folder / "easy")),
        }  # fmt: skip
        self._start(
            "redis",
            [
                "redis-server",
                "--port",
                str(redis),
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--dir",
                str(self._database.place),
            ],
        )
        self.apis = []
        for port in apis:  # one after the other: the first makes the tables
            self.apis.append(
                self._start("server", [PREFECT, "server", "start", "--port", str(port), "--no-services"], self._server)
            )
            wait_for(lambda port=port: _answers(f"http://127.0.0.1:{port}/api/health"), 180, "the API", self.log)
        self._start("services", [PREFECT, "server", "services", "start"], self._server)

    def start_worker(self, api: int, name: str) -> None:
        command = [PREFECT, "--no-prompt", "worker", "start", "--pool", "cpu", "--name", name]
        self._start(
            name, command, self._client | {"PREFECT_API_URL": self.urls[api], "PREFECT_HOME": str(self.folder / name)}
        )

    def probatum(self, api: int, *arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, "-m", "probatum.cli", *arguments],
            cwd=ROOT, env=self._client | {"PREFECT_API_URL": self.urls[api]}, capture_output=True, text=True, timeout=300,
        )  # fmt: skip

    def ask(self, api: int, path: str, body: dict | None = None, auth: str | None = AUTH) -> httpx.Response:
        pair = tuple(auth.split(":", 1)) if auth else None
        send = {"json": body, "timeout": 30, "auth": pair}
        return httpx.Client(trust_env=False).request("GET" if body is None else "POST", self.urls[api] + path, **send)

    def log(self) -> str:
        return "\n".join(f"{p.name}: {p.read_text('utf-8', 'replace')[-1500:]}" for p in self.folder.glob("*.log"))

    def stop(self) -> None:
        for process in reversed(self._processes):
            end(process)
        if self._database:
            self._database.stop()

    def lose(self, api: int) -> None:
        """One API server goes away."""
        end(self.apis[api])

    def _start(self, name: str, command: list, environment: dict | None = None, **how) -> subprocess.Popen:
        how = {"cwd": ROOT} | how
        with (self.folder / f"{name}.log").open("ab") as log:
            started = subprocess.Popen(
                list(map(str, command)),
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **how,
            )
        self._processes.append(started)
        return started


def _answers(address: str) -> bool:
    with suppress(httpx.TransportError):
        return httpx.Client(trust_env=False).get(address, timeout=5).status_code == 200
    return False


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Iterator[Site]:
    if missing := [name for name, there in NEEDED.items() if not there]:
        pytest.skip(f"there is no {', '.join(missing)} here")
    started = None
    try:
        started = Site.__new__(Site)
        started._processes, started._database = [], None
        started.__init__(tmp_path_factory.mktemp("site"))
        yield started
    finally:
        started.stop()


def test_without_the_password_nothing_is_told_but_that_it_lives(site):
    """P38: both servers refuse a client that gives none, and one that gives another."""
    for api in (0, 1):
        assert site.ask(api, "/health", auth=None).status_code == 200
        assert site.ask(api, "/deployments/filter", {}, auth=None).status_code == 401
        assert site.ask(api, "/deployments/filter", {}, auth="ward:wrong horse").status_code == 401


def test_what_is_set_up_through_one_server_is_right_through_the_other(site):
    done = site.probatum(0, "setup")
    assert done.returncode == 0, done.stdout + done.stderr + site.log()
    checked = site.probatum(1, "setup", "--check")
    assert checked.returncode == 0 and "Every active schedule has runs to come." in checked.stdout, checked.stdout


def test_two_workers_share_the_runs_and_one_server_may_go_away(site):
    """P47: two runs of one source, two workers, one release; the second server carries on alone."""
    site.start_worker(0, "first")
    site.start_worker(1, "second")
    (wanted,) = [d for d in site.ask(1, "/deployments/filter", {}).json() if d["name"] == "refresh-guidelines"]
    given = {"source": "guidelines", "origin": str(few_guidelines(site.folder, "2026-07"))}
    asked = {"state": {"type": "SCHEDULED"}, "parameters": given}
    runs = [site.ask(1, f"/deployments/{wanted['id']}/create_flow_run", asked).json()["id"] for _ in range(2)]

    def states() -> list[str]:
        return [site.ask(1, f"/flow_runs/{run}").json()["state"]["type"] for run in runs]

    wait_for(lambda: "RUNNING" in states(), 120, "a run to start", site.log)
    site.lose(0)
    wait_for(lambda: any(state == "COMPLETED" for state in states()), 400, "a run to end", site.log)
    assert json.loads((site.home / "current.json").read_bytes())["release"].endswith(".1")
    assert len(list((site.home / "releases").glob("*.json"))) == 1
    assert set(states()) <= {"COMPLETED", "PENDING", "SCHEDULED", "RUNNING", "CRASHED"}
