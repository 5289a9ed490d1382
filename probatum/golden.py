"""Golden questions: reviewed questions, in users' words, that a candidate must answer before it is published.

    expectations/golden/icd10.jsonl
    {"id": "icd10-lay-001", "source": "icd10", "slice": "lay", "question": "…", "expects": [{"family": "H10"}],
     "severity": "routine", "rationale": "…", "role": "triage nurse", "reviewed_on": "2026-11-20"}

`expects` lists what answers, any one suffices: a document (dotted code, item id, file), a family (any code that
begins so), or a document with a quoted anchor that must stand in the chunk that is returned. `release` limits a
question to one named release of its source.
"""

from collections import Counter
from datetime import date
from pathlib import Path
from typing import Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from probatum import digests
from probatum.errors import Misconfigured


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Expected(Frozen):
    document: str = ""
    family: str = ""
    section: str = ""  # for people; the anchor decides
    anchor: str = ""  # words that must stand in the returned chunk

    @model_validator(mode="after")
    def _names_something(self) -> "Expected":
        if bool(self.document) == bool(self.family):
            raise ValueError("an expectation names either a document or a family")
        return self


class GoldenQuestion(Frozen):
    id: str
    source: str
    slice: str
    question: str = Field(min_length=3)
    expects: tuple[Expected, ...] = Field(min_length=1)
    severity: Literal["routine", "critical"]
    rationale: str = Field(min_length=3)
    role: str = Field(min_length=3)
    reviewed_on: date
    release: str = ""  # only for this release of the source

    @property
    def critical(self) -> bool:
        return self.severity == "critical"


def read_golden(folder: Path, source: str, release: str) -> list[GoldenQuestion]:
    """The golden questions of a source that hold for `release`. Raises Misconfigured naming file and line."""
    path = folder / "golden" / f"{source}.jsonl"
    if not path.exists():
        return []
    questions = [
        _question(line, path.name, number)
        for number, line in enumerate(path.read_bytes().splitlines(), 1)
        if line.strip()
    ]
    _check_unique(path.name, "id", [q.id for q in questions])
    holding = [q for q in questions if q.release in ("", release)]
    _check_unique(path.name, "question", [q.question for q in holding])
    return holding


def _check_unique(name: str, key: str, values: list[str]) -> None:
    if twice := next((value for value, count in Counter(values).items() if count > 1), None):
        raise Misconfigured(f"{name} has the {key} {twice!r} twice.", next="Remove one of the two.")


def digest_of(questions: list[GoldenQuestion]) -> str:
    return digests.of_json([q.model_dump(mode="json") for q in questions])


def _question(line: bytes, name: str, number: int) -> GoldenQuestion:
    try:
        return GoldenQuestion.model_validate(orjson.loads(line))
    except orjson.JSONDecodeError as error:
        raise Misconfigured(f"{name}, line {number}, is no JSON ({error}).", next="Correct the line.") from None
    except ValidationError as error:
        first = error.errors()[0]
        raise Misconfigured(
            f"{name}, line {number}: {'.'.join(map(str, first['loc']))}: {first['msg']}.", next="Correct the line."
        ) from None
