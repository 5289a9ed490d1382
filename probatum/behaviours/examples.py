"""Examples: what a behaviour is trained, judged and watched on; one JSON object a line, each signed off by a person.

    {"id": "soap-0001", "input": "Doctor: What brings you in? …", "output": "Subjective:\\n…", "slice": "cardiology",
     "reviewer": "ward physician", "reviewed_on": "2026-11-20"}

`reviewer` is a role, not a person's name. A behaviour of labels has the label as its output. `critical` examples of a
held-out set may not be lost by a challenger. The digest of a set covers everything in it, in any order.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import date
from pathlib import Path

import orjson
from pydantic import Field, ValidationError, field_validator

from probatum import digests
from probatum.audit_report import Frozen
from probatum.errors import Misconfigured

_SAFE = "Nothing was trained."


class Example(Frozen):
    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$")
    input: str = Field(min_length=3)
    output: str = Field(min_length=1)
    slice: str = Field("all", pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")
    critical: bool = False
    reviewer: str = ""  # checked by the gate, so that it can name all that lack one
    reviewed_on: date | None = None

    @field_validator("input", "output")
    @classmethod
    def _says_something(cls, text: str) -> str:
        if not text.strip():
            raise ValueError("it is empty")
        return text

    def digest(self) -> str:
        return digests.of_json(self.model_dump(mode="json"))


def read_examples(path: Path) -> tuple[Example, ...]:
    """All examples of a file. Raises Misconfigured naming file and line, never what the line says."""
    examples = tuple(_example(line, path.name, number) for number, line in _lines(path))
    if twice := next((name for name, count in Counter(e.id for e in examples).items() if count > 1), None):
        raise Misconfigured(f"{path.name} has the id {twice} twice.", safe=_SAFE, next="Give one of them another id.")
    return examples


def read_texts(path: Path) -> tuple[str, ...]:
    """A general set: ordinary text, {"text": …} a line. Raises Misconfigured naming file and line."""
    found = []
    for number, line in _lines(path):
        value = _json(line, path.name, number)
        text = value.get("text") if isinstance(value, dict) else None
        if not isinstance(text, str) or not text.strip():
            raise Misconfigured(f'{path.name}, line {number}, has no "text".', safe=_SAFE, next="Correct the line.")
        found.append(text)
    return tuple(found)


def examples_digest(examples: Iterable[Example]) -> str:
    """The same for the same examples in any order; another one when a letter, a slice or a sign-off changes."""
    return digests.of_pairs((example.id, example.digest()) for example in examples)


def texts_digest(texts: Iterable[str]) -> str:
    return digests.of_json(sorted(digests.of_text(text) for text in texts))


def _lines(path: Path) -> Iterable[tuple[int, bytes]]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise Misconfigured(
            f"{path.name} cannot be read ({error.strerror}).",
            safe=_SAFE,
            next="Put it into the folder of training data, or correct [data] in the behaviour's file.",
        ) from None
    return [(number, line) for number, line in enumerate(data.splitlines(), 1) if line.strip()]


def _json(line: bytes, name: str, number: int) -> object:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        raise Misconfigured(f"{name}, line {number}, is no JSON.", safe=_SAFE, next="Correct the line.") from None


def _example(line: bytes, name: str, number: int) -> Example:
    try:
        return Example.model_validate(_json(line, name, number))
    except ValidationError as error:
        first = error.errors()[0]
        raise Misconfigured(
            f"{name}, line {number}: {'.'.join(map(str, first['loc'])) or 'the line'}: {first['msg']}.",
            safe=_SAFE,
            next="Correct the line.",
        ) from None
