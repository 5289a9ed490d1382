"""Files in a folder, as if they were objects in a bucket: for hospitals without one, and to try things out.

A file's version is made of its size and its time of change; a file that is being written changes both, and is refused while
it is. Links are not followed: what lies outside the folder is not in it.
"""

import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from probatum.errors import Misconfigured, Rejected, Retryable
from probatum.files import write_atomically
from probatum.objects import OWN, SMALL_BYTES, Object, made_version
from probatum.safeio import is_plain_name

_BLOCK_BYTES = 1 << 20
_TEMPORARY = OWN.rstrip("/")


class FolderObjects:
    def __init__(self, folder: Path):
        self._folder = folder.expanduser().absolute()
        if not self._folder.is_dir():
            raise Misconfigured(f"There is no folder {folder.name}.", next="Make it, or correct its path.")

    def list(self) -> Iterator[Object]:
        return self._below(self._folder, "")

    def fetch(self, object: Object, target: Path, *, limit_bytes: int) -> None:
        if object.size > limit_bytes:
            raise Rejected(
                f"{object.key!a} has {object.size} bytes ({limit_bytes} allowed).",
                next="Raise the limit of the source if that is right.",
            )
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(
                self._path(object.key), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
            )  # no waiting for a pipe
            with os.fdopen(handle, "rb") as source, target.open("wb") as out:
                left = object.size
                while left >= 0 and (block := source.read(_BLOCK_BYTES)):
                    out.write(block)
                    left -= len(block)
                unchanged = left == 0 and _version(os.fstat(handle)) == object.version
            if not unchanged:
                raise Retryable(f"{object.key!a} has changed since it was listed.", next="Run it again later.")
        except OSError as error:
            target.unlink(missing_ok=True)
            raise Retryable(f"{object.key!a} cannot be read ({error.strerror}).", next="Run it again later.") from None
        except BaseException:
            target.unlink(missing_ok=True)
            raise

    def tags(self, object: Object) -> dict[str, str]:
        return {}

    def put(self, key: str, data: bytes, content_type: str) -> None:
        path, written = self._path(key), self._folder / _TEMPORARY / f"{os.getpid()}"
        write_atomically(written, data)  # out of sight of who lists, then in its place at once
        path.parent.mkdir(parents=True, exist_ok=True)
        written.replace(path)

    def get(self, key: str) -> bytes | None:
        path = self._path(key)
        try:
            with path.open("rb") as stream:
                data = stream.read(SMALL_BYTES + 1)
        except FileNotFoundError:
            return None
        if len(data) > SMALL_BYTES:
            raise Rejected(f"{key!a} is more than {SMALL_BYTES >> 20} MiB.", next="Look at what was written there.")
        return data

    def delete(self, key: str) -> None:
        self._path(key).unlink(missing_ok=True)

    def conditional_put_works(self) -> bool:
        """A file system that lets two make the same new file is no place for a release."""
        probe = self._folder / _TEMPORARY / "probe"
        probe.parent.mkdir(exist_ok=True)
        for _ in range(2):
            try:
                probe.open("xb").close()
            except FileExistsError:
                return True
        return False

    def _below(self, folder: Path, before: str) -> Iterator[Object]:
        with os.scandir(folder) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
        for entry in found:
            key = before + entry.name
            if entry.is_symlink() or key == _TEMPORARY:
                continue
            if entry.is_dir():
                yield from self._below(Path(entry.path), key + "/")
                continue
            try:
                seen = entry.stat(follow_symlinks=False)
            except FileNotFoundError:  # taken away meanwhile
                continue
            if stat.S_ISREG(seen.st_mode):
                yield Object(key, _version(seen), seen.st_size, datetime.fromtimestamp(seen.st_mtime, UTC), "")

    def _path(self, key: str) -> Path:
        """Where a key's file is; only keys that are paths inside the folder have one."""
        path = self._folder / key
        if (
            not is_plain_name(key)
            or str(PurePosixPath(key)) != key
            or not path.resolve().is_relative_to(self._folder.resolve())
        ):
            raise Misconfigured(f"{key!a} is no name of a file in the folder.", next="Choose another.")
        return path


def _version(seen: os.stat_result) -> str:
    return made_version(seen.st_size, seen.st_mtime_ns)
