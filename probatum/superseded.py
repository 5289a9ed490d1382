"""Which documents another one says it replaces, and so are no longer current, although they are still there.

    {"id": "stroke-2.pdf", "number": "P-58", "supersedes": "P-15"}  and a document with the number P-15
    ->  superseded(…) == {"stroke-1.pdf": "stroke-2.pdf"}

A document may be named by its id, its number, or its file, capitals or not; without the folder where that leaves no doubt. What is superseded
still supersedes: where C replaces B and B replaces A, C alone is current. A document that replaces itself, and a circle of
documents that replace each other, say nothing that can be acted on and are refused; one that replaces its own number means
the versions before it.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from types import MappingProxyType

from probatum.errors import Rejected
from probatum.records import Document

_CORRECT = "Correct what is said of these documents and run the refresh again."
_SHOWN = 5


@dataclass(frozen=True)
class Claim:
    """What a document says of itself and others.

    names: its own. also: how it may be named too, but so may an older version of it: its number, the name it had before.
    """

    id: str
    names: frozenset[str]
    also: frozenset[str] = frozenset()
    supersedes: frozenset[str] = frozenset()
    superseded_by: frozenset[str] = frozenset()


def without_superseded(
    documents: Sequence[Document], formerly: Mapping[str, str] = MappingProxyType({})
) -> tuple[list[Document], dict[str, str]]:
    """(the current ones in their order, {id of one taken out: id of what replaces it}). Raises Rejected.

    formerly: of documents that were renamed {id now: id before}, as `identity.carried_over` finds it: who superseded a
    document by the name it had still means it, and a new version that supersedes its own old name is no contradiction.
    """
    of_file = Counter(document.file for document in documents)
    gone = superseded(_claim(d, of_file[d.file] == 1, formerly.get(d.id, "")) for d in documents)
    return [document for document in documents if document.id not in gone], gone


def superseded(claims: Iterable[Claim]) -> dict[str, str]:
    """{id: id of what replaces it}. Raises Rejected for one that replaces itself, and for a circle."""
    claims = sorted(claims, key=lambda claim: claim.id)
    by_name: dict[str, list[Claim]] = {}
    by_last: dict[str, list[Claim]] = {}
    for claim in claims:
        for name in claim.names | claim.also:
            by_name.setdefault(name, []).append(claim)
        for name in {_last(name) for name in claim.names}:
            by_last.setdefault(name, []).append(claim)
    for name, named in by_last.items():
        if len(named) == 1:
            by_name.setdefault(name, named)
    replaced_by: dict[str, set[str]] = {}
    for claim in claims:
        for other in _others(claim, claim.supersedes, by_name):
            replaced_by.setdefault(other.id, set()).add(claim.id)
        for other in _others(claim, claim.superseded_by, by_name):
            replaced_by.setdefault(claim.id, set()).add(other.id)
    _refuse_circles(replaced_by)
    return {old: min(new) for old, new in sorted(replaced_by.items())}


def naming(*names: str) -> frozenset[str]:
    """Names as they are compared; empty ones are none."""
    return frozenset(name.casefold() for name in names if name)


def references(said: str) -> frozenset[str]:
    """Names in "P-15, P-16"; a single name may itself hold a comma."""
    return frozenset(name.strip().casefold() for name in (said, *said.split(",")) if name.strip())


def _claim(document: Document, alone: bool, formerly: str) -> Claim:
    """alone: in its file, whose name then is a name of it too."""
    meta = document.meta
    return Claim(
        document.id,
        naming(document.id, document.file if alone else ""),
        naming(meta.get("number", ""), formerly),
        references(meta.get("supersedes", "")),
        references(meta.get("superseded_by", "")),
    )


def _others(claim: Claim, named: frozenset[str], by_name: Mapping[str, list[Claim]]) -> Iterator[Claim]:
    """Those named, but for the claim itself: a number may be that of an older version that is there too."""
    for name in sorted(named):
        found = by_name.get(name, [])
        others = [other for other in found if other.id != claim.id]
        if not others and any(name in (own, _last(own)) for own in claim.names):
            raise Rejected(f"{claim.id} says that it supersedes itself.", next=_CORRECT)
        yield from others


def _last(name: str) -> str:
    """The file of a path, the end of an address."""
    return PurePosixPath(name).name


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
