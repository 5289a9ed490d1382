"""Releases that can no longer be read: their tables were cleaned up, or held something that was purged.

    home/ended/2026-11-20.1.json     {"how": "expired", "why": "…", "at": "2027-03-01T02:00:11+00:00"}

The manifest stays, so that the journal, the reports and the pins still know what it was; who asks for its content is told
in a sentence why it is not there. Written by `probatum.maintenance` and `probatum.purge` before anything is deleted.
"""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from probatum.errors import Rejected
from probatum.files import read_json, write_json

EXPIRED, PURGED = "expired", "purged"


@dataclass(frozen=True)
class Ended:
    how: str
    why: str
    at: str


def ended(home: Path, release: str) -> Ended | None:
    """How a release ended; None while it can be read."""
    path = _file(home, release)
    if not path.exists():
        return None
    return Ended(**read_json(path, what="The note on a release that ended", next="Restore it from the backup."))


def must_be_readable(home: Path, release: str) -> None:
    """Raise Rejected when a release has ended."""
    if end := ended(home, release):
        said = {
            EXPIRED: f"Release {release} expired on {end.at[:10]} and its tables were cleaned up",
            PURGED: f"Release {release} held something that was purged on {end.at[:10]}",
        }
        raise Rejected(
            f"{said.get(end.how, f'Release {release} has ended')} ({end.why}).",
            safe="Nothing was searched or changed; what serves still serves.",
            next="Run `probatum releases` for those that can be read; what an expired one was made from is still in the home.",
        )


def end(home: Path, release: str, how: str, why: str) -> None:
    write_json(_file(home, release), asdict(Ended(how, why, datetime.now(UTC).isoformat())))


def _file(home: Path, release: str) -> Path:
    return home / "ended" / f"{release}.json"
