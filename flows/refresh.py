"""Refresh: pull what publishers released, build a candidate, try it, publish it or refuse it.

    refresh("icd10")     one source, from where it points or from an origin given
    refresh_dropped()    those whose drop zone has something new, as the bucket's queue says
    refresh_all()        every source into one release; one that fails does not hold up the others

The result is plain JSON (see `probatum.outcome`). A run in which anything was refused ends as failed, in a state called
Refused (Postponed when it may work later), with what was published before it noted; events tell why. Content never crosses a task's boundary, only ids.
"""

from prefect import flow
from prefect.states import Completed, Failed, State

from probatum.errors import Conflict, Misconfigured, Rejected, Retryable
from probatum.locks import one_refresh, still_our_turn
from probatum.outcome import Outcome
from probatum.settings import settings
from tasks.alert import tell, tell_if_late
from tasks.approval import must_not_be_declined, needs_approval, wait
from tasks.audit import audit
from tasks.catching_up import left_to
from tasks.every_source import every_source
from tasks.fetch import fetch
from tasks.hints import hints_done, hints_waiting
from tasks.leave_receipts import leave_receipts
from tasks.parse import already_serves, complete, parse, set_aside
from tasks.publish import publish, settle
from tasks.write import assemble, serves, write


@flow(name="refresh", flow_run_name="refresh-{source}")
def refresh(source: str, origin: str | None = None, actor: str = "prefect", hold: bool = False) -> State:
    """Refresh one source from `origin` (a folder, a file, an https address; None: where it points itself).

    hold: stop after a passing audit, for somebody to publish. So does a source whose changes a person has to approve.
    """
    if later := left_to():
        return Completed(message=f"{later}, which is due as well, does it", data=Outcome().as_json())
    return _refresh({source: origin}, actor, hold)


@flow(name="refresh-all")
def refresh_all(origins: dict[str, str] | None = None, actor: str = "prefect", hold: bool = False) -> State:
    """Refresh every source into one release. origins: {source: where}, for those that do not come from their own place."""
    return _refresh({source: (origins or {}).get(source) for source in every_source()}, actor, hold)


@flow(name="refresh-dropped")
def refresh_dropped(actor: str = "prefect") -> State:
    """Refresh the sources whose drop zone the bucket's queue hints at. What was hinted at stays hinted until it is done."""
    hints = hints_waiting(every_source())
    dropped = {source: None for source in every_source() if source in hints}
    ended = (
        _refresh(dropped, actor, hold=False)
        if dropped
        else Completed(message="nothing was dropped", data=Outcome().as_json())
    )
    if ended.data["exit_code"] != Retryable.exit_code:
        hints_done([receipt for receipts in hints.values() for receipt in receipts])
    return ended


def _refresh(origins: dict[str, str | None], actor: str, hold: bool) -> State:
    outcome = Outcome()
    with one_refresh(settings().home, origins):
        settle(actor)
        states = {source: state for source, origin in origins.items() if (state := _state_of(source, origin, outcome))}
        waiting = {source for source in states if needs_approval(source)}
        for group in [states] if hold else _apart(states, waiting):
            _end(group, outcome, actor, hold, waiting)
    for source, origin in origins.items():
        outcome.stale(source, tell_if_late(source, actor, outcome.succeeded(source)))
        try:
            leave_receipts(source, origin, outcome.run_of(source))
        except (Rejected, Retryable, Misconfigured) as failed:  # what was published stays published
            outcome.without_receipts(source, failed)
    tell(origins, outcome.as_json())
    if outcome.exit_code:
        return Failed(name=outcome.state(), message=outcome.message(), data=outcome.as_json())
    return Completed(message=outcome.message(), data=outcome.as_json())


def _apart(states: dict[str, str], waiting: set[str]) -> list[dict[str, str]]:
    """What may be published at once, and after it what has to wait: nobody's approval holds up another source."""
    return [
        {source: state for source, state in states.items() if (source in waiting) is waits} for waits in (False, True)
    ]


def _end(states: dict[str, str], outcome: Outcome, actor: str, hold: bool, waiting: set[str]) -> None:
    """Publish what passes its audit, or let it wait for somebody. Where somebody else published meanwhile: again, from what serves now."""
    while True:
        candidate, states = _audited(states, outcome)
        if not states:
            return
        needs_approval = bool(waiting & states.keys())
        if hold or needs_approval:
            wait(candidate, actor)
            return outcome.held(candidate, states, needs_approval=needs_approval)
        try:
            return outcome.published(publish(candidate, actor), candidate, states)
        except Conflict:
            still_our_turn(settings().home, states)


def _audited(states: dict[str, str], outcome: Outcome) -> tuple[str, dict[str, str]]:
    """(a candidate that passes its audit, the states in it); no states when nothing passes."""
    while states:
        candidate = assemble(list(states.values()))
        failures = audit(candidate)
        if not failures:
            return candidate, states
        states = {source: states[source] for source in outcome.refused_by_audit(candidate, failures, states)}
    return "", {}


def _state_of(source: str, origin: str | None, outcome: Outcome) -> str | None:
    """The new state of a source; None, with a word in the outcome, when nothing is new or it was refused."""
    try:
        outcome.step(source, snapshot=(snapshot := fetch(source, origin)))
        if already_serves(source, snapshot):
            return outcome.unchanged(source)
        outcome.step(source, parsed=(parsed := parse(source, snapshot)))
        snapshot, parsed, carried = complete(source, snapshot, parsed)
        outcome.step(source, snapshot=snapshot, parsed=parsed)
        outcome.carried_over(source, carried)
        outcome.quarantined(source, *set_aside(source, parsed))
        outcome.step(source, state=(state := write(source, snapshot, parsed)))
        if serves(source, state):
            return outcome.unchanged(source)
        must_not_be_declined(source, state)
        return state
    except (Rejected, Retryable, Misconfigured) as refused:
        return outcome.refused(source, refused)
