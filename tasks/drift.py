"""Drift: figures of behaviours are judged, and what is news is told, as events and as a summary people see in Prefect."""

from collections.abc import Mapping
from pathlib import Path

from prefect import task
from prefect.artifacts import create_markdown_artifact
from prefect.events import emit_event
from prefect.runtime import flow_run

from probatum.drift.ledger import Ledger
from probatum.drift.rules import drift_rules
from probatum.drift.telling import news_of
from probatum.drift.watching import Watch, behaviours_with_figures
from probatum.release import today
from probatum.settings import settings


def behaviours() -> list[str]:
    """Those that somebody left figures of."""
    return behaviours_with_figures(settings())


@task(name="judge-figures", task_run_name="judge-figures-{behaviour}", timeout_seconds=600)
def judge_figures(behaviour: str, actor: str) -> dict:
    """The look at a behaviour's figures as plain JSON."""
    return Watch(settings(), actor=actor).figures(behaviour, today()).as_json()


@task(name="tell-drift", timeout_seconds=60)
def tell_drift(look: Mapping, actor: str) -> int:
    """Emits what is untold, then notes that it was told: a run that is cut short between the two tells it again, never not at all."""
    chosen, behaviour = settings(), look["verdict"]["behaviour"]
    ledger = Ledger(chosen.home, behaviour, drift_rules(chosen.expectations))
    news = news_of(chosen.home, look, ledger.state(), run=str(flow_run.id or ""))
    for each in news:
        resource = {"prefect.resource.id": f"probatum.behaviour.{behaviour}", "prefect.resource.name": behaviour}
        emit_event(event=each.event, resource=resource, payload=dict(each.payload))
    if news:
        ledger.told()
    _leave_summary(look)
    return len(news)


def _leave_summary(look: Mapping) -> None:
    verdict, page = look["verdict"], Path(look["page"])
    create_markdown_artifact(
        page.with_suffix(".md").read_text("utf-8"),
        key=f"drift-{verdict['behaviour']}",
        description=f"{verdict['behaviour']}, {verdict['day']}: {verdict['state']}",
    )
