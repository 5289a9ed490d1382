"""Who a document is when its file has another name than last time, so that a renamed file is no loss and no newcomer.

    before: Known(id="sepsis.pdf", number="P-12", …)       now: Document(id="adult-sepsis-v4.pdf", meta={"number": "P-12"}, …)
    carried_over(before, now) == {"adult-sepsis-v4.pdf": "sepsis.pdf"}

A document that was declared an id (in `release.toml`, beside its file, or by its publisher) keeps exactly that. One that is
called after its file keeps the id its content had, found in this order, each step only among what is left:

1. the same file with the same bytes;
2. the same bytes under another name, where no other has them, and the old name is gone or its new holder is found so too;
3. the same file name, which also holds for a document that was renamed earlier and goes by a still older name;
4. the declared number of exactly one document whose name is gone; then 5. its title and most of its words.

What fits two is left as new. Two documents never end with one id: a newcomer under the name of one that was renamed
earlier is called after its file and its bytes. Nothing is read from or written to disk here.
"""

import heapq
import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b

from probatum.records import Document

SIDECAR = ".probatum.toml"  # after a file's name: what is said of that file; it is no document itself

# Of the runs of words in either text, those in both: .84 and .91 for two new versions in the samples, and at most .06 for
# two documents there, but for a protocol that was written from another one (.25).
_MOST_WORDS = 0.5
_RUN = 3  # words
_SKETCH = 256  # runs remembered of a document: enough to tell 0.5 from 0.3 nearly always
_LEAST_RUNS = 8  # a document of ten words is like many others
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True)
class Known:
    """What is remembered of a document that serves. sketch: of its runs of words, see `sketch`."""

    id: str
    file: str
    sha256: str
    number: str
    title: str
    sketch: tuple[int, ...]

    @classmethod
    def of(cls, document: Document) -> "Known":
        number, title = str(document.meta.get("number", "")), " ".join(document.title.casefold().split())
        return cls(document.id, document.file, document.sha256, number.strip().casefold(), title, sketch(document.text))


Same = Callable[[Known, Known], bool]
Key = Callable[[Known], Hashable]


def carried_over(before: Iterable[Known], now: Sequence[Document]) -> dict[str, str]:
    """{id after its file: id it goes by}, of those documents of `now` for which the two differ."""
    pairing = _Pairing(list(before), [Known.of(document) for document in now])
    pairing.same_file_same_bytes()
    pairing.same_bytes_elsewhere()
    pairing.same_file_name()
    pairing.of_those_gone(lambda known: known.number, lambda old, new: True)
    pairing.of_those_gone(lambda known: known.title, _alike)
    return pairing.renamings()


def renamed(document: Document, old_id: str) -> Document:
    """The document under the id it goes by; its file is still called what it is called."""
    return replace(document, id=old_id, family=old_id)


def sketch(text: str) -> tuple[int, ...]:
    """The smallest hashes of the text's runs of three words: texts that share runs share hashes. Same on every machine."""
    words = _WORD.findall(text.casefold())
    runs = {" ".join(words[at : at + _RUN]) for at in range(len(words) - _RUN + 1)}
    hashes = {int.from_bytes(blake2b(run.encode(), digest_size=8).digest(), "big") for run in runs}
    return tuple(heapq.nsmallest(_SKETCH, hashes))


def likeness(one: Sequence[int], other: Sequence[int]) -> float:
    """Of the runs of words in either text, about how many are in both: 0 to 1, from their sketches."""
    smallest = heapq.nsmallest(_SKETCH, set(one) | set(other))
    both = set(one) & set(other)
    return sum(value in both for value in smallest) / len(smallest) if smallest else 0.0


def _alike(old: Known, new: Known) -> bool:
    """The same number, or none on one side: two that declare different numbers are two documents."""
    if old.number and new.number and old.number != new.number:
        return False
    return min(len(old.sketch), len(new.sketch)) >= _LEAST_RUNS and likeness(old.sketch, new.sketch) >= _MOST_WORDS


class _Pairing:
    """Who of now is who of before. Only documents called after their file look for an older self."""

    def __init__(self, before: list[Known], now: list[Known]):
        declared = {known.id for known in now if known.id != known.file}
        self._now = now
        self._old = {known.id: known for known in before if known.id not in declared}  # not found yet
        self._new = {known.id: known for known in now if known.id == known.file}  # not found yet
        self._files = {known.file for known in now}
        self._found: dict[str, str] = {}

    def same_file_same_bytes(self) -> None:
        self._pair_unique(lambda known: (known.file, known.sha256))

    def same_bytes_elsewhere(self) -> None:
        pairs = self._unique_pairs(lambda known: known.sha256)
        while True:
            moved = {new.file for _, new in pairs}
            sound = [(old, new) for old, new in pairs if old.file not in self._files or old.file in moved]
            if len(sound) == len(pairs):
                break
            pairs = sound
        for old, new in pairs:
            self._pair(old, new)

    def same_file_name(self) -> None:
        self._pair_unique(lambda known: known.file)
        for name in list(self._new):
            if name in self._old:
                self._pair(self._old[name], self._new[name])

    def of_those_gone(self, key: Key, same: Same) -> None:
        gone = [old for old in self._old.values() if old.file not in self._files]
        fits = [
            (old, new)
            for old in gone
            for new in self._new.values()
            if key(old) and key(old) == key(new) and same(old, new)
        ]
        for old, new in fits:
            if sum(old is o or new is n for o, n in fits) == 1:
                self._pair(old, new)

    def renamings(self) -> dict[str, str]:
        ids = {known.id for known in self._now if known.id not in self._found} - self._new.keys()
        ids |= set(self._found.values())
        chosen = {new: old for new, old in self._found.items() if new != old}
        for name, newcomer in sorted(self._new.items()):
            free = next(i for i in _names(newcomer) if i not in ids)
            ids.add(free)
            if free != name:
                chosen[name] = free
        return chosen

    def _pair_unique(self, key: Key) -> None:
        for old, new in self._unique_pairs(key):
            self._pair(old, new)

    def _unique_pairs(self, key: Key) -> list[tuple[Known, Known]]:
        """Pairs whose key no other has on either side."""
        old, new = _by(key, self._old.values()), _by(key, self._new.values())
        return [(old[k][0], new[k][0]) for k in old if len(old[k]) == 1 == len(new.get(k, ()))]

    def _pair(self, old: Known, new: Known) -> None:
        self._found[new.id] = old.id
        del self._old[old.id], self._new[new.id]


def _by(key: Key, all_known: Iterable[Known]) -> dict[Hashable, list[Known]]:
    found = defaultdict(list)
    for known in all_known:
        found[key(known)].append(known)
    return found


def _names(newcomer: Known) -> Iterable[str]:
    """Its file; else its file and the start of its digest, as long as it takes."""
    yield newcomer.id
    for length in range(8, len(newcomer.sha256) + 1):
        yield f"{newcomer.id}@{newcomer.sha256[:length]}"
