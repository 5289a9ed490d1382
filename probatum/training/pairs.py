"""What a retrieval adapter learns from: what the publishers themselves say means the same, and nothing else.

    lessons = lessons_of(documents)
    lessons.queries[0]  ->  Query(text="Abdominalgia", source="icd10", families={"R10"}, group="R10", kind="synonym", near=())
    lessons.texts[0]    ->  Known(text="Unspecified abdominal pain", source="icd10", family="R10", …)

A *query* is an official name; right is every other text of the families that bear it. Records: inclusion terms, terms of the
alphabetic index (their `see` resolved), brands and generics, titles; a note that excludes something names the code it belongs to
instead, and the code it stands at is *near* and wrong. Sections: a heading, and what stands under it. What the project's own
lexicon says is left out: it was written in the words people ask in, and is what an adapter is measured against.

*Reviewed* questions (`reviewed_lessons`) are asked as they stand; right is every text of what they expect.

Questions are split off by *group* (the category of a code, the drug, the file), never by row: see `part_of`.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from probatum import digests
from probatum.golden import GoldenQuestion, read_file
from probatum.records import Document

Part = Literal["train", "validation", "held-out"]
NAMES = ("title", "synonym")  # kinds of blocks that are the publisher's; "lexicon" is ours
_EXCLUDED = re.compile(r"(.{4,120}?) \(([A-Z]\d[0-9A-Z](?:\.[0-9A-Z]{1,4})?)\.?-?\)")
_MOST_CHARACTERS = 400  # longer ones are passages that no question is like
_LEAST_LETTERS = 3


@dataclass(frozen=True)
class Known:
    """A text that can be found. family: what hits fold into; texts of one family are alike right."""

    text: str
    source: str
    family: str
    group: str


@dataclass(frozen=True)
class Query:
    text: str
    source: str
    families: frozenset[str]
    group: str
    kind: str  # title, synonym, excludes, heading, reviewed
    near: frozenset[str] = frozenset()  # families that are wrong, although they look right


@dataclass(frozen=True)
class Lessons:
    """All queries and texts, in an order that does not depend on that of the documents."""

    queries: tuple[Query, ...]
    texts: tuple[Known, ...]
    kept_out: frozenset[str] = frozenset()  # what may be found and not be learnt from, in small letters

    def digest(self) -> str:
        return digests.of_json(
            [
                [[q.text, q.source, sorted(q.families), q.group, sorted(q.near)] for q in self.queries],
                [[t.text, t.source, t.family] for t in self.texts],
                sorted(self.kept_out),
            ]
        )

    def of(self, part: Part) -> list[Query]:
        return [query for query in self.queries if part_of(query.group) == part]


def part_of(group: str) -> Part:
    """Which part a group belongs to, by its digest: the same in every release and on every machine."""
    place = int(digests.of_text(group)[:8], 16) % 10  # eight of ten groups train
    return "held-out" if place < 1 else "validation" if place < 2 else "train"


@dataclass
class _Named:
    """What was said of one name, in whatever order: its spellings, and whose it is."""

    spellings: set[str] = field(default_factory=set)
    families: set[str] = field(default_factory=set)
    groups: set[str] = field(default_factory=set)
    kinds: set[str] = field(default_factory=set)
    near: set[str] = field(default_factory=set)


def lessons_of(documents: Iterable[Document], reviewed: Iterable[GoldenQuestion] = ()) -> Lessons:
    """Queries and texts of all documents, of one source or several, and what people asked and somebody reviewed.

    A name that families of two parts bear is left out: it would be learnt from and asked.
    """
    texts: dict[tuple[str, str, str], Known] = {}
    names: dict[tuple[str, str], _Named] = defaultdict(_Named)
    places: dict[tuple[str, str], set[tuple[str, str]]] = defaultdict(
        set
    )  # {(source, document or family): (family, group)}
    for document in documents:
        for text, family, kind, near in _said_by(document):
            group = family if document.layout == "record" else document.id
            places[document.source, document.id].add((family, group))
            places[document.source, family].add((family, group))
            if kind not in ("excludes", "heading"):
                key = (document.source, family, text.casefold())
                known = Known(text, document.source, family, group)
                texts[key] = min(known, texts.get(key, known), key=lambda each: each.text)
            if kind != "passage" and _can_be_asked(text):
                named = names[document.source, text.casefold()]
                named.spellings.add(text)
                named.families.add(family)
                named.groups.add(group)
                named.kinds.add(kind)
                named.near.update(near)
    for asked in reviewed:
        meant = {p for e in asked.expects for p in places.get((asked.source, e.document or e.family), ())}
        if meant:
            named = names[asked.source, asked.question.casefold()]
            named.spellings.add(asked.question)
            named.families.update(family for family, _ in meant)
            named.groups.update(group for _, group in meant)
            named.kinds.add("reviewed")
    having_texts = {(source, family) for source, family, _ in texts}
    queries = [
        Query(
            min(named.spellings),
            source,
            frozenset(named.families),
            min(named.groups),
            min(named.kinds),
            frozenset(named.near - named.families),
        )
        for (source, _), named in sorted(names.items())
        if len({part_of(group) for group in named.groups}) == 1
        and any((source, family) in having_texts for family in named.families)
    ]
    return Lessons(tuple(queries), tuple(texts[key] for key in sorted(texts)))


def reviewed_lessons(expectations: Path) -> list[GoldenQuestion]:
    """expectations/lessons/<source>.jsonl: questions that search left unanswered or owners proposed, reviewed, and no golden ones.

    In the shape of golden questions. Raises Misconfigured naming file and line.
    """
    return [asked for path in sorted((expectations / "lessons").glob("*.jsonl")) for asked in read_file(path)]


def _said_by(document: Document) -> Iterator[tuple[str, str, str, Sequence[str]]]:
    """(text, family, kind, families that are near and wrong) of all a document says that is somebody else's word."""
    return _of_record(document) if document.layout == "record" else _of_sections(document)


def _of_record(document: Document) -> Iterator[tuple[str, str, str, Sequence[str]]]:
    """Each name, and each exclusion."""
    stem = next((b for b in document.blocks if b.kind == "stem"), None)
    for block in document.blocks:
        if block.kind in NAMES:
            named = stem if stem and block.kind == "title" else block
            yield _text(document, named), document.family, block.kind, ()
        elif block.kind == "detail" and document.source == "icd10":
            for text, code in _EXCLUDED.findall(_text(document, block)):
                if code[:3] != document.family and _excludes(document, block.start):
                    yield text.strip(" ;,"), code[:3], "excludes", (document.family,)


def _excludes(document: Document, start: int) -> bool:
    """Whether the line a block stands in lists what is coded elsewhere."""
    line = document.text.rfind("\n", 0, start) + 1
    return document.text.startswith("Excludes", line)


def _of_sections(document: Document) -> Iterator[tuple[str, str, str, Sequence[str]]]:
    """Every heading with its title, and the pieces of text that stand under it."""
    for block in document.blocks:
        if block.kind in ("heading", "caption", "table-header") or not block.section:
            continue
        text, family = _text(document, block), f"{document.id} {' > '.join(block.section)}"
        if len(text) >= 40:
            yield text[:_MOST_CHARACTERS], family, "passage", ()
            named = dict.fromkeys((document.title, block.section[-1]))
            yield " ".join(named), family, "heading", ()


def _text(document: Document, block) -> str:
    return document.text[block.start : block.end]


def _can_be_asked(text: str) -> bool:
    return len(text) <= _MOST_CHARACTERS and sum(map(str.isalpha, text)) >= _LEAST_LETTERS
