"""Known differences: what was reviewed and accepted, one JSON line each, in expectations/known_differences/<source>.jsonl.

    {"release": "2026-10-01", "documents": 61204, "reason": "…", "role": "coding lead", "reviewed_on": "2026-11-20"}
        so many documents are right for this release, although many more served before
    {"question": "guidelines-017", "reason": "…", "role": "sepsis committee", "reviewed_on": "2026-11-20"}
        this critical question is known not to be answered yet; it stays open and is shown in every report

An accepted question never excuses a loss: once a release that serves has answered it, it must stay answered.
"""

from datetime import date
from pathlib import Path

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from probatum.errors import Misconfigured


class KnownDifference(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    release: str = ""
    documents: int | None = None
    question: str = ""
    reason: str = Field(min_length=10)
    role: str = Field(min_length=3)
    reviewed_on: date

    @model_validator(mode="after")
    def _is_of_one_kind(self) -> "KnownDifference":
        if bool(self.question) == bool(self.release and self.documents is not None):
            raise ValueError('it needs either "question", or "release" and "documents"')
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


def _read(line: bytes, name: str, number: int) -> KnownDifference:
    try:
        return KnownDifference.model_validate(orjson.loads(line))
    except (orjson.JSONDecodeError, ValidationError) as error:
        said = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
        raise Misconfigured(
            f"{name}, line {number}, is no known difference ({said}).",
            next='Each line needs "reason", "role", "reviewed_on" and either "question" or "release" and "documents".',
        ) from None
