"""A guideline as a workbook: every sheet is a section, and its cells a table under their headings.

    sheet "Fluid": Weight | Dose (merged over two columns)   ->  Title("Fluid"), Table: Weight | Dose  | Dose
                          | day | night                                                | day   | night

Merged cells are filled in everywhere they stand. Values are as the person who typed them saw them; a formula gives the
value that was last worked out. Left out and counted: hidden sheets, rows and columns, cells that are struck out, and
cells whose letters nobody sees. How large the sheets are is looked at before they are loaded.
"""

import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.worksheet.worksheet import Worksheet

from probatum.errors import Rejected
from probatum.safeio import ASK_AGAIN, Archive, Limits
from sources.elements import office
from sources.elements.model import Grid, Reading, paragraph, table, title
from sources.elements.xlsx_cells import shown, unseen
from sources.elements.xlsx_size import judge_size

_UNREADABLE = (
    *(KeyError, ValueError, TypeError, AttributeError, IndexError, SyntaxError, OverflowError, OSError, AssertionError),
    *(zipfile.BadZipFile, InvalidFileException),
)
_MOST_SHEETS = 200

Cells = list[tuple[int, str]]  # (which cell it is, its text); a merged cell is one wherever it stands


def read(path: Path, limits: Limits) -> Reading:
    """Raises Rejected for a password, an old .xls, a damaged zip, or sheets larger than a guideline has."""
    package = office.judged(path, limits, office.XLSX)
    with Archive(path, limits) as archive:
        judge_size(path.name, archive, limits)
    reading = Reading(dropped=package.dropped, flags=package.flags)
    try:
        book = load_workbook(BytesIO(path.read_bytes()), data_only=True, keep_links=False, rich_text=True)
        sheets = book.worksheets
        if len(sheets) > _MOST_SHEETS:
            raise Rejected(f"{path.name} has {len(sheets)} sheets ({_MOST_SHEETS} allowed).", next="Split it.")
        for sheet in sheets:
            _read_sheet(sheet, reading)
        reading.title = " ".join((book.properties.title or "").split())
    except _UNREADABLE:
        raise Rejected(f"{path.name} is a workbook that cannot be read.", next=ASK_AGAIN) from None
    reading.title = reading.title or next((e.text for e in reading.elements if e.category == "Title"), "")
    return reading


def _read_sheet(sheet: Worksheet, reading: Reading) -> None:
    if sheet.sheet_state != "visible":
        reading.dropped["hidden sheets"] += 1
        reading.flags["hidden text"] += any(cell.value is not None for row in sheet.iter_rows() for cell in row)
        return
    rows = [(cells, bold) for _, cells, bold in _rows(sheet, reading)]
    if not rows:
        return
    reading.elements.append(title(" ".join(sheet.title.split()), depth=0))
    for run in _tables(rows):
        _add(run, _header_rows(run, sheet), reading)


def _rows(sheet: Worksheet, reading: Reading) -> Iterator[tuple[int, Cells, bool]]:
    """(number, cells, all bold) of each visible row; an empty row is an empty list. Trailing empty cells are gone."""
    merged = {(r, c): (area.min_row, area.min_col) for area in sheet.merged_cells.ranges for r, c in area.cells}
    gone = set(_hidden_columns(sheet))
    reading.dropped.update({"hidden columns": len(gone)} if gone else {})
    for row in sheet.iter_rows():
        number = row[0].row
        if sheet.row_dimensions[number].hidden:
            if any(cell.value is not None for cell in row):
                reading.dropped["hidden rows"] += 1
                reading.flags["hidden text"] += 1
            continue
        cells, weights = [], []
        for cell in row:
            if cell.column in gone:
                reading.flags["hidden text"] += cell.value is not None
                continue
            at = merged.get((cell.row, cell.column), (cell.row, cell.column))
            source = sheet.cell(*at) if at != (cell.row, cell.column) else cell
            text = _seen(source, reading, counted=source is cell)
            weights += [bool(source.font and source.font.b)] if text else []
            cells.append((at[0] * 20_000 + at[1], text))
        while cells and not cells[-1][1]:
            cells.pop()
        yield number, cells, bool(weights) and all(weights)


def _seen(cell, reading: Reading, *, counted: bool) -> str:
    text = shown(cell)
    reason = unseen(cell) if text else ""
    if reason and counted:
        reading.dropped[reason] += 1
        reading.flags.update({"hidden text": 1} if reason == "hidden text" else {})
    return "" if reason else text


def _hidden_columns(sheet: Worksheet) -> Iterator[int]:
    for dimension in sheet.column_dimensions.values():
        if dimension.hidden and dimension.min and dimension.max:
            yield from range(dimension.min, min(dimension.max, sheet.max_column) + 1)


def _tables(rows: list[tuple[Cells, bool]]) -> Iterator[list[tuple[Cells, bool]]]:
    """Rows that belong together. After an empty row a new table begins only where it has a name or bold headings of
    its own; else the rows go on under the headings they had."""
    run: list[tuple[Cells, bool]] = []
    for k, (cells, bold) in enumerate(rows):
        after_gap = k > 0 and not rows[k - 1][0]
        if cells and run and after_gap and _begins(rows, k, bold):
            yield run
            run = []
        if cells:
            run.append((cells, bold))
    if run:
        yield run


def _begins(rows: list[tuple[Cells, bool]], k: int, bold: bool) -> bool:
    after = rows[k + 1] if k + 1 < len(rows) else ([], False)
    named = _filled(rows[k][0]) == 1 and _filled(after[0]) > 1
    return named or (bold and _filled(rows[k][0]) > 1 and not after[1])


def _filled(cells: Cells) -> int:
    return len({number for number, text in cells if text})


def _header_rows(run: list[tuple[Cells, bool]], sheet: Worksheet) -> int:
    """How many rows, after those of one cell, are headings: as many as the merged cells of the first one reach over."""
    first = next((k for k, (cells, _) in enumerate(run) if _filled(cells) > 1), len(run))
    if first >= len(run) - 1:
        return 0
    numbers = {number for number, _ in run[first][0]}
    across = len(numbers) < len(run[first][0])
    down = 1
    while first + down < len(run) - 1 and numbers & {number for number, text in run[first + down][0] if text}:
        down += 1
    return max(down, 2 if across and first + 2 < len(run) else 1)


def _add(run: list[tuple[Cells, bool]], header: int, reading: Reading) -> None:
    wide = max(len(cells) for cells, _ in run)
    above = next((k for k, (cells, _) in enumerate(run) if _filled(cells) > 1), len(run))
    for cells, bold in run[:above]:
        text = next(text for _, text in cells if text)
        reading.elements.append(title(text, depth=1) if bold or above < len(run) else paragraph(text))
    rows = [_squared(cells, wide) for cells, _ in run[above:]]
    if rows:
        reading.elements.append(table(Grid(rows, header=header)))


def _squared(cells: Cells, wide: int) -> tuple[str, ...]:
    across = len({number for number, _ in cells}) == 1 and len(cells) == wide > 1
    return (cells[0][1],) if across else (*(text for _, text in cells), *[""] * (wide - len(cells)))
