"""The tables, for those who maintain them: tags, clean-up, compaction, and rows that must go for good.

    care = TableCare(home / "lance", "icd10-documents")
    care.untag(["release-2025-01-03.2"]); care.clean(); care.compact(most_fragments=20, most_deleted=0.2)

Clean-up is by tag: a version that is tagged, or is the newest, stays with all it needs, however old it is; every other goes.
Lance's own `optimize()` cleans by age and fails as soon as a tag is older than its cut-off, so it is never asked to. Nobody may
write to the table meanwhile (`probatum.locks`), because what a killed writer left behind goes as well.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import lance
import lancedb
import pyarrow as pa

from probatum.store import Store
from probatum.tables import is_in

_ROWS_AT_ONCE = 1024  # with 384 numbers and a page of text each, a few MiB in memory
_THREADS = 1  # memory is batches times threads; maintenance has all night


@dataclass(frozen=True)
class Cleaned:
    """What a clean-up took away."""

    versions: int = 0
    bytes: int = 0

    def __add__(self, other: "Cleaned") -> "Cleaned":
        return Cleaned(self.versions + other.versions, self.bytes + other.bytes)


class TableCare:
    """One table. Every method opens it anew, so nothing here is out of date."""

    def __init__(self, folder: Path, name: str):
        self._folder, self.name, self._path = folder, name, folder / f"{name}.lance"

    def tags(self) -> dict[str, int]:
        """{tag: version}"""
        return {tag: told["version"] for tag, told in self._dataset().tags.list().items()}

    def tag(self, tag: str, version: int) -> None:
        Store(self._folder).protect(self.name, version, tag)

    def untag(self, tags: Iterable[str]) -> int:
        """Delete those of these tags that are there; how many."""
        dataset = self._dataset()
        there = dataset.tags.list()
        gone = [tag for tag in tags if tag in there]
        for tag in gone:
            dataset.tags.delete(tag)
        return len(gone)

    def versions(self) -> list[int]:
        return [told["version"] for told in self._dataset().versions()]

    def clean(self) -> Cleaned:
        """Remove every version that is neither tagged nor the newest, and files that no version names."""
        done = self._dataset().cleanup_old_versions(
            older_than=timedelta(0), delete_unverified=True, error_if_tagged_old_versions=False
        )
        return Cleaned(done.old_versions, done.bytes_removed)

    def compact(self, *, most_fragments: int, most_deleted: float) -> bool:
        """Write the newest version in fewer pieces, as a version that no release names; whether that was needed."""
        dataset = self._dataset()
        pieces = dataset.get_fragments()
        rows = sum(piece.metadata.physical_rows or 0 for piece in pieces)
        deleted = sum(piece.num_deletions for piece in pieces)
        if len(pieces) <= most_fragments and deleted <= most_deleted * rows:
            return False
        self._rewrite(dataset)
        Store(self._folder).index_anew(self.name, ("words",))
        return True

    def holds(self, version: int, told: Callable[[dict], bool], columns: Iterable[str]) -> bool:
        """Whether any row of a version satisfies `told`, those that were deleted but whose bytes are there included."""
        return any(told(row) for row in self._rows(version, columns))

    def rows(self, version: int, told: Callable[[dict], bool], columns: Iterable[str]) -> list[dict]:
        """Those rows."""
        return [row for row in self._rows(version, columns) if told(row)]

    def schema(self) -> pa.Schema:
        return self._dataset().schema

    def without(self, version: int, ids: Iterable[str]) -> int:
        """A new version that holds what `version` does but the rows `ids`, with none of their bytes; its number."""
        table = lancedb.connect(self._folder, read_consistency_interval=timedelta(0)).open_table(self.name)
        table.checkout(version)
        table.restore()
        if gone := list(ids):
            table.delete(is_in("id", gone))
        self._rewrite(self._dataset())
        return Store(self._folder).index_anew(self.name)

    def _rewrite(self, dataset: lance.LanceDataset) -> None:
        dataset.optimize.compact_files(
            materialize_deletions=True,
            materialize_deletions_threshold=0.0,
            num_threads=_THREADS,
            batch_size=_ROWS_AT_ONCE,
        )

    def _rows(self, version: int, columns: Iterable[str]) -> Iterator[dict]:
        scanner = self._dataset(version).scanner(
            columns=sorted(set(columns)), with_row_id=True, include_deleted_rows=True, batch_size=_ROWS_AT_ONCE
        )
        for batch in scanner.to_batches():
            yield from batch.to_pylist()

    def _dataset(self, version: int | None = None) -> lance.LanceDataset:
        return lance.dataset(str(self._path), version=version)
