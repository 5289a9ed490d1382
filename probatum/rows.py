"""Documents and chunks as the rows of the two tables of a source.

Every row carries a hash of all it says (and, for a text, of the encoder), so that an update can tell what changed
without reading it. What full-text search reads for a record is all its names and those of the records above it: a
complication of diabetes is found by "sugar" although only its category says so.
"""

from collections.abc import Iterable, Mapping, Sequence

import orjson
import pyarrow as pa

from probatum import digests
from probatum.chunks import SEARCHED_KINDS, Chunk
from probatum.records import Document
from probatum.store import DOCUMENTS, texts_schema

_FILTERS = ("billable", "tier", "restriction")
_SEPARATOR = " ; "


def document_rows(documents: Iterable[Document]) -> pa.Table:
    """One row a document, columns as in `store.DOCUMENTS`."""
    rows = []
    for document in documents:
        row = {
            "id": document.id,
            "code": str(document.meta.get("rxcui") or ""),
            "title": document.title,
            "family": document.family,
            "text": document.text,
            "valid_from": document.valid_from,
            "file": document.file,
            "sha256": document.sha256,
            "meta": orjson.dumps(document.meta, option=orjson.OPT_SORT_KEYS).decode(),
        }
        rows.append(row | {"hash": digests.of_json(row)})
    return pa.Table.from_pylist(rows, schema=DOCUMENTS)


def text_rows(
    documents: Sequence[Document], chunks: Iterable[Chunk], encoder_digest: str
) -> tuple[pa.Table, list[str]]:
    """(one row a text, all columns but the vector; what the encoder is to read for each row)."""
    by_id = {document.id: document for document in documents}
    names = {d.id: _names(d) for d in documents if d.layout == "record"}
    rows, encoded = [], []
    for chunk in chunks:
        document = by_id[chunk.document_id]
        for number, text in enumerate(chunk.texts):
            row = {
                "id": f"{chunk.id}/{text.kind}/{digests.of_text(text.text)[:12]}",
                "document_id": document.id,
                "chunk_id": chunk.id,
                "family": document.family if document.layout == "record" else chunk.id,
                "parent": document.meta.get("parent") or "",
                "kind": text.kind,
                "text": text.text,
                "words": _words(document, names, by_id, chunk) if number == 0 else "",
                "section": " > ".join(text.section or chunk.section),
                "valid_from": document.valid_from,
                "start": chunk.start,
                "end": chunk.end,
                "match_start": text.start,
                "match_end": text.end,
                "page": text.page or chunk.page,
                "prior": float(document.meta.get("prior", 0.0)),
                **{name: document.meta.get(name) for name in _FILTERS},
            }
            rows.append(row | {"hash": digests.of_json([row, text.encoded, encoder_digest])})
            encoded.append(text.encoded)
    schema = texts_schema(1, encoder_digest)
    return pa.Table.from_pylist(rows, schema=pa.schema([f for f in schema if f.name != "vector"])), encoded


def _names(document: Document) -> list[str]:
    """Everything a record is called, its title (as the encoder reads it) first."""
    stems = [b for b in document.blocks if b.kind == "stem"]
    blocks = stems + [b for b in document.blocks if b.kind in SEARCHED_KINDS and not (stems and b.kind == "title")]
    return [document.text[b.start : b.end] for b in blocks]


def _words(document: Document, names: Mapping[str, list[str]], by_id: Mapping[str, Document], chunk: Chunk) -> str:
    if document.layout != "record":
        headings = dict.fromkeys(name for text in chunk.texts for name in text.section)
        return "\n".join((document.title, *headings, document.text[chunk.start : chunk.end]))
    said = [document.title, *names[document.id]]
    above = document.meta.get("parent")
    while above and above in names:
        said += names[above]
        above = by_id[above].meta.get("parent")
    return _SEPARATOR.join(dict.fromkeys(said))
