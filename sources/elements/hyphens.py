"""Words broken at the end of a line, put together again only where that is right.

    "hyper-" + "tension" -> "hypertension"     (the document says "hypertension" elsewhere)
    "beta-"  + "blocker" -> "beta-blocker"     (or says "beta-blocker" elsewhere, or "beta" and "blocker" alone)
    "10-"    + "20 mg"   -> "10-20 mg"         (digits are never joined)

What the document itself writes decides; where it says nothing, a compound keeps its hyphen and plain letters join
only in documents whose other line ends show that they hyphenate.
"""

import re
from collections import Counter
from collections.abc import Iterable

_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_LAST = re.compile(r"((?:[^\W\d_]+-)*[^\W\d_]+)-$")
_FIRST = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_COMPOUND = frozenset(  # first parts that keep their hyphen
    re.findall(
        r"\w+",
        "alpha beta gamma delta non self well long short high low mid pre post evidence follow first second third one "
        "two three four five six half full part time risk dose sex day week year month once twice cross co anti health "
        "age case patient point open double single meta shared drug quality cost on off in out end over large small "
        "multi inter intra all x t",
    )
)


class Hyphens:
    """Knows the words of one document. Feed it every line first, then ask."""

    def __init__(self, lines: Iterable[str]):
        self._words: Counter[str] = Counter()
        broken: list[tuple[str, str]] = []
        before = ""
        for line in lines:
            found = _WORD.findall(line.casefold())
            left, right = _parts(before, line)
            if left and found:
                broken.append((left, right))
                found = found[1:]
            if line.rstrip().endswith("-") and found:
                found = found[:-1]
            self._words.update(found)
            before = line
        told = [self._evidence(left, right) for left, right in broken]
        self._hyphenates = told.count("join") > told.count("keep")

    def joined(self, before: str, after: str) -> str:
        """Two lines of one paragraph as one, with what belongs between them."""
        if not before.endswith("-"):
            return before + ("" if before.endswith(("/", "—")) and not before.endswith(" /") else " ") + after
        left, right = _parts(before, after)
        if not left:
            gap = " " if re.search(r"(^|\s)-$", before) or re.match(r"(and|or|to)\b", after) else ""
            return before + gap + after
        if after.startswith(("and ", "or ", "to ")):  # "pre- and post-operative"
            return before + " " + after
        verdict = self._evidence(left, right) or self._guess(left, right)
        return (before[:-1] if verdict == "join" else before) + after

    def _evidence(self, left: str, right: str) -> str:
        whole, hyphened = left + right, f"{left}-{right}"
        if self._words[whole] or self._words[hyphened]:
            return "join" if self._words[whole] > self._words[hyphened] else "keep"
        return ""

    def _guess(self, left: str, right: str) -> str:
        if left in _COMPOUND or left.rsplit("-", 1)[-1] in _COMPOUND or "-" in left:
            return "keep"
        if self._words[left] and self._words[right]:
            return "keep"
        return "join" if self._hyphenates or not (self._words[left] or self._words[right]) else "keep"


def _parts(before: str, after: str) -> tuple[str, str]:
    """The two halves of a word broken between the lines, casefolded; empty where none is."""
    left, right = _LAST.search(before.rstrip()), _FIRST.match(after.lstrip())
    if not left or not right or not right[0][0].islower():
        return "", ""
    return left[1].casefold(), right[0].casefold()
