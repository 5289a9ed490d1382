"""Does what a golden question expects still stand? Asked of the documents of one source as they serve.

standing = Standing(home, state)
standing.problem(Expected(document="sepsis.pdf", anchor="within one hour"))     ""  or  "its anchor stands no more in sepsis.pdf"
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path

from probatum.golden import Expected
from probatum.release import SourceState
from probatum.tables import PinnedTable, open_table


class Standing:
    """The documents of one source in one release."""

    def __init__(self, home: Path, state: SourceState):
        self._home, self._state = home, state
        self._known: dict[str, dict] = {}

    def __contains__(self, document: str) -> bool:
        return self._beginning_with(document, exactly=True) != []

    def problems(self, expects: Iterable[Expected]) -> list[str]:
        """Why nothing of what is expected stands; none where anything does, for any one suffices."""
        found = [self.problem(expected) for expected in expects]
        return found if all(found) else []

    def problem(self, expected: Expected) -> str:
        """Why this does not stand, or ""."""
        wanted = expected.document or expected.family
        ids = self._beginning_with(wanted, exactly=bool(expected.document))
        if not ids:
            return f"{'document' if expected.document else 'family'} {wanted} is not in what serves"
        anchor = squeezed(expected.anchor)
        if anchor and not any(anchor in squeezed(row["text"]) for row in self.rows(ids).values()):
            return f"its anchor stands no more in {wanted}"
        return ""

    def rows(self, documents: Sequence[str]) -> dict[str, dict]:
        """{id: {"title", "text", "file"}} of those of these documents that are there."""
        missing = [i for i in documents if i not in self._known]
        rows = self._table.where("id", missing, columns=["id", "title", "text", "file"])
        self._known |= {row["id"]: row for row in rows}
        return {i: self._known[i] for i in documents if i in self._known}

    def of_file(self, file: str) -> list[str]:
        """The documents that were read from a file."""
        rows = self._table.read(["id", "file"]).to_pylist()
        return [row["id"] for row in rows if row["file"] == file]

    @cached_property
    def ids(self) -> list[str]:
        return sorted(self._table.read(["id"])["id"].to_pylist())

    @cached_property
    def _table(self) -> PinnedTable:
        return open_table(self._home / "lance", self._state.documents.name, self._state.documents.version)

    def _beginning_with(self, wanted: str, *, exactly: bool) -> list[str]:
        at, found = bisect_left(self.ids, wanted), []
        while at < len(self.ids) and (self.ids[at] == wanted if exactly else self.ids[at].startswith(wanted)):
            found.append(self.ids[at])
            at += 1
        return found


def squeezed(text: str) -> str:
    """Text as it is compared: runs of blanks as one, small letters."""
    return " ".join(text.split()).casefold()
