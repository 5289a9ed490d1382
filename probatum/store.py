"""The tables, for those who write them (with `probatum.tables`, all that touches LanceDB).

Two tables a source: `icd10-documents` (one row a document) and `icd10-texts-<encoder>` (one row for each text a chunk can
be found by, with its vector). A table of texts belongs to one encoder, named in its schema metadata, so vectors of
two encoders never meet.

    written = store.update("icd10-documents", rows)          # reads id and hash, merges only the difference, one commit

Writers move the newest version; readers (`probatum.tables`) open exactly the version a release names and never see a
candidate.

Traps: `merge_insert` with a key twice in one batch writes it twice, so ids are checked before; a merge that changes
nothing still makes a version, so it is skipped.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import lancedb
import numpy as np
import pyarrow as pa
from lancedb.index import FTS, BTree, IvfSq

from probatum import digests
from probatum.errors import Rejected
from probatum.seals import Seals
from probatum.seams import seam
from probatum.tables import ENCODER_KEY, is_in, unindexed

_EXACT_UP_TO_ROWS = 20_000  # below this an exact scan is as fast as an index, and exact
_INDEX_WAIT = timedelta(minutes=10)
_UNIT_TOLERANCE = 1e-3
_NO_CLEAN_UP = timedelta(days=36_500)  # the default, seven days, fails as soon as a release's tag is older than that

DOCUMENTS = pa.schema(
    [
        pa.field(name, pa.string(), nullable=False)
        for name in ("id", "hash", "code", "title", "family", "text", "valid_from", "file", "sha256", "meta")
    ]
)


def texts_schema(width: int, encoder_digest: str) -> pa.Schema:
    """One row a text. start, end: the chunk's span; match_start, match_end: the text's own; offsets in characters.

    family: what hits fold into. words: what full-text search reads, on the first row of a chunk, empty on the others.
    prior: which of a family to prefer when the question does not say, in the unit of a cosine.
    """
    strings = (
        "id",
        "hash",
        "document_id",
        "chunk_id",
        "family",
        "parent",
        "kind",
        "text",
        "words",
        "section",
        "valid_from",
    )
    numbers = ("start", "end", "match_start", "match_end", "page")
    filters = [pa.field("billable", pa.bool_()), pa.field("tier", pa.string()), pa.field("restriction", pa.string())]
    return pa.schema(
        [pa.field(name, pa.string(), nullable=False) for name in strings]
        + [pa.field(name, pa.int64(), nullable=False) for name in numbers]
        + [pa.field("prior", pa.float64(), nullable=False), *filters]
        + [pa.field("vector", pa.list_(pa.float32(), width), nullable=False)],
        metadata={ENCODER_KEY: encoder_digest.encode()},
    )


@dataclass(frozen=True)
class Written:
    """What an update left: the version to publish, and what changed against the newest version before it."""

    table: str
    version: int
    rows: int
    digest: str  # of all (id, hash) pairs
    added: int
    changed: int
    removed: int


class Store:
    """The tables in one folder. `folder` is made on first write."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._db = lancedb.connect(folder, read_consistency_interval=timedelta(0))

    def update(
        self,
        name: str,
        rows: pa.Table,
        *,
        schema: pa.Schema,
        vectors: Callable[[Sequence[int]], np.ndarray] | None = None,
    ) -> Written:
        """Bring table `name` to exactly `rows` (all columns but the vector), in one commit, and index it.

        vectors: given the indices of new or changed rows, their unit vectors, float32. Raises Rejected before anything
        is written when an id is there twice or a vector is not finite, not of length 1 or not of the right width.
        """
        ids, hashes = rows["id"].to_pylist(), rows["hash"].to_pylist()
        _check_unique(name, ids)
        present = self._hashes(name)
        delta = [i for i, (key, value) in enumerate(zip(ids, hashes, strict=True)) if present.get(key) != value]
        gone = sorted(present.keys() - set(ids))
        added = sum(ids[i] not in present for i in delta)
        seam(f"before-write-{name}")
        if delta or gone:
            part = rows.take(pa.array(delta, pa.int64()))  # typed: it may be empty
            if vectors is not None:
                part = part.append_column("vector", _vector_column(vectors(delta), part["id"].to_pylist(), schema))
            self._merge(name, part.select(schema.names).cast(schema), gone)
            seam(f"after-write-{name}")
        table = self._db.open_table(name)
        self._index(table, anew=("words",) if delta or gone else ())
        seam(f"after-index-{name}")
        Seals(self._folder.parent).seal(name)
        return Written(
            name,
            table.version,
            len(ids),
            digests.of_pairs(zip(ids, hashes, strict=True)),
            added,
            len(delta) - added,
            len(gone),
        )

    def protect(self, name: str, version: int, tag: str) -> None:
        """Tag a version so that clean-up keeps it; the same tag on the same version again is fine."""
        tags = self._db.open_table(name).tags
        if tag in tags.list():
            tags.update(tag, version)
        else:
            tags.create(tag, version)

    def index_anew(
        self, name: str, columns: Sequence[str] = ("words", "vector", "id", "code", "family", "document_id")
    ) -> int:
        """Build the indexes of these columns from nothing; the version that has them."""
        table = self._db.open_table(name)
        self._index(table, anew=columns)
        Seals(self._folder.parent).seal(name)
        return self._db.open_table(name).version

    def drop(self, name: str) -> None:
        self._db.drop_table(name)

    def names(self) -> list[str]:
        return list(self._db.list_tables(limit=10_000).tables) if self._folder.exists() else []

    def _hashes(self, name: str) -> dict[str, str]:
        if name not in self.names():
            return {}
        pairs = self._db.open_table(name).search().select(["id", "hash"]).to_arrow()
        return dict(zip(pairs["id"].to_pylist(), pairs["hash"].to_pylist(), strict=True))

    def _merge(self, name: str, part: pa.Table, gone: list[str]) -> None:
        if name not in self.names():
            table = self._db.create_table(name, part)
            table.set_unenforced_primary_key("id")
            return
        merge = self._db.open_table(name).merge_insert("id").when_matched_update_all().when_not_matched_insert_all()
        if gone:
            merge = merge.when_not_matched_by_source_delete(is_in("id", gone))
        merge.execute(part)

    def _index(self, table, *, anew: Sequence[str] = ()) -> None:
        """Every index the table needs, over all its rows; those of the columns `anew` are built from nothing.

        Trap: a full-text index that `optimize` brought up to date still counts the rows that are gone, so BM25 would
        depend on what a table held before. Built anew it depends on what it holds.
        """
        columns = {column for index in table.list_indices() for column in index.columns}
        if "vector" in table.schema.names:
            wanted = {"words": FTS(), "document_id": BTree(), "family": BTree()}
            if table.count_rows() > _EXACT_UP_TO_ROWS:
                wanted["vector"] = IvfSq(distance_type="cosine")
        else:
            wanted = {"id": BTree(), "code": BTree(), "family": BTree()}
        for column, config in wanted.items():
            if column not in columns or column in anew:
                table.create_index(column, config=config, wait_timeout=_INDEX_WAIT)
        if any(unindexed(table)):
            table.optimize(cleanup_older_than=_NO_CLEAN_UP)


