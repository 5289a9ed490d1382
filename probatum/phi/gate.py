"""The gate: documents in, out comes what has to be refused, in words that let a data owner find the place.

    gate(documents, names)  ->  [Found("x.pdf", "x.pdf", places=(Place("mrn", 3, "paragraph", 14, 0, 5231), …))]
    refusal("x.pdf", found) ->  Rejected("x.pdf holds what looks like 2 medical record numbers and 1 date of birth
                                (page 3, paragraph 14; page 5, table 2, row 2). …")

A place is counted as the file was read: the third paragraph of a page may be the fourth on paper. Neither text nor
headings nor ids made of text go into a message; a file whose very name identifies somebody is called by its digest.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from probatum.errors import Rejected
from probatum.phi.find import KINDS, find_identifiers
from probatum.phi.names import ClinicalNames
from probatum.records import Block, Document

NEXT = "Remove them and drop the file again."
_PLACES_TOLD = 5
_KINDS_OF_BLOCK = {
    "table-header": "row",
    "table-row": "row",
    "list": "list item",
    "detail": "field",
    "synonym": "field",
}
_TITLE, _NAME, _META = "title", "name of the file", "field"


@dataclass(frozen=True, slots=True)
class Place:
    """One identifier: its kind and where it stands, never what it says.

    page: 0 where the format has none. part: "paragraph", "row", "heading", …; number: which one of its page, or of the
    document where there are no pages, from 1. table: which table of the document, from 1; 0 outside. offset: of
    Document.text; -1 where it stands in the title or in another field.
    """

    kind: str
    page: int
    part: str
    number: int
    table: int
    offset: int


@dataclass(frozen=True, slots=True)
class Found:
    """What one document holds. `document` is its id, which may be made of content: not for messages or logs.

    number: which document of its file it is, from 1.
    """

    document: str
    file: str
    sha256: str
    layout: str
    number: int
    places: tuple[Place, ...]

    @property
    def counts(self) -> Counter[str]:
        return Counter(place.kind for place in self.places)


def gate(documents: Iterable[Document], names: ClinicalNames) -> list[Found]:
    """The documents that hold a patient's identifiers, in order. Everything that is served of a document is looked at."""
    found = []
    numbers: Counter[str] = Counter()
    clean: set[str] = set()  # short texts that thousands of documents share: the file's name, a chapter, a class
    for document in documents:
        numbers[document.file] += 1
        if places := tuple(_places(document, names, clean)):
            number = numbers[document.file]
            found.append(Found(document.id, document.file, document.sha256, document.layout, number, places))
    return found


def refusal(found: Sequence[Found]) -> Rejected:
    """The one error that tells the owner of a file (or of files read together) what stands where."""
    counts = sum((each.counts for each in found), Counter())
    told = [_counted(kind, counts[kind]) for kind in KINDS if counts[kind]]
    places = list(dict.fromkeys(words for each in found for words in _in_words(each)))
    more = f"; and {len(places) - _PLACES_TOLD} more places" if len(places) > _PLACES_TOLD else ""
    return Rejected(
        f"{_called(found)} {'holds' if len({each.file for each in found}) == 1 else 'hold'} what looks like {_listed(told)} "
        f"({'; '.join(places[:_PLACES_TOLD])}{more}).",
        safe="Nothing of it was let in; what served before still serves.",
        next=NEXT,
    )


def _places(document: Document, names: ClinicalNames, clean: set[str]) -> Iterator[Place]:
    identifiers = find_identifiers(document.text, names)
    if identifiers:
        numbered = _numbered(document.blocks)
        starts = [block.start for block, _ in numbered]
        for identifier in identifiers:
            known = bisect_right(starts, identifier.start)
            yield _place(identifier.kind, identifier.start, *(numbered[known - 1] if known else (None, 1)))
    for part, words in _beside_the_text(document):
        if words in clean:
            continue
        identifiers = find_identifiers(words, names)
        if not identifiers:
            clean.add(words)
        yield from (Place(each.kind, 0, part, 0, 0, -1) for each in identifiers)


def _beside_the_text(document: Document) -> Iterator[tuple[str, str]]:
    """What is served and is not part of the text: the title, the name of the file, what meta says."""
    if document.title not in document.text:
        yield _TITLE, document.title
    yield _NAME, document.file.replace("_", " ")
    if document.id not in document.text and document.id != document.file:
        yield _META, document.id.replace("_", " ")
    for words in _strings(document.meta):
        if words not in document.text:
            yield _META, words


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list | tuple):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _strings(each)


def _numbered(blocks: Iterable[Block]) -> list[tuple[Block, int]]:
    """Each block with its number among those of its kind: on its page, or in its table."""
    counted: Counter[tuple] = Counter()
    numbered = []
    for block in sorted(blocks, key=lambda block: (block.start, -block.end)):
        among = (block.table,) if block.table >= 0 else (block.page, block.kind)
        counted[among] += 1
        numbered.append((block, counted[among]))
    return numbered


def _place(kind: str, offset: int, block: Block | None, number: int) -> Place:
    if block is None:
        return Place(kind, 0, "paragraph", 1, 0, offset)
    return Place(kind, block.page, _KINDS_OF_BLOCK.get(block.kind, block.kind), number, block.table + 1, offset)


def _in_words(found: Found) -> Iterator[str]:
    """ "page 3, paragraph 14", "table 2, row 5", "entry 17, character 120"; a record's parts mean nothing to its owner."""
    for place in found.places:
        if place.offset < 0:
            words = [f"the {place.part}" if place.part != _META else "a field beside the text"]
        elif found.layout == "record":
            words = [f"character {place.offset + 1:,}"]
        else:
            words = [f"page {place.page}"] if place.page else []
            words += [f"table {place.table}"] if place.table else []
            words += [f"{place.part} {place.number}"]
            words += [] if place.page or place.table else [f"character {place.offset + 1:,}"]
        yield ", ".join([f"entry {found.number}", *words] if found.layout == "record" else words)


def _called(found: Sequence[Found]) -> str:
    """The names of the files, unless a name is what identifies somebody."""
    names = {}
    for each in found:
        telling = any(place.part == _NAME for place in each.places)
        names[each.file] = f"the file with sha256 {each.sha256[:12]}" if telling else each.file
    called = _listed(list(names.values()))
    return called[:1].upper() + called[1:] if called.startswith("the file") else called


def _counted(kind: str, count: int) -> str:
    return f"{count:,} {KINDS[kind][count != 1]}"


def _listed(parts: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))
