"""The files of a release, archives opened.

    with opened({"week.zip": path, "list.csv": path}, limits) as members:
        -> [Member("week.zip/f_vmp2.xml", "week.zip", Path(…)), Member("list.csv", "list.csv", Path(…))]

Archives are judged and unpacked by `probatum.safeio.Archive`, one inside another at most, all of them together within
the limits of one. A workbook is an archive too, and is left to the reader of tables.
"""

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from probatum.errors import Rejected
from probatum.safeio import ASK_AGAIN, MIB, Archive, Limits

SUFFIXES = (".csv", ".tsv", ".xlsx", ".xlsm", ".json", ".ndjson", ".xml", ".zip")
_WORKBOOKS = (".xlsx", ".xlsm")
_WORKBOOK = "xl/workbook.xml"
_DEEPEST = 2  # publishers put an archive into an archive; nobody puts one into that


@dataclass(frozen=True)
class Member:
    """A file to be read. name: as a person would look for it; file: the file of the snapshot that holds it."""

    name: str
    file: str
    path: Path


@contextmanager
def opened(files: Mapping[str, Path], limits: Limits, unused: Counter) -> Iterator[list[Member]]:
    """Every file, those of archives included. What an archive holds besides is counted by its ending in `unused`.

    Raises Rejected for an archive that is broken, too large, or too deep in others.
    """
    with tempfile.TemporaryDirectory(prefix="probatum-") as folder:
        opening = _Opening(Path(folder), limits, unused)
        try:
            yield [member for name, path in sorted(files.items()) for member in opening.members(name, name, path, 0)]
        finally:
            opening.close()


class _Opening:
    def __init__(self, folder: Path, limits: Limits, unused: Counter):
        self._folder, self._limits, self._unused = folder, limits, unused
        self._left, self._count = limits.unpacked_bytes, 0

    def members(self, name: str, file: str, path: Path, depth: int) -> Iterator[Member]:
        size = path.stat().st_size
        if size > self._limits.file_bytes:
            raise Rejected(f"{name} has {size // MIB} MiB ({self._limits.file_bytes // MIB} allowed).", next=ASK_AGAIN)
        if not is_zip(path) or name.lower().endswith(_WORKBOOKS):
            yield Member(name, file, path)
            return
        try:
            archive = Archive(path, replace(self._limits, unpacked_bytes=max(self._left, 0)))
        except Rejected as error:  # an unpacked or pinned file has a name of ours; a person knows it by its own
            raise Rejected(error.happened.replace(path.name, name), safe=error.safe, next=error.next) from None
        with archive:
            if _WORKBOOK in archive.names:
                yield Member(name, file, path)
                return
            if depth >= _DEEPEST:
                raise Rejected(f"{name} is an archive too deep in others ({_DEEPEST} allowed).", next=ASK_AGAIN)
            for inner in sorted(archive.names):
                yield from self._inner(archive, inner, f"{name}/{inner}", file, depth)

    def _inner(self, archive: Archive, inner: str, name: str, file: str, depth: int) -> Iterator[Member]:
        parts = PurePosixPath(inner).parts
        if any(part.startswith((".", "~$", "__MACOSX")) for part in parts) or not inner.lower().endswith(SUFFIXES):
            ending = PurePosixPath(inner).suffix.lower()[:10]
            self._unused[f"files in archives: {ending if ending[1:].isalnum() else 'no ending'}"] += 1
            return
        data = archive.read(inner)
        self._left -= len(data)
        if self._left < 0:
            raise Rejected(
                f"The archives unpack to more than {self._limits.unpacked_bytes // MIB} MiB.", next=ASK_AGAIN
            )
        self._count += 1
        path = self._folder / str(self._count)
        path.write_bytes(data)
        yield from self.members(name, file, path, depth + 1)

    def close(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)


def is_zip(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(4) == b"PK\x03\x04"
