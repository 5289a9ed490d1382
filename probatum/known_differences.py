"""Known differences: what was reviewed and accepted, one JSON line each, in expectations/known_differences/<source>.jsonl.

    {"release": "2026-10-01", "documents": 61204, "reason": "…", "role": "coding lead", "reviewed_on": "2026-11-20"}
        so many documents are right for this release, although many more served before
    {"question": "guidelines-017", "reason": "…", "role": "sepsis committee", "reviewed_on": "2026-11-20"}
        this critical question is known not to be answered yet; it stays open and is shown in every report
    {"needs_review": "formulary-088", "reason": "…", "role": "pharmacist", "reviewed_on": "2026-11-20"}
        what this question expects is gone; its reviewer knows, and the release need not wait
    {"document": "ngh-prot-061.docx", "reason": "…", "role": "diabetes committee", "reviewed_on": "2026-11-20"}
        somebody read this document: it may rank high although the audit finds it suspicious (see `probatum.poisoning`)

An accepted question never excuses a loss: once a release that serves has answered it, it must stay answered.
"""

from datetime import date
from pathlib import Path

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from probatum.errors import Misconfigured

_KINDS = '"question", "needs_review", "document", or "release" with "documents"'


class KnownDifference(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    release: str = ""
    documents: int | None = None
    question: str = ""
    needs_review: str = ""
    document: str = ""
    reason: str = Field(min_length=10)
    role: str = Field(min_length=3)
    reviewed_on: date

    @model_validator(mode="after")
    def _is_of_one_kind(self) -> "KnownDifference":
        counted = bool(self.release and self.documents is not None)
        if sum(map(bool, (self.question, self.needs_review, self.document, counted))) != 1:
            raise ValueError(f"it needs one of {_KINDS}")
        return self


def read_known_differences(expectations: Path, source: str) -> list[KnownDifference]:
    """All reviewed lines of a source. Raises Misconfigured naming the line that is none."""
    path = expectations / "known_differences" / f"{source}.jsonl"
    if not path.exists():
        return []
    return [_read(line, path.name, n) for n, line in enumerate(path.read_bytes().splitlines(), 1) if line.strip()]


def reviewed_counts(expectations: Path, source: str, release: str) -> set[int]:
    """The numbers of documents accepted for this release."""
    known = read_known_differences(expectations, source)
    return {d.documents for d in known if d.release == release and d.documents is not None}


def open_questions(expectations: Path, source: str) -> set[str]:
    """The critical questions accepted as not answered yet."""
    return {d.question for d in read_known_differences(expectations, source) if d.question}


def waiting_for_review(expectations: Path, source: str) -> set[str]:
    """The questions recorded as expecting what is gone."""
    return {d.needs_review for d in read_known_differences(expectations, source) if d.needs_review}


def reviewed_documents(expectations: Path, source: str) -> set[str]:
    """The documents somebody read, which may rank however they do."""
    return {d.document for d in read_known_differences(expectations, source) if d.document}


def _read(line: bytes, name: str, number: int) -> KnownDifference:
    try:
        return KnownDifference.model_validate(orjson.loads(line))
    except (orjson.JSONDecodeError, ValidationError) as error:
        said = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
        raise Misconfigured(
            f"{name}, line {number}, is no known difference ({said}).",
            next=f'Each line needs "reason", "role", "reviewed_on" and one of {_KINDS}.',
        ) from None
