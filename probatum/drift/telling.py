"""What a look has to tell the world, as events with names and payloads as in `probatum.alert_kinds`.

    news_of(home, look, state, run="0f3c…")
    ->  [News("probatum.behaviour.drifted", "retrieval", {"behaviour": "retrieval", "drift": "5b1c…", "before": 0.93, …})]

Ids, shares and reasons only. `probatum.behaviour.drifted` is what the automation starts the deployment `retrain` for: it may come
twice (events do), and the ledger lets one retrain begin.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from probatum.alert_kinds import BEHAVES, KINDS, PROBED
from probatum.drift.ledger import COMPLETE, RECOVERED, Drift, State
from probatum.drift.verdict import DRIFTED, MISSING
from probatum.release import Releases

_EVENTS = {DRIFTED: KINDS["drift"].event, MISSING: KINDS["probes-missing"].event, RECOVERED: BEHAVES, COMPLETE: PROBED}
_FIGURE = "share of probes that are right"
_LOOK = "Read the report. Where the deployment `retrain` is set up it has been asked for, once for this drift; else `probatum drift status` says what may be done."
_ASK = "See why on the page of the report; then run `probatum drift watch`."


@dataclass(frozen=True)
class News:
    event: str
    behaviour: str
    payload: Mapping


def news_of(home: Path, look: Mapping, state: State, *, run: str) -> list[News]:
    """look: `watching.Look` as JSON. Everything that is untold, in the order it happened."""
    verdict, serving = look["verdict"], Releases(home).current()
    about = {
        "behaviour": verdict["behaviour"],
        "serving": {"release": serving.id, "edition": ""} if serving else {},
        "report": look["page"],
        "run": run,
    }
    drifts = {drift.id: drift for drift in state.drifts}
    return [
        News(_EVENTS[kind], verdict["behaviour"], about | _facts(kind, verdict, drifts.get(drift)))
        for kind, drift in state.untold
    ]


def _facts(kind: str, verdict: Mapping, drift: Drift | None) -> dict:
    shares = {name: round(verdict[name], 3) if verdict[name] is not None else None for name in ("before", "now")}
    if kind == DRIFTED and drift:
        then = {name: round(drift.figures[name], 3) for name in ("before", "now")}
        told = {"drift": drift.id, "champion": drift.champion, "figure": _FIGURE, "since": drift.found, "next": _LOOK}
        return told | then | {"reasons": list(drift.figures["reasons"])}
    if kind == RECOVERED and drift:
        return {"drift": drift.id, "champion": verdict["champion"]} | shares
    if kind == MISSING:
        return {"reason": "; ".join(verdict["reasons"]), "since": verdict["day"], "next": _ASK}
    return {}
