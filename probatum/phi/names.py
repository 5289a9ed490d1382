"""Clinical names: the words by which "Patient: Parkinson" is told from a patient called Parkinson.

    names = ClinicalNames.of(["Wilson's disease", "Sepsis due to Escherichia coli", "Gilbert syndrome", …])
    names.are_nobody(["Wilson"])            True: an eponym, alone
    names.are_nobody(["James", "Wilson"])   False: no title knows a James

Made from the titles and synonyms of releases that are trusted (ICD-10-CM, the formulary), never from the documents being
judged. A word seen in small letters is an ordinary word; one seen with a capital only may be somebody's name, and two
of those together are a clinical name only where some title has them side by side ("Austin Flint"). Kept as a sorted text
file whose first line holds its digest.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path

from probatum import digests
from probatum.errors import Damaged
from probatum.files import write_atomically
from probatum.records import Document

_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_FIRST_LINE = "# clinical names, sha256 "
_SEARCHED = ("title", "synonym")


@dataclass(frozen=True)
class ClinicalNames:
    ordinary: frozenset[str] = frozenset()  # in small letters somewhere: "sepsis", "adult"
    proper: frozenset[str] = frozenset()  # never: "parkinson", "gilbert"
    pairs: frozenset[str] = frozenset()  # neighbours in a title of which one is proper: "austin flint"

    @classmethod
    def of(cls, titles: Iterable[str]) -> "ClinicalNames":
        ordinary: set[str] = set()
        proper: set[str] = set()
        neighbours: set[tuple[str, str]] = set()
        for title in titles:
            words = _WORD.findall(title)
            ordinary.update(word for word in words if word.islower())
            plain = [_plain(word) for word in words]
            proper.update(plain)
            neighbours.update(pairwise(plain))
        ordinary = {_plain(word) for word in ordinary}
        proper -= ordinary
        pairs = {f"{one} {two}" for one, two in neighbours if one in proper or two in proper}
        return cls(frozenset(ordinary), frozenset(proper), frozenset(pairs))

    @classmethod
    def of_documents(cls, documents: Iterable[Document]) -> "ClinicalNames":
        """From what a publisher calls things: titles, and the blocks that are titles or synonyms."""
        return cls.of(title for document in documents for title in _titles(document))

    def are_nobody(self, words: Sequence[str]) -> bool:
        """Are these words, which stand where a name could, ordinary or clinical ones?"""
        plain = [_plain(word) for word in words]
        if not all(word in self.ordinary or word in self.proper for word in plain):
            return False
        return all(
            one in self.ordinary or two in self.ordinary or f"{one} {two}" in self.pairs for one, two in pairwise(plain)
        )

    def are_ordinary(self, words: Sequence[str]) -> bool:
        return all(_plain(word) in self.ordinary for word in words)

    @cached_property
    def digest(self) -> str:
        return digests.of_text(self.text())

    def save(self, path: Path) -> None:
        write_atomically(path, f"{_FIRST_LINE}{self.digest}\n{self.text()}".encode())

    @classmethod
    def load(cls, path: Path) -> "ClinicalNames":
        """Raises Damaged if the file is not what was saved."""
        first, _, rest = path.read_bytes().decode("utf-8", "replace").partition("\n")
        if first != _FIRST_LINE + digests.of_text(rest):
            raise Damaged(
                f"{path.name} is not the list of clinical names that was saved: its digest does not match.",
                safe="No document was let in with it.",
                next="Delete it; it is made again from the releases.",
            )
        return cls.parsed(rest)

    @classmethod
    def parsed(cls, text: str) -> "ClinicalNames":
        """What `text` said."""
        kinds: dict[str, list[str]] = {"o": [], "p": [], "s": []}
        for line in text.splitlines():
            kinds[line[0]].append(line[2:])
        return cls(*(frozenset(words) for words in kinds.values()))

    def text(self) -> str:
        """What is saved: a word or pair a line, sorted."""
        marked = (("o", self.ordinary), ("p", self.proper), ("s", self.pairs))
        return "".join(f"{mark} {word}\n" for mark, words in marked for word in sorted(words))


def _titles(document: Document) -> Iterable[str]:
    yield document.title
    for block in document.blocks:
        if block.kind in _SEARCHED:
            yield document.text[block.start : block.end]


def _plain(word: str) -> str:
    """ "Wilson's" and "WILSON" are "wilson"."""
    return word.replace("’", "'").removesuffix("'s").casefold()
