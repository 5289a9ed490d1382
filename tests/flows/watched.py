"""A Prefect server of a test's own, on PostgreSQL where that is installed, whose alerts end in a web and a mail server of the test.

watched = Watched(folder, expectations, web, mail); watched.prepare(); watched.heard("guidelines: the candidate is refused")
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

from databases import Postgres, has_postgres
from expecting import ROOT
from prefect_server import ENDED, Server
from processes import wait_for
from sinks import MailSink, WebSink

ROUTES = """
run_late_after_minutes = 1
last_resort = "all"
[channels.all]
block = "custom-webhook/sink"
[channels.committee]
block = "secret/mail"
[channels.broken]
block = "secret/dead"

[[route]]
channel = "all"
[[route]]
source = "guidelines"
events = ["refused"]
channel = "committee"
[[route]]
source = "icd10"
channel = "broken"
"""


class Watched:
    """A server with workers, the alerts installed twice over, and the sinks they end in. expectations: of a home in folder/home."""

    def __init__(self, folder: Path, expectations: Path, web: WebSink, mail: MailSink):
        self.folder, self.expectations, self.web, self.mail = folder, expectations, web, mail
        (self.expectations / "alerts.toml").write_text(ROUTES, "utf-8")
        settings = {"PROBATUM_EXPECTATIONS": str(self.expectations)}
        self._database = Postgres() if has_postgres() else None
        if self._database:
            settings["PREFECT_API_DATABASE_CONNECTION_URL"] = self._database.url
        try:
            self.server = Server(folder, settings)
        except BaseException:
            self._close()
            raise

    def prepare(self, twice: Collection[str] = ("notify", "retrain")) -> None:
        """twice: the deployments that two automations start for each event, as when Prefect fires twice."""
        address = f"mailto://127.0.0.1:{self.mail.port}/?from=alerts@probatum.example&to=committee@hospital.example&mode=insecure&format=text"
        self.server.make_pools("cpu", "gpu", "alerts")
        self.python(ROOT / "tests" / "flows" / "make_blocks.py", self.web.url, address)
        self.server.run("deploy", "--all")
        self.server.run("deployment", "schedule", "pause", "--all")
        self.installed = json.loads(self.probatum("alerts", "install", "--json"))
        self._double(twice)
        self.server.start("worker", "start", "--pool", "alerts", "--limit", "2")

    def stop(self) -> None:
        self.server.stop()
        self._close()

    def _close(self) -> None:
        if self._database:
            self._database.stop()

    def python(self, *arguments: object) -> str:
        done = subprocess.run(
            [sys.executable, *map(str, arguments)],
            cwd=ROOT,
            env=self.server.env,
            capture_output=True,
            text=True,
            timeout=300,
        )
        self.code, self.errors = done.returncode, done.stderr
        assert done.returncode in (0, 10, 50), done.stdout + done.stderr
        return done.stdout

    def probatum(self, *arguments: str) -> str:
        return self.python("-m", "probatum.cli", *arguments)

    def automations(self) -> list[dict]:
        return self.server.post("/automations/filter")

    def started(self, deployment: str) -> list[dict]:
        """Runs of a deployment, the first that was made first."""
        asked = {"deployments": {"name": {"any_": [deployment]}}, "sort": "EXPECTED_START_TIME_ASC"}
        return self.server.post("/flow_runs/filter", asked)

    def kill(self, pool: str) -> None:
        """The newest worker of a pool, and all it started, without a word."""
        worker = next(p for p in reversed(self.server.processes) if pool in p.args)
        for pid in [worker.pid, *descendants(worker.pid)]:
            os.kill(pid, signal.SIGKILL)
        worker.wait(10)

    def _double(self, started: Collection[str]) -> None:
        ids = {self.server.deployments()[name]["id"] for name in started}
        for each in self.automations():
            if each["actions"][0].get("deployment_id") in ids:
                copied = {key: each[key] for key in ("trigger", "actions", "enabled")}
                self.server.post("/automations/", copied | {"name": f"again: {each['name']}"})

    def heard(self, subject: str, number: int = 1, seconds: float = 240) -> list[str]:
        """The bodies with a subject that came to the web, when so many have come and no notifier is at work."""
        wait_for(
            lambda: len(self._with(subject)) >= number, seconds, f"{subject!r}, of {self.subjects()}", self.server.log
        )
        wait_for(self.quiet, seconds, "the notifiers to end", self.server.log)
        return self._with(subject)

    def subjects(self) -> list[str]:
        return [json.loads(body)["subject"] for body in self.web.bodies]

    def _with(self, subject: str) -> list[str]:
        return [said["body"] for said in map(json.loads, self.web.bodies) if said["subject"] == f"Probatum: {subject}"]

    def notifiers(self) -> list[dict]:
        named = {"flows": {"name": {"any_": ["notify"]}}, "limit": 200}
        return self.server.post("/flow_runs/filter", named)

    def quiet(self) -> bool:
        return all(run["state"]["type"] in ENDED for run in self.notifiers())

    def events(self, name: str) -> list[dict]:
        return self.server.post("/events/filter", {"filter": {"event": {"name": [name]}}})["events"]

    def refresh(self, origin: str) -> dict:
        run = self.server.run_of("refresh-guidelines", source="guidelines", origin=origin)
        return self.server.ended(run) | {"run": run["id"]}


def descendants(pid: int) -> list[int]:
    """Every process that a process started, and those they started."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found, waiting = [], [pid]
    while waiting:
        here = waiting.pop()
        children = [child for child, parent in parents.items() if parent == here]
        found += children
        waiting += children
    return found
