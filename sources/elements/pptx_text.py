"""The words of a slide: paragraphs with their level and mark, and tables with their spans filled in.

<a:r>10</a:r><a:r><a:rPr baseline="30000"/>9</a:r><a:r>/L</a:r>   ->  ("10⁹/L", level 0, None)
"""

from collections.abc import Iterator

from lxml import etree

from sources.elements.model import Grid, Reading
from sources.elements.scripts import lowered, raised

A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_MATH = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_UNSEEN_SIZE = 150  # hundredths of a point
_WIDEST, _TALLEST = 100, 5_000

Said = tuple[str, int, str | bool | None]  # text; level; its number, True for a bullet, False for none, None: not said


def paragraphs_of(body: etree._Element, reading: Reading) -> Iterator[Said]:
    """Paragraphs that say something. What nobody sees is left out and counted."""
    numbers: dict[int, int] = {}
    for element in body.iter(f"{A}p"):
        text = " ".join(_text(element, reading).split())
        if not text:
            continue
        properties = element.find(f"{A}pPr")
        level = int(properties.get("lvl", "0")) if properties is not None else 0
        yield text, level, _mark(properties, level, numbers)


def _mark(properties: etree._Element | None, level: int, numbers: dict[int, int]) -> str | bool | None:
    numbered = properties.find(f"{A}buAutoNum") if properties is not None else None
    if numbered is None:
        numbers.pop(level, None)
        if properties is None:
            return None
        return True if properties.find(f"{A}buChar") is not None else False if _has(properties, "buNone") else None
    numbers[level] = numbers.get(level, int(numbered.get("startAt", "1")) - 1) + 1
    return f"{numbers[level]}. "


def _has(properties: etree._Element, name: str) -> bool:
    return properties.find(f"{A}{name}") is not None


def _text(element: etree._Element, reading: Reading) -> str:
    parts = []
    for child in element:
        if child.tag in (f"{A}r", f"{A}fld"):
            parts.append(_run(child, reading))
        elif child.tag == f"{A}br":
            parts.append(" ")
        elif child.tag == f"{_MATH}t":
            parts.append(child.text or "")
        elif isinstance(child.tag, str) and child.tag not in (f"{A}pPr", f"{A}endParaRPr", _FALLBACK):
            parts.append(_text(child, reading))
    return "".join(parts)


def _run(run: etree._Element, reading: Reading) -> str:
    text, properties = (run.findtext(f"{A}t") or "").replace("\v", " "), run.find(f"{A}rPr")
    if properties is None or not text.strip():
        return text
    if properties.get("strike", "noStrike") != "noStrike":
        reading.dropped["text struck out"] += 1
        return ""
    if (size := properties.get("sz", "")).isdecimal() and int(size) < _UNSEEN_SIZE:
        reading.dropped["hidden text"] += 1
        reading.flags["hidden text"] += 1
        return ""
    rise = properties.get("baseline", "0").rstrip("%")
    shift = float(rise) if rise.lstrip("-").replace(".", "", 1).isdecimal() else 0
    return raised(text) if shift > 0 else lowered(text) if shift < 0 else text


def grid_of(element: etree._Element, reading: Reading) -> Grid | None:
    """A cell that spans is repeated everywhere it stands. The first row heads."""
    filled: list[list[tuple[int, str]]] = []
    taken: dict[tuple[int, int], tuple[int, str]] = {}
    number = 0
    for r, row in enumerate(element.iterfind(f"{A}tr")):
        cells: list[tuple[int, str]] = []
        for c, cell in enumerate(row.iterfind(f"{A}tc")):
            if (r, c) not in taken:
                number += 1
                said = number, _cell(cell, reading)
                for y in range(r, r + _span(cell, "rowSpan", _TALLEST)):
                    for x in range(c, c + _span(cell, "gridSpan", _WIDEST)):
                        taken.setdefault((y, x), said)
            cells.append(taken[r, c])
        if any(text for _, text in cells):
            filled.append(cells)
    wide = max((len(cells) for cells in filled), default=0)
    if not wide:
        return None
    rows = [_squared(cells, wide) for cells in filled]
    named = len(rows[0]) == 1 < wide  # a row across the table is its name, and the headings come after it
    return Grid(rows, header=min(1 + named, len(rows) - 1))


def _cell(cell: etree._Element, reading: Reading) -> str:
    body = cell.find(f"{A}txBody")
    return "; ".join(text for text, _, _ in paragraphs_of(body, reading)) if body is not None else ""


def _squared(cells: list[tuple[int, str]], wide: int) -> tuple[str, ...]:
    across = len({number for number, _ in cells}) == 1 and len(cells) == wide > 1
    return (cells[0][1],) if across else (*(text for _, text in cells), *[""] * (wide - len(cells)))


def _span(cell: etree._Element, name: str, most: int) -> int:
    said = cell.get(name, "1")
    return min(int(said), most) if said.isdecimal() and said != "0" else 1
