"""The tables, for those who read them: one version of one table, opened by name, and nothing that can write.

    table = open_table(home / "lance", "icd10-texts-7195424682", 12, encoder_digest="7195…")
    table.nearest(vector, 10, where={"billable": True})

Filters are values, made into LanceDB's expressions, never SQL text: a quote in a value is a character like any other.
Trap: without `distance_type("cosine")` an exact query uses L2.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

import lancedb
import numpy as np
import pyarrow as pa
from lancedb.expr import Expr, col, lit
from lancedb.query import MatchQuery

from probatum.errors import Damaged, Rejected

ENCODER_KEY = b"probatum.encoder"  # schema metadata of a table of texts
_NPROBES, _REFINE = 24, 4  # recall@10 against an exact scan is in bench/README.md


def open_table(folder: Path, name: str, version: int, *, encoder_digest: str | None = None) -> "PinnedTable":
    """Table `name` as of `version`. Raises Damaged when it is not there or belongs to another encoder."""
    next = "Run `probatum doctor`; `probatum rollback` returns to a release whose tables are whole."
    try:
        table = lancedb.connect(folder, read_consistency_interval=timedelta(0)).open_table(name)
        table.checkout(version)
    except (ValueError, OSError, RuntimeError) as error:
        raise Damaged(
            f"Table {name} version {version} cannot be opened ({type(error).__name__}).",
            safe="Nothing was searched.",
            next=next,
        ) from None
    named = (table.schema.metadata or {}).get(ENCODER_KEY, b"").decode()
    if encoder_digest is not None and named != encoder_digest:
        raise Damaged(
            f"Table {name} was written by encoder {named[:12] or 'unknown'}…, the release names {encoder_digest[:12]}….",
            safe="Nothing was searched: vectors of two encoders are never compared.",
            next=next,
        )
    return PinnedTable(table, name)


class PinnedTable:
    """One version of one table, for reading only."""

    def __init__(self, table, name: str):
        self._table, self.name = table, name
        self._has_vector_index = any(index.columns == ["vector"] for index in table.list_indices())

    def nearest(
        self, vector: np.ndarray, limit: int, *, where: Mapping[str, object] | None = None, exact: bool = False
    ) -> list[dict]:
        """Rows by cosine similarity, best first, each with `_distance` (0 is the same direction)."""
        if not np.isfinite(vector).all():
            raise Rejected("The question has no vector.", safe="Nothing was searched.", next="Ask in other words.")
        query = self._table.search(vector).distance_type("cosine").limit(limit)
        if exact or not self._has_vector_index:
            query = query.bypass_vector_index()
        else:
            query = query.nprobes(_NPROBES).refine_factor(_REFINE)
        return self._rows(query, where, "_distance")

    def matching(self, words: str, limit: int, *, where: Mapping[str, object] | None = None) -> list[dict]:
        """Rows by BM25, best first, each with `_score`."""
        query = self._table.search(MatchQuery(words, "words"), query_type="fts").limit(limit)
        return self._rows(query, where, "_score")

    def families(
        self,
        vector: np.ndarray,
        families: Sequence[str],
        columns: Sequence[str],
        *,
        where: Mapping[str, object] | None = None,
    ) -> pa.Table:
        """Every row of these families with its exact `_distance` to `vector`."""
        condition = filter_of({"family": list(families), **(where or {})})
        query = (
            self._table.search(vector).distance_type("cosine").bypass_vector_index().where(condition, prefilter=True)
        )
        return query.limit(self.count()).select([*columns, "_distance"]).to_arrow()

    def where(self, column: str, values: Sequence[object], *, columns: Sequence[str] | None = None) -> list[dict]:
        """All rows whose `column` is one of `values`."""
        if not values:
            return []
        query = self._table.search().where(is_in(column, list(values))).limit(self.count())
        return (query.select(list(columns)) if columns else query.select(self._columns())).to_list()

    def where_all(self, values: Mapping[str, object], columns: Sequence[str]) -> list[dict]:
        """All rows for which every filter holds."""
        return self._table.search().where(filter_of(values)).limit(self.count()).select(list(columns)).to_list()

    def read(self, columns: Sequence[str]) -> pa.Table:
        return self._table.search().select(list(columns)).limit(self.count()).to_arrow()

    def count(self) -> int:
        return self._table.count_rows()

    def unindexed_rows(self) -> dict[str, int]:
        """{index name: rows it does not cover}; all zero in anything published."""
        return {
            index.name: count for index, count in zip(self._table.list_indices(), unindexed(self._table), strict=True)
        }

    def _columns(self) -> list[str]:
        return [name for name in self._table.schema.names if name not in ("vector", "hash")]

    def _rows(self, query, where: Mapping[str, object] | None, extra: str) -> list[dict]:
        condition = filter_of(where or {})
        if condition is not None:
            query = query.where(condition, prefilter=True)
        return query.select([*self._columns(), extra]).to_list()


def filter_of(values: Mapping[str, object]) -> Expr | None:
    """`{"billable": True, "tier": ["1", "2"]}` as an expression: equal to the value, or to one of a list."""
    condition = None
    for column, value in values.items():
        part = is_in(column, value) if isinstance(value, (list, tuple)) else col(column).eq(lit(value))
        condition = part if condition is None else condition.and_(part)
    return condition


def is_in(column: str, values: Sequence[object]) -> Expr:
    return col(column).isin([lit(value) for value in values])


def unindexed(table) -> list[int]:
    return [table.index_stats(index.name).num_unindexed_rows for index in table.list_indices()]
