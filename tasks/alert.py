"""Alert: tell people once that a source is late, and once that it is back. Ids and reasons, never content."""

from prefect import task
from prefect.events import emit_event

from probatum import arriving
from probatum.settings import settings


@task(name="tell-if-late", timeout_seconds=60, task_run_name="tell-if-late-{source}")
def tell_if_late(source: str, actor: str) -> str:
    """Emits `probatum.source.late` or `probatum.source.recovered` when that is news; returns why it is stale, or ""."""
    news, why = arriving.late(settings(), source, actor=actor)
    if news:
        emit_event(
            event=f"probatum.source.{news}",
            resource={"prefect.resource.id": f"probatum.source.{source}", "prefect.resource.name": source},
            payload={"source": source, "why": why},
        )
    return why
