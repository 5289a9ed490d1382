"""Runs the flow of maintenance in one process, whole and damaged, and prints what came out.

Started by test_maintain_flow.py as a process of its own: Prefect reads PREFECT_HOME when it is imported.
"""

import json
import sys
from pathlib import Path

from flows.maintain import maintain


def main(home: str) -> None:
    whole = _run()
    blob = sorted(Path(home, "blobs").iterdir())[0]
    blob.chmod(0o644)
    blob.write_bytes(b"x" + blob.read_bytes()[1:])
    print(json.dumps({"whole": whole, "damaged": _run(), "blob": blob.name}))


def _run() -> dict:
    state = maintain("test", return_state=True)
    outcome = state.result(raise_on_failure=False)
    if isinstance(outcome, BaseException):
        raise outcome
    return {"type": state.type.value, "message": state.message, "outcome": outcome}


if __name__ == "__main__":
    main(*sys.argv[1:])
