"""The golden questions themselves are tried: does what each expects still stand, and did any vanish without a word?

    standing(question, documents)  ->  False: its document is gone, or no longer holds the quoted words

A question of which nothing stands any more "needs review": it stays in the audit and refuses the release, until its
reviewer changes it, retires it (expectations/retired/<source>.jsonl, with a reason), or somebody records in
known_differences that it may wait. A question that serves was asked of and is gone from the files without a line there refuses, too.
"""

from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from functools import cached_property
from pathlib import Path

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from probatum.audit_report import KEPT, REVIEWED, Finding
from probatum.errors import Misconfigured
from probatum.golden import Expected, GoldenQuestion

_SHOWN = 10


class Documents:
    """The documents of a candidate's source, looked up by id and by family."""

    def __init__(self, texts: Mapping[str, str]):
        self._texts = texts

    def stands(self, expected: Expected) -> bool:
        """Whether there is such a document, or one of such a family, that still holds the anchor."""
        ids = self._family(expected.family) if expected.family else [expected.document]
        anchor = _squeezed(expected.anchor)
        return any(i in self._texts and (not anchor or anchor in _squeezed(self._texts[i])) for i in ids)

    def _family(self, beginning: str) -> Iterable[str]:
        at = bisect_left(self._ids, beginning)
        while at < len(self._ids) and self._ids[at].startswith(beginning):
            yield self._ids[at]
            at += 1

    @cached_property
    def _ids(self) -> list[str]:
        return sorted(self._texts)


class Retired(BaseModel):
    """One line of expectations/retired/<source>.jsonl: a question that is asked no more, and why."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    reason: str = Field(min_length=10)
    role: str = Field(min_length=3)
    retired_on: date


def needing_review(questions: Sequence[GoldenQuestion], documents: Documents) -> tuple[str, ...]:
    """Ids of the questions of which nothing that is expected stands any more."""
    return tuple(q.id for q in questions if q.expects and not any(documents.stands(e) for e in q.expects))


def questions_stand(
    questions: Sequence[GoldenQuestion], documents: Documents, needing: Sequence[str], waiting: Collection[str]
) -> Finding:
    """waiting: the questions recorded as known to need review."""
    unseen = tuple(i for i in needing if i not in waiting)
    partly = sum(any(not documents.stands(e) for e in q.expects) for q in questions) - len(needing)
    seen = f"{len(needing)} of {len(questions)} need review, {len(needing) - len(unseen)} recorded; {partly} expect something that is gone beside what stands"
    first = f"; needs review: {', '.join(unseen[:_SHOWN])}" if unseen else ""
    return Finding(rule=REVIEWED, passed=not unseen, seen=seen + first, ids=unseen)


def questions_kept(before: Sequence[str], now: Sequence[str], retired: Collection[str]) -> Finding:
    """before, now: ids of all golden questions when what serves was audited, and today."""
    gone = sorted(set(before) - set(now))
    unseen = tuple(i for i in gone if i not in retired)
    seen = f"{len(now)} questions, {len(gone)} of before are gone, {len(gone) - len(unseen)} with a recorded reason"
    first = f"; gone without one: {', '.join(unseen[:_SHOWN])}" if unseen else ""
    return Finding(rule=KEPT, passed=not unseen, seen=seen + first, ids=unseen)


def retired_ids(expectations: Path, source: str) -> set[str]:
    """The questions that were retired with a reason. Raises Misconfigured naming the line that gives none."""
    path = expectations / "retired" / f"{source}.jsonl"
    lines = path.read_bytes().splitlines() if path.exists() else []
    return {_retired(line, path.name, n) for n, line in enumerate(lines, 1) if line.strip()}


def _retired(line: bytes, name: str, number: int) -> str:
    try:
        return Retired.model_validate(orjson.loads(line)).id
    except (orjson.JSONDecodeError, ValidationError) as error:
        said = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
        raise Misconfigured(
            f"retired/{name}, line {number}, is no retired question ({said}).",
            next='Each line needs "id", "reason", "role" and "retired_on".',
        ) from None


def _squeezed(text: str) -> str:
    return " ".join(text.split()).casefold()
