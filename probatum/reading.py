"""Reading a snapshot: its files become documents, in a sandbox, each unit once.

What a unit (a file of guidelines; all files of a code set) reads as depends on its bytes, the release and the parser, so the
result is kept under their digest and never read again:

    home/work/icd10/<fingerprint>.jsonl

A unit that cannot be read is quarantined with its reason. Where files stand alone (guidelines) the others go on, and
a document whose new file cannot be read keeps the version that was read before.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from probatum import digests
from probatum.errors import Rejected
from probatum.quarantine import Quarantine, Quarantined
from probatum.records import Document, SnapshotFile, read_documents
from probatum.safeio import Limits
from probatum.sandbox import Refusal, read_units
from probatum.seams import seam
from probatum.snapshots import Snapshot, Snapshots

_ALONGSIDE = ("release.toml",)  # describes the other files, holds no document


@dataclass(frozen=True)
class Parsed:
    """The files of documents, and what went to quarantine. kept: names whose former version still stands."""

    paths: tuple[Path, ...]
    quarantined: tuple[Quarantined, ...]
    kept: tuple[str, ...]

    def documents(self) -> list[Document]:
        """All documents, in the order of the files. Raises Rejected if two have one id."""
        found = [document for path in self.paths for document in read_documents(path)]
        seen: set[str] = set()
        twice = sorted({d.id for d in found if d.id in seen or seen.add(d.id)})
        if twice:
            raise Rejected(
                f"{len(twice)} documents have an id that another has too, first {', '.join(twice[:3])}.",
                next="Remove the duplicates from the source.",
            )
        return found


@dataclass(frozen=True)
class _Unit:
    files: tuple[SnapshotFile, ...]
    output: Path


def read_snapshot(
    home: Path, snapshot: Snapshot, *, limits: Limits, parser: str, per_file: bool, before: Snapshot | None = None
) -> Parsed:
    """Read what has not been read before. before: the snapshot that serves, for files that cannot be read now.

    Raises Rejected when nothing can be read, after putting it into quarantine.
    """
    folder = home / "work" / snapshot.release.source
    folder.mkdir(parents=True, exist_ok=True)
    units = _units(snapshot, folder, parser, per_file)
    refusals = _read_missing(home, snapshot, units, limits)
    seam("after-parse")
    former = _former(before, folder, parser) if per_file and before else {}
    paths, quarantined, kept = [], [], []
    for unit in units:
        refusal = refusals.get(unit.output)
        if refusal is None:
            paths.append(unit.output)
            continue
        quarantined.append(
            Quarantine(home).put(
                snapshot.release.source,
                snapshot.release.name,
                list(unit.files),
                reason=refusal.reason,
                next=refusal.advice,
            )
        )
        if (old := former.get(unit.files[0].name)) and old.exists():
            paths.append(old)
            kept.append(unit.files[0].name)
    if not paths:
        reason = quarantined[0]
        raise Rejected(
            f"{snapshot.release.source} {snapshot.release.name}: {reason.reason} It is in quarantine as {reason.id}.",
            next=reason.next,
        )
    return Parsed(tuple(paths), tuple(quarantined), tuple(kept))


def _units(snapshot: Snapshot, folder: Path, parser: str, per_file: bool) -> list[_Unit]:
    alongside = tuple(f for f in snapshot.files if f.name in _ALONGSIDE)
    if per_file:
        groups: Iterable[tuple[SnapshotFile, ...]] = [
            (f, *alongside) for f in snapshot.files if f.name not in _ALONGSIDE
        ]
    else:
        groups = [snapshot.files]
    release = snapshot.release
    return [
        _Unit(
            files,
            folder
            / f"{digests.of_json([parser, release.name, release.valid_from.isoformat(), [(f.name, f.sha256) for f in files]])}.jsonl",
        )
        for files in groups
    ]


def _read_missing(home: Path, snapshot: Snapshot, units: list[_Unit], limits: Limits) -> dict[Path, Refusal]:
    snapshots = Snapshots(home)
    missing = [unit for unit in units if not unit.output.exists()]
    if not missing:
        return {}
    release = asdict(snapshot.release) | {"valid_from": snapshot.release.valid_from.isoformat()}
    jobs = [
        {
            "source": snapshot.release.source,
            "release": release,
            "files": {f.name: str(snapshots.blob(f.sha256)) for f in unit.files},
            "output": str(unit.output),
        }
        for unit in missing
    ]
    outcomes = read_units(
        "sources.registry:read_unit",
        jobs,
        home / "work" / "sandbox" / snapshot.release.source,
        seconds=limits.parse_seconds,
        memory_bytes=limits.parse_memory_bytes,
    )
    return {unit.output: outcome for unit, outcome in zip(missing, outcomes, strict=True) if outcome is not None}


def _former(before: Snapshot, folder: Path, parser: str) -> Mapping[str, Path]:
    return {unit.files[0].name: unit.output for unit in _units(before, folder, parser, per_file=True)}
