"""Bytes are pinned: a release that was published once is the same bytes for ever.

A publisher who puts other bytes under a name that is out already has made a mistake, or somebody else has made them.
Either way nobody could say later what "2026-10-01" was. So such a snapshot is set aside until a person looks; a place
that has no name of its own (a folder people drop files into) is a new release whenever it changes, and is never pinned.
"""

from pathlib import Path

from probatum.quarantine import CHANGED, Quarantine
from probatum.release import Releases
from probatum.snapshots import Snapshot, Snapshots


def published_otherwise(home: Path, snapshot: Snapshot, *, part: bool = False) -> str:
    """The last of our releases that holds this release of the source with other bytes; "" when there is none.

    part: it holds one part of many, so only a file of the same name can have been changed. Also "" when somebody released
    exactly these bytes from quarantine.
    """
    release, digest = snapshot.release, snapshot.digest()
    if not release.dated:
        return ""
    known = [
        (manifest.id, state.snapshot)
        for manifest in Releases(home).all()
        for source, state in manifest.all_states()
        if source == release.source and state.release == release.name
    ]
    if not known or digest in {snapshot for _, snapshot in known}:
        return ""
    if part:
        known = [(release, other) for release, other in known if _differs(home, snapshot, other)]
        if not known:
            return ""
    if Quarantine(home).let_through(release.source, CHANGED, [f.sha256 for f in snapshot.files]):
        return ""
    return known[-1][0]


def _differs(home: Path, snapshot: Snapshot, other: str) -> bool:
    """Whether a file of the snapshot is in the other one under its name, with other bytes."""
    there = {file.name: file.sha256 for file in Snapshots(home).read(snapshot.release.source, other).files}
    return any(there.get(file.name, file.sha256) != file.sha256 for file in snapshot.files)
