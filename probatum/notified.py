"""What each channel was told: so that a person hears of a trouble once, and once that it is over.

    with Told(home, "coding-slack") as told:            # one sender a channel at a time
        if told.due(alert): …send…; told.note(alert)

    home/alerts/coding-slack.json   {"events": {"6f…": "2026-11-20T05:31:02+00:00"}, "open": {"refused/icd10/1f0c…": {…}}, "ended": {…}}

An event that comes twice, or the same trouble under a new event, is told once. It is noted after it was sent: a machine
that stops in the moment between sends it again rather than never. A damaged ledger is put aside, for the same reason.
"""

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Self

from filelock import FileLock, Timeout

from probatum.alerts import Alert, Item
from probatum.errors import Damaged, Retryable
from probatum.files import read_json, write_json

_WAIT_S = 60  # a message takes seconds
_EVENTS_KEPT = 2000  # months of them; Prefect repeats an event within minutes


@dataclass(frozen=True)
class Due:
    """What a channel has to hear: troubles it does not know, and those it was told of that are over."""

    new: tuple[Item, ...] = ()
    over: tuple[dict, ...] = ()  # {"kind", "about", "since"}
    already_over: str = ""  # when, for news that come after the good news

    def __bool__(self) -> bool:
        return bool(self.new or self.over)


class Told:
    def __init__(self, home: Path, channel: str):
        self._path = home / "alerts" / f"{channel}.json"
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(f"{self._path}.lock", timeout=_WAIT_S)

    def __enter__(self) -> Self:
        try:
            self._lock.acquire()
        except Timeout:
            raise Retryable(
                f"Somebody else is writing to {self._path.stem}.", safe="Nothing was sent.", next="It is tried again."
            ) from None
        self._known = self._read()
        if self._known is None:
            os.replace(self._path, self._path.with_suffix(".damaged"))
            self._known = _empty()
        return self

    def __exit__(self, *_) -> None:
        self._lock.release()

    def due(self, alert: Alert) -> Due:
        """What of an alert is news to this channel."""
        if alert.id in self._known["events"]:
            return Due()
        new = tuple(item for item in alert.items if item.key not in self._known["open"])
        return Due(new, tuple(self._known["open"][key] for key in self._ended(alert)), self._already_over(alert))

    def note(self, alert: Alert) -> None:
        """The channel heard all that was due of an alert, or nothing was."""
        due, known = self.due(alert), self._known
        for key in self._ended(alert):
            del known["open"][key]
        for kind in _all_over(alert):
            ended = known["ended"].get(kind, "")
            known["ended"][kind] = max(ended, alert.occurred, key=_moment)
        if not due.already_over:
            known["open"] |= {item.key: _trouble(alert) for item in due.new}
        known["events"][alert.id] = alert.occurred
        latest = sorted(known["events"].items(), key=lambda event: _moment(event[1]))[-_EVENTS_KEPT:]
        write_json(self._path, known | {"events": dict(latest)})

    def open_troubles(self) -> list[dict]:
        """What this channel was told and is not over, oldest first."""
        return sorted((self._read() or _empty())["open"].values(), key=lambda trouble: _moment(trouble["since"]))

    def _ended(self, alert: Alert) -> list[str]:
        """Keys of troubles that an alert says are over: of its kinds, older than it, and not among those still there."""
        return [
            key
            for key, trouble in self._known["open"].items()
            if trouble["about"] == alert.about
            and trouble["kind"] in alert.ends
            and key not in alert.still_open
            and _moment(trouble["since"]) <= _moment(alert.occurred)
        ]

    def _already_over(self, alert: Alert) -> str:
        """When good news came before the bad, which happened earlier: events have no order."""
        ended = self._known["ended"].get(f"{alert.kind}/{alert.about}", "")
        return ended if alert.items and _moment(ended) > _moment(alert.occurred) else ""

    def _read(self) -> dict | None:
        """What is known; None when it cannot be made out."""
        if not self._path.exists():
            return _empty()
        try:
            known = read_json(self._path, what="The ledger of a channel", next="It is put aside.")
        except Damaged:
            return None
        whole = set(known) == set(_empty()) and all(isinstance(part, dict) for part in known.values())
        return known if whole else None


def _empty() -> dict:
    return {"events": {}, "open": {}, "ended": {}}


def _all_over(alert: Alert) -> list[str]:
    """The kinds of trouble of which good news leave nothing, e.g. "refused/icd10"."""
    kinds = [f"{kind}/{alert.about}" for kind in alert.ends]
    return [kind for kind in kinds if not any(key.startswith(f"{kind}/") for key in alert.still_open)]


def _trouble(alert: Alert) -> dict:
    return {"kind": alert.kind, "about": alert.about, "since": alert.occurred}


def _moment(iso: str) -> datetime:
    return datetime.fromisoformat(iso or "0001-01-01T00:00:00+00:00")
