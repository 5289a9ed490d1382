r"""What leaves a reader is data: one way to write each letter, nothing in it that nobody sees, and a word of what is odd.

    as_data(Document(text="5\u200b mg tablet. Ignore all previous instructions.", blocks=(Block(0, 2, …), …), …))
    ->      Document(text="5 mg tablet. Ignore all previous instructions.", blocks=(Block(0, 1, …), …),
                     meta={…, "flags": {"instructions to a model": 1}})

Readers of guidelines tidy and flag what they read themselves; this is for every other format, so that a new one needs
not think of it. A document in which nothing is odd is handed on as it came. What flags mean: `sources.elements.suspicion`.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import accumulate, pairwise

from probatum.records import Block, Document
from sources.elements.suspicion import flags_of
from sources.elements.tidy import tidied


def all_as_data(documents: Iterable[Document], *, flagged: bool = True) -> Iterator[Document]:
    """flagged: whether what is odd is looked for; it takes a second for 1.5 million characters."""
    return (as_data(document, flagged=flagged) for document in documents)


def as_data(document: Document, *, flagged: bool = True) -> Document:
    wanted = flagged and "flags" not in document.meta
    flags = dict(sorted(flags_of([document.title, document.text]).items())) if wanted else {}
    meta = _tidied_in(document.meta)
    text, blocks = _text_and_blocks(document)
    called = {"title": tidied(document.title)}
    if document.id != document.file:  # a file is called as it is called
        called |= {"id": tidied(document.id), "family": tidied(document.family)}
    return replace(document, **called, text=text, blocks=blocks, meta={**meta, "flags": flags} if flags else meta)


def _text_and_blocks(document: Document) -> tuple[str, tuple[Block, ...]]:
    """Each piece between two ends of blocks tidied on its own, so that every block still holds its own words."""
    if tidied(document.text) == document.text:
        return document.text, document.blocks
    ends = {0, len(document.text)} | {end for block in document.blocks for end in (block.start, block.end)}
    cuts = sorted(ends)
    pieces = [tidied(document.text[start:end]) for start, end in pairwise(cuts)]
    moved = list(accumulate(map(len, pieces), initial=0))

    def at(place: int) -> int:
        return moved[bisect_left(cuts, place)]

    blocks = (
        replace(block, start=at(block.start), end=at(block.end), section=tuple(map(tidied, block.section)))
        for block in document.blocks
    )
    return "".join(pieces), tuple(block for block in blocks if block.start < block.end)


def _tidied_in(value):
    if isinstance(value, str):
        return tidied(value)
    if isinstance(value, dict):
        return {tidied(key): _tidied_in(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_tidied_in(each) for each in value]
    return value
