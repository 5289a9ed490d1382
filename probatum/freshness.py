"""Freshness: when was each source last looked at, and is what serves older than its publisher's cadence allows?

    home/looked/icd10.json   {"looked": "2026-11-20T05:30:00+00:00", "failing_since": "", "reason": "", "told": "",
                              "look_late_after_days": 40, "release_late_after_days": 200}

A source is *stale* when nobody reached its publisher for too long, or when the publisher's next release is overdue. It is
worked out when it is asked for, from this file, the release and the clock: a pipeline that stands still cannot hide it.
How long is too long stands in expectations/thresholds.toml; 0 means never. Reading only; `probatum.looks` writes.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from probatum.files import read_json
from probatum.release import Manifest, SourceState, today

_EMBEDDED = "embedded sample"  # an origin nobody waits for


@dataclass(frozen=True)
class Lateness:
    """How many days without a look, and how many since the last release took force, are too many; 0: never."""

    look_late_after_days: int
    release_late_after_days: int


@dataclass(frozen=True)
class Look:
    """looked: the last time the publisher was reached, "" if never. told: since when somebody knows that it is late."""

    looked: str = ""
    failing_since: str = ""
    reason: str = ""
    told: str = ""
    look_late_after_days: int = 0
    release_late_after_days: int = 0


def read_look(home: Path, source: str) -> Look:
    """What is known of the looks at a source; an empty one before the first."""
    path = look_file(home, source)
    if not path.exists():
        return Look()
    return Look(
        **read_json(path, what="The note of the last look", next=f"Delete it and run `probatum refresh {source}`.")
    )


def stale(home: Path, source: str, state: SourceState, now: datetime | None = None) -> str:
    """Why what serves of a source may be out of date, in words; "" when it is not.

    Before the first look nothing is known, and nothing is said.
    """
    look, now = read_look(home, source), now or datetime.now(UTC)
    reached = look.looked or look.failing_since
    if not reached:
        return ""
    days = look.look_late_after_days
    if days and now - datetime.fromisoformat(reached) > timedelta(days=days):
        why = f" ({look.reason})" if look.reason else ""
        return f"its publisher was last reached on {look.looked[:10] or 'no day'}{why}"
    days = look.release_late_after_days
    if days and state.origin != _EMBEDDED and (now.date() - state.valid_from).days > days:
        return f"the next release is overdue: {state.release} took force on {state.valid_from}"
    return ""


def stale_sources(home: Path, manifest: Manifest) -> dict[str, str]:
    """{source: why} for the sources of a release that are stale today."""
    found = {name: stale(home, name, state) for name, state in manifest.in_force(today()).items()}
    return {name: why for name, why in found.items() if why}


def look_file(home: Path, source: str) -> Path:
    return home / "looked" / f"{source}.json"
