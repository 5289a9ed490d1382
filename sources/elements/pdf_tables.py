"""Ruled tables of a PDF page: where they are (pdfplumber, from the rules) and what stands in them (pdfium's text).

    ruled_tables(plumber_page) -> [Ruled(box=(72, 300, 520, 410), cells=[(72, 300, 180, 320), …])]
    grid_of(ruled, glyphs)     -> Grid((("Source", "First dose"), ("Unknown", "4.5 g")))

pdfplumber is slow, so only pages whose drawn paths could make a grid are shown to it (`may_hold_table`). A frame
around a paragraph is no table: two columns and two rows with words in them are the least. Spanned cells are filled in.
"""

from dataclasses import dataclass

import pypdfium2.raw as pdfium_c
from pypdfium2 import PdfPage

from sources.elements.hyphens import Hyphens
from sources.elements.model import Grid
from sources.elements.pdf_lines import Glyph, Line, lines_of, merged

Box = tuple[float, float, float, float]  # left, top, right, bottom, from the top left of the page
_MOST_PATHS = 4_000  # more is a drawing; finding a grid in it would take minutes
_THIN_PT = 3.0
_FORM_DEPTH = 5
_WORD_SPACE_EM = 0.5
_LINES_A_CROSSING = 5  # one word in five lines may stand over a rule
_SETTINGS = {"snap_tolerance": 4, "join_tolerance": 4, "intersection_tolerance": 5}


@dataclass
class Ruled:
    box: Box
    cells: list[Box]


def may_hold_table(page: PdfPage) -> bool | None:
    """Whether the drawn paths could make a grid; None: too many to look."""
    across = down = boxes = 0
    for seen, thing in enumerate(page.get_objects(filter=[pdfium_c.FPDF_PAGEOBJ_PATH], max_depth=_FORM_DEPTH)):
        if seen > _MOST_PATHS:
            return None
        left, bottom, right, top = thing.get_bounds()
        wide, high = right - left, top - bottom
        if wide > 10 and high <= _THIN_PT:
            across += 1
        elif high > 5 and wide <= _THIN_PT:
            down += 1
        elif wide > 10 and high > 5:
            boxes += 1 + (pdfium_c.FPDFPath_CountSegments(thing.raw) > 8) * 4
    return (across >= 2 and down >= 2) or boxes >= 4


def ruled_tables(page) -> list[Ruled]:
    """The tables pdfplumber finds on its page, turned as shown, from the top left of the crop box."""
    x, y = page.bbox[0], page.bbox[1]
    found = []
    for candidate in page.filter(_is_rule).find_tables(_SETTINGS) or page.find_tables(_SETTINGS):
        cells = [(c[0] - x, c[1] - y, c[2] - x, c[3] - y) for c in candidate.cells]
        box = (min(c[0] for c in cells), min(c[1] for c in cells), max(c[2] for c in cells), max(c[3] for c in cells))
        found.append(Ruled(box, cells))
    return found


def _is_rule(thing: dict) -> bool:
    """Not a shaded area: shading behind single lines of text would cut rows apart where there are rules as well."""
    thick = min(thing.get("width", 0), thing.get("height", 0)) > _THIN_PT
    return thing["object_type"] not in ("rect", "curve") or thing.get("stroke") or not thick


def holds(box: Box, glyph: Glyph) -> bool:
    x, y = glyph.at
    return box[0] - 1 <= x <= box[2] + 1 and box[1] - 1 <= y <= box[3] + 1


def grid_of(ruled: Ruled, glyphs: list[Glyph], page: int, hyphens: Hyphens | None = None) -> Grid | None:
    """The grid of a table; None where the cells make no table.

    glyphs: those inside the table's box, in content order, spaces included.
    """
    homes = _homes(ruled.cells, glyphs)
    if _cut(glyphs, homes):
        return None
    inside: dict[Box, list[Glyph]] = {cell: [] for cell in ruled.cells}
    for glyph, home in zip(glyphs, homes, strict=True):
        inside[home].append(glyph)
    lines = {cell: lines_of(found, page) for cell, found in inside.items()}
    texts = {cell: _cell_text(found, hyphens) for cell, found in lines.items()}
    xs, ys = _edges(ruled.cells, 0), _edges(ruled.cells, 1)
    places = [[_at(ruled.cells, x + 3, y + 3) for x in xs] for y in ys]
    places = [row for row in places if any(texts.get(cell) for cell in row)]
    places = _without_phantoms(places, texts)
    rows = [[texts.get(cell, "") for cell in row] if len(set(row)) > 1 else [texts[row[0]]] for row in places]
    bold = [all(line.bold for cell in row for line in lines.get(cell, ())) for row in places]
    rows, bold = _without_echo(rows, bold)
    if len(rows) < 2 or not any(sum(bool(cell) for cell in row) > 1 for row in rows):
        return None
    return Grid([tuple(row) for row in rows], header=_header(bold))


