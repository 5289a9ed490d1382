"""HTML tables as grids: every cell that spans rows or columns is filled in everywhere it stands.

    <tr><th rowspan=2>Weight<th colspan=2>Dose</tr><tr><th>Day<th>Night</tr>  ->  Weight | Dose | Dose
                                                                                  Weight | Day  | Night

A row that is one cell across the whole table is said once. A table used to lay out a page is not a table: its
contents are read in order.
"""

from collections.abc import Callable, Iterator

from lxml import etree

from sources.elements.model import Grid

_WIDEST, _TALLEST = 100, 5_000  # what a span may claim at most
_HEADER_WORDS = 12  # a first row in <td> that stands as column headings


def is_data(table: etree._Element) -> bool:
    """Whether a table holds data: two columns and two rows at least, and no table, heading or picture page inside."""
    if table.get("role") in ("presentation", "none") or table.find(".//table") is not None:
        return False
    rows = list(rows_of(table))
    wide = max((len(cells_of(row)) for row in rows), default=0)
    if wide < 2 or (len(rows) < 2 and not table.findall(".//th")):
        return False
    return not table.xpath(".//h1 | .//h2") or bool(table.findall(".//th"))


def rows_of(table: etree._Element) -> Iterator[etree._Element]:
    """Rows of the table itself, in the order they are shown: head, bodies, foot."""
    parts = {"thead": [], "tbody": [], "tfoot": []}
    for child in table:
        if child.tag == "tr":
            parts["tbody"].append(child)
        elif child.tag in parts:
            parts[child.tag] += [row for row in child if row.tag == "tr"]
    for rows in parts.values():
        yield from rows


def cells_of(row: etree._Element) -> list[etree._Element]:
    return [cell for cell in row if cell.tag in ("td", "th")]


def grid_of(table: etree._Element, text_of: Callable[[etree._Element], str]) -> Grid | None:
    """text_of gives the text of a cell. None where no cell says anything."""
    taken: dict[tuple[int, int], tuple[int, str]] = {}  # (row, column): (ordinal of the cell, its text)
    headings: list[bool] = []
    rows = list(rows_of(table))
    ordinal = 0
    for r, row in enumerate(rows):
        cells = cells_of(row)
        in_head = row.getparent().tag == "thead"
        headings.append(in_head or (bool(cells) and all(cell.tag == "th" for cell in cells)))
        column = 0
        for cell in cells:
            while (r, column) in taken:
                column += 1
            down, across = _span(cell, "rowspan", _TALLEST) or len(rows), _span(cell, "colspan", _WIDEST) or 1
            text, ordinal = text_of(cell), ordinal + 1
            for y in range(r, min(r + down, len(rows))):
                for x in range(column, column + across):
                    taken.setdefault((y, x), (ordinal, text))
    return _grid(taken, headings)


def _grid(taken: dict[tuple[int, int], tuple[int, str]], headings: list[bool]) -> Grid | None:
    wide = max((x for _, x in taken), default=-1) + 1
    filled, header = [], 0
    for r, heading in enumerate(headings):
        cells = [taken.get((r, x), (0, "")) for x in range(wide)]
        if not any(text for _, text in cells):
            continue
        header += heading and header == len(filled)
        same = len({number for number, _ in cells}) == 1
        filled.append((cells[0][1],) if same and wide > 1 else tuple(text for _, text in cells))
    if not filled:
        return None
    if not header:
        first = int(len(filled[0]) == 1 < wide)  # a row across the table is its name, and the headings come after it
        if len(filled) > first + 1 and all(
            len(cell.split()) <= _HEADER_WORDS for row in filled[: first + 1] for cell in row
        ):
            header = first + 1
    return Grid(filled, header=header)


def _span(cell: etree._Element, name: str, most: int) -> int:
    said = (cell.get(name) or "1").strip()
    return min(int(said), most) if said.isdecimal() else 1
