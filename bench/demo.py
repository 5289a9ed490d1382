"""make demo: the main job on the samples the project ships, command by command, with the time of each part.

A release of all three sources; its audit; three answers; the same again (nothing to do); the second sample releases; the
difference; a rollback; and a check that the first answers came back, byte for byte. It can be run again: the home in .demo
is kept, and what was made is not made twice.
"""

import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from probatum.errors import Rejected

ROOT = Path(__file__).parents[1]
DEMO = ROOT / ".demo"
SECOND = {
    "formulary": "sources/samples/formulary/2026-10.xlsx",
    "guidelines": "sources/samples/guidelines/2026-10",
}
QUESTIONS = {
    "icd10": "slipped on the ice and broke a wrist",
    "formulary": "which blood thinner tablets do we stock",
    "guidelines": "patient shaking and sweating after stopping drinking",
}
_COMPARED = (
    *QUESTIONS.values(),
    "E11.9",
    "kidney stones",
    "bee sting swelling of the face",
    "amlodipine",
    "antibiotic eye drops",
    "potassium is 6.8, what now",
    "turning a patient in bed to spare the skin",
)

_took: list[tuple[str, float]] = []


def main() -> int:
    """Run everything; returns the exit code of the first command that failed, 0 when none did."""
    DEMO.mkdir(exist_ok=True)  # Prefect makes its own folder, never the one above it
    with part("a release of all three sources"):
        code = run("refresh", "--all")
    serving = serving_release()
    if serving is None:
        print("\nNo release was published, so there is nothing to ask. What to do stands above.")
        return code or 1
    first, sources = serving["release"], serving["sources"]
    with part("its audit"):
        run("audit", "--candidate", serving["candidate"])
    with part("three answers, each with its citation"):
        for source, question in QUESTIONS.items():
            if source in sources:
                run("search", question, "--source", source, "-k", "2")
    with part("the same again: nothing is new"):
        code = code or run("refresh", "--all")
    before = answers()
    with part("the second sample releases, and what they change"):
        for source, origin in SECOND.items():
            if source in sources:
                code = second(source, origin, code)
    updated = serving_release()
    if updated is None or updated["release"] == first:
        print("\nNo update was published, so there is nothing to compare and nothing to go back from.")
        return code or 1
    with part("back to the first release"):
        run("rollback", first)
        same = answers() == before
        print(f"The first {len(before)} answers came back {'identical' if same else 'DIFFERENT'}.")
    run("releases")
    report()
    return code or (0 if same else 1)


def second(source: str, origin: str, code: int) -> int:
    """Refresh from a second release and show what it changes; a refusal by the gate is an answer, not a failure."""
    serving = serving_release()["release"]
    ended = run("refresh", source, "--from", origin)
    if ended == Rejected.exit_code:
        print("\nThe gate refused it: what served keeps serving. This is what it would have changed:")
        run("diff", "--candidate", "newest")
        return code
    run("diff", serving)
    return code or ended


def run(*arguments: str) -> int:
    """One command of the command line, shown with its output; its exit code."""
    print(f"\n$ probatum {shlex.join(arguments)}", flush=True)
    return subprocess.run(_command(arguments), cwd=ROOT, env=_environment()).returncode


def serving_release() -> dict | None:
    releases = map(json.loads, _said("releases", "--json").splitlines())
    return next((release for release in releases if release["serves"]), None)


def answers() -> list[str]:
    """One JSON line a question, as the release that serves answers it."""
    return _said("search", "--batch", "-", given="\n".join(_COMPARED)).splitlines()


@contextmanager
def part(name: str) -> Iterator[None]:
    print(f"\n=== {name[:1].upper()}{name[1:]}", flush=True)
    began = time.monotonic()
    yield
    _took.append((name, time.monotonic() - began))


def report() -> None:
    print("\n=== Time taken")
    for name, seconds in (*_took, ("in all", sum(seconds for _, seconds in _took))):
        print(f"{seconds:8.1f} s  {name}")


def _said(*arguments: str, given: str = "") -> str:
    done = subprocess.run(
        _command(arguments), cwd=ROOT, env=_environment(), input=given, stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout


def _command(arguments: tuple[str, ...]) -> list[str]:
    return [sys.executable, "-m", "probatum.cli", *arguments]


def _environment() -> dict[str, str]:
    return os.environ | {"PROBATUM_HOME": str(DEMO / "home"), "PREFECT_HOME": str(DEMO / "prefect")}


if __name__ == "__main__":
    sys.exit(main())