def _header(bold: list[bool]) -> int:
    """Leading bold rows are the column headings; where none is bold, or all are, the first row is."""
    count = next((k for k, heavy in enumerate(bold) if not heavy), len(bold))
    return count if 0 < count < len(bold) else 1


def _without_echo(rows: list[list[str]], bold: list[bool]) -> tuple[list[list[str]], list[bool]]:
    """Without a row that only repeats the one before it: two rules close together make such a row."""
    kept = [k for k, row in enumerate(rows) if k == 0 or row != rows[k - 1]]
    return [rows[k] for k in kept], [bold[k] for k in kept]


def _homes(cells: list[Box], glyphs: list[Glyph]) -> list[Box]:
    """The cell of each glyph; a space goes with the letter before it."""
    homes: list[Box] = []
    home = cells[0]
    for glyph in glyphs:
        if glyph.size and not holds(home, glyph):
            home = next((cell for cell in cells if holds(cell, glyph)), None)
            home = home or min(cells, key=lambda cell, glyph=glyph: _distance(cell, glyph))
        homes.append(home)
    return homes


def _cut(glyphs: list[Glyph], homes: list[Box]) -> bool:
    """Whether the rules run through the words: underlined links or boxes in running text, not a table."""
    crossings = baselines = 0
    last = None
    for glyph, home in zip(glyphs, homes, strict=True):
        if not glyph.size:
            continue
        if last is not None and glyph.turn == last[0].turn and abs(glyph.y - last[0].y) < 0.2 * glyph.size:
            crossings += home != last[1] and -0.5 < (glyph.x0 - last[0].x1) / glyph.size < _WORD_SPACE_EM
        else:
            baselines += 1
        last = glyph, home
    return crossings * _LINES_A_CROSSING > baselines


def _without_phantoms(places: list[list[Box | None]], texts: dict[Box, str]) -> list[list[Box | None]]:
    """Join neighbouring columns that no row tells apart: double rules and padding make columns without words."""
    columns = [list(column) for column in zip(*places, strict=True)]
    joined = columns[:1]
    for column in columns[1:]:
        pairs = list(zip(joined[-1], column, strict=True))
        if all(a == b or not texts.get(a) or not texts.get(b) for a, b in pairs) and any(a == b for a, b in pairs):
            joined[-1] = [a if texts.get(a) else b for a, b in pairs]
        elif any(texts.get(cell) for cell in column):
            joined.append(column)
    return [list(row) for row in zip(*joined, strict=True)]


def _cell_text(lines: list[Line], hyphens: Hyphens | None) -> str:
    rows: list[Line] = []
    for line in lines:
        if rows and abs(rows[-1].y - line.y) < 0.3 * line.size and line.x0 > rows[-1].x0:
            rows[-1] = merged(rows[-1], line)
        else:
            rows.append(line)
    text = rows[0].text if rows else ""
    for line in rows[1:]:
        text = hyphens.joined(text, line.text) if hyphens else f"{text} {line.text}"
    return text


def _edges(cells: list[Box], side: int) -> list[float]:
    edges: list[float] = []
    for value in sorted({cell[side] for cell in cells}):
        if not edges or value - edges[-1] > 4:
            edges.append(value)
    return edges


def _at(cells: list[Box], x: float, y: float) -> Box | None:
    return next((c for c in cells if c[0] - 1 <= x <= c[2] + 1 and c[1] - 1 <= y <= c[3] + 1), None)


def _distance(cell: Box, glyph: Glyph) -> float:
    x, y = glyph.at
    return max(cell[0] - x, 0, x - cell[2]) + max(cell[1] - y, 0, y - cell[3])