def _check_unique(name: str, ids: Sequence[str]) -> None:
    if len(set(ids)) != len(ids):
        seen: set[str] = set()
        twice = sorted({key for key in ids if key in seen or seen.add(key)})[:3]
        raise Rejected(
            f"Table {name} would have {len(ids) - len(set(ids))} ids twice, first {', '.join(twice)}.",
            next="Remove the duplicates from the source, or report it if the source has none.",
        )


def _vector_column(vectors: np.ndarray, ids: Sequence[str], schema: pa.Schema) -> pa.FixedSizeListArray:
    """Checked vectors as an Arrow column; the first bad one is named by its row."""
    width = schema.field("vector").type.list_size
    if vectors.dtype != np.float32 or vectors.shape != (len(ids), width):
        raise Rejected(
            f"Vectors are {vectors.dtype} {vectors.shape}, expected float32 ({len(ids)}, {width}).",
            next="Check the encoder setting.",
        )
    with np.errstate(invalid="ignore", over="ignore"):
        good = np.abs(np.linalg.norm(vectors, axis=1) - 1.0) < _UNIT_TOLERANCE  # False for inf and NaN as well
    if not good.all():
        raise Rejected(
            f"{int((~good).sum())} vectors are not finite or not of length 1, first that of {ids[int(np.argmin(good))]}.",
            next="Check the encoder: it must give unit vectors.",
        )
    return pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), width)
