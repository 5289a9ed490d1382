"""A file that is coming: the bytes so far, and what says that the rest would be the rest of the same file.

Between runs a broken transfer is kept as `<key>.part` with `<key>.json` {"etag", "total", "size", "sha256", "claims"},
only if the publisher names the version by a strong ETag; one that is not as described, or older than a week, is thrown away.
"""

import contextlib
import re
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import orjson

from probatum import digests
from probatum.safeio.checksums import Claim, in_headers

_STRONG = re.compile(r'"[\x21\x23-\x7e]{1,1000}"')
_VALIDATOR = re.compile(r"[\x20-\x7e]{1,1000}")  # what may be sent back in a header
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")
_KEPT_S = 7 * 24 * 3600


class Partial:
    """The bytes at `path`, their number, and the version of the file they belong to."""

    def __init__(self, path: Path):
        self.path = path
        self.restart()

    def restart(self) -> None:
        """Forget what has come."""
        self.path.unlink(missing_ok=True)
        self.size, self.total, self.etag, self.last_modified, self.resumed = 0, None, "", "", False
        self.claims: tuple[Claim, ...] = ()

    def describe(self, headers: Mapping[str, str]) -> None:
        """A whole answer begins: what its headers say of the file."""
        self.restart()
        self.etag, self.last_modified = validator(headers.get("etag")), validator(headers.get("last-modified"))
        if headers.get("content-encoding", "identity") == "identity":  # else they speak of the packed bytes
            self.claims = in_headers(headers, whole=True)
            length = headers.get("content-length", "")
            self.total = int(length) if length.isascii() and length.isdigit() else None

    @property
    def strong(self) -> bool:
        return bool(_STRONG.fullmatch(self.etag))

    @property
    def may_go_on(self) -> bool:
        """Whether the rest can be asked for: of a named version, of a known length, not of packed bytes."""
        return self.size > 0 and self.strong and self.total is not None and self.size < self.total

    def goes_on_with(self, headers: Mapping[str, str]) -> bool:
        """Whether an answer with a range is the rest of this very file; takes its checksums in."""
        match = _RANGE.fullmatch(headers.get("content-range", ""))
        if not match or headers.get("content-encoding", "identity") != "identity":
            return False
        if tuple(map(int, match.groups())) != (self.size, (self.total or 0) - 1, self.total):
            return False
        if headers.get("etag", self.etag) != self.etag:
            return False
        self.resumed = True
        self.claims += in_headers(headers, whole=False)
        return True

    def keep(self, folder: Path, key: str) -> None:
        """Leave it for the next run, if that can go on with it."""
        _sweep(folder)
        if not self.may_go_on:
            return
        folder.mkdir(parents=True, exist_ok=True)
        part, described = _names(folder, key)
        value = {
            "etag": self.etag,
            "last_modified": self.last_modified,
            "total": self.total,
            "size": self.size,
            "sha256": digests.of_file(self.path),
            "claims": [asdict(claim) for claim in self.claims],
        }
        described.write_bytes(orjson.dumps(value))
        self.path.replace(part)

    def take_up(self, folder: Path, key: str) -> None:
        """Go on where an earlier run broke off, if what it left is whole and as described."""
        part, described = _names(folder, key)
        try:
            said = orjson.loads(described.read_bytes())
            part.replace(self.path)  # ours alone from here, whoever else fetches the same file
            described.unlink(missing_ok=True)
            self.size, self.total = int(said["size"]), int(said["total"])
            self.etag, self.last_modified = str(said["etag"]), str(said["last_modified"])
            self.claims = tuple(Claim(**claim) for claim in said["claims"])
            sound = self.path.stat().st_size == self.size and digests.of_file(self.path) == said["sha256"]
        except (OSError, ValueError, KeyError, TypeError):
            sound = False
        if not sound or not self.may_go_on:
            self.restart()


def validator(value: str | None) -> str:
    """An ETag or a date that can be sent back as it came, else nothing."""
    return value if value and _VALIDATOR.fullmatch(value) else ""


def _names(folder: Path, key: str) -> tuple[Path, Path]:
    return folder / f"{key}.part", folder / f"{key}.json"


def _sweep(folder: Path) -> None:
    for path in folder.glob("*.*") if folder.is_dir() else ():
        with contextlib.suppress(FileNotFoundError):  # another run sweeps too
            if time.time() - path.stat().st_mtime > _KEPT_S:
                path.unlink()
