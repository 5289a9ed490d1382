"""The tables, for those who read them: one version of one table, opened by name, and nothing that can write.

    table = open_table(home / "lance", "icd10-texts-7195424682", 12, encoder_digest="7195…")
    table.nearest(vector, 10, where={"billable": True})

Filters are values, made into LanceDB's expressions, never SQL text: a quote in a value is a character like any other.
Trap: without `distance_type("cosine")` an exact query uses L2.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import lancedb
import numpy as np
import pyarrow as pa
from lancedb.expr import Expr, col, lit
from lancedb.query import MatchQuery

from probatum.errors import Damaged, Rejected

T = TypeVar("T")
ENCODER_KEY = b"probatum.encoder"  # schema metadata of a table of texts
_UNIT_TOLERANCE = 1e-3
_SURROGATE = re.compile("[\ud800-\udfff]")  # half a character, which no table can hold
PANIC = "RustPanic"  # what LanceDB raises, of no class one could import, where a damaged file made it give up
_NPROBES, _REFINE = 24, 4  # a first choice: recall against an exact scan is not measured yet


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


def encoder_of(folder: Path, name: str) -> str:
    """The digest of the encoder a table of texts was written by; "" when it names none, or there is no such table."""
    try:
        table = lancedb.connect(folder, read_consistency_interval=timedelta(0)).open_table(name)
    except (ValueError, OSError, RuntimeError):
        return ""
    return (table.schema.metadata or {}).get(ENCODER_KEY, b"").decode()


class PinnedTable:
    """One version of one table, for reading only. What never changes in it is asked once: it takes as long as a short query."""

    def __init__(self, table, name: str):
        self._table, self.name, self._version = table, name, table.version
        self._schema = table.schema
        self.has_vector_index = any(index.columns == ["vector"] for index in table.list_indices())

    def nearest(
        self, vector: np.ndarray, limit: int, *, where: Mapping[str, object] | None = None, exact: bool = False
    ) -> list[dict]:
        """Rows by cosine similarity, best first, each with `_distance` (0 is the same direction)."""
        self._check_vector(vector)
        query = self._table.search(vector).distance_type("cosine").limit(limit)
        if exact or not self.has_vector_index:
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
        self._check_vector(vector)
        condition = self._filter({"family": list(families)})
        condition = condition.and_(self._filter(where)) if where else condition
        query = (
            self._table.search(vector).distance_type("cosine").bypass_vector_index().where(condition, prefilter=True)
        )
        return self._read(query.limit(self.count()).select([*columns, "_distance"]).to_arrow)

    def where(
        self,
        column: str,
        values: Sequence[object],
        *,
        columns: Sequence[str] | None = None,
        also: Mapping[str, object] | None = None,
    ) -> list[dict]:
        """All rows whose `column` is one of `values`, and for which every filter of `also` holds."""
        if not values:
            return []
        condition = self._filter({column: list(values)})
        condition = condition.and_(self._filter(also)) if also else condition
        query = self._table.search().where(condition).limit(self.count())
        return self._read((query.select(list(columns)) if columns else query.select(self._columns())).to_list)

    def read(self, columns: Sequence[str]) -> pa.Table:
        return self._read(self._table.search().select(list(columns)).limit(self.count()).to_arrow)

    def count(self) -> int:
        return self._rows_in_all

    @cached_property
    def _rows_in_all(self) -> int:
        return self._read(self._table.count_rows)

    def unindexed_rows(self) -> dict[str, int]:
        """{index name: rows it does not cover}; all zero in anything published."""
        return {
            index.name: count for index, count in zip(self._table.list_indices(), unindexed(self._table), strict=True)
        }

    def _read(self, read: Callable[[], T]) -> T:
        """What LanceDB answers. Raises Damaged when what is on disk cannot be read, or is gone."""
        try:
            return read()
        except Exception as error:
            if not isinstance(error, (OSError, RuntimeError, pa.ArrowException)) and type(error).__name__ != PANIC:
                raise
            raise Damaged(
                f"Table {self.name} version {self._version} can no longer be read ({type(error).__name__}).",
                safe="Nothing was searched.",
                next="Open the release that serves anew. If this comes again, run `probatum scrub`.",
            ) from None

    def _check_vector(self, vector: np.ndarray) -> None:
        """LanceDB answers a vector of nothing or of NaN with no rows, and one of another width with a ValueError."""
        width = self._schema.field("vector").type.list_size
        if vector.shape != (width,) or not abs(float(np.linalg.norm(vector)) - 1.0) < _UNIT_TOLERANCE:
            raise Rejected("The question has no vector.", safe="Nothing was searched.", next="Ask in other words.")

    def _filter(self, values: Mapping[str, object]) -> Expr | None:
        return filter_of(values, self._schema)

    def _columns(self) -> list[str]:
        return [name for name in self._schema.names if name not in ("vector", "hash")]

    def _rows(self, query, where: Mapping[str, object] | None, extra: str) -> list[dict]:
        condition = self._filter(where or {})
        if condition is not None:
            query = query.where(condition, prefilter=True)
        return self._read(query.select([*self._columns(), extra]).to_list)


def filter_of(values: Mapping[str, object], schema: pa.Schema) -> Expr | None:
    """`{"billable": True, "tier": ["1", "2"]}` as an expression: equal to the value, or to one of a list.

    A value that no value of the column can equal (a text where there is yes or no) matches nothing, as any other would.
    """
    condition = None
    for column, value in values.items():
        wanted = list(value) if isinstance(value, (list, tuple)) else [value]
        possible = [_as(schema.field(column).type, each) for each in wanted]
        part = is_in(column, [each for each in possible if each is not None])
        condition = part if condition is None else condition.and_(part)
    return condition


def _as(kind: pa.DataType, value: object) -> object | None:
    """The value as the column holds it; None when it holds no such value. A number is also its own text (tier 1)."""
    if isinstance(value, bool) or pa.types.is_boolean(kind):
        return value if isinstance(value, bool) and pa.types.is_boolean(kind) else None
    if pa.types.is_string(kind):
        return str(value) if isinstance(value, (str, int)) and not _SURROGATE.search(str(value)) else None
    return value if isinstance(value, int) and pa.types.is_integer(kind) else None


def is_in(column: str, values: Sequence[object]) -> Expr:
    return col(column).isin([lit(value) for value in values])


def unindexed(table) -> list[int]:
    return [table.index_stats(index.name).num_unindexed_rows for index in table.list_indices()]
