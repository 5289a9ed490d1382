"""The journal: who did what to which release, one JSON line each, every line holding the digest of the one before.

Changing, removing or reordering a line breaks the chain from there on; `verify` names the first broken line.
No content and no question ever goes in.
"""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import orjson
from filelock import FileLock

from probatum import digests
from probatum.errors import Damaged

_FIRST = "0" * 64


class Journal:
    def __init__(self, path: Path):
        self._path = path

    def add(self, action: str, *, actor: str, **facts: str) -> None:
        """Append one record and fsync it."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{self._path}.lock"):
            before = _FIRST
            for line in self._lines():
                before = digests.of_bytes(line)
            record = {
                "time": datetime.now(UTC).isoformat(),
                "action": action,
                "actor": actor,
                **facts,
                "before": before,
            }
            with self._path.open("ab") as out:
                out.write(digests.canonical(record) + b"\n")
                out.flush()
                os.fsync(out.fileno())

    def records(self) -> list[dict]:
        return [orjson.loads(line) for line in self._lines()]

    def verify(self) -> int:
        """The number of records; raises Damaged naming the first line that does not follow from the one before."""
        before, count = _FIRST, 0
        for count, line in enumerate(self._lines(), 1):
            try:
                named = orjson.loads(line).get("before")
            except (orjson.JSONDecodeError, AttributeError):
                named = None
            if named != before:
                raise Damaged(
                    f"Line {count} of the journal does not follow from the one before.",
                    next="Compare the journal with its backup; somebody or something changed it.",
                )
            before = digests.of_bytes(line)
        return count

    def _lines(self) -> Iterator[bytes]:
        if self._path.exists():
            yield from self._path.read_bytes().splitlines()
