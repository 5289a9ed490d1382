"""Quarantine: what was refused, kept with its bytes and the reason, so that nothing is lost and somebody can look.

    home/quarantine/2026-11-20-icd10-3f9c0a12/reason.json   {"source", "release", "files": [{"name", "sha256"}], "reason", "next", …}

The bytes stay in home/blobs; the reason names them by digest. A reason never holds content. Quarantining the same
thing for the same reason again changes nothing.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from probatum import digests
from probatum.files import read_json, write_json
from probatum.records import SnapshotFile


@dataclass(frozen=True)
class Quarantined:
    id: str
    source: str
    release: str
    files: tuple[str, ...]
    reason: str
    next: str


class Quarantine:
    def __init__(self, home: Path):
        self._folder = home / "quarantine"

    def put(self, source: str, release: str, files: list[SnapshotFile], *, reason: str, next: str) -> Quarantined:
        named = [{"name": f.name, "sha256": f.sha256} for f in files]
        key = digests.of_json([source, release, named, reason])[:8]
        known = _known(self._folder, f"-{source}-{key}")
        now = datetime.now(UTC)
        identity = known or f"{now.date()}-{source}-{key}"
        if not known:
            value = {
                "source": source,
                "release": release,
                "files": named,
                "reason": reason,
                "next": next,
                "since": now.isoformat(),
            }
            write_json(self._folder / identity / "reason.json", value)
        return Quarantined(identity, source, release, tuple(f.name for f in files), reason, next)

    def all(self) -> list[Quarantined]:
        """Everything in quarantine, oldest first."""
        found = []
        for path in sorted(self._folder.glob("*/reason.json")):
            raw = read_json(path, what="A reason in quarantine", next="Delete the folder if it is not needed.")
            found.append(
                Quarantined(
                    path.parent.name,
                    raw["source"],
                    raw["release"],
                    tuple(f["name"] for f in raw["files"]),
                    raw["reason"],
                    raw["next"],
                )
            )
        return found


def _known(folder: Path, ending: str) -> str:
    """The id of what is there already under another day, or ""."""
    return next((path.name for path in folder.glob(f"*{ending}")), "")
