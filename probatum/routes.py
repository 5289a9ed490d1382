"""Who is told of what: a reviewed file, by default expectations/alerts.toml.

    [channels.coding-slack]
    block = "slack-webhook/coding"      # a block in Prefect: that is where its address and its secrets are

    [[route]]
    source = "icd10"                    # left out: any source, and what is of no source
    owner = "coding"                    # left out: whoever owns the file
    events = ["refused", "late"]        # left out: all
    channel = "coding-slack"

A channel gets what any route sends it, once. The file holds no address and no secret. What it misspells is refused.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from probatum.alert_kinds import KINDS
from probatum.alerts import Alert, Item
from probatum.errors import Misconfigured
from probatum.settings import Settings

HEARTBEAT_S = 30  # Prefect's least, and what prefect.yaml gives the pool
_LATE_AFTER_MINUTES = 10  # a worker that is restarted is back by then
_BEATS_MISSED = 3  # one may be lost and one be late
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_BLOCK = re.compile(r"[a-z0-9-]+/[a-z0-9-]+")
_KEYS = {
    "the file": {"channels", "route", "last_resort", "heartbeat_seconds", "run_late_after_minutes"},
    "a channel": {"block"},
    "a route": {"source", "owner", "events", "channel"},
}


@dataclass(frozen=True)
class Channel:
    """name: in routes, and of its ledger. block: "type/name" of a block in Prefect."""

    name: str
    block: str


@dataclass(frozen=True)
class Route:
    channel: str
    source: str = ""
    owner: str = ""
    events: tuple[str, ...] = ()

    def takes(self, alert: Alert, item: Item) -> bool:
        return (
            (not self.source or self.source == (item.source or alert.source))
            and (not self.owner or self.owner.casefold() == item.owner.casefold())
            and (not self.events or alert.kind in self.events)
        )


@dataclass(frozen=True)
class Routes:
    """last_resort: the channel the server itself writes to when nobody sends alerts; "" for none."""

    channels: Mapping[str, Channel]
    routes: tuple[Route, ...]
    last_resort: str = ""
    heartbeat_s: int = HEARTBEAT_S
    late_after_minutes: int = _LATE_AFTER_MINUTES

    @property
    def dead_after(self) -> timedelta:
        """How long a run may be silent before it counts as dead."""
        return timedelta(seconds=_BEATS_MISSED * self.heartbeat_s)

    @property
    def late_after(self) -> timedelta:
        """How long a run may wait for a worker before people are told."""
        return timedelta(minutes=self.late_after_minutes)

    def sent_to(self, alert: Alert) -> list[tuple[Channel, Alert]]:
        """Each channel with the part of an alert that is for it. Good news go to all: each knows what it was told."""
        if not alert.items:
            return [(channel, alert) for channel in self.channels.values()]
        parts = ((channel, self._part(name, alert)) for name, channel in self.channels.items())
        return [(channel, part) for channel, part in parts if part.items]

    def _part(self, channel: str, alert: Alert) -> Alert:
        routes = [route for route in self.routes if route.channel == channel]
        return replace(alert, items=tuple(i for i in alert.items if any(route.takes(alert, i) for route in routes)))


def routes_file(chosen: Settings) -> Path:
    return Path(chosen.alerts).expanduser() if chosen.alerts else chosen.expectations / "alerts.toml"


def read_routes(chosen: Settings) -> Routes:
    """The routes of this installation; none where there is no file. Raises Misconfigured with what is misspelt."""
    path = routes_file(chosen)
    if not path.exists() and not chosen.alerts:
        return Routes({}, ())
    try:
        raw = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise _wrong(path, f"cannot be read ({type(error).__name__})") from None
    _known(path, "the file", raw)
    channels = {name: _channel(path, name, value) for name, value in _table(path, raw.get("channels", {})).items()}
    listed = raw.get("route", [])
    if not isinstance(listed, list):
        raise _wrong(path, "routes are written [[route]], with two brackets")
    found = Routes(
        channels,
        tuple(_route(path, value, channels) for value in listed),
        raw.get("last_resort", ""),
        _whole(path, raw, "heartbeat_seconds", HEARTBEAT_S, least=HEARTBEAT_S),
        _whole(path, raw, "run_late_after_minutes", _LATE_AFTER_MINUTES, least=1),
    )
    if found.last_resort and found.last_resort not in channels:
        raise _wrong(path, f"there is no channel {found.last_resort!r}")
    return found


def _channel(path: Path, name: str, value: object) -> Channel:
    _known(path, "a channel", _table(path, value))
    block = value.get("block", "")
    if not _NAME.fullmatch(name):
        raise _wrong(path, f"a channel is called {name!r}; its name has small letters, digits and hyphens")
    if not isinstance(block, str) or not _BLOCK.fullmatch(block):
        raise _wrong(path, f"the block of channel {name} is not written type/name, as in slack-webhook/coding")
    return Channel(name, block)


def _route(path: Path, value: object, channels: Mapping[str, Channel]) -> Route:
    _known(path, "a route", _table(path, value))
    events = value.get("events", [])
    if not isinstance(events, list):
        raise _wrong(path, f"events is {events!r}, not a list")
    if unknown := [str(word) for word in events if word not in KINDS]:
        raise _wrong(path, f"there is no event {', '.join(unknown)}")
    if value.get("channel") not in channels:
        raise _wrong(path, f"there is no channel {value.get('channel', '')!r}")
    if not all(isinstance(value.get(key, ""), str) for key in ("source", "owner")):
        raise _wrong(path, "source and owner of a route are words")
    return Route(value["channel"], value.get("source", ""), value.get("owner", ""), tuple(events))


def _whole(path: Path, raw: Mapping, key: str, otherwise: int, *, least: int) -> int:
    value = raw.get(key, otherwise)
    if type(value) is not int or value < least:
        raise _wrong(path, f"{key} is {value!r}, not a whole number from {least}")
    return value


def _table(path: Path, value: object) -> dict:
    if not isinstance(value, dict):
        raise _wrong(path, f"{value!r} stands where a table is expected")
    return value


def _known(path: Path, what: str, keys: Iterable[str]) -> None:
    if unknown := sorted(set(keys) - _KEYS[what]):
        raise _wrong(path, f"{what} has no {', '.join(unknown)}")


def _wrong(path: Path, what: str) -> Misconfigured:
    return Misconfigured(
        f"{path.name}: {what}.", safe="Nobody was told anything.", next="Correct it and run `probatum alerts list`."
    )
