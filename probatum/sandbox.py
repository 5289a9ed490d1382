"""Reading untrusted files in a subprocess, with limits on memory, processor and wall-clock time.

A parser may hang, crash or eat memory; only its subprocess goes. The subprocess is given units (each a list of
files), and works through them in order, writing each result as a file as soon as it is done. When it dies at one
unit, that unit is reported as failed and a new subprocess goes on with the rest.

    outcomes = read_units("sources.registry:read_unit", [unit, …], folder, seconds=300, memory_bytes=4 << 30)

Each unit is a JSON object with `output`: the path it writes to. An outcome is None (done) or a Refusal.
"""

import contextlib
import ctypes
import errno
import importlib
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from probatum.errors import ProbatumError
from probatum.files import write_atomically

_POLL_S = 0.05
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_START_UP_S = 60  # imports, on a busy machine
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)  # a file too large is the reader's own: it has a limit


@dataclass(frozen=True)
class Refusal:
    """Why a unit could not be read. `kind` is stable: rejected, timeout, memory, crashed."""

    kind: str
    reason: str
    advice: str


def read_units(
    function: str, units: Sequence[dict], folder: Path, *, seconds: int, memory_bytes: int
) -> list[Refusal | None]:
    """Run `function(unit)` on every unit in limited subprocesses; outcomes in the order of the units.

    `folder` receives the subprocess's notes (a few kB). seconds: wall clock a unit; memory_bytes: address space.
    """
    folder.mkdir(parents=True, exist_ok=True)
    outcomes: list[Refusal | None] = []
    while len(outcomes) < len(units):
        outcomes += _run_one_process(function, units[len(outcomes) :], folder, seconds, memory_bytes)
    return outcomes


def _run_one_process(function, units, folder, seconds, memory_bytes) -> list[Refusal | None]:
    job, notes, scratch = folder / "job.json", folder / "notes.jsonl", folder / "scratch"
    write_atomically(
        job, orjson.dumps({"function": function, "units": list(units), "memory": memory_bytes, "parent": os.getpid()})
    )
    notes.unlink(missing_ok=True)
    with (folder / "stderr.txt").open("wb") as stderr:
        child = subprocess.Popen(
            [sys.executable, "-m", "probatum.sandbox", str(job), str(notes)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            start_new_session=True,
        )
    try:
        timed_out = _wait(child, notes, seconds)
    finally:  # an interrupt must not leave it behind, nor what it unpacked
        _stop(child)
        shutil.rmtree(scratch, ignore_errors=True)
    done = [_outcome(line) for line in _lines(notes) if line["event"] == "done"]
    if len(done) < len(units) and (timed_out or child.returncode != 0):
        done.append(_failure(timed_out, child.returncode, folder / "stderr.txt", seconds, memory_bytes))
    elif len(done) < len(units):
        done.append(Refusal("crashed", "The reading process ended early without a word.", "Look at the file by hand."))
    return done


def _wait(child: subprocess.Popen, notes: Path, seconds: int) -> bool:
    """Wait until the child ends, or a unit takes longer than it may. True when it had to be stopped."""
    size, since, allowance = -1, time.monotonic(), _START_UP_S + seconds
    while child.poll() is None:
        now = notes.stat().st_size if notes.exists() else 0
        if now != size:
            size, since = now, time.monotonic()
            allowance = seconds if now else allowance
        elif time.monotonic() - since > allowance:
            _stop(child)
            return True
        time.sleep(_POLL_S)
    return False


def _stop(child: subprocess.Popen) -> None:
    """End the child and whatever it started; its group outlives it when it left something running."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _lines(notes: Path) -> list[dict]:
    if not notes.exists():
        return []
    return [orjson.loads(line) for line in notes.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]


def _outcome(line: dict) -> Refusal | None:
    return Refusal(**line["refusal"]) if line["refusal"] else None


def _failure(timed_out: bool, code: int, stderr: Path, seconds: int, memory_bytes: int) -> Refusal:
    if timed_out:
        return Refusal(
            "timeout",
            f"Reading took more than {seconds} s and was stopped.",
            "Split the file, or raise the limit of the source.",
        )
    tail = stderr.read_bytes()[-4000:]
    for number in _NO_ROOM:
        if f"OSError: [Errno {number}]".encode() in tail:
            raise OSError(number, os.strerror(number))  # the disk's fault, not the file's
    if b"MemoryError" in tail or b"bad_alloc" in tail or code == -signal.SIGKILL:
        return Refusal(
            "memory",
            f"Reading needed more than {memory_bytes >> 20} MiB and was stopped.",
            "Split the file, or raise the limit of the source.",
        )
    return Refusal(
        "crashed",
        f"The reading process crashed (status {code}).",
        "Open the file by hand; if it is sound, report the crash.",
    )


def _main(job_path: str, notes_path: str) -> None:
    job = orjson.loads(Path(job_path).read_bytes())
    _end_with(job["parent"])
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    module, name = job["function"].split(":")
    work = getattr(importlib.import_module(module), name)
    scratch = Path(notes_path).parent / "scratch"
    scratch.mkdir(exist_ok=True)
    tempfile.tempdir = str(scratch)  # what a reader unpacks goes with the run, even when the reader is killed
    for limit in (resource.RLIMIT_AS, resource.RLIMIT_FSIZE):  # what it may hold, and the largest file it may write
        resource.setrlimit(limit, (job["memory"], job["memory"]))
    with open(notes_path, "ab", buffering=0) as notes:
        notes.write(orjson.dumps({"event": "started"}) + b"\n")
        for unit in job["units"]:
            notes.write(orjson.dumps({"event": "done", "refusal": _attempt(work, unit)}) + b"\n")


def _end_with(parent: int) -> None:
    """Have the kernel end this process when its parent is gone, so that a killed run leaves no reader behind (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _attempt(work, unit: dict) -> dict | None:
    try:
        work(unit)
    except ProbatumError as error:
        return asdict(Refusal("rejected", error.happened, error.next))
    except MemoryError:
        return asdict(
            Refusal(
                "memory",
                "Reading needed more memory than it may have.",
                "Split the file, or raise the limit of the source.",
            )
        )
    except RecursionError:
        return asdict(
            Refusal("rejected", "It is nested too deep to be read.", "Save it again from the program that made it.")
        )
    return None


if __name__ == "__main__":
    _main(sys.argv[1], sys.argv[2])
