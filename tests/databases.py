"""Databases for the Prefect servers of tests: made once by this version of Prefect, and copied for each server.

    ready_home(folder)                  a PREFECT_HOME whose SQLite needs no migration any more
    database = Postgres(); database.url; database.stop()

A server on SQLite may stand still for as long as its timeout, when a write waits for another of the same server; one on
PostgreSQL does not. That is what deploy/ has, so the tests with many events have it as well where it is installed.
"""

import fcntl
import importlib.metadata
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from expecting import ROOT
from processes import PREFECT, end, free_port, wait_for

_BINARIES = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), Path("/usr/bin"))
_KEPT = ROOT / ".pytest_cache" / f"prefect-{importlib.metadata.version('prefect')}"
_OF_THE_SERVER = {"user": "postgres", "group": "postgres"} if os.getuid() == 0 else {}  # it never runs as root


def has_postgres() -> bool:
    return all((_BINARIES / name).exists() for name in ("initdb", "postgres"))


def ready_home(folder: Path) -> Path:
    """Make it, with the database that a server would make at its first start."""

    def make(place: Path) -> None:
        _migrate({"PREFECT_HOME": str(place)})

    made = _once("sqlite", make)
    folder.mkdir(parents=True)
    shutil.copy(made / "prefect.db", folder)
    return folder


class Postgres:
    """A PostgreSQL of its own, on loopback, with Prefect's tables or, if bare, none."""

    def __init__(self, *, bare: bool = False):
        self.place = Path(tempfile.mkdtemp(prefix="probatum-database-"))  # whose parents everybody may enter
        data = self.place / "data"
        if bare:
            self._initialise(data)
        else:
            shutil.copytree(_once(f"postgres-{_BINARIES.parent.name}", _tables), data)
        self._start(data)

    @property
    def url(self) -> str:
        return f"postgresql+asyncpg://prefect@127.0.0.1:{self._port}/prefect"

    def sql(self, statement: str, database: str = "prefect") -> str:
        """What psql prints; raises when it fails."""
        command = ["psql", "-h", "127.0.0.1", "-p", str(self._port), "-U", "prefect", "-d", database, "-tAc", statement]
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout

    def stop(self) -> None:
        end(self._process)
        shutil.rmtree(self.place, ignore_errors=True)

    def _initialise(self, data: Path) -> None:
        if _OF_THE_SERVER:
            shutil.chown(self.place, "postgres", "postgres")
        command = [_BINARIES / "initdb", "-D", data, "-U", "prefect", "--auth=trust", "--encoding=UTF8", "--no-sync"]
        subprocess.run(command, check=True, capture_output=True, cwd=self.place, timeout=120, **_OF_THE_SERVER)

    def _start(self, data: Path) -> None:
        self._port = free_port()
        for path in (self.place, data, *data.rglob("*")) if _OF_THE_SERVER else ():
            shutil.chown(path, "postgres", "postgres")
        command = [
            _BINARIES / "postgres", "-D", data, "-p", str(self._port), "-h", "127.0.0.1", "-k", self.place, "-c", "fsync=off",
        ]  # fmt: skip
        with (self.place / "log").open("wb") as log:
            self._process = subprocess.Popen(
                command, cwd=self.place, stdout=log, stderr=log, start_new_session=True, **_OF_THE_SERVER
            )
        wait_for(self._answers, 60, "PostgreSQL", (self.place / "log").read_text)

    def _answers(self) -> bool:
        try:
            if not self.sql("select 1 from pg_database where datname = 'prefect'", "postgres").strip():
                self.sql("create database prefect", "postgres")
        except subprocess.CalledProcessError:
            return False
        return True


def _tables(place: Path) -> None:
    made = Postgres(bare=True)
    try:
        _migrate({"PREFECT_HOME": str(place / "home"), "PREFECT_API_DATABASE_CONNECTION_URL": made.url})
        end(made._process)  # whole on disk only then
        shutil.copytree(made.place / "data", place, dirs_exist_ok=True)
        shutil.rmtree(place / "home")
    finally:
        made.stop()


def _migrate(settings: dict[str, str]) -> None:
    bare = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "PROBATUM_"))}
    command = [PREFECT, "server", "database", "upgrade", "-y"]
    done = subprocess.run(command, env=bare | settings, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


def _once(name: str, make: Callable[[Path], None]) -> Path:
    """A folder that was made once, whoever of the processes of a test run comes first."""
    made = _KEPT / name
    _KEPT.mkdir(parents=True, exist_ok=True)
    with (_KEPT / f"{name}.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            beside = made.with_suffix(".part")
            shutil.rmtree(beside, ignore_errors=True)
            beside.mkdir(mode=0o700)
            make(beside)
            beside.rename(made)
    return made
