"""Alert: what a refresh has to tell becomes events: ids, counts and reasons, never content. See `probatum.alert_kinds`."""

from collections.abc import Mapping

from prefect import task
from prefect.events import emit_event
from prefect.runtime import flow_run

from probatum import arriving
from probatum.alert_kinds import KINDS, RECOVERED
from probatum.news import news_of
from probatum.settings import settings


@task(name="tell-if-late", timeout_seconds=60, task_run_name="tell-if-late-{source}")
def tell_if_late(source: str, actor: str, succeeded: bool) -> str:
    """Emits that a source is late, or no longer, when that is news; returns why it is stale, or ""."""
    news, why = arriving.late(settings(), source, actor=actor)
    if news:
        told = {"source": source, "why": why, "run": str(flow_run.id or "")}
        if news == "late":
            _emit(KINDS["late"].event, source, told)
        else:
            _emit(RECOVERED, source, told | {"succeeded": succeeded})
    return why


@task(name="tell", timeout_seconds=60)
def tell(origins: Mapping[str, str | None], outcome: Mapping) -> int:
    """Emits what became of a refresh; returns how many events that took. origins: {source: where it was read from}."""
    found = news_of(settings(), origins, outcome, run=str(flow_run.id or ""))
    for each in found:
        _emit(each.event, each.source, dict(each.payload))
    return len(found)


def _emit(event: str, source: str, payload: dict) -> None:
    emit_event(
        event=event,
        resource={"prefect.resource.id": f"probatum.source.{source}", "prefect.resource.name": source},
        payload=payload,
    )
