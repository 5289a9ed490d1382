"""Zip archives from strangers: judged by their directory before a byte is unpacked, by their real bytes while it is.

    with Archive(path, limits) as archive:
        archive.names                  ("icd10cm_tabular_2026.xml", …)
        archive.read(archive.names[0]) the bytes, never more than the limits allow

Encrypted entries, links, two entries of one name and names that lead outside are refused. Nothing is unpacked to disk.
"""

import lzma
import zipfile
from pathlib import Path, PurePosixPath
from unicodedata import category

from probatum.errors import Rejected
from probatum.safeio.limits import ASK_AGAIN, MIB, Limits

_DIRECTORY_ENTRY = b"PK\x01\x02"  # what every entry of a zip's directory begins with


class Archive:
    """A zip whose directory has been judged; `names` are its files, `read` unpacks one within the limits."""

    def __init__(self, path: Path, limits: Limits):
        self.path, self._limits = path, limits
        self._count(_entries_in(path))  # opening a zip reads its whole directory, which may be the attack
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError, NotImplementedError, ValueError):
            raise Rejected(f"{path.name} is not a whole zip archive.", next=ASK_AGAIN) from None
        self._judge()
        self.names = tuple(i.filename for i in self._zip.infolist() if not i.is_dir())

    def __enter__(self) -> "Archive":
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def read(self, name: str) -> bytes:
        """The bytes of one member; never more than the limits allow, whatever its directory entry says."""
        allowed = self._limits.unpacked_bytes
        try:
            with self._zip.open(name) as stream:
                data = stream.read(allowed + 1)
        except (zipfile.BadZipFile, zipfile.zlib.error, lzma.LZMAError, EOFError, NotImplementedError, OSError):
            raise Rejected(f"{name} in {self.path.name} does not unpack.", next=ASK_AGAIN) from None
        if len(data) > allowed:
            raise Rejected(f"{name} unpacks to more than {allowed >> 20} MiB.", next=ASK_AGAIN)
        return data

    def _judge(self) -> None:
        entries, limits, what = self._zip.infolist(), self._limits, self.path.name
        self._count(len(entries))
        seen: set[str] = set()
        for entry in entries:
            if entry.flag_bits & 0x1:
                raise Rejected(f"{what} is encrypted.", next="Ask for it without a password.")
            if not is_plain_name(entry.filename):
                raise Rejected(f"{what} holds an entry that points outside it.", next=ASK_AGAIN)
            if (entry.external_attr >> 16) & 0o170000 == 0o120000:
                raise Rejected(f"{what} holds a symbolic link.", next=ASK_AGAIN)
            folded = entry.filename.casefold()
            if folded in seen:
                raise Rejected(f"{what} holds two entries of one name.", next=ASK_AGAIN)
            seen.add(folded)
        unpacked, packed = sum(e.file_size for e in entries), max(self.path.stat().st_size, 1)
        if unpacked > limits.unpacked_bytes or unpacked / packed > limits.archive_ratio:
            raise Rejected(
                f"{what} would unpack to {unpacked >> 20} MiB, {unpacked // packed} times its size "
                f"({limits.unpacked_bytes >> 20} MiB and {limits.archive_ratio} times allowed).",
                next=ASK_AGAIN,
            )

    def _count(self, entries: int) -> None:
        if entries > self._limits.archive_entries:
            raise Rejected(
                f"{self.path.name} holds {entries} entries ({self._limits.archive_entries} allowed).", next=ASK_AGAIN
            )


def _entries_in(path: Path) -> int:
    """How many entries a zip can have at most, whatever its last record says."""
    count, tail = 0, b""
    with path.open("rb") as stream:
        while block := stream.read(MIB):
            count += (tail + block).count(_DIRECTORY_ENTRY)
            tail = block[-len(_DIRECTORY_ENTRY) + 1 :]
    return count


def is_plain_name(name: str) -> bool:
    """Whether a name from an archive or a listing stays inside its folder on every system, and is text that can be shown."""
    path = PurePosixPath(name.replace("\\", "/"))
    return (
        bool(path.parts)
        and not path.is_absolute()
        and ".." not in path.parts
        and ":" not in path.parts[0]
        and not any(category(char) in ("Cc", "Cs") for char in name)  # controls; bytes that are no text
    )
