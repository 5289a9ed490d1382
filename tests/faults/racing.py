"""Processes that publish a source each, all from one parent, all at once; for `test_races`.

    python racing.py HOME EXPECTATIONS GATE      GATE: "audit" asks the golden questions for real, "report" is a passing report

Every process reads its state from HOME/candidates/race-<source>.json, makes a candidate of what serves, has it audited, publishes;
on a conflict it begins again from what serves now. Printed: {"s00": [{"began", "ended", "parent", "release"}, …], …}; release is "" for
a conflict, times are of one clock. LanceDB's threads do not survive a fork, so the children import it.
"""

import json
import os
import sys
import time
from pathlib import Path


def main(home: str, expectations: str, gate: str) -> None:
    states = sorted(Path(home, "candidates").glob("race-*.json"))
    if gate == "audit":
        from sweeping import _load_once

        _load_once(expectations)
    assert "lancedb" not in sys.modules
    ready_in, ready_out = os.pipe()
    go_in, go_out = os.pipe()
    children = [_child(state, home, expectations, gate, ready_out, (go_in, go_out)) for state in states]
    os.close(go_in)
    for _ in children:
        os.read(ready_in, 1)
    os.close(go_out)  # the end of the pipe is the starting gun
    history = {}
    for state, (child, reading) in zip(states, children, strict=True):
        with os.fdopen(reading, "rb") as told:
            history[state.stem.removeprefix("race-")] = json.loads(told.read() or b"[]")
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, state
    sys.stdout.write(json.dumps(history))


def _child(state: Path, home: str, expectations: str, gate: str, ready: int, go: tuple[int, int]) -> tuple[int, int]:
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(writing)
        return child, reading
    status = 1
    try:
        os.close(go[1])
        history = _race(state, Path(home), Path(expectations), gate, lambda: (os.write(ready, b"r"), os.read(go[0], 1)))
        os.write(writing, json.dumps(history).encode())
        status = 0
    finally:
        os._exit(status)


def _race(state: Path, home: Path, expectations: Path, gate: str, wait) -> list[dict]:
    import lancedb  # noqa: F401
    from small_home import report_of

    from probatum.audit import audit
    from probatum.candidates import candidate_of
    from probatum.encoder import Encoder
    from probatum.encoder_identity import EncoderIdentity
    from probatum.errors import Conflict
    from probatum.publish import Publisher
    from probatum.release import SourceState

    changed = {state.stem.removeprefix("race-"): SourceState.model_validate_json(state.read_bytes())}
    publisher, history = Publisher(home), []
    serving = publisher.current()  # all of them make their first candidate from this one
    identity = EncoderIdentity(**serving.encoder.model_dump())
    wait()
    while True:
        candidate = candidate_of(serving, identity, changed)
        report = (
            audit(home, expectations, candidate, Encoder.load(), serving=serving)
            if gate == "audit"
            else report_of(candidate)
        )
        attempt = {"began": time.monotonic(), "parent": candidate.parent, "release": ""}
        history.append(attempt)
        try:
            attempt["release"] = publisher.publish(candidate, report, actor="race").id
            return history
        except Conflict:
            serving = publisher.current()
        finally:
            attempt["ended"] = time.monotonic()


if __name__ == "__main__":
    main(*sys.argv[1:])
