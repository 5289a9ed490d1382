"""The nouns: what a source yields and what travels between the steps.

A *source release* is the publisher's named issue. Its bytes are pinned as a *snapshot*. A snapshot is read into
*documents* (one code, one drug, one guideline file); a document's text is cut into *blocks* by whoever read it, and
the chunker turns blocks into *chunks*: spans of one document, each with the exact place it came from.

    Document(id="E11.9", title="Type 2 diabetes mellitus without complications", text="E11.9 Type 2 …", blocks=(
        Block(0, 5, "code"), Block(6, 51, "title"), Block(60, 78, "synonym"), …), family="E11", …)

Everything here is plain and frozen, and goes to disk as JSON. Offsets are in characters of `Document.text`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import orjson


@dataclass(frozen=True)
class SourceRelease:
    """The publisher's named issue, e.g. icd10 "2026-04-01", in force from `valid_from`."""

    source: str
    name: str
    valid_from: date
    licence: str
    origin: str  # where it was found: a package, a folder, a URL; never a credential
    dated: bool = True  # the publisher names it; False: a place whose content changes, named by the day it was written


@dataclass(frozen=True)
class Block:
    """One piece of a document as its reader saw it: `text[start:end]` of the document.

    kind: for records (codes, drugs) "title", "synonym" (said by the publisher), "lexicon" (said by us), "detail";
    for guidelines "heading", "paragraph", "list", "table-header", "table-row", "caption".
    Records: each title, synonym and lexicon block becomes a searchable text of the one chunk.
    page: 1-based, 0 where the format has no pages. section: heading path, outermost first.
    """

    start: int
    end: int
    kind: str
    page: int = 0
    section: tuple[str, ...] = ()
    table: int = -1  # ordinal of the table a table block belongs to


@dataclass(frozen=True)
class Document:
    """One addressable unit of a source. `id` is the publisher's: a dotted code, an item id, a file's identity.

    family: what hits fold into (the category of a code, the drug of a strength, the file itself).
    meta: what consumers may see and filter on (billable, tier, status …): JSON values only.
    file, sha256: the snapshot file it was read from. layout: "record" (one chunk) or "sections".
    """

    id: str
    source: str
    title: str
    text: str
    blocks: tuple[Block, ...]
    family: str
    valid_from: str
    file: str
    sha256: str
    layout: str = "record"
    meta: dict = field(default_factory=dict)


@dataclass(frozen=True)
class SnapshotFile:
    name: str  # as the publisher names it, relative to the release, POSIX separators
    sha256: str
    size: int  # bytes


def write_documents(path: Path, documents: Iterable[Document]) -> int:
    """One JSON object a line; returns how many."""
    count = 0
    with path.open("wb") as out:
        for document in documents:
            out.write(orjson.dumps(document) + b"\n")
            count += 1
    return count


def read_documents(path: Path) -> Iterator[Document]:
    """The documents `write_documents` wrote, in the same order."""
    with path.open("rb") as lines:
        for line in lines:
            yield document_from_json(orjson.loads(line))


def report_beside(output: Path) -> Path:
    """Where the report of a reading stands, beside its file of documents."""
    return output.with_suffix(".report.json")


def document_from_json(raw: dict) -> Document:
    blocks = tuple(Block(**{**block, "section": tuple(block["section"])}) for block in raw["blocks"])
    return Document(**{**raw, "blocks": blocks})
