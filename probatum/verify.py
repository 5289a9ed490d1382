"""Verify: is what a release names still what was written? Every digest is computed again from the bytes on disk.

    verify(home, manifest)  ->  {"snapshot files": 31, "tables": 6, "spans": 1000}     or Damaged, naming what is not whole

Snapshot files are hashed again; the ids and hashes of all rows are compared with the manifest, and the hash of every
document with its columns; a sample of the texts is looked up in their documents, so that a citation can be replayed.
"""

import random
from pathlib import Path

from probatum import digests
from probatum.errors import Damaged
from probatum.release import Manifest, TableVersion
from probatum.snapshots import Snapshots
from probatum.store import DOCUMENTS
from probatum.tables import open_table

_RESTORE = "Run `probatum rollback` to serve a whole release, then refresh the source again."


def verify(home: Path, manifest: Manifest, *, spans: int = 1000, seed: int = 0) -> dict[str, int]:
    """Check everything a release names; spans: how many chunks to look up. Raises Damaged at the first thing not whole."""
    snapshots, counts = Snapshots(home), {"snapshot files": 0, "tables": 0, "spans": 0}
    for name, state in manifest.all_states():
        for file in snapshots.read(name, state.snapshot).files:
            snapshots.verify(file.sha256)
            counts["snapshot files"] += 1
        verify_table(home, state.documents)
        verify_table(home, state.texts, encoder_digest=manifest.encoder.digest)
        _verify_documents(home, state.documents)
        counts["tables"] += 2
        counts["spans"] += _verify_spans(home, state.documents, state.texts, spans, seed)
    return counts


def verify_table(home: Path, table: TableVersion, *, encoder_digest: str | None = None) -> None:
    """Raise Damaged unless this version of the table is there, of this encoder, and holds the rows its digest names."""
    pinned = open_table(home / "lance", table.name, table.version, encoder_digest=encoder_digest)
    rows = pinned.read(["id", "hash"])
    seen = digests.of_pairs(zip(rows["id"].to_pylist(), rows["hash"].to_pylist(), strict=True))
    if seen != table.digest:
        raise Damaged(
            f"Table {table.name} version {table.version} holds other rows than were published.",
            safe="The snapshots are untouched.",
            next=_RESTORE,
        )


def _verify_documents(home: Path, table: TableVersion) -> None:
    """A document's hash is of all its columns: work it out again."""
    pinned = open_table(home / "lance", table.name, table.version)
    for row in pinned.read([field.name for field in DOCUMENTS]).to_pylist():
        if row.pop("hash") != digests.of_json(row):
            raise Damaged(
                f"Document {row['id']} of table {table.name} is not what was written.",
                safe="The snapshots are untouched.",
                next=_RESTORE,
            )


def _verify_spans(home: Path, documents: TableVersion, texts: TableVersion, spans: int, seed: int) -> int:
    pinned = open_table(home / "lance", texts.name, texts.version)
    rows = pinned.read(["id", "document_id", "kind", "text", "match_start", "match_end"]).to_pylist()
    chosen = random.Random(seed).sample(rows, min(spans, len(rows)))  # noqa: S311 - a sample, not a secret
    wanted = sorted({row["document_id"] for row in chosen})
    by_id = {
        row["id"]: row["text"]
        for row in open_table(home / "lance", documents.name, documents.version).where(
            "id", wanted, columns=["id", "text"]
        )
    }
    for row in chosen:
        said = by_id.get(row["document_id"], "")[row["match_start"] : row["match_end"]]
        if not said or not stands(row["text"], said, named=row["kind"] in ("section", "sentence")):
            raise Damaged(
                f"Text {row['id']} does not stand in its document where it says.",
                safe="The snapshots are untouched.",
                next=_RESTORE,
            )
    return len(chosen)


def stands(text: str, said: str, *, named: bool) -> bool:
    """Whether a text is what its document says there. named: it begins with its headings, on a line of their own.

    In the document those headings stand one below the other, and further from the words by other spaces.
    """
    if not named:
        return text == said
    whole, there = " ".join(text.split()), " ".join(said.split())
    headings, _, body = text.partition("\n")
    words = " ".join(body.split())
    above = set(there.removesuffix(words).split())
    return whole.endswith(there) or bool(words and there.endswith(words) and above <= set(headings.split()))
