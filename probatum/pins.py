"""Bytes are pinned: a release that was published once is the same bytes for ever.

A publisher who puts other bytes under a name that is out already has made a mistake, or somebody else has made them.
Either way nobody could say later what "2026-10-01" was. So such a snapshot is set aside until a person looks; a place
that has no name of its own (a folder people drop files into) is a new release whenever it changes, and is never pinned.
"""

from pathlib import Path

from probatum.quarantine import CHANGED, Quarantine
from probatum.release import Releases
from probatum.snapshots import Snapshot


def published_otherwise(home: Path, snapshot: Snapshot) -> str:
    """The last of our releases that holds this release of the source with other bytes; "" when there is none.

    Also "" when somebody released exactly these bytes from quarantine.
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
    if Quarantine(home).let_through(release.source, CHANGED, [f.sha256 for f in snapshot.files]):
        return ""
    return known[-1][0]
