"""Reading a snapshot: its files become documents, in a sandbox, each unit once.

What a unit (a file of guidelines; all files of a code set) reads as depends on its bytes, the release and the parser, so the
result is kept under their digest and never read again. For each unit, in the folder work/icd10 of the home:

    <fingerprint>.jsonl           its documents
    <fingerprint>.report.json     {"dropped": {"index terms whose code is not in the release": 12}, "said": {}}

A unit that cannot be read, or names a patient, is quarantined with its reason. Where files stand alone (guidelines) the
others go on, and a document whose new file cannot be read keeps the version that was read last, however many releases
ago that is.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from probatum import digests
from probatum.errors import Rejected
from probatum.files import read_json
from probatum.identity import SIDECAR
from probatum.quarantine import IDENTIFIERS, UNREADABLE, Quarantine, Quarantined
from probatum.records import Document, SnapshotFile, read_documents, report_beside
from probatum.safeio import Limits
from probatum.sandbox import Refusal, read_units
from probatum.screening import screen
from probatum.seams import seam
from probatum.snapshots import Snapshot, Snapshots

_ALONGSIDE = ("release.toml",)  # describes the other files, holds no document; a sidecar describes one and goes with it


Served = tuple[Snapshot, Sequence[str]]  # a snapshot, and the names of its files that could not be read


@dataclass(frozen=True)
class Parsed:
    """The files of documents, and what went to quarantine. kept: names whose former version still stands."""

    paths: tuple[Path, ...]
    quarantined: tuple[Quarantined, ...]
    kept: tuple[str, ...]

    def reports(self) -> list[dict]:
        """{"dropped", "said"} of every unit, in the same order."""
        return [_report(path) for path in self.paths]

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


def dropped_in_all(reports: Iterable[dict]) -> dict[str, int]:
    """What all units left aside, added up."""
    total: Counter[str] = Counter()
    for report in reports:
        total.update(report["dropped"])
    return dict(sorted(total.items()))


@dataclass(frozen=True)
class _Unit:
    files: tuple[SnapshotFile, ...]
    output: Path

    @property
    def described(self) -> list[SnapshotFile]:
        """Its files, without the one that describes all of the release: what is decided of it holds whatever that says."""
        return [f for f in self.files if f.name not in _ALONGSIDE] or list(self.files)


def read_snapshot(
    home: Path,
    snapshot: Snapshot,
    *,
    limits: Limits,
    parser: str,
    per_file: bool,
    names: Path,
    before: Callable[[], Iterable[Served]] = tuple,
) -> Parsed:
    """Read what has not been read before. before: what served, newest first, for files that cannot be read now.

    names: the clinical names that are no patient's (`probatum.screening`). Raises Rejected when nothing can be read, after putting it into quarantine.
    """
    folder = home / "work" / snapshot.release.source
    folder.mkdir(parents=True, exist_ok=True)
    units = _units(snapshot, folder, parser, per_file)
    if not units:
        raise Rejected(
            f"{snapshot.release.source} {snapshot.release.name} holds no file to read.",
            next="Put the files of the release there and run the refresh again.",
        )
    refusals = _read_missing(home, snapshot, units, limits)
    seam("after-parse")
    refusals |= _screened(home, snapshot.release.source, [u for u in units if u.output not in refusals], names, limits)
    seam("after-screening")
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
                list(unit.described),
                reason=refusal.reason,
                next=refusal.advice,
                kind=IDENTIFIERS if refusal.kind == IDENTIFIERS else UNREADABLE,
            )
        )
        name = unit.files[0].name
        old = _former(home, name, before(), folder, parser, limits) if per_file else None
        if old and not _screened(home, snapshot.release.source, [old], names, limits):  # it may name somebody as well
            paths.append(old.output)
            kept.append(name)
    if len(quarantined) == len(units):  # former versions alone are no new release
        reason = quarantined[0]
        none = f"none of its {len(units)} files can be read; the first: " if len(units) > 1 else ""
        raise Rejected(
            f"{snapshot.release.source} {snapshot.release.name}: {none}{reason.reason} It is in quarantine as {reason.id}.",
            next=reason.advice,
        )
    return Parsed(tuple(paths), tuple(quarantined), tuple(kept))


def _screened(home: Path, source: str, units: list[_Unit], names: Path, limits: Limits) -> dict[Path, Refusal]:
    """Those that name a patient, but for what somebody released from quarantine.

    What was read of them is deleted: their bytes in home/blobs are all that is kept. The result of the screening stays.
    """
    found = screen(home, source, [unit.output for unit in units], names, limits)
    quarantine = Quarantine(home)
    for unit in units:
        if unit.output in found and quarantine.let_through(source, IDENTIFIERS, [f.sha256 for f in unit.described]):
            del found[unit.output]
    for output in found:
        output.unlink(missing_ok=True)
        report_beside(output).unlink(missing_ok=True)
    return found


def _report(path: Path) -> dict:
    beside = report_beside(path)
    if not beside.exists():  # read by an earlier version
        return {"dropped": {}, "said": {}}
    return read_json(beside, what="The report of a reading", next=f"Delete {path.name} beside it and refresh again.")


def _units(snapshot: Snapshot, folder: Path, parser: str, per_file: bool) -> list[_Unit]:
    alongside = tuple(f for f in snapshot.files if f.name in _ALONGSIDE)
    sidecars = {f.name.removesuffix(SIDECAR): (f,) for f in snapshot.files if f.name.endswith(SIDECAR)}
    if per_file:
        groups: Iterable[tuple[SnapshotFile, ...]] = [
            (f, *sidecars.get(f.name, ()), *alongside)
            for f in snapshot.files
            if f.name not in _ALONGSIDE and not f.name.endswith(SIDECAR)
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


def _former(home: Path, name: str, before: Iterable[Served], folder: Path, parser: str, limits: Limits) -> _Unit | None:
    """What the file `name` was read as in the newest release that was read from it, and still has it; read again if need be."""
    for snapshot, unread in before:
        unit = next((u for u in _units(snapshot, folder, parser, per_file=True) if u.files[0].name == name), None)
        if unit is None:
            return None
        if any(Snapshots(home).purged(file.sha256) for file in unit.files):
            return None
        if name not in unread:
            return None if _read_missing(home, snapshot, [unit], limits) else unit
    return None
