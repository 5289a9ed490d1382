"""A refresh that somebody overtakes between its audit and its publish, as a flow; prints what came out.

Started by test_overtaken.py as a process of its own: Prefect reads PREFECT_HOME when it is imported.
"""

import json
import sys
from pathlib import Path

from probatum.audit import audit
from probatum.encoder import Encoder
from probatum.publish import Publisher
from probatum.release import Candidate
from probatum.seams import _installed
from probatum.settings import settings


def main(home: str, july: str, october: str) -> None:
    from flows.refresh import refresh

    _result(refresh("guidelines", july, "test", return_state=True))
    others = []

    def overtake(name: str) -> None:
        if name == "after-audit" and len(others) < 2:
            others.append(_publish_again(Path(home)))

    with _installed(overtake):
        ended = _result(refresh("guidelines", october, "test", return_state=True))
    print(json.dumps({"others": others, "ended": ended}))


def _publish_again(home: Path) -> str:
    """What serves, under a new name."""
    now = Publisher(home).current()
    same = Candidate(parent=now.id, sources=now.sources, editions=now.editions, encoder=now.encoder)
    report = audit(home, settings().expectations, same, Encoder.load(), serving=now)
    return Publisher(home).publish(same, report, actor="somebody else").id


def _result(state) -> dict:
    outcome = state.result(raise_on_failure=False)
    if isinstance(outcome, BaseException):
        raise outcome
    return outcome


if __name__ == "__main__":
    main(*sys.argv[1:])
