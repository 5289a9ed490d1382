"""Questions data owners propose: they wait for review and gate nothing until somebody approves them.

Beside x.pdf an owner may drop x.pdf.questions.csv:

    question,expected
    How soon must the second dose follow?,Second dose          a section of x.pdf, a record's id, or nothing

They are kept in the home, one JSON line each, known by their words, so that the same file again adds nothing:

    home/proposals/guidelines.jsonl   {"id": "p-1f0c22aa", "question": "…", "expected": "…", "file": "x.pdf", "status": "waiting", …}
"""

import csv
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import orjson
from filelock import FileLock

from probatum import digests
from probatum.errors import Rejected
from probatum.files import write_atomically
from probatum.safeio import decode
from probatum.wording import MOST_QUESTION_CHARACTERS

_MOST_LINES = 1000  # of one file
_MOST_BYTES = 1 << 20
_ENCODINGS = ("utf-8", "cp1252")
_LOCK_WAIT_S = 60
WAITING, APPROVED, DECLINED = "waiting", "approved", "declined"


@dataclass(frozen=True)
class Proposal:
    id: str
    source: str
    question: str
    expected: str  # section or record id; "" when the owner did not say
    file: str
    owner: str
    proposed_on: str  # ISO date
    status: str = WAITING
    actor: str = ""  # who decided, and why and when
    why: str = ""
    at: str = ""


def propose(
    home: Path, source: str, file: str, path: Path, *, owner: str, may_be_kept: Callable[[str], bool]
) -> tuple[int, list[str]]:
    """Add the questions in the CSV at `path` about `file` to the queue.

    Returns (how many of them wait or were decided on, what was refused: line numbers and reasons, never content).
    may_be_kept: whether a text names no patient.
    """
    try:
        lines = _rows(path)
    except Rejected as error:
        return 0, [error.happened]
    accepted, refused = [], []
    for number, row in lines:
        question, expected = (" ".join((row.get(key) or "").split()) for key in ("question", "expected"))
        if not 3 <= len(question) <= MOST_QUESTION_CHARACTERS:
            refused.append(f"line {number}: a question has 3 to {MOST_QUESTION_CHARACTERS} characters")
        elif not may_be_kept(f"{question}\n{expected}"):
            refused.append(f"line {number}: it seems to name a patient")
        else:
            accepted.append(proposal_of(source, question, expected, file=file, owner=owner))
    if accepted:
        add(home, source, accepted)
    return len(accepted), refused


def proposal_of(source: str, question: str, expected: str, *, file: str, owner: str) -> Proposal:
    """A proposal, known by its words."""
    identity = f"p-{digests.of_json([source, file, question.casefold(), expected])[:10]}"
    return Proposal(identity, source, question, expected, file, owner, datetime.now(UTC).date().isoformat())


def add(home: Path, source: str, new: Iterable[Proposal]) -> None:
    """Put proposals into the queue; one that is known stays as it is, with what was decided of it."""
    with _alone(home):
        known = {each.id: each for each in proposals(home, source)}
        _write(home, source, [*known.values(), *{each.id: each for each in new if each.id not in known}.values()])


def change(home: Path, proposal: Proposal, **facts: str) -> Proposal:
    """Write another wording, or a decision, into the queue."""
    changed = replace(proposal, **facts)
    with _alone(home):
        waiting = proposals(home, proposal.source)
        _write(home, proposal.source, [changed if each.id == proposal.id else each for each in waiting])
    return changed


def proposals(home: Path, source: str) -> list[Proposal]:
    """Everything proposed for a source, in the order it came."""
    path = _queue(home, source)
    return [Proposal(**orjson.loads(line)) for line in path.read_bytes().splitlines()] if path.exists() else []


def all_proposals(home: Path) -> list[Proposal]:
    return [each for path in sorted((home / "proposals").glob("*.jsonl")) for each in proposals(home, path.stem)]


def _rows(path: Path) -> list[tuple[int, dict]]:
    if path.stat().st_size > _MOST_BYTES:
        raise Rejected(f"The file of questions is larger than {_MOST_BYTES >> 20} MiB.", next="Split it.")
    text = decode(path.read_bytes(), _ENCODINGS, what="The file of questions")
    reader = csv.DictReader(text.splitlines())
    if "question" not in (reader.fieldnames or ()):
        raise Rejected("The file of questions has no column called question.", next="Name it so in the first line.")
    try:
        found = [(reader.line_num, row) for row in reader]
    except csv.Error:
        raise Rejected(
            "The file of questions is no CSV.", next="Save it again from the program that made it."
        ) from None
    if len(found) > _MOST_LINES:
        raise Rejected(f"The file holds {len(found)} questions ({_MOST_LINES} allowed).", next="Split it.")
    return found


def _write(home: Path, source: str, all_of_them: Iterable[Proposal]) -> None:
    write_atomically(_queue(home, source), b"".join(orjson.dumps(asdict(p)) + b"\n" for p in all_of_them))


def _alone(home: Path) -> FileLock:
    (home / "proposals").mkdir(parents=True, exist_ok=True)
    return FileLock(home / "proposals" / ".lock", timeout=_LOCK_WAIT_S)


def _queue(home: Path, source: str) -> Path:
    return home / "proposals" / f"{source}.jsonl"
