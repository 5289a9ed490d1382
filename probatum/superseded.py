"""Which documents another one says it replaces, and so are no longer current, although they are still there.

    {"id": "stroke-2.pdf", "number": "P-58", "supersedes": "P-15"}  and a document with the number P-15
    ->  superseded(…) == {"stroke-1.pdf": "stroke-2.pdf"}

A document may be named by its id, its number, or its file (with or without the folder), capitals or not. What is superseded
still supersedes: where C replaces B and B replaces A, C alone is current. A document that replaces itself, and a circle of
documents that replace each other, say nothing that can be acted on and are refused.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from probatum.errors import Rejected
from probatum.records import Document

_CORRECT = "Correct what is said of these documents and run the refresh again."
_SHOWN = 5


@dataclass(frozen=True)
class Claim:
    """What a document says of itself and others. names: how others may name it. The last two: names of others."""

    id: str
    names: frozenset[str]
    supersedes: frozenset[str] = frozenset()
    superseded_by: frozenset[str] = frozenset()


def without_superseded(documents: Sequence[Document]) -> tuple[list[Document], dict[str, str]]:
    """(the current ones in their order, {id of one taken out: id of what replaces it}). Raises Rejected."""
    of_file = Counter(document.file for document in documents)
    gone = superseded(_claim(document, of_file[document.file] == 1) for document in documents)
    return [document for document in documents if document.id not in gone], gone


def superseded(claims: Iterable[Claim]) -> dict[str, str]:
    """{id: id of what replaces it}. Raises Rejected for one that replaces itself, and for a circle."""
    claims = sorted(claims, key=lambda claim: claim.id)
    by_name: dict[str, list[Claim]] = {}
    for claim in claims:
        for name in claim.names:
            by_name.setdefault(name, []).append(claim)
    replaced_by: dict[str, set[str]] = {}
    for claim in claims:
        for other in _others(claim, claim.supersedes, by_name):
            replaced_by.setdefault(other.id, set()).add(claim.id)
        for other in _others(claim, claim.superseded_by, by_name):
            replaced_by.setdefault(claim.id, set()).add(other.id)
    _refuse_circles(replaced_by)
    return {old: min(new) for old, new in sorted(replaced_by.items())}


def naming(*names: str) -> frozenset[str]:
    """The ways of naming a document: each name, and the last part of one that is a path."""
    return frozenset(way.casefold() for name in names if name for way in (name, PurePosixPath(name).name))


def references(said: str) -> frozenset[str]:
    """Names in "P-15, P-16"; a single name may itself hold a comma."""
    return frozenset(name.strip().casefold() for name in (said, *said.split(",")) if name.strip())


def _claim(document: Document, alone: bool) -> Claim:
    """alone: in its file, whose name then is a name of it too."""
    meta = document.meta
    return Claim(
        document.id,
        naming(document.id, document.file if alone else "", meta.get("number", "")),
        references(meta.get("supersedes", "")),
        references(meta.get("superseded_by", "")),
    )


def _others(claim: Claim, named: frozenset[str], by_name: Mapping[str, list[Claim]]) -> Iterator[Claim]:
    """Those named, but for the claim itself: a number may be that of an older version that is there too."""
    for name in sorted(named):
        found = by_name.get(name, [])
        others = [other for other in found if other.id != claim.id]
        if found and not others:
            raise Rejected(f"{claim.id} says that it supersedes itself.", next=_CORRECT)
        yield from others


def _refuse_circles(replaced_by: Mapping[str, set[str]]) -> None:
    """Take away what nothing unsettled replaces, until nothing is left or only circles are."""
    waiting = {old: set(new) for old, new in replaced_by.items()}
    while settled := [old for old, new in waiting.items() if not new & waiting.keys()]:
        for old in settled:
            del waiting[old]
    if waiting:
        raise Rejected(
            f"{len(waiting)} documents supersede each other in a circle, or hang on one: "
            f"{', '.join(sorted(waiting)[:_SHOWN])}.",
            next=_CORRECT,
        )
