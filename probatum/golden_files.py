"""Changing the golden questions: one line at a time, the others byte for byte as they were, each change with one record.

    expectations/golden/icd10.jsonl      gains a line when a question is approved
    expectations/retired/icd10.jsonl     {"id": "icd10-lay-001", "reason": "…", "role": "coding lead", "retired_on": "2026-11-20", "question": {…}}

What is about to be done is noted in the home first (golden.pending.json), so that a change whose process was killed is
finished, and told in the journal, by the next command or refresh. The journal holds ids and digests, never a question.
"""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import orjson

from probatum.errors import Misconfigured, Rejected
from probatum.files import read_json, write_atomically, write_json
from probatum.golden import GoldenQuestion
from probatum.journal import Journal
from probatum.seams import seam

_CORRECT = "Correct the line."


@dataclass(frozen=True)
class Change:
    """action: golden-approve or golden-retire. line: what is added to the golden file, or to that of the retired."""

    action: str
    source: str
    question: str  # id
    line: dict
    actor: str
    facts: dict[str, str] = field(default_factory=dict)  # for the journal


class GoldenFiles:
    """The golden questions of one folder of expectations, as they are written; changes are told in one home's journal."""

    def __init__(self, home: Path, expectations: Path):
        self._golden, self._retired = expectations / "golden", expectations / "retired"
        self._pending, self._journal = home / "golden.pending.json", Journal(home / "journal.jsonl")

    def sources(self) -> list[str]:
        return sorted({line["source"] for path in self._golden.glob("*.jsonl") for line in _lines(path)})

    def questions(self, source: str) -> list[dict]:
        """Every question of a source as it is written, whatever its release."""
        return [line for path in self._files(source) for line in _lines(path) if line.get("source") == source]

    def retired(self, source: str) -> list[dict]:
        """{"id", "reason", "role", "retired_on", "question"} of every question that was taken out."""
        return list(_lines(self._retired / f"{source}.jsonl"))

    def add(self, question: GoldenQuestion, *, actor: str, **facts: str) -> None:
        """Append a reviewed question. Raises Misconfigured where the folder cannot be written."""
        line = question.model_dump(mode="json", exclude_defaults=True)
        self._do(Change("golden-approve", question.source, question.id, line, actor, facts))

    def retire(self, source: str, question: str, *, reason: str, role: str, day: str, actor: str, **facts: str) -> dict:
        """Move a question out, with the reason; returns the line of the retired. Raises Rejected for an unknown one."""
        found = [line for line in self.questions(source) if line["id"] == question]
        if not found:
            raise Rejected(
                f"There is no golden question {question} of {source}.",
                safe="Nothing was changed.",
                next="Run `probatum golden list` for those there are.",
            )
        line = {"id": question, "reason": reason, "role": role, "retired_on": day, "question": found[0]}
        self._do(Change("golden-retire", source, question, line, actor, facts | {"why": reason, "role": role}))
        return line

    def settle(self) -> None:
        """Finish a change whose process was killed."""
        if self._pending.exists():
            with self._alone():
                self._finish_pending()

    def _do(self, change: Change) -> None:
        self._must_be_writable()
        with self._alone():
            self._finish_pending()
            write_json(self._pending, asdict(change))
            seam("golden-noted")
            self._apply(change)

    def _finish_pending(self) -> None:
        if self._pending.exists():
            noted = read_json(
                self._pending,
                what="The note of a change of the golden questions",
                next="Compare expectations/golden with its repository, then delete the note.",
            )
            self._apply(Change(**noted))

    def _apply(self, change: Change) -> None:
        """Everything that is not done yet, in order."""
        if change.action == "golden-retire":
            if change.line not in self.retired(change.source):
                _append(self._retired / f"{change.source}.jsonl", change.line)
            seam("golden-retired")
            for path in self._files(change.source):
                _remove(path, change.question)
        elif not any(line["id"] == change.question for line in self.questions(change.source)):
            _append(self._golden / f"{change.source}.jsonl", change.line)
        seam("golden-written")
        told = {"question": change.question, "source": change.source, **change.facts}
        last = next((r for r in reversed(self._journal.legible()) if r.get("action", "").startswith("golden-")), {})
        if last.get("action") != change.action or any(last.get(key) != value for key, value in told.items()):
            self._journal.add(change.action, actor=change.actor, **told)
        seam("golden-told")
        self._pending.unlink()

    def _files(self, source: str) -> list[Path]:
        return [path for path in (self._golden / f"{source}.jsonl", *sorted(self._golden.glob(f"{source}-*.jsonl"))) if path.is_file()]  # fmt: skip

    def _must_be_writable(self) -> None:
        try:
            self._golden.mkdir(parents=True, exist_ok=True)
            self._retired.mkdir(exist_ok=True)
            for folder in (self._golden, self._retired):
                tempfile.TemporaryFile(dir=folder).close()
        except OSError as error:
            raise Misconfigured(
                f"The golden questions in {self._golden} cannot be changed ({error.strerror}).",
                safe="Nothing was changed.",
                next="Copy expectations to a folder of yours and name it in PROBATUM_EXPECTATIONS.",
            ) from None

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One change at a time, whichever home it comes from: a lock on the folder itself, which leaves no file behind."""
        self._pending.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(self._golden, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


def _lines(path: Path) -> Iterator[dict]:
    if not path.exists():
        return
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        if line.strip():
            yield _parsed(path, number, line)


def _parsed(path: Path, number: int, line: bytes) -> dict:
    try:
        found = orjson.loads(line)
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict) or not isinstance(found.get("id"), str):
        raise Misconfigured(f"{path.name}, line {number}, is no question with an id.", next=_CORRECT)
    return found


def _append(path: Path, line: dict) -> None:
    before = path.read_bytes() if path.exists() else b""
    if before and not before.endswith(b"\n"):
        before += b"\n"
    _replace(path, before + orjson.dumps(line) + b"\n")


def _remove(path: Path, question: str) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    kept = [line for n, line in enumerate(lines, 1) if not line.strip() or _parsed(path, n, line)["id"] != question]
    if len(kept) < len(lines):
        _replace(path, b"".join(kept))


def _replace(path: Path, data: bytes) -> None:
    """As `write_atomically`, and readable by whom it was: it lies in somebody's checkout."""
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
    write_atomically(path, data, mode=mode)
