"""One refresh of guidelines on a server that goes away in the middle of it; prints how it ended.

Started by test_server_gone.py as a process of its own: Prefect reads its settings when it is imported.

    python server_gone_runs.py ORIGIN SERVER-PID      0: the server stays
"""

import json
import os
import signal
import sys

from probatum.seams import _installed
from probatum.settings import settings


def main(origin: str, server: int) -> None:
    from flows.refresh import refresh

    passed = []

    def gone(name: str) -> None:
        if server and not passed and name.startswith("after-write"):
            passed.append(name)
            os.killpg(server, signal.SIGKILL)

    settings()
    with _installed(gone):
        try:
            state = refresh("guidelines", origin, "test", return_state=True)
            ended = state.result(raise_on_failure=False)
        except Exception as error:  # whatever a client of a server that is gone raises
            ended = error
    told = f"{type(ended).__name__}" if isinstance(ended, BaseException) else ended
    print(json.dumps({"at": passed, "ended": told}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
