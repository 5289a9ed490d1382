"""Refresh: pull what publishers released, build a candidate, try it, publish it or refuse it.

    refresh("icd10")     one source, from where it points or from an origin given
    refresh_dropped()    those whose drop zone has something new, as the bucket's queue says
    refresh_all()        every source into one release; one that fails does not hold up the others

The result is plain JSON (see `probatum.outcome`). A run in which anything was refused ends as Failed, with what was
published before it noted. Content never crosses a task's boundary, only ids.
"""

from prefect import flow
from prefect.states import Completed, Failed, State

from probatum.errors import Conflict, Misconfigured, Rejected, Retryable
from probatum.locks import one_refresh, still_our_turn
from probatum.outcome import Outcome
from probatum.settings import settings
from tasks.alert import tell_if_late
from tasks.audit import audit
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

    hold: stop after a passing audit, for somebody to publish.
    """
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
        while states:
            candidate = assemble(list(states.values()))
            if failures := audit(candidate):
                states = {source: states[source] for source in outcome.refused_by_audit(candidate, failures, states)}
            elif hold:
                outcome.held(candidate, states)
                break
            else:
                try:
                    outcome.published(publish(candidate, actor), candidate, states)
                    break
                except (
                    Conflict
                ):  # somebody else published: the same states again, from what serves now, through the gate
                    still_our_turn(settings().home, states)
    for source, origin in origins.items():
        outcome.stale(source, tell_if_late(source, actor))
        try:
            leave_receipts(source, origin, outcome.run_of(source))
        except (Rejected, Retryable, Misconfigured) as failed:  # what was published stays published
            outcome.without_receipts(source, failed)
    ended = Failed if outcome.exit_code else Completed
    return ended(message=outcome.message(), data=outcome.as_json())


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
        return outcome.unchanged(source) if serves(source, state) else state
    except (Rejected, Retryable, Misconfigured) as refused:
        return outcome.refused(source, refused)
