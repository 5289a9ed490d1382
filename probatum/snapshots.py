"""Snapshots: the publisher's bytes as they came, immutable, by sha256.

    home/blobs/<sha256>                      one file's bytes, read-only
    home/snapshots/<source>/<digest>.json    {"release": …, "files": [{"name", "sha256", "size"}, …]}

The digest of a snapshot covers the names and bytes of its files and the release it claims to be. A file
whose bytes change under an old name becomes another blob and another snapshot; what came before stays as it came.
"""

import os
import shutil
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date
from functools import partial
from pathlib import Path

from probatum import digests
from probatum.errors import Damaged, Rejected
from probatum.fetched import Fetched, FetchedTable
from probatum.files import read_json, sync_folder, write_json
from probatum.records import SnapshotFile, SourceRelease
from probatum.safeio import Limits, download, is_plain_name
from probatum.seams import seam
from probatum.space import full


@dataclass(frozen=True)
class Snapshot:
    release: SourceRelease
    files: tuple[SnapshotFile, ...]

    def digest(self) -> str:
        release = self.release
        return digests.of_json(
            [
                release.source,
                release.name,
                release.valid_from.isoformat(),
                sorted((f.name, f.sha256) for f in self.files),
            ]
        )


class Snapshots:
    def __init__(self, home: Path):
        self._blobs, self._folder, self._incoming = home / "blobs", home / "snapshots", home / "incoming"
        self._fetched = FetchedTable(home)
        self._purged = home / "purged"

    def take(
        self,
        release: SourceRelease,
        files: list[tuple[str, str]],
        limits: Limits,
        allowed_hosts: frozenset[str],
        authorities: Path | None = None,
    ) -> Snapshot:
        """Bring in (name, path or address) pairs; what a publisher says has not changed is taken from here. Raises Rejected when they are too large, too many or oddly named."""
        if len(files) > limits.files:
            raise Rejected(
                f"{release.source} {release.name} has {len(files)} files ({limits.files} allowed).",
                next="Raise the limit of the source if that is right.",
            )
        taken, total = [], 0
        for name, location in files:
            if not is_plain_name(name):
                raise Rejected(
                    f"{release.source} {release.name} holds a file whose name points outside it or is not plain text: "
                    f"{ascii(name)[:80]}.",
                    next="Rename it and run the refresh again.",
                )
            taken.append(self._bring_in(name, location, limits, allowed_hosts, authorities))
            total += taken[-1].size
            if total > limits.total_bytes:
                raise Rejected(
                    f"{release.source} {release.name} is more than {limits.total_bytes >> 20} MiB.",
                    next="Raise the limit of the source if that is right.",
                )
        seam("after-fetch")
        snapshot = self._described(Snapshot(release, tuple(taken)))
        seam("after-snapshot")
        return snapshot

    def compose(self, snapshot: Snapshot, more: Iterable[SnapshotFile]) -> Snapshot:
        """The same release with files of an earlier snapshot beside its own; their bytes are here already."""
        return self._described(Snapshot(snapshot.release, (*snapshot.files, *more)))

    def read(self, source: str, digest: str) -> Snapshot:
        raw = read_json(
            self._folder / source / f"{digest}.json",
            what=f"The snapshot of {source}",
            next="Run `probatum refresh` for the source again.",
        )
        try:
            told = raw["release"] | {"valid_from": date.fromisoformat(raw["release"]["valid_from"])}
            snapshot = Snapshot(SourceRelease(**told), tuple(SnapshotFile(**f) for f in raw["files"]))
        except (KeyError, TypeError, ValueError):
            snapshot = None
        if snapshot is None or snapshot.digest() != digest:
            raise Damaged(
                f"The snapshot {digest[:12]}… of {source} is not described as it was.",
                next="Restore the home from its backup, or refresh the source again.",
            )
        return snapshot

    def blob(self, sha256: str) -> Path:
        """Where the bytes of a snapshot file are. Raises Damaged if they are gone."""
        path = self._blobs / sha256
        if purged := self.purged(sha256):
            raise Rejected(
                f"Snapshot file {sha256[:12]}… was purged on {purged['at'][:10]} by {purged['actor']} ({purged['why']}).",
                next="Its publisher or owner has to send it anew, without what was purged.",
            )
        if not path.is_file():
            raise Damaged(
                f"Snapshot file {sha256[:12]}… is missing.",
                next="Restore the home from its backup, or refresh the source again.",
            )
        return path

    def purged(self, sha256: str) -> dict | None:
        """{"actor", "why", "at"} of a file whose bytes were purged, so that they are never taken again; else None."""
        path = self._purged / f"{sha256}.json"
        if not path.exists():
            return None
        return read_json(path, what="The note of a purge", next="Restore it from the backup.")

    def verify(self, sha256: str) -> None:
        """Re-hash one file; raises Damaged when the bytes are not those that came. What was purged is accounted for."""
        if self.purged(sha256):
            return
        if digests.of_file(self.blob(sha256)) != sha256:
            raise Damaged(
                f"Snapshot file {sha256[:12]}… has changed on disk.",
                next="Restore it from the backup, or delete it and refresh the source again.",
            )

    def _described(self, snapshot: Snapshot) -> Snapshot:
        release = snapshot.release
        path = self._folder / release.source / f"{snapshot.digest()}.json"
        if not path.exists():
            described = asdict(release) | {"valid_from": release.valid_from.isoformat()}
            write_json(path, {"release": described, "files": [asdict(f) for f in snapshot.files]})
        return snapshot

    def _bring_in(
        self, name: str, location: str, limits: Limits, allowed_hosts: frozenset[str], authorities: Path | None
    ) -> SnapshotFile:
        self._incoming.mkdir(parents=True, exist_ok=True)
        arrived = self._incoming / f"{os.getpid()}.part"
        if not location.startswith(("http://", "https://")):
            _copy(name, Path(location), arrived, limits)
            return self._keep(name, arrived)
        fetch = partial(
            download,
            location,
            arrived,
            limits=limits,
            allowed_hosts=allowed_hosts,
            keep_in=self._incoming / "broken",
            authorities=authorities,
        )
        known = self._fetched.of(location)
        answer = fetch(known=known.known() if known and self._holds(known) else None)
        if answer.status == 304 and self._holds(known):
            self._fetched.unchanged(location, known, answer)
            return SnapshotFile(name, known.sha256, known.size)
        if answer.status == 304:  # the known bytes went meanwhile
            answer = fetch()
        file = self._keep(name, arrived)
        self._fetched.arrived(location, answer, file.sha256, file.size)
        return file

    def _holds(self, known: Fetched) -> bool:
        blob = self._blobs / known.sha256
        return blob.is_file() and blob.stat().st_size == known.size

    def _keep(self, name: str, arrived: Path) -> SnapshotFile:
        sha256, size = digests.of_file(arrived), arrived.stat().st_size
        target = self._blobs / sha256
        if purged := self.purged(sha256):
            arrived.unlink()
            raise Rejected(
                f"{ascii(name)[1:-1][:80]} holds the very bytes that were purged on {purged['at'][:10]} by {purged['actor']} "
                f"({purged['why']}).",
                next="Take it away where it comes from, and run the refresh again.",
            )
        if target.exists():
            arrived.unlink()
        else:
            self._blobs.mkdir(parents=True, exist_ok=True)
            arrived.chmod(0o444)
            arrived.replace(target)
            sync_folder(self._blobs)
        return SnapshotFile(name, sha256, size)


def _copy(name: str, origin: Path, target: Path, limits: Limits) -> None:
    try:
        size = origin.stat().st_size
        if size > limits.file_bytes:
            raise Rejected(
                f"{name} is {size >> 20} MiB ({limits.file_bytes >> 20} allowed).",
                next="Raise the limit of the source if that is right.",
            )
        shutil.copyfile(origin, target)
    except OSError as error:
        target.unlink(missing_ok=True)
        if full(error):
            raise
        raise Rejected(
            f"{name} cannot be copied into the home ({error.strerror}).",
            next="Check that it is there and may be read, and that the disk has room.",
        ) from None
