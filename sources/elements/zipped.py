"""A zip of guideline files: its members are read as files of their own.

    with members("bundle.zip", path, limits) as inside:   ->   {"bundle.zip/sepsis.pdf": Path(…), …}

They are unpacked one below the other into a folder that is gone afterwards; names on disk are numbers, so no name from
the zip reaches the file system. The zip is judged by its directory first (size, ratio, number, names). A zip inside the
zip is refused, and so is a member with an ending that is not read: nothing is left out without a word. What file managers add
(__MACOSX, .DS_Store, Thumbs.db) is no document and is passed over.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from probatum.errors import Rejected
from probatum.safeio import ASK_AGAIN, Archive, Limits
from sources.elements.judge import judge

_ADDED = ("thumbs.db", "desktop.ini")


@contextmanager
def members(name: str, path: Path, limits: Limits, suffixes: tuple[str, ...]) -> Iterator[dict[str, Path]]:
    """The files in the zip at `path` by "name/member", while the context lasts. Raises Rejected."""
    judge(name, path, limits)
    with tempfile.TemporaryDirectory(prefix="probatum-zip-") as folder, _opened(name, path, limits) as archive:
        inside = {}
        for number, member in enumerate(sorted(archive.names)):
            if _is_added(member):
                continue
            _refuse_unread(name, member, suffixes)
            target = Path(folder) / f"member-{number:05d}"
            target.write_bytes(_unpacked(name, archive, member))
            inside[f"{name}/{member}"] = target
        if not inside:
            raise Rejected(f"{name} holds no file.", next=ASK_AGAIN)
        yield inside


def _opened(name: str, path: Path, limits: Limits) -> Archive:
    try:
        return Archive(path, limits)
    except Rejected as error:  # a snapshot file is called by its digest; a person knows it by its name
        raise _of(name, path, error) from None


def _unpacked(name: str, archive: Archive, member: str) -> bytes:
    try:
        return archive.read(member)
    except Rejected as error:
        raise _of(name, archive.path, error) from None


def _of(name: str, path: Path, error: Rejected) -> Rejected:
    return Rejected(error.happened.replace(path.name, name), safe=error.safe, next=error.next)


def _is_added(member: str) -> bool:
    parts = PurePosixPath(member).parts
    return parts[-1].casefold() in _ADDED or any(part.startswith((".", "~$", "__MACOSX")) for part in parts)


def _refuse_unread(name: str, member: str, suffixes: tuple[str, ...]) -> None:
    if member.lower().endswith(".zip"):
        raise Rejected(f"{name} holds a zip in a zip, which is not opened.", next="Unpack it and give its files.")
    if not member.lower().endswith(suffixes):
        raise Rejected(
            f"{name} holds a file with an ending that is not read.",
            next=f"Take out of it what does not end in one of {', '.join(suffixes)}.",
        )
