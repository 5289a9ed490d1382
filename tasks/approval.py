"""Approval: what a person has to approve waits after its audit, and people are told once. Ids and names, never content."""

from prefect import task
from prefect.events import emit_event

from probatum import approval, thresholds
from probatum.settings import settings

WAITING = "probatum.release.waiting"


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
    """Let a candidate wait; emits `probatum.release.waiting` when that is news."""
    entry, news = approval.wait(settings(), candidate, actor=actor)
    if news:
        emit_event(
            event=WAITING,
            resource={
                "prefect.resource.id": f"probatum.candidate.{candidate}",
                "prefect.resource.name": candidate[:12],
            },
            payload={
                "candidate": candidate,
                "sources": entry.releases,
                "parent": entry.parent,
                "since": entry.since,
                "next": f"probatum approve {candidate[:12]} --why …",
            },
        )
