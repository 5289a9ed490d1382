"""Arriving: where a release comes from, and its bytes as a snapshot, with a note of every look at a publisher.

fetch(chosen, source, "https://…/2026.zip")     a publisher's address, a file, a folder: what the source finds there
fetch(chosen, source, None)                     the drop zone of the settings, or else the embedded sample
"""

from dataclasses import replace
from pathlib import Path

from probatum.dropzone import INCOMING, bring_in, is_drop_zone
from probatum.errors import Rejected, Retryable
from probatum.freshness import stale_sources
from probatum.journal import Journal
from probatum.looks import note_look, to_be_told
from probatum.observing import observed
from probatum.pins import published_otherwise
from probatum.quarantine import CHANGED, Quarantine
from probatum.records import SourceRelease
from probatum.release import Releases, today
from probatum.settings import Settings
from probatum.snapshots import Snapshot, Snapshots
from probatum.thresholds import lateness


@observed("fetch")
def fetch(chosen: Settings, source, origin: str | None) -> str:
    """Bring the bytes of a release in; returns the digest of the snapshot.

    Raises Rejected, and quarantines the snapshot, when a release of this name was published with other bytes.
    """
    taken = _taken(chosen, source, origin)
    if not is_one_file(taken.release.origin):  # one file may be a part: `complete` knows
        refuse_silently_changed(chosen, taken)
    return taken.digest()


def drop_zone(chosen: Settings, source: str, origin: str | None) -> str | None:
    """The drop zone a refresh of `source` reads: `origin`, or else the one of the settings; None where it reads none."""
    place = origin or (f"{chosen.drops.rstrip('/')}/{source}/{INCOMING}" if chosen.drops else "")
    return place if place and is_drop_zone(place) else None


def late(chosen: Settings, source: str, *, actor: str) -> tuple[str, str]:
    """("late", "recovered" or "" when there is no news, why the source is stale or ""). News are journalled."""
    serving = Releases(chosen.home).current()
    why = stale_sources(chosen.home, serving).get(source, "") if serving else ""
    news = to_be_told(chosen.home, source, why)
    if news:
        Journal(chosen.home / "journal.jsonl").add(f"source-{news}", actor=actor, source=source, why=why)
    return news, why


def refuse_silently_changed(chosen: Settings, taken: Snapshot, *, part: bool = False) -> None:
    """Raise Rejected when this release was published with other bytes. part: it holds one part of many."""
    if published := published_otherwise(chosen.home, taken, part=part):
        refused = Rejected(
            f"{taken.release.source} {taken.release.name} was silently changed: release {published} was made from other bytes of that name.",
            next="Ask the publisher what changed, and take it under a name of its own.",
        )
        raise Quarantine(chosen.home).set_aside(taken.release, taken.files, refused, CHANGED)


def is_one_file(origin: str) -> bool:
    """Whether an origin is one file or address, which may hold a part only; a folder is all there is."""
    return origin.startswith(("http://", "https://")) or Path(origin).expanduser().is_file()


def _taken(chosen: Settings, source, origin: str | None) -> Snapshot:
    """The snapshot at `origin`, with a note of the look; also of one that failed."""
    rules = lateness(chosen.expectations, source.name)
    try:
        found = _found(chosen, source, origin)
        taken = Snapshots(chosen.home).take(
            _not_before_what_serves(chosen, found.release),
            [(f.name, f.location) for f in found.files],
            source.limits,
            chosen.hosts(),
            chosen.authorities(),
        )
    except Retryable as failure:
        note_look(chosen.home, source.name, rules, failure=failure.happened)
        raise
    note_look(chosen.home, source.name, rules)
    return taken


def _found(chosen: Settings, source, origin: str | None):
    """What is to be taken. A drop zone is brought here first, and is a release of the day its newest object was written."""
    place = drop_zone(chosen, source.name, origin)
    if place is None:
        return source.find(origin, hosts=chosen.hosts(), folder=chosen.home / "incoming" / f"{source.name}-listing")
    drop = bring_in(chosen.home, source.name, place, source.limits, endpoint=chosen.object_endpoint)
    if not any(not each.left_out and not each.is_alongside for each in drop.objects):
        raise Rejected(
            f"There is no file in the drop zone {place}.",
            next="Drop one; or, if all were meant to go, say so in expectations/known_differences.",
        )
    found = source.find(str(drop.folder))
    release = replace(found.release, dated=False, origin=place)
    if source.per_file and not (drop.folder / "release.toml").is_file():
        release = replace(release, name=drop.newest().isoformat(), valid_from=drop.newest())
    return replace(found, release=release)


def _not_before_what_serves(chosen: Settings, release: SourceRelease) -> SourceRelease:
    """A place whose content changes is dated by its newest file; when that goes, what is left is not older for it."""
    manifest = Releases(chosen.home).current()
    editions = manifest.of_source(release.source) if manifest else ()
    serving = [state.valid_from for state in editions if state.valid_from <= today()]
    if release.dated or not serving or release.valid_from >= max(serving):
        return release
    return replace(release, name=max(serving).isoformat(), valid_from=max(serving))
