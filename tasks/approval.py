"""Approval: what a person has to approve waits after its audit; people are told once, and once what became of it. Ids and names."""

import httpx
from prefect import task
from prefect.events import Event, emit_event
from prefect.settings import PREFECT_API_URL

from probatum import approval, thresholds
from probatum.alert_kinds import DECIDED, KINDS
from probatum.errors import Misconfigured, Retryable
from probatum.settings import settings
from probatum.waiting import REPLACED, Waiting, WaitingRoom
from tasks.server import the_server

WAITING = KINDS["waiting"].event


@task(name="needs-approval", timeout_seconds=60, task_run_name="needs-approval-{source}")
def needs_approval(source: str) -> bool:
    """Whether a person has to approve what changes in a source."""
    return thresholds.needs_approval(settings().expectations, source)


@task(name="compare-declined", timeout_seconds=60, task_run_name="compare-declined-{source}")
def must_not_be_declined(source: str, state: str) -> None:
    """Raises Rejected when somebody declined exactly this state of a source."""
    approval.must_not_be_declined(settings(), source, state)


@task(name="wait", timeout_seconds=60)
def wait(candidate: str, actor: str) -> None:
    """Let a candidate wait; emits `probatum.release.waiting` when that is news, and what it takes the place of."""
    before = WaitingRoom(settings().home).all()
    entry, news = approval.wait(settings(), candidate, actor=actor)
    still = {each.candidate for each in WaitingRoom(settings().home).all()}
    for each in before:
        if each.candidate not in still:
            emit_event(**_decided(each, REPLACED))
    if news:
        emit_event(
            event=WAITING,
            resource=_resource(candidate),
            payload={
                "candidate": candidate,
                "sources": entry.releases,
                "parent": entry.parent,
                "since": entry.since,
                "next": f"probatum approve {candidate[:12]} --why …",
            },
        )


def tell_decided(entry: Waiting, decision: str) -> bool:
    """Tell the server what a person decided. False where there is none, or none that takes it: the decision stands all the same."""
    if not PREFECT_API_URL.value():
        return False
    told = Event(**_decided(entry, decision)).model_dump(mode="json")
    try:
        with the_server() as client:
            client.request("POST", "/events", json=[told]).raise_for_status()
    except (Misconfigured, Retryable, httpx.HTTPError):
        return False
    return True


def _decided(entry: Waiting, decision: str) -> dict:
    return {
        "event": DECIDED,
        "resource": _resource(entry.candidate),
        "payload": {"candidate": entry.candidate, "sources": entry.releases, "decision": decision},
    }


def _resource(candidate: str) -> dict[str, str]:
    return {"prefect.resource.id": f"probatum.candidate.{candidate}", "prefect.resource.name": candidate[:12]}
