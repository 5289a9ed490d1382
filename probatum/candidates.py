"""Making a candidate: the documents of one source become rows in its tables, next to the other sources as they serve.

Nothing a consumer reads is touched. What is new or changed is encoded; the rest is left alone, and when nothing
differs from what serves nothing is written at all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from probatum import digests
from probatum.chunks import chunk
from probatum.encoder_identity import EncoderIdentity
from probatum.records import Document
from probatum.release import Candidate, EncoderState, Manifest, SourceState, TableVersion, with_edition
from probatum.rows import document_rows, text_rows
from probatum.snapshots import Snapshot
from probatum.store import DOCUMENTS, Store, Written, texts_schema
from probatum.vectorcache import encode_cached

if TYPE_CHECKING:  # torch is slow to import, and a run with nothing new needs none
    from probatum.encoder import Encoder

_CODE_OF_ROWS = (
    "boundaries.py",
    "candidates.py",
    "chunks.py",
    "identity.py",
    "rows.py",
    "sectioning.py",
    "store.py",
    "superseded.py",
)


def write_source(
    home: Path,
    snapshot: Snapshot,
    documents: Sequence[Document],
    encoder: "Encoder",
    *,
    made_by: str,
    quarantined: Sequence[str] = (),
    serving: SourceState | None = None,
) -> tuple[SourceState, dict[str, Written]]:
    """Bring the two tables of a source to `documents`. Returns its state and what each table's update did.

    When both tables already are what `serving` names, they are not touched.
    """
    source = snapshot.release.source
    chunks = [piece for document in documents for piece in chunk(document, encoder.count_tokens, encoder.max_tokens)]
    texts, encoded = text_rows(documents, chunks, encoder.identity.digest)
    rows = document_rows(documents)
    written: dict[str, Written] = {}

    def vectors(wanted: Sequence[int]) -> np.ndarray:
        found, _ = encode_cached(
            encoder, [encoded[i] for i in wanted], home / "vectors", what=f"{source}: texts encoded"
        )
        return found

    store = Store(home / "lance")
    tables = {}
    for key, name, content, schema, fill in (
        ("documents", f"{source}-documents", rows, DOCUMENTS, None),
        (
            "texts",
            f"{source}-texts-{encoder.identity.digest[:10]}",
            texts,
            texts_schema(encoder.identity.width, encoder.identity.digest),
            vectors,
        ),
    ):
        digest = digests.of_pairs(zip(content["id"].to_pylist(), content["hash"].to_pylist(), strict=True))
        same = getattr(serving, key, None)
        if same and same.digest == digest and same.name == name:
            tables[key] = same
            continue
        written[key] = done = store.update(name, content, schema=schema, vectors=fill)
        tables[key] = TableVersion(name=done.table, version=done.version, rows=done.rows, digest=done.digest)
    release = snapshot.release
    state = SourceState(
        release=release.name,
        valid_from=release.valid_from,
        licence=release.licence,
        origin=release.origin,
        snapshot=snapshot.digest(),
        documents=tables["documents"],
        texts=tables["texts"],
        made_by=made_by,
        quarantined=tuple(sorted(quarantined)),
    )
    return state, written


def fingerprint(snapshot: Snapshot, parser: str, encoder_digest: str) -> str:
    """Of everything the tables of a source depend on: when it is that of what serves, there is nothing to do."""
    code = [digests.of_file(Path(__file__).parent / name) for name in _CODE_OF_ROWS]
    return digests.of_json([snapshot.digest(), parser, encoder_digest, code])


def candidate_of(serving: Manifest | None, identity: EncoderIdentity, changed: Mapping[str, SourceState]) -> Candidate:
    """What serves, with the changed sources in place of theirs. A new encoder leaves no source as it was.

    What a changed source had before stays beside it as an edition, unless the new state is of the same name or day.
    """
    kept = serving if serving and serving.encoder.digest == identity.digest else None
    known = {source: kept.of_source(source) for source in kept.sources} if kept else {}
    others = {source: with_edition(known, source, state) for source, state in changed.items()}
    editions = {**(kept.editions if kept else {}), **others}
    return Candidate(
        parent=serving.id if serving else "",
        sources={**(kept.sources if kept else {}), **changed},
        editions={source: states for source, states in editions.items() if states},
        encoder=EncoderState(**asdict(identity)),
    )
