"""What every reader of a drug list comes back with.

    Listed(id="D1002-209459", title="acetaminophen 500 MG Oral Tablet [Tylenol]", drug="acetaminophen", part="D1002",
           strength="500 MG Oral Tablet", brands=("Tylenol",), codes={"rxnorm": ("209459",)}, tier="Brand", …)

Values are the publisher's words; "" where there are none. Nothing is interpreted beyond telling the drug from its
strength.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from probatum import digests
from probatum.records import Block
from sources.drug_lists.containers import Member

Unused = Counter  # {"what was not used, by name": how often}


@dataclass(frozen=True)
class Sections:
    """The reading text of a label, and its blocks, for a document that is more than a record."""

    text: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Listed:
    """One drug of one publisher, plan or hospital. part: what a file must cover to replace this document."""

    id: str
    title: str
    drug: str
    part: str
    member: Member
    format: str
    strength: str = ""  # with the dosage form
    route: str = ""
    names: tuple[str, ...] = ()  # what else the publisher calls it
    brands: tuple[str, ...] = ()
    codes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # {system: codes}
    plan: str = ""  # plan or hospital, in words
    tier: str = ""
    restriction: str = ""
    criteria: str = ""
    starts: str = ""  # ISO where it could be read
    ends: str = ""
    status: str = "current"
    above: str = ""  # id of the more general record in this release: the drug of a strength, the strength of a brand
    details: tuple[tuple[str, str], ...] = ()  # (label, value), shown as they are
    sections: Sections | None = None


def spoken(*parts: str, between: str = " ") -> str:
    """Parts that say something, white space folded."""
    return between.join(folded for part in parts if (folded := " ".join(part.split())))


def identity(text: str) -> str:
    """A publisher's id as a document's: as it is, but for what would end it in an address ("#", "/", spaces)."""
    return re.sub(r"[^\w.:+-]+", "-", text).strip("-") or digests.of_text(text)[:12]


def distinct(words) -> tuple[str, ...]:
    """Each once, however it is capitalised, in order; the empty ones left out."""
    return tuple({word.casefold(): word for word in reversed([*words]) if word}.values())[::-1]


def leaves(value: object, path: str) -> Iterator[tuple[str, str]]:
    """(dotted path without positions, value in words) of everything in a JSON value."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner, path)
    elif value is not None and value != "":
        yield path, worded(value)


def worded(value: object) -> str:
    """A JSON scalar as its publisher would say it: true -> "yes"."""
    return ("yes" if value else "no") if isinstance(value, bool) else spoken(str(value))
