"""Chunks: spans of one document, small enough to be cited, each with the texts it can be found by.

A record (a code, a drug) is one chunk: its whole text. It can be found by its title and by every name anybody gave
it, each a text of its own. A document of sections is cut by section into pieces the encoder can read whole (see
`probatum.sectioning`); neighbouring pieces, as many as fit, make one chunk, a passage to read and cite, found by
each of its pieces and each of its sentences, with the headings they stand under. Ending a passage at
every main heading left stubs of thirty words: .806 of the hard tuning questions answered, .825 without.

    Chunk(id="E11.9#1f0c…", document_id="E11.9", start=0, end=312, texts=(
        ChunkText("title", "Type 2 diabetes mellitus without complications", …),
        ChunkText("lexicon", "adult-onset diabetes", …)))

Ids depend on the content alone: the same section text in the same document has the same id in every release,
whatever was cut before it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile

from probatum import boundaries, digests
from probatum.records import Document
from probatum.sectioning import CountTokens, Piece, cut

PASSAGE_TOKENS = 512  # what a hit returns of a guideline: enough to act on, short enough to read
_WORDS_OF_A_SENTENCE = 3  # shorter ones say nothing of their own
SEARCHED_KINDS = ("title", "synonym", "lexicon")


@dataclass(frozen=True)
class ChunkText:
    """One way a chunk can be found. `encoded` is what the encoder reads; `text` what the full-text index reads.

    start, end: where the words stand in the document (for sections: the chunk's own span).
    """

    kind: str
    text: str
    encoded: str
    start: int
    end: int
    page: int = 0
    section: tuple[str, ...] = ()


@dataclass(frozen=True)
class Chunk:
    id: str
    document_id: str
    start: int
    end: int
    page: int
    section: tuple[str, ...]
    texts: tuple[ChunkText, ...]


def chunk(document: Document, count_tokens: CountTokens, max_tokens: int) -> list[Chunk]:
    """The chunks of a document in reading order. max_tokens: the encoder's, special tokens included."""
    if document.layout == "record":
        return [_record(document)]
    pieces = cut(document, count_tokens, max_tokens)
    tokens = count_tokens([document.text[piece.start : piece.end] for piece in pieces])
    return list(_sectioned(document, _passages(document, pieces, tokens)))


def _record(document: Document) -> Chunk:
    stem = next((b for b in document.blocks if b.kind == "stem"), None)
    texts: dict[str, ChunkText] = {}
    for block in document.blocks:
        if block.kind in SEARCHED_KINDS:
            text = document.text[block.start : block.end]
            encoded = document.text[stem.start : stem.end] if stem and block.kind == "title" else text
            texts.setdefault(text.casefold(), ChunkText(block.kind, text, encoded, block.start, block.end))
    return Chunk(f"{document.id}#record", document.id, 0, len(document.text), 0, (), tuple(texts.values()))


def _passages(document: Document, pieces: Sequence[Piece], tokens: Sequence[int]) -> Iterator[list[Piece]]:
    """Neighbouring pieces, together at most a passage long."""
    passage: list[Piece] = []
    size = 0
    for piece, count in zip(pieces, tokens, strict=True):
        if passage and size + count > PASSAGE_TOKENS:
            yield passage
            passage, size = [], 0
        passage.append(piece)
        size += count
    if passage:
        yield passage


def _sectioned(document: Document, passages: Iterable[list[Piece]]) -> Iterator[Chunk]:
    seen: dict[str, int] = {}
    for pieces in passages:
        start, end = pieces[0].start, pieces[-1].end
        section = _common([piece.section for piece in pieces])
        key = digests.of_text("\n".join((document.id, *section, document.text[start:end])))[:16]
        seen[key] = seen.get(key, 0) + 1
        identity = f"{document.id}#{key}" + (f"-{seen[key]}" if seen[key] > 1 else "")
        texts = [text for piece in pieces for text in _texts(document, piece)]
        yield Chunk(identity, document.id, start, end, pieces[0].page, section, tuple(texts))


def _texts(document: Document, piece: Piece) -> Iterator[ChunkText]:
    """The piece as a whole, then each of its sentences under the names of the document and its innermost heading."""
    yield ChunkText("section", piece.text, piece.text, piece.start, piece.end, piece.page, piece.section)
    named = f"{document.title} > {piece.section[-1]}" if piece.section else document.title
    for start, end in sentences(document.text, piece.start, piece.end):
        said = document.text[start:end]
        if len(said.split()) >= _WORDS_OF_A_SENTENCE:
            text = f"{named}: {said}"
            yield ChunkText("sentence", text, text, start, end, piece.page, piece.section)


def sentences(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Spans of the sentences, list items and table rows of text[start:end]."""
    at = start
    for line in text[start:end].split("\n"):
        begin = at
        for gap in boundaries.gaps(line):
            if gap.rank == boundaries.SENTENCE:
                yield begin, at + gap.left
                begin = at + gap.right
        if line[begin - at :].strip():
            yield begin, at + len(line)
        at += len(line) + 1


def _common(paths: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """The headings all paths begin with."""
    shared = takewhile(lambda names: len(set(names)) == 1, zip(*paths, strict=False))
    return tuple(names[0] for names in shared)
