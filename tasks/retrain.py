"""Retrain: a claim in the ledger of drift, a training, a candidate that wears what was trained, and what became of it.

Only ids and figures go between these tasks; examples, questions and weights stay in the home.
"""

import importlib.metadata
from collections.abc import Mapping
from dataclasses import asdict

from prefect import task
from prefect.artifacts import create_markdown_artifact
from prefect.events import emit_event
from prefect.runtime import deployment, flow_run

from probatum import pipeline
from probatum.adapters.registry import Adapters
from probatum.alert_kinds import KINDS
from probatum.drift import ledger
from probatum.errors import ProbatumError
from probatum.progress import watching
from probatum.settings import settings
from probatum.training import retraining
from probatum.training.retraining import Begun
from sources.registry import SOURCES
from tasks.report import progress_artifact

one_retrain = retraining.one_retrain
PROMOTED, HELD, KEPT, REFUSED = retraining.PROMOTED, retraining.HELD, retraining.KEPT, ledger.REFUSED
_READ = "Read the report; `probatum drift status` says when the next retrain may be."


@task(name="begin-retrain", timeout_seconds=300)
def begin(behaviour: str, drift: str, forced: bool, why: str, actor: str) -> dict:
    """The claim, or why there is none, as plain JSON (`probatum.training.retraining.Begun`)."""
    return asdict(retraining.begin(settings(), behaviour, drift=drift, forced=forced, why=why, actor=actor))


@task(name="train", task_run_name="train-{begun[behaviour]}")
def train(begun: Mapping, actor: str) -> dict:
    """What was trained and judged, as plain JSON (`probatum.training.retraining.Made`). The budget of the behaviour bounds its time."""
    with watching(progress_artifact("retrain")):
        made = retraining.train(settings(), Begun(**begun), _served, actor=actor, code=_code())
    create_markdown_artifact(
        made.report, key=f"retrain-{begun['behaviour']}", description=f"Adapter {made.adapter[:12]}"
    )
    return asdict(made)


@task(name="wear", timeout_seconds=14_400)
def candidate_wearing(adapter: str) -> str:
    """The digest of a candidate of what serves, read with the adapter; with one of both sides every text is encoded anew."""
    chosen = settings()
    if Adapters(chosen.home).record(adapter).sides == "query":
        return pipeline.wear(chosen, adapter)
    with watching(progress_artifact("encode")):
        return pipeline.encode_anew(chosen, SOURCES.values(), adapter)


@task(name="promote", timeout_seconds=3600)
def promote(behaviour: str, adapter: str, actor: str, why: str) -> None:
    retraining.promote(settings(), behaviour, adapter, actor=actor, why=why)


@task(name="ask-probes", timeout_seconds=14_400)
def ask_probes(behaviour: str) -> str:
    """Leaves the new champion's figures for the next watch; why not, where that failed: it is the champion all the same."""
    try:
        retraining.leave_probes(settings(), behaviour)
    except ProbatumError as failed:
        return f"its probes could not be asked: {failed} Then run `probatum drift probe {behaviour}`."
    return "its probes are asked"


@task(name="reject-adapter", timeout_seconds=60)
def reject(adapter: str, actor: str, reasons: list[str]) -> None:
    """The audit of its candidate said no."""
    adapters = Adapters(settings().home)
    if adapters.life(adapter).status in ("trained", "audited"):
        adapters.move(adapter, "rejected", actor=actor, why="; ".join(reasons)[:500])


@task(name="end-retrain", timeout_seconds=60)
def end(begun: Mapping, outcome: str, reasons: list[str], actor: str, *, made: Mapping | None = None, next: str = "") -> str:  # fmt: skip
    """Note what became of it, and tell of one that brought no new champion. Returns where the report lies, "" for none."""
    made = made or {}
    path = retraining.end(
        settings(),
        Begun(**begun),
        outcome,
        minutes=made.get("minutes"),
        actor=actor,
        report=made.get("report", ""),
    )
    report = str(path or "")
    if outcome not in (PROMOTED, HELD):
        behaviour = begun["behaviour"]
        payload = {
            "behaviour": behaviour,
            "drift": begun["drift"],
            "outcome": outcome,
            "adapter": made.get("adapter", ""),
            "reasons": reasons,
            "next": next or _READ,
            "report": report,
            "run": str(flow_run.id or ""),
        }
        resource = {"prefect.resource.id": f"probatum.behaviour.{behaviour}", "prefect.resource.name": behaviour}
        emit_event(event=KINDS["retrain"].event, resource=resource, payload=payload)
    return report


def _served():
    return pipeline.served_documents(settings(), SOURCES.values())


def _code() -> str:
    """The commit that was deployed, else the version that is installed."""
    return str(deployment.version or "") or importlib.metadata.version("probatum")
