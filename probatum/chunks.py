"""Chunks: spans of one document, small enough to be cited, each with the texts it can be found by.

A record (a code, a drug) is one chunk: its whole text. It can be found by its title and by every name anybody gave
it, each a text of its own. A document of sections is cut by section (see `probatum.sectioning`), each chunk found by
its heading path and its words.

    Chunk(id="E11.9#1f0c…", document_id="E11.9", start=0, end=312, texts=(
        ChunkText("title", "Type 2 diabetes mellitus without complications", …),
        ChunkText("lexicon", "adult-onset diabetes", …)))

Ids depend on the content alone: the same section text in the same document has the same id in every release,
whatever was cut before it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from probatum import digests
from probatum.records import Document
from probatum.sectioning import CountTokens, Piece, cut

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
    return list(_with_ids(document, cut(document, count_tokens, max_tokens)))


def _record(document: Document) -> Chunk:
    stem = next((b for b in document.blocks if b.kind == "stem"), None)
    texts: dict[str, ChunkText] = {}
    for block in document.blocks:
        if block.kind in SEARCHED_KINDS:
            text = document.text[block.start : block.end]
            encoded = document.text[stem.start : stem.end] if stem and block.kind == "title" else text
            texts.setdefault(text.casefold(), ChunkText(block.kind, text, encoded, block.start, block.end))
    return Chunk(f"{document.id}#record", document.id, 0, len(document.text), 0, (), tuple(texts.values()))


def _with_ids(document: Document, pieces: Iterable[Piece]) -> Iterator[Chunk]:
    seen: dict[str, int] = {}
    for piece in pieces:
        body = document.text[piece.start : piece.end]
        key = digests.of_text("\n".join((document.id, *piece.section, body)))[:16]
        seen[key] = seen.get(key, 0) + 1
        identity = f"{document.id}#{key}" + (f"-{seen[key]}" if seen[key] > 1 else "")
        text = ChunkText("section", piece.text, piece.text, piece.start, piece.end)
        yield Chunk(identity, document.id, piece.start, piece.end, piece.page, piece.section, (text,))
