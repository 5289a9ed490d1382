"""A guideline that is a table (CSV): read as one table under its header, by the reader formularies have.

    Drug,Dose              ->  Table: Drug | Dose
    amoxicillin,500 mg                amoxicillin | 500 mg

Lines of one cell above the header are the table's name. Nothing is interpreted: "007" keeps its zeros, "NA" is two
letters. UTF-8, Windows-1252, or UTF-16 with its mark. A broken quotation mark is refused, with the line.
"""

from collections.abc import Sequence
from pathlib import Path

from probatum.errors import Rejected
from probatum.safeio import Limits
from sources import tables
from sources.elements.model import Grid, Reading, table, title
from sources.elements.text import text_of

_MOST_ROWS = 50_000  # of a table in a guideline; the largest seen has some hundreds


def read(path: Path, limits: Limits) -> Reading:
    text_of(path)  # refuses what is no text, wherever in the file it stops being any
    (found,) = tables.read(path.name, path, limits, encodings=lambda _: ("utf-8", "cp1252"))
    return reading_of([row.cells for row in found.rows], path.name)


def reading_of(cells: Sequence[Sequence[str]], what: str) -> Reading:
    """Rows that are not blank as one table under its name and header."""
    if len(cells) > _MOST_ROWS:
        raise Rejected(
            f"{what} has {len(cells)} rows ({_MOST_ROWS} allowed).",
            next="Split it, or give it to the formulary source if it is one.",
        )
    rows = [_without_empty_end(tuple(row)) for row in cells]
    wide = max((len(row) for row in rows), default=0)
    above = 0
    while wide > 1 and above < len(rows) and len(rows[above]) == 1:
        above += 1
    reading = Reading([title(row[0], depth=0) for row in rows[:above]])
    reading.title = rows[0][0] if above else ""
    body = [row + ("",) * (wide - len(row)) for row in rows[above:]]
    if body:
        reading.elements.append(table(Grid(body, header=1 if len(body) > 1 else 0)))
    return reading


def _without_empty_end(cells: tuple[str, ...]) -> tuple[str, ...]:
    last = max((k for k, cell in enumerate(cells, 1) if cell), default=0)
    return cells[:last]
