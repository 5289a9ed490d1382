"""The leak gate: nothing an adapter is judged by may be among what it learnt from.

    must_not_leak(texts, kept, encode)     raises Rejected: "3 texts to learn from are questions kept for judging: icd10-lay-014 (the same), …"

Golden questions and probes are compared with every text as written, then without case, accents and punctuation, then by the cosine
of the base encoder: above 0.95 two sentences say the same in other words. The message lists ids, never words (P44).
"""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import orjson

from probatum.errors import Misconfigured, Rejected

NEAR = (
    0.95  # cosine: "broken collar bone" and "a broken collarbone" have 0.97, "broken collarbone" and "broken wrist" 0.6
)
_SHOWN = 20
_ROWS_AT_ONCE = 4096
_NOT_WORDS = re.compile(r"[^\w]+")
KEPT_FOLDERS = ("golden", "probes")

Encode = Callable[[Sequence[str]], np.ndarray]


@dataclass(frozen=True)
class Leak:
    """id: of the question that is kept. how: "the same", "the same but for case" or "nearly the same"."""

    id: str
    how: str
    place: int  # of the text among those to learn from

    def __str__(self) -> str:
        return f"{self.id} ({self.how})"


def kept_questions(expectations: Path) -> dict[str, str]:
    """{id: question} of all golden questions and probes. Raises Misconfigured for a line that is no question."""
    found: dict[str, str] = {}
    for folder in KEPT_FOLDERS:
        for path in sorted((expectations / folder).glob("*.jsonl")):
            for number, line in enumerate(path.read_bytes().splitlines(), 1):
                if not line.strip():
                    continue
                try:
                    raw = orjson.loads(line)
                    found[raw["id"]] = raw["question"]
                except (orjson.JSONDecodeError, KeyError, TypeError):
                    raise Misconfigured(
                        f"{path.name} line {number} is no question.", next="Correct it: a leak could hide there."
                    ) from None
    return found


def leaks(texts: Sequence[str], kept: Mapping[str, str], encode: Encode | None) -> list[Leak]:
    """Every kept question that one of `texts` gives away, once each, the surest way first.

    encode: unit vectors of texts by the base encoder; None: only the words are compared.
    """
    found: dict[str, Leak] = {}
    for how, form in (("the same", str.strip), ("the same but for case", _bare)):
        places = {form(text): place for place, text in enumerate(texts)}
        for identity, question in kept.items():
            if identity not in found and form(question) in places:
                found[identity] = Leak(identity, how, places[form(question)])
    if encode is not None:
        left = [identity for identity in kept if identity not in found]
        for identity, place in zip(left, _nearest(texts, [kept[i] for i in left], encode), strict=True):
            if place is not None:
                found[identity] = Leak(identity, "nearly the same", place)
    return [found[identity] for identity in kept if identity in found]


def must_not_leak(texts: Sequence[str], kept: Mapping[str, str], encode: Encode | None) -> None:
    """Raise Rejected, naming the questions, when one of them is among the texts."""
    if found := leaks(texts, kept, encode):
        shown = ", ".join(map(str, found[:_SHOWN])) + (
            f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        )
        raise Rejected(
            f"{len(found)} questions kept for judging are among what would be learnt from: {shown}.",
            safe="Nothing was trained; what served before still serves.",
            next="Remove these texts from the data, or take the questions out of golden questions and probes.",
        )


def _nearest(texts: Sequence[str], questions: Sequence[str], encode: Encode) -> list[int | None]:
    """For each question the place of a text that is nearer than allowed, or None."""
    if not texts or not questions:
        return [None] * len(questions)
    asked = encode(questions)
    best, place = np.full(len(questions), -1.0), np.zeros(len(questions), int)
    for start in range(0, len(texts), _ROWS_AT_ONCE):
        cosines = asked @ encode(texts[start : start + _ROWS_AT_ONCE]).T
        here = cosines.max(axis=1)
        place = np.where(here > best, start + cosines.argmax(axis=1), place)
        best = np.maximum(here, best)
    return [int(p) if cosine > NEAR else None for cosine, p in zip(best, place, strict=True)]


def _bare(text: str) -> str:
    """Without case, accents and punctuation."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    return _NOT_WORDS.sub(" ", plain).strip()
