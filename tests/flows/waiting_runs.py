"""Runs refreshes of guidelines whose changes need approval, beside drugs whose changes do not, in one process; prints what came out.

Started by test_waiting.py as a process of its own: Prefect reads PREFECT_HOME when it is imported.

    python waiting_runs.py DRUGS GUIDELINES GUIDELINES-LATER  ->  {"both": {"type": "COMPLETED", "message": …, "outcome": {…}}, …}
"""

import json
import sys

from prefect import flow

from flows import refresh as flows
from probatum import approval
from probatum.settings import settings


@flow
def both(drugs: str, guidelines: str):
    """What refresh_all does, for two of the sources."""
    return flows._refresh({"formulary": drugs, "guidelines": guidelines}, "test", False)


def main(drugs: str, guidelines: str, later: str) -> None:
    told = {"both": _told(both(drugs, guidelines, return_state=True))}
    told["again"] = _told(flows.refresh("guidelines", guidelines, "test", return_state=True))
    waits = approval.pending(settings())
    told["pending"] = [entry.candidate for entry, current in waits if current]
    told["approved"] = approval.approve(settings(), waits[0][0].candidate, actor="lead", why="We met.").id
    told["after"] = _told(flows.refresh("guidelines", guidelines, "test", return_state=True))
    told["later"] = _told(flows.refresh("guidelines", later, "test", return_state=True))
    approval.decline(settings(), told["later"]["outcome"]["candidate"], actor="lead", why="Not yet.")
    told["declined"] = _told(flows.refresh("guidelines", later, "test", return_state=True))
    print(json.dumps(told))


def _told(state) -> dict:
    outcome = state.result(raise_on_failure=False)
    if isinstance(outcome, BaseException):
        raise outcome
    return {"type": state.type.value, "message": state.message, "outcome": outcome}


if __name__ == "__main__":
    main(*sys.argv[1:])
