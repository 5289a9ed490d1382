"""A Prefect server of a test's own, with workers; every process it starts is ended by its id.

server = Server(folder, {"PROBATUM_EXPECTATIONS": "…"})
server.make_pools("cpu"); server.run("deploy", "--all"); server.start("worker", "start", "--pool", "cpu")

Its database is an SQLite in the folder, made before, unless the settings name another one.
"""

import os
import subprocess
from collections.abc import Mapping
from datetime import datetime
from http import HTTPMethod
from pathlib import Path

import httpx
from databases import ready_home
from expecting import ROOT
from httpx_retries import Retry, RetryTransport
from processes import PREFECT, end, free_port, wait_for

# a locked SQLite is a 503, which Prefect's own client asks again after
_RETRY = Retry(total=15, backoff_factor=0.5, max_backoff_wait=4, status_forcelist=[503], retry_on_exceptions=[], allowed_methods=Retry.RETRYABLE_METHODS | {HTTPMethod.POST, HTTPMethod.PATCH})  # fmt: skip
ENDED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")


class Server:
    """See the module. env: settings for the server, the workers and the commands."""

    def __init__(self, folder: Path, env: Mapping[str, str]):
        self.folder, self.home, self.processes = folder, folder / "home", []
        port = free_port()
        self.url = f"http://127.0.0.1:{port}/api"
        self.env = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "PROBATUM_"))} | {
            "PREFECT_HOME": str(folder / "prefect"),
            "PREFECT_API_URL": self.url,
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "DO_NOT_TRACK": "1",
            "PROBATUM_HOME": str(self.home),
            **env,
        }
        self.api = httpx.Client(base_url=self.url, timeout=120, trust_env=False, transport=RetryTransport(retry=_RETRY))
        ready_home(folder / "prefect")
        self.start("server", "start", "--host", "127.0.0.1", "--port", str(port))
        wait_for(self._healthy, 120, "the server to answer", self.log)

    def start(self, *arguments: str) -> subprocess.Popen:
        log = (self.folder / f"{arguments[0]}-{len(self.processes)}.log").open("wb")
        command = [PREFECT, "--no-prompt", *arguments]
        with log:
            started = subprocess.Popen(
                command, cwd=ROOT, env=self.env, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
        self.processes.append(started)
        return started

    def run(self, *arguments: str) -> str:
        done = subprocess.run(
            [PREFECT, "--no-prompt", *arguments], cwd=ROOT, env=self.env, capture_output=True, text=True, timeout=180
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def make_pools(self, *names: str) -> None:
        for name in names:
            self.post("/work_pools/", {"name": name, "type": "process"})

    def post(self, path: str, body: dict | None = None):
        return self.api.post(path, json=body or {}).raise_for_status().json()

    def deployments(self) -> dict[str, dict]:
        return {each["name"]: each for each in self.post("/deployments/filter")}

    def run_of(self, deployment: str, *, at: datetime | None = None, **parameters: object) -> dict:
        """A run of a deployment that is due now, or at another time."""
        wanted = self.deployments()[deployment]["id"]
        when = {"state_details": {"scheduled_time": at.isoformat()}} if at else {}
        body = {"state": {"type": "SCHEDULED", **when}, "parameters": parameters}
        return self.post(f"/deployments/{wanted}/create_flow_run", body)

    def state_of(self, run: dict) -> dict:
        return self.api.get(f"/flow_runs/{run['id']}").json()["state"]

    def ended(self, run: dict, seconds: float = 480) -> dict:
        """The last state of a run, when it has one."""
        at_the_end = lambda: state if (state := self.state_of(run))["type"] in ENDED else None  # noqa: E731
        return wait_for(at_the_end, seconds, "the run to end", self.log)

    def log(self) -> str:
        return "\n".join(path.read_text("utf-8", "replace")[-2000:] for path in self.folder.glob("*.log"))

    def stop(self) -> None:
        self.api.close()
        for process in reversed(self.processes):
            end(process)

    def _healthy(self) -> bool:
        try:
            return self.api.get("/health").status_code == 200
        except httpx.TransportError:
            return False
