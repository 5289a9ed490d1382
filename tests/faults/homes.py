"""A home with one release and the files of the next, for tests that disturb a refresh; and the process that runs it."""

import json
import os
import random
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from small_runs import drop, protocol, protocols, write_expectations

HERE = Path(__file__).parent
SEED = int(os.environ.get("PROBATUM_SEED", "20261121"))


@dataclass(frozen=True)
class Start:
    """start: serves July. october: what the next refresh reads; one file of it is refused."""

    folder: Path
    start: Path
    expectations: Path
    october: str

    def copy(self, name: str) -> Path:
        return shutil.copytree(self.start, self.folder / name)


def sweeping(*arguments: object, timeout: int = 900) -> dict:
    ran = subprocess.run(
        [sys.executable, str(HERE / "sweeping.py"), *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": f"{HERE.parent}:{HERE.parents[1]}", "PROBATUM_HOME": os.devnull},
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    return json.loads(ran.stdout)


def begin(folder: Path) -> Start:
    expectations = write_expectations(folder / "expectations")
    start, july = folder / "start", drop(folder / "2026-07", protocols())
    files = protocols() | {"gout.md": protocol("gout", "Rest the joint."), "burns.md": "<html>Sign in</html>"}
    october = drop(folder / "2026-10", files)
    sweeping("record", start, expectations, july)
    return Start(folder, start, expectations, october)


def some_of(seams: list[str], count: int) -> list[str]:
    """All of them with PROBATUM_FUZZ; else so many, the first and the last among them, and what PROBATUM_SEED draws between."""
    if os.environ.get("PROBATUM_FUZZ"):
        return seams
    drawn = set(random.Random(SEED).sample(seams[1:-1], count - 2))
    return [seams[0], *(seam for seam in seams[1:-1] if seam in drawn), seams[-1]]
