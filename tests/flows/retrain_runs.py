"""Retrains search twice and a behaviour twice in one process, as a worker-less installation does, and prints what came out.

Started by test_retrain_flow.py as a process of its own: Prefect reads PREFECT_HOME when it is imported.

    python retrain_runs.py  ->  {"held": {"type": "COMPLETED", "message": …, "outcome": {…}}, "approved": "2026-12-01.3", …}
"""

import json

from small_story import Story

from flows.retrain import retrain
from probatum import approval
from probatum.release import Releases
from probatum.settings import settings

_WHY = "The house has new words."


def main() -> None:
    chosen = settings()
    told = {"held": _told(retrain("retrieval", forced=True, why=_WHY, return_state=True))}
    told["served meanwhile"] = Releases(chosen.home).current().id
    ((waits, _),) = approval.pending(chosen)
    told["approved"] = approval.approve(chosen, waits.candidate, actor="lead", why="We met.").id

    rules = chosen.expectations / "thresholds.toml"
    rules.write_text(rules.read_text("utf-8").replace("approval = true\n", ""), "utf-8")
    Story(chosen.home, chosen.expectations).steps(6, sides="both")
    told["both"] = _told(retrain("retrieval", forced=True, why=_WHY, return_state=True))

    told["behaviour"] = _told(retrain("review-line", forced=True, why="It is new.", return_state=True))
    told["another time"] = _told(retrain("review-line", return_state=True))
    print(json.dumps(told))


def _told(state) -> dict:
    outcome = state.result(raise_on_failure=False)
    if isinstance(outcome, BaseException):
        raise outcome
    return {"type": state.type.value, "message": state.message, "outcome": outcome}


if __name__ == "__main__":
    main()
