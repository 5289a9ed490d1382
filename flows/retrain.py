"""Retrain: an adapter is trained anew when its behaviour has drifted, tried against what serves, and serves only when it is better.

    retrain("retrieval", drift="5b1c…")     what drift asks for; the quarterly schedule asks without one
    retrain("soap-note", forced=True, why="the committee changed the plan section")

It asks the ledger first, and ends as "not needed", with the figures, where nothing has drifted. It runs on the pool `gpu` and waits
there for a worker that has one. A run that was killed is gone on with by the next one, from its last checkpoint. The result is
plain JSON: {"outcome": "promoted", "adapter": "3f9c…", "release": "2026-12-01.2", "reasons": []}
"""

from prefect import flow
from prefect.states import Completed, Failed, State

from probatum.errors import Conflict, Damaged, Misconfigured, Rejected, Retryable
from probatum.settings import settings
from tasks.approval import needs_approval, wait
from tasks.audit import audit
from tasks.every_source import every_source
from tasks.publish import publish, settle
from tasks.retrain import (
    HELD,
    KEPT,
    PROMOTED,
    REFUSED,
    ask_probes,
    begin,
    candidate_wearing,
    end,
    one_retrain,
    promote,
    reject,
    train,
)

_SEARCH = "retrieval"


@flow(name="retrain", flow_run_name="retrain-{behaviour}")
def retrain(
    behaviour: str = _SEARCH, drift: str = "", forced: bool = False, why: str = "", actor: str = "prefect"
) -> State:
    """forced: although nothing drifted, or the quarter is not over; why: one sentence for the journal."""
    try:
        with one_retrain(settings(), behaviour):
            return _told(behaviour, drift, forced, why, actor)
    except Retryable as busy:  # another event of the same drift, or the schedule
        return _ended("busy", str(busy))
    except Misconfigured as wrong:
        return _failed(wrong)


def _told(behaviour: str, drift: str, forced: bool, why: str, actor: str) -> State:
    """What stopped half-way is a run that failed, of which people are told; the next run goes on with its claim."""
    try:
        return _retrain(behaviour, drift, forced, why, actor)
    except (Retryable, Misconfigured, Damaged) as wrong:
        return _failed(wrong)


def _retrain(behaviour: str, drift: str, forced: bool, why: str, actor: str) -> State:
    settle(actor)
    begun = begin(behaviour, drift, forced, why, actor)
    if not begun["go"]:
        return _ended("not needed", begun["why"])
    try:
        made = train(begun, actor)
    except (Rejected, Misconfigured) as refused:
        end(begun, REFUSED, [refused.happened], actor, next=refused.next)
        return Failed(name="Refused", message=str(refused), data=_result(REFUSED, [refused.happened]))
    if not made["promoted"]:
        end(begun, KEPT, list(made["reasons"]), actor, made=made)
        return _ended(KEPT, "; ".join(made["reasons"]), adapter=made["adapter"], reasons=list(made["reasons"]))
    try:
        return _publish(begun, made, actor) if behaviour == _SEARCH else _promote(begun, made, actor)
    except Rejected as refused:
        end(begun, KEPT, [refused.happened], actor, made=made, next=refused.next)
        return Failed(
            name="Refused", message=str(refused), data=_result(KEPT, [refused.happened], adapter=made["adapter"])
        )


def _promote(begun: dict, made: dict, actor: str) -> State:
    adapter, behaviour = made["adapter"], begun["behaviour"]
    promote(behaviour, adapter, actor, begun["why"])
    end(begun, PROMOTED, [], actor, made=made)
    return _ended(PROMOTED, f"adapter {adapter[:12]} is the champion; {ask_probes(behaviour)}", adapter=adapter)


def _publish(begun: dict, made: dict, actor: str) -> State:
    """Through the gate, as every release: the adapter serves when a candidate that wears it passes its audit."""
    adapter = made["adapter"]
    while True:
        try:
            candidate = candidate_wearing(adapter)
        except Conflict:  # somebody published meanwhile: again, from what serves now
            continue
        if failures := audit(candidate):
            reasons = [f"{source}: {why}" for source, whys in failures.items() for why in whys]
            reject(adapter, actor, reasons)
            end(begun, KEPT, reasons, actor, made=made)
            said = f"the audit refused it: {'; '.join(reasons)}"
            return Failed(name="Refused", message=said, data=_result(KEPT, reasons, adapter=adapter))
        if any(needs_approval(source) for source in every_source()):
            wait(candidate, actor)
            end(begun, HELD, [], actor, made=made)
            return _ended(HELD, f"candidate {candidate[:12]} waits for somebody to approve it", adapter=adapter)
        try:
            release = publish(candidate, actor)
        except Conflict:
            continue
        end(begun, PROMOTED, [], actor, made=made)
        return _ended(PROMOTED, f"release {release} wears it", adapter=adapter, release=release)


def _failed(wrong: Exception) -> State:
    return Failed(message=str(wrong), data=_result("failed", [str(wrong)]))


def _ended(outcome: str, said: str, **facts) -> State:
    return Completed(message=f"{outcome}: {said}", data=_result(outcome, facts.pop("reasons", []), **facts))


def _result(outcome: str, reasons: list[str], *, adapter: str = "", release: str = "") -> dict:
    return {"outcome": outcome, "adapter": adapter, "release": release, "reasons": reasons}
