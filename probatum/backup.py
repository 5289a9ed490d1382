"""Backups: a home copied while others work on it, and a home made from the copy.

    take(home, folder)          ->  folder/2026-11-21T020000Z-2026-11-20.1/    with backup.json: every file's size and sha256
    restore(backup, home)       ->  the release that serves there; the home has to be empty
    restore_damaged(backup, …)  ->  only files that are not what was written, from a backup that still has them

What serves is one pointer to files that never change, so it is copied first, with the releases and the journal, while nobody
publishes (milliseconds). All it names is there already, and stays: clean-up waits for a backup. Of a table the lists of
versions are copied before the data they name. A copy counts once backup.json is there, which is written last. It holds all
that is needed to answer and to go on, and nothing that waits in a drop zone. Encrypt the disk it lies on.
"""

import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock

from probatum import digests
from probatum.errors import Damaged, Misconfigured, Rejected
from probatum.files import read_sealed, sync_folder, write_sealed
from probatum.journal import Journal
from probatum.locks import one_upkeep
from probatum.publish import Publisher
from probatum.release import Manifest, Releases
from probatum.scrub import Scrubbed
from probatum.seams import seam
from probatum.vectorcache import copy_cache

LIST = "backup.json"
_WITH_THE_POINTER = ("current.json", "format.json", "journal.jsonl", "journal.jsonl.head")
_FOLDERS_WITH_THE_POINTER = ("releases", "ended", "kept", "purged", "seals")
_NOT_COPIED = ("locks", "incoming", "lance", "vectors", "queries", *_FOLDERS_WITH_THE_POINTER)
_NEVER_CHANGE = ("releases/", "snapshots/", "audits/", "candidates/", "seals/", "adapters/")
_OF_A_TABLE = ("_versions", "_refs")  # before what they name
_RUN_AGAIN = "Take another backup; this one is not used."


@dataclass(frozen=True)
class Backup:
    path: Path
    release: str
    taken: str  # ISO, UTC
    files: int
    bytes: int


def take(home: Path, folder: Path, *, actor: str) -> Backup:
    """Copy the home into a new folder below `folder`. Raises Misconfigured when there is nothing to copy, Retryable during maintenance."""
    if not (home / "current.json").exists():
        raise Misconfigured(
            "No release has been published yet.", safe="Nothing was copied.", next="Run `probatum refresh --all`."
        )
    if folder.absolute().is_relative_to(home.absolute()):
        raise Misconfigured(
            "A backup inside the home is none.",
            safe="Nothing was copied.",
            next="Name a folder elsewhere, on another disk.",
        )
    with one_upkeep(home):
        taken = datetime.now(UTC)
        partial = folder / f".{taken:%Y-%m-%dT%H%M%SZ}.partial"
        partial.mkdir(parents=True)
        try:
            backup = _copied(home, partial, folder, taken)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
    Journal(home / "journal.jsonl").add("backup", actor=actor, release=backup.release, folder=backup.path.name)
    return backup


def backups(folder: Path) -> list[Backup]:
    """The whole backups in a folder, oldest first."""
    return [read(path.parent) for path in sorted(folder.glob(f"*/{LIST}")) if not path.parent.name.startswith(".")]


def read(path: Path) -> Backup:
    """What is known of a backup. Raises Misconfigured when it is none, Damaged when its list is not whole."""
    if not (path / LIST).is_file():
        raise Misconfigured(
            f"{path.name} is no backup: it has no {LIST}.",
            safe="Nothing was changed.",
            next="Name a folder that `probatum backup` made; one that was not finished cannot be used.",
        )
    told = read_sealed(path / LIST, what="The list of a backup", next="Use an earlier backup.")
    return Backup(
        path, told["release"], told["taken"], len(told["files"]), sum(f["size"] for f in told["files"].values())
    )


def thin_out(folder: Path, keep: int) -> list[str]:
    """Remove all backups but the newest `keep`; their names."""
    gone = backups(folder)[:-keep]
    for backup in gone:
        shutil.rmtree(backup.path)
    return [backup.path.name for backup in gone]


