"""Spelling: a word of a question that nobody knows is read as the nearest word that some text of a source holds.

    Spelling(["chlamydia infection", …]).corrected("tested positve for clamydia")  ->  "tested positive for chlamydia"

Only words of five letters and more, only to a word with the same first letter that is one slip away (two in long
words), and never a word with a digit: a dose, a code or a brand nobody listed stays as it was typed. Known are the words of
the texts and those the encoder knows whole: "latest" is no slip of "latent", although no text may say it.
"""

import re
from collections import Counter
from collections.abc import Container, Iterable

from rapidfuzz import process
from rapidfuzz.distance import DamerauLevenshtein

_WORD = re.compile(r"[A-Za-z]+")
_SHORTEST = 5  # characters: shorter slips have too many neighbours
_LONG = 8  # from here two slips are allowed


class Spelling:
    def __init__(self, texts: Iterable[str], words: Container[str] = frozenset()):
        """words: that are right whether or not a text holds them, in small letters; nothing is mended to one of them."""
        self._right = words
        self._known = Counter(word for text in texts for word in _WORD.findall(text.lower()))
        self._by_letter: dict[str, list[str]] = {}
        for word in self._known:
            if len(word) >= _SHORTEST - 1:
                self._by_letter.setdefault(word[0], []).append(word)

    def corrected(self, question: str) -> str:
        """The question with its slips mended; the same object when there are none."""
        return _WORD.sub(lambda match: self._mended(match[0]), question)

    def _mended(self, word: str) -> str:
        lower = word.lower()
        if len(lower) < _SHORTEST or self._is_known(lower):
            return word
        slips = 2 if len(lower) >= _LONG else 1
        near = process.extract(
            lower, self._by_letter.get(lower[0], ()), scorer=DamerauLevenshtein.distance, score_cutoff=slips, limit=5
        )
        return min(near, key=lambda found: (found[1], -self._known[found[0]], found[0]))[0] if near else word

    def _is_known(self, word: str) -> bool:
        return (
            word in self._right
            or word in self._known
            or word.removesuffix("s") in self._known
            or f"{word}s" in self._known
        )
