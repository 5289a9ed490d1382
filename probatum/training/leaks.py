"""The leak gate: nothing an adapter is judged by may be among what it learnt from.

    must_not_leak(texts, kept, encode)     raises Rejected: "3 texts to learn from are questions kept for judging: icd10-lay-014 (the same), …"

Golden questions and probes are compared with every text as written, then without case, accents and punctuation, then by the cosine
of the base encoder: above 0.95 two sentences say the same in other words. The message lists ids, never words (P44).
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
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
                    name = raw["id"] if raw["id"] not in found else f"{raw['id']} of {folder}"
                    found[name] = raw["question"]
                except (orjson.JSONDecodeError, KeyError, TypeError):
                    raise Misconfigured(
                        f"{path.name} line {number} is no question.", next="Correct it: a leak could hide there."
                    ) from None
    return found


def leaks(texts: Sequence[str], kept: Mapping[str, str], encode: Encode | None) -> list[Leak]:
    """Every text that gives a kept question away, and which, the surest way first.

    encode: unit vectors of texts by the base encoder; None: only the words are compared.
    """
    found: dict[tuple[str, int], Leak] = {}
    for how, form in (("the same", str.strip), ("the same but for case", _bare)):
        places: dict[str, list[int]] = defaultdict(list)
        for place, text in enumerate(texts):
            places[form(text)].append(place)
        for identity, question in kept.items():
            for place in places.get(form(question), ()):
                found.setdefault((identity, place), Leak(identity, how, place))
    if encode is not None:
        for identity, place in _near(texts, kept, encode):
            found.setdefault((identity, place), Leak(identity, "nearly the same", place))
    return list(found.values())


def must_not_leak(texts: Sequence[str], kept: Mapping[str, str], encode: Encode | None) -> None:
    """Raise Rejected, naming the questions, when one of them is among the texts."""
    found: dict[str, Leak] = {}
    for leak in leaks(texts, kept, encode):
        found.setdefault(leak.id, leak)
    if found:
        shown = ", ".join(map(str, list(found.values())[:_SHOWN]))
        shown += f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        raise Rejected(
            f"{len(found)} questions kept for judging are among what would be learnt from: {shown}.",
            safe="Nothing was trained; what served before still serves.",
            next="Remove these texts from the data, or leave them out knowingly; the questions stay as they are.",
        )


def _near(texts: Sequence[str], kept: Mapping[str, str], encode: Encode) -> Iterator[tuple[str, int]]:
    """(id, place) of every question and text that are nearer than allowed."""
    if texts and kept:
        ids, asked = list(kept), encode(list(kept.values()))
        for start in range(0, len(texts), _ROWS_AT_ONCE):
            cosines = asked @ encode(texts[start : start + _ROWS_AT_ONCE]).T
            for question, place in zip(*np.nonzero(cosines > NEAR), strict=True):
                yield ids[question], start + int(place)


def _bare(text: str) -> str:
    """Without case, accents and punctuation."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    return _NOT_WORDS.sub(" ", plain).strip()