def restore(backup: Path, home: Path, *, actor: str) -> Manifest:
    """Make a home of a backup; every file is compared with its digest. Raises Rejected when the home is not empty, Damaged."""
    read(backup)
    if home.exists() and any(path.name not in ("locks", "publish.lock") for path in home.iterdir()):
        raise Rejected(
            f"The home {home.name} is not empty.",
            safe="Nothing was changed.",
            next="Move it away, or name another in PROBATUM_HOME, and restore again.",
        )
    partial = home.with_name(f".{home.name}.restoring")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        for name, told in _listed(backup).items():
            _copy(backup / name, partial / name, told["sha256"])
        _read_only(partial / "blobs")
        manifest = Releases(partial).current()
        Journal(partial / "journal.jsonl").add("restore", actor=actor, release=manifest.id, backup=backup.name)
        seam("before-restored")
        if home.exists():
            shutil.rmtree(home)
        partial.replace(home)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    sync_folder(home.parent)
    return manifest


def restore_damaged(
    backup: Path, home: Path, found: Scrubbed, expected: dict[str, str], *, actor: str
) -> tuple[list[str], list[str]]:
    """Put back what is damaged and the backup has as it was written; (what was put back, what could not be).

    found: what `scrub` says. expected: {path: sha256} by the seals. Only files that never change are put back.
    """
    listed, mended, left = _listed(backup), [], []
    for path in dict.fromkeys(each.path for each in found.broken):
        told = listed.get(path)
        right = expected.get(path) or (path.removeprefix("blobs/") if path.startswith("blobs/") else "")
        unchanging = path.startswith(_NEVER_CHANGE) and path != "adapters/lives.json"
        if told is None or not (unchanging or (right and told["sha256"] == right)):
            left.append(path)
            continue
        (home / path).unlink(missing_ok=True)
        _copy(backup / path, home / path, told["sha256"])
        mended.append(path)
    if mended:
        Journal(home / "journal.jsonl").add("mended", actor=actor, files=str(len(mended)), backup=backup.name)
    return mended, left


def _copied(home: Path, partial: Path, folder: Path, taken: datetime) -> Backup:
    files: dict[str, dict] = {}

    def bring(paths: Iterable[Path]) -> None:
        for path in paths:
            name = path.relative_to(home).as_posix()
            files[name] = _copy(path, partial / name)

    with Publisher(home).lock(), FileLock(home / "journal.jsonl.lock"):
        serving = Releases(home).current()
        bring(path for name in _WITH_THE_POINTER if (path := home / name).exists())
        for name in _FOLDERS_WITH_THE_POINTER:
            bring(_files(home / name))
    seam("after-backup-pointer")
    for table in sorted((home / "lance").glob("*.lance")):
        for first in _OF_A_TABLE:
            bring(_files(table / first))
        bring(path for path in _files(table) if path.relative_to(table).parts[0] not in _OF_A_TABLE)
    for path in sorted((home / "vectors").glob("*.sqlite")):
        (partial / "vectors").mkdir(exist_ok=True)
        copy_cache(path, partial / "vectors" / path.name)
        files[f"vectors/{path.name}"] = _told(partial / "vectors" / path.name)
    for entry in sorted(home.iterdir()):
        if entry.is_dir() and entry.name not in _NOT_COPIED:
            bring(_files(entry))
    value = {"taken": taken.isoformat(), "release": serving.id, "manifest": serving.digest(), "files": files}
    write_sealed(partial / LIST, value)
    final = folder / f"{taken:%Y-%m-%dT%H%M%SZ}-{serving.id}"
    partial.replace(final)
    sync_folder(folder)
    return read(final)


def _files(folder: Path) -> Iterator[Path]:
    """All files below a folder but those that are being written."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return (path for path in found if not path.name.startswith(".") and "sandbox" not in path.parts)


def _copy(origin: Path, target: Path, expected: str = "") -> dict:
    """Copy, fsync, and say what was copied. Raises Damaged when it is not what was expected."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        shutil.copyfile(origin, target)
    except FileNotFoundError:
        raise Damaged(f"{origin.name} is missing.", safe="The home is as it was.", next=_RUN_AGAIN) from None
    descriptor = os.open(target, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    told = _told(target)
    if expected and told["sha256"] != expected:
        raise Damaged(
            f"{origin.name} in the backup is not what was copied into it.",
            safe="The home is as it was.",
            next="Use an earlier backup, and look at the disk this one is on.",
        )
    return told


def _told(path: Path) -> dict:
    return {"size": path.stat().st_size, "sha256": digests.of_file(path)}


def _listed(backup: Path) -> dict[str, dict]:
    return read_sealed(backup / LIST, what="The list of a backup", next="Use an earlier backup.")["files"]


def _read_only(blobs: Path) -> None:
    for path in blobs.glob("*"):
        path.chmod(0o444)
