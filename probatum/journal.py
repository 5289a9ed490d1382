"""The journal: who did what to which release, one JSON line each, every line holding the digest of the one before.

    journal.jsonl         {"time": "…", "action": "publish", "actor": "…", "release": "2026-11-20.1", "before": "5e88…"}
    journal.jsonl.head    {"lines": 12, "digest": "9f86…"}: of the last line, so that it too cannot change or go unseen

Changing, removing or reordering a line breaks the chain from there on; `verify` names the first broken line. A line
that was not written to its end (the machine stopped) was never acknowledged, and goes with the next one added.
No content and no question ever goes in.
"""

import os
from datetime import UTC, datetime
from pathlib import Path

import orjson
from filelock import FileLock

from probatum import digests
from probatum.errors import Damaged
from probatum.files import read_json, write_json

_FIRST, _NOTHING = "0" * 64, "f" * 64
_COMPARE = "Compare the journal with its backup; somebody or something changed it."


class Journal:
    def __init__(self, path: Path):
        self._path, self._head = path, path.with_name(f"{path.name}.head")

    def add(self, action: str, *, actor: str, **facts: str) -> None:
        """Append one record and fsync it."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{self._path}.lock"):
            lines = self._lines()
            record = {
                "time": datetime.now(UTC).isoformat(),
                "action": action,
                "actor": actor,
                **facts,
                "before": self._before(lines),
            }
            line = digests.canonical(record)
            with self._path.open("ab") as out:
                out.truncate(sum(len(known) + 1 for known in lines))
                out.write(line + b"\n")
                out.flush()
                os.fsync(out.fileno())
            write_json(self._head, {"lines": len(lines) + 1, "digest": digests.of_bytes(line)})

    def records(self) -> list[dict]:
        """All records, oldest first. Raises Damaged when one cannot be read; whether they are whole says `verify`."""
        return [_record(number, line) for number, line in enumerate(self._lines(), 1)]

    def legible(self) -> list[dict]:
        """The records that can be read, for somebody who looks into a journal that is not whole."""
        found = []
        for number, line in enumerate(self._lines(), 1):
            try:
                found.append(_record(number, line))
            except Damaged:
                continue
        return found

    def verify(self) -> int:
        """The number of records; raises Damaged naming the first line that does not follow from the one before."""
        before, count, lines = _FIRST, 0, self._lines()
        for count, line in enumerate(lines, 1):
            try:
                named = orjson.loads(line).get("before")
            except (orjson.JSONDecodeError, AttributeError):
                named = None
            if named != before:
                raise Damaged(f"Line {count} of the journal does not follow from the one before.", next=_COMPARE)
            before = digests.of_bytes(line)
        self._verify_head(lines)
        return count

    def _before(self, lines: list[bytes]) -> str:
        """What the next line follows. After damage it follows nothing, so that adding to a journal never mends it."""
        try:
            self._verify_head(lines)
        except Damaged:
            return _NOTHING
        return digests.of_bytes(lines[-1]) if lines else _FIRST

    def _verify_head(self, lines: list[bytes]) -> None:
        """The journal may be a line ahead of its head (the machine stopped between the two), never behind."""
        if len(lines) <= 1 and not self._head.exists():
            return
        head = read_json(self._head, what="The head of the journal", next=_COMPARE)
        known = head.get("lines")
        if not isinstance(known, int) or known < 1 or not known <= len(lines) <= known + 1:
            raise Damaged(f"The journal has {len(lines)} lines, its head counts {known}.", next=_COMPARE)
        if digests.of_bytes(lines[known - 1]) != head.get("digest"):
            raise Damaged(f"Line {known} of the journal is not the one that was written.", next=_COMPARE)

    def _lines(self) -> list[bytes]:
        """The whole lines; a last one without its line feed was not written to its end."""
        return self._path.read_bytes().split(b"\n")[:-1] if self._path.exists() else []


def _record(number: int, line: bytes) -> dict:
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError:
        record = None
    if not isinstance(record, dict):
        raise Damaged(f"Line {number} of the journal is no record.", next=_COMPARE)
    return record
