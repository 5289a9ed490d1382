"""Runs the flow of the guidelines three times in one process, as a worker-less installation does, and prints what came out.

Started by test_embedded.py as a process of its own: Prefect reads PREFECT_HOME when it is imported.

    python embedded_runs.py EASY IMPOSSIBLE FIRST SECOND  ->  {"first": {"type": "COMPLETED", "outcome": {…}}, "again": …, "refused": …}
"""

import json
import os
import sys

from flows.refresh import refresh
from probatum.settings import reset


def main(easy: str, impossible: str, first: str, second: str) -> None:
    print(json.dumps({"first": _run(easy, first), "again": _run(easy, first), "refused": _run(impossible, second)}))


def _run(expectations: str, origin: str) -> dict:
    os.environ["PROBATUM_EXPECTATIONS"] = expectations
    reset()
    state = refresh("guidelines", origin, "test", return_state=True)
    outcome = state.result(raise_on_failure=False)
    if isinstance(outcome, BaseException):
        raise outcome
    return {"type": state.type.value, "message": state.message, "outcome": outcome}


if __name__ == "__main__":
    main(*sys.argv[1:])
