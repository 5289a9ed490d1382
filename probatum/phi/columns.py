"""Tables in text: the heading of a column says what the values below it are.

    "Name | MRN | Ward\\nMary Okafor | 00412345 | 5B"   -> ("mrn", 34, 42), ("any_name", 20, 31)

A table is a line of cells followed at once by lines of cells, parted by | or tabs, semicolons or commas: so readers here
write tables, and so people paste them. Names under "Name", "Patient" or "Last name" count only beside a column that
numbers patients, since panels of experts are tables of names too. One pass: each line is looked at once.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from probatum.phi.contacts import own_at
from probatum.phi.labels import DATE, label_of, value_at
from probatum.phi.names import ClinicalNames
from probatum.phi.people import looks_like_a_name
from probatum.phi.view import View

_DELIMITERS = "|\t;,"
_NUMBERING = frozenset({"mrn", "nhs", "ssn", "sin", "plan", "birth", "account", "card"})
_OWN = frozenset({"own_phone", "own_email", "own_address"})
_NAMES = frozenset({"name", "person", "any_name"})
_ALSO = {  # what is no label in running text, but heads a column
    "patient": "person", "patients": "person", "name": "any_name", "full name": "any_name", "client": "person", "resident": "person",
    "nhs": "nhs", "record number": "mrn", "id": "", "sin": "sin",
}  # fmt: skip
_LONGEST_LINE = 4_000  # characters; a longer line is prose
_MOST_CELLS = 200
_TRIM = " \t*_:#.\"'"


@dataclass(frozen=True)
class Cell:
    start: int
    end: int


class Columns:
    """Walks through a text with its labels, forwards; a table is read when a label turns out to head a column of it."""

    def __init__(self, view: View, names: ClinicalNames):
        self._view, self._names = view, names
        self._line_end, self._done = -1, 0

    def headed_by(self, label_start: int) -> Iterator[tuple[str, int, int]]:
        """What stands below the label at `label_start`, once for each table. Call with rising offsets."""
        if label_start < max(self._line_end, self._done):
            return
        text = self._view.low
        start = text.rfind("\n", max(self._line_end, 0), label_start) + 1 or max(self._line_end, 0)
        self._line_end = _end_of_line(text, label_start)
        if self._line_end - start > _LONGEST_LINE:
            return
        delimiter = next((d for d in _DELIMITERS if text.find(d, start, self._line_end) >= 0), "")
        if delimiter:
            yield from self._table(start, delimiter)

    def _table(self, start: int, delimiter: str) -> Iterator[tuple[str, int, int]]:
        text = self._view.low
        heads = [_heading(text[cell.start : cell.end]) for cell in _cells(text, start, self._line_end, delimiter)]
        wanted = {at: head for at, head in enumerate(heads) if head}
        if not wanted:
            return
        numbered = bool(_NUMBERING & set(heads))
        at = self._line_end + 1
        while at < len(text):
            end = _end_of_line(text, at)
            if end - at > _LONGEST_LINE or text.find(delimiter, at, end) < 0:
                break
            for number, cell in enumerate(_cells(text, at, end, delimiter)):
                if (head := wanted.get(number)) and (found := self._value(head, cell, numbered)):
                    yield found
            self._done = at = end + 1

    def _value(self, head: str, cell: Cell, numbered: bool) -> tuple[str, int, int] | None:
        text = self._view.text
        words = text[cell.start : cell.end]
        if head in _OWN:
            return own_at(head, text, cell.start)
        if head in _NAMES:
            sure = head == "name" or numbered
            return (head, cell.start, cell.end) if sure and looks_like_a_name(words, self._names) else None
        if head == "birth" and not DATE.match(words):
            return None
        span = value_at(head, text, cell.start, marked=True)
        return (head, *span) if span and span[1] <= cell.end else None


def _heading(words: str) -> str:
    plain = " ".join(words.split()).strip(_TRIM)
    return _ALSO.get(plain, "") or label_of(plain)


def _cells(text: str, start: int, end: int, delimiter: str) -> list[Cell]:
    """The cells of a line without the spaces around them; a leading | opens no cell of its own."""
    cells = []
    at = start + (text[start : start + 1] == "|")
    while at <= end and len(cells) < _MOST_CELLS:
        stop = text.find(delimiter, at, end)
        stop = end if stop < 0 else stop
        left, right = at, stop
        while left < right and text[left] in _TRIM:
            left += 1
        while right > left and text[right - 1] in _TRIM:
            right -= 1
        cells.append(Cell(left, right))
        at = stop + 1
    return cells


def _end_of_line(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end
