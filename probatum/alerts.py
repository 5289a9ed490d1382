"""An alert as a value: what an event means to people, and which trouble it opens or ends.

    alert_of("probatum.release.refused", id="6f…", occurred="2026-11-20T05:31:02+00:00", payload={"source": "icd10", …})
    ->  Alert(kind="refused", about="icd10", items=(Item(key="refused/icd10/1f0c…", …),), …)

A trouble has a key that is the same tomorrow if it is the same trouble: whoever was told of it is not told again until
it is over. Good news have no items; they end the troubles of their kinds (`ends`), but for those that are still there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from probatum import digests
from probatum.alert_kinds import DECIDED, ENDS, KINDS, RECOVERED, kind_of


@dataclass(frozen=True)
class Item:
    """One trouble of an alert. owner: of the file it is about, "" when nobody said. source: where an alert is of several."""

    key: str
    owner: str = ""
    facts: Mapping = field(default_factory=dict)
    source: str = ""


@dataclass(frozen=True)
class Alert:
    """kind: a word of `KINDS`, "" for good news. about: a source, behaviour, candidate, deployment or pool. occurred: ISO, UTC."""

    event: str
    id: str
    occurred: str
    about: str
    kind: str = ""
    source: str = ""
    items: tuple[Item, ...] = ()
    still_open: tuple[str, ...] = ()
    payload: Mapping = field(default_factory=dict)

    @cached_property
    def ends(self) -> tuple[str, ...]:
        return ENDS.get(self.event, ())


def alert_of(event: str, *, id: str, occurred: str, payload: Mapping) -> Alert | None:
    """The alert of an event of ours, of a run or of a pool; None for one that is no news to anybody."""
    kind = kind_of(event)
    about = _about(event, payload)
    if (kind is None and event not in ENDS) or not about:
        return None
    if event == RECOVERED and payload.get("succeeded"):
        return None  # the news that it succeeded says so too
    return Alert(
        event=event,
        id=id,
        occurred=occurred,
        about=about,
        kind=kind.word if kind else "",
        source=str(payload.get("source") or ""),
        items=_items(kind.word, about, payload) if kind else (),
        still_open=_still_open(about, payload),
        payload=payload,
    )


def _about(event: str, payload: Mapping) -> str:
    if event in (KINDS["waiting"].event, DECIDED) and payload.get("candidate"):
        return f"candidate {str(payload['candidate'])[:12]}"
    return str(next((payload[key] for key in ("source", "behaviour", "deployment", "pool") if payload.get(key)), ""))


def _items(word: str, about: str, payload: Mapping) -> tuple[Item, ...]:
    if word == "quarantined":
        return tuple(Item(_case(about, c["id"]), str(c.get("owner") or ""), c) for c in payload.get("cases", ()))
    if word == "waiting" and payload.get("sources"):
        return tuple(Item(f"{word}/{about}/{source}", source=source) for source in payload["sources"])
    return (Item(f"{word}/{about}/{_what_is_new(word, payload)}"),)


def _what_is_new(word: str, payload: Mapping) -> str:
    """What another alert of this kind must have, to be news. A run that waits for a worker waits every morning: that is one alert."""
    if word in ("run-failed", "run-crashed"):
        return str(payload.get("run", ""))
    if word == "retrain":
        return f"{payload.get('drift') or payload.get('run', '')} {payload.get('outcome', '')}".strip()
    if word in ("run-late", "drift"):
        return str(payload.get({"run-late": "deployment", "drift": "drift"}[word], ""))
    if word == "probes-missing":
        return ""  # how many are missing changes from week to week
    return digests.of_text(str(payload["reason"]))[:16] if payload.get("reason") else ""


def _still_open(about: str, payload: Mapping) -> tuple[str, ...]:
    cases = tuple(_case(about, case) for case in payload.get("open_cases", ()))
    return cases + ((f"late/{about}/",) if payload.get("stale") else ())


def _case(about: str, case: str) -> str:
    return f"quarantined/{about}/{case}"
