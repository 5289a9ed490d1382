"""Runs the flow that watches, three times in one process: a good release, a confused one, and no probes; prints what came out.

Started by test_watch.py as a process of its own: Prefect reads PREFECT_HOME when it is imported.
"""

import json
import sys
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))

from small_home import drugs, protocols
from test_drift_watching import confused, publish

import tasks.drift
import tasks.probe
from flows.watch import watch
from probatum.encoder import Encoder
from probatum.release import Releases, today
from probatum.settings import settings


def main() -> None:
    told = {"first": _run(0)}
    home = settings().home
    manifest = Releases(home).current()
    publish(home, Encoder.load(precision=manifest.encoder.precision), manifest, confused(drugs()), protocols())
    told["second"] = _run(7)
    told["third"] = _run(14)
    print(json.dumps(told))


def _run(days: int) -> dict:
    """On a day to come: the two tasks that ask for today are told another one."""
    for module in (tasks.probe, tasks.drift):
        module.today = lambda: today() + timedelta(days=days)
    state = watch("test", return_state=True)
    outcome = state.result(raise_on_failure=False)
    if isinstance(outcome, BaseException):
        raise outcome
    return {"type": state.type.value, "message": state.message, "outcome": outcome}


if __name__ == "__main__":
    main()
