"""Golden questions: reviewed questions, in users' words, that a candidate must answer before it is published.

    expectations/golden/icd10.jsonl
    {"id": "icd10-lay-001", "source": "icd10", "slice": "lay", "question": "…", "expects": [{"family": "H10"}],
     "severity": "routine", "rationale": "…", "role": "triage nurse", "reviewed_on": "2026-11-20"}

`expects` lists what answers, any one suffices: a document (dotted code, item id, file), a family (any code that
begins so), or a document with a quoted anchor that must stand in the chunk that is returned. `release` limits a
question to one named release of its source.

`<source>-negative.jsonl` beside it holds negative questions. `forbids` lists what must not be among the first ten hits
(a withdrawn drug, a superseded protocol); `unanswerable` says that nothing here answers, and search has to say so:

    {"id": "icd10-negative-001", …, "question": "when does the canteen close", "unanswerable": true, …}
"""

from collections import Counter
from datetime import date
from operator import not_
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
    expects: tuple[Expected, ...] = ()
    forbids: tuple[Expected, ...] = Field((), exclude_if=not_)
    unanswerable: bool = Field(False, exclude_if=not_)
    severity: Literal["routine", "critical"]
    rationale: str = Field(min_length=3)
    role: str = Field(min_length=3)
    reviewed_on: date
    release: str = ""  # only for this release of the source

    @model_validator(mode="after")
    def _asks_for_something(self) -> "GoldenQuestion":
        if self.unanswerable and (self.expects or self.forbids):
            raise ValueError("an unanswerable question expects and forbids nothing")
        if not (self.expects or self.forbids or self.unanswerable):
            raise ValueError("a question expects something, forbids something, or is unanswerable")
        return self

    @property
    def critical(self) -> bool:
        return self.severity == "critical"

    def digest(self) -> str:
        """Of what is asked and expected: the rest may be corrected without making it another question."""
        return digests.of_json([self.question, [e.model_dump() for e in self.expects]])


def read_golden(folder: Path, source: str, release: str) -> list[GoldenQuestion]:
    """The golden questions of a source that hold for `release`. Raises Misconfigured naming file and line."""
    questions = _of_release(folder / "golden" / f"{source}.jsonl", release)
    if without := next((q.id for q in questions if not q.expects), None):
        raise Misconfigured(
            f"{source}.jsonl: {without} expects nothing.",
            next=f"Name what answers, or move it to {source}-negative.jsonl.",
        )
    return questions


def read_negatives(folder: Path, source: str, release: str) -> list[GoldenQuestion]:
    """The negative questions of a source that hold for `release`, those among its golden ones that forbid something included."""
    golden = read_golden(folder, source, release)
    negative = _of_release(folder / "golden" / f"{source}-negative.jsonl", release)
    if without := next((q.id for q in negative if not (q.forbids or q.unanswerable)), None):
        raise Misconfigured(
            f"{source}-negative.jsonl: {without} forbids nothing and is not unanswerable.",
            next=f"Move it to {source}.jsonl.",
        )
    _check_unique(f"{source}-negative.jsonl", "id", [q.id for q in [*golden, *negative]])
    _check_asked_once(f"{source}-negative.jsonl", [*golden, *negative])
    return [*negative, *(q for q in golden if q.forbids)]


def all_ids(folder: Path, source: str) -> tuple[str, ...]:
    """The ids of every golden question of a source, negative ones and those of other releases included."""
    files = (folder / "golden" / f"{source}{kind}.jsonl" for kind in ("", "-negative"))
    return tuple(sorted(q.id for path in files for q in read_file(path)))


def every_question(folder: Path, source: str) -> list[GoldenQuestion]:
    """All golden questions of a source, negative ones and those of other releases included: for who has to keep away from them."""
    return [q for kind in ("", "-negative") for q in read_file(folder / "golden" / f"{source}{kind}.jsonl")]


def _of_release(path: Path, release: str) -> list[GoldenQuestion]:
    questions = read_file(path)
    _check_unique(path.name, "id", [q.id for q in questions])
    holding = [q for q in questions if q.release in ("", release)]
    _check_asked_once(path.name, holding)
    return holding


def read_file(path: Path) -> list[GoldenQuestion]:
    """Every question of a file, none where there is no file. Raises Misconfigured naming file and line."""
    if not path.exists():
        return []
    return [
        _question(line, path.name, number)
        for number, line in enumerate(path.read_bytes().splitlines(), 1)
        if line.strip()
    ]


def _squeezed(text: str) -> str:
    return " ".join(text.split()).casefold()


def _check_asked_once(name: str, questions: list[GoldenQuestion]) -> None:
    """The ids are told, and not the words: what is raised may reach an orchestrator."""
    known: dict[str, str] = {}
    for each in questions:
        if (other := known.setdefault(_squeezed(each.question), each.id)) != each.id:
            raise Misconfigured(f"{name}: {other} and {each.id} ask the same.", next="Remove one of the two.")


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
