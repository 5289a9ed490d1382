"""The order and the paragraphs of a PDF page.

Order is the content's own, as the program that made the file wrote it; it is changed only where a page plainly has
two or three columns of prose and the content jumps between them line by line.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

from sources.elements.hyphens import Hyphens
from sources.elements.model import Grid, starts_with_bullet, without_bullet
from sources.elements.pdf_lines import Line, merged
from sources.elements.pdf_tables import Box

_SENTENCE_END = re.compile(r"[.!?:;]['”’\")\]⁰¹²³⁴⁵⁶⁷⁸⁹]*$")
_NOTE = re.compile(r"[⁰¹²³⁴⁵⁶⁷⁸⁹]+ ?[A-Z]")
_STEP = re.compile(r"(\d{1,2})\s+(?=[A-Z])")
_HEADING_LINES = 4
_FEWEST_IN_COLUMN = 6  # lines
_MOST_ACROSS = 0.25  # lines that cross the gap, over lines beside it
_FULL_COLUMN = 0.55  # lines of prose fill their column at least this far


@dataclass
class PageTable:
    box: Box
    grid: Grid
    page: int


@dataclass
class Page:
    """Lines and tables in the order of the content, then of reading; the glyphs of tables are in no line."""

    number: int
    width: float
    height: float
    items: list[Line | PageTable] = field(default_factory=list)

    @property
    def lines(self) -> list[Line]:
        return [item for item in self.items if isinstance(item, Line)]


@dataclass
class Paragraph:
    lines: list[Line]
    bullet: bool = False
    numbered: bool = False  # with a bare number: "1 Give …"

    @property
    def first(self) -> Line:
        return self.lines[0]

    def text(self, hyphens: Hyphens) -> str:
        text = self.lines[0].text
        for line in self.lines[1:]:
            text = hyphens.joined(text, line.text)
        return text


def in_reading_order(page: Page) -> None:
    """Join what stands on one baseline, and put columns one after the other where the content mixes them."""
    gutters = _gutters(page)
    if not gutters:
        _join_baselines(page, lambda line: 0)
        return

    def column(line: Line) -> int:
        if any(line.x0 < g - 2 and line.x1 > g + 2 for g in gutters):
            return -1
        return sum((line.x0 + line.x1) / 2 > g for g in gutters)

    sequence = [column(line) for line in page.lines]
    jumps = sum(a != b for a, b in pairwise(sequence) if a >= 0 and b >= 0)
    mixed = jumps > 2 * len(gutters) + 2 * sequence.count(-1) + 4 and jumps > len(sequence) / 4
    if mixed and len(page.lines) == len(page.items):
        page.items = _by_columns(page.lines, column)
    _join_baselines(page, column)


def paragraphs(page: Page, usual: float) -> list[Paragraph | PageTable]:
    """Paragraphs, list items, headings and tables in reading order. usual: the document's leading over size."""
    found: list[Paragraph | PageTable] = []
    for item in page.items:
        last = found[-1] if found else None
        if isinstance(item, PageTable):
            found.append(item)
        elif not isinstance(last, Paragraph) or _begins(last, item, usual, page):
            found.append(Paragraph([item], bullet=item.depth is None and without_bullet(item.text) is not None))
        else:
            last.lines.append(item)
    _mark_steps([piece for piece in found if isinstance(piece, Paragraph)])
    return found


def is_note(paragraph: Paragraph, text_size: float) -> bool:
    """A footnote: small, and starting with its raised number."""
    return paragraph.first.size < 0.95 * text_size and bool(_NOTE.match(paragraph.first.text))


def _mark_steps(pieces: list[Paragraph]) -> None:
    """The lines "1 Give …", "2 Take …" one after the other are the items of a list whose numbers have no full stop."""
    numbers = [_step(piece) for piece in pieces]
    for k, number in enumerate(numbers):
        beside = numbers[max(0, k - 1) : k] + numbers[k + 1 : k + 2]
        if number and ((number > 1 and number - 1 in beside[:1]) or number + 1 in beside[-1:]):
            pieces[k].bullet = pieces[k].numbered = True


def _step(piece: Paragraph) -> int:
    match = _STEP.match(piece.first.text) if piece.first.depth is None else None
    return int(match[1]) if match else 0


def usual_leading(pages: Sequence[Page]) -> float:
    """The document's usual distance of two baselines, over the size of its letters."""
    ratios = [
        (b.y - a.y) / a.size
        for page in pages
        for a, b in pairwise(page.lines)
        if abs(a.size - b.size) < 0.2 and 0.9 < (b.y - a.y) / a.size < 1.9 and abs(a.x0 - b.x0) < 3 * a.size
    ]
    return median(ratios) if ratios else 1.2


def goes_on(last: Paragraph, following: Paragraph) -> bool:
    """Whether a paragraph runs over the end of a page or column."""
    a, b = last.lines[-1], following.first
    return (
        a.depth is None
        and b.depth is None
        and not following.bullet
        and a.style == b.style
        and not _ended(a)
        and b.text[:1].islower()
    )


def _begins(last: Paragraph, line: Line, usual: float, page: Page) -> bool:
    before = last.lines[-1]
    step = line.y - before.y
    if line.depth is not None or before.depth is not None:
        together = line.depth == before.depth and line.style == before.style and 0 < step < 1.7 * line.size
        return not (together and line.depth is not None and len(last.lines) < _HEADING_LINES)
    if step <= 0:
        return not goes_on(last, Paragraph([line], without_bullet(line.text) is not None))
    if abs(line.size - before.size) > 0.12 * before.size or step > (usual * 1.28) * max(line.size, before.size):
        return True
    if without_bullet(line.text) is not None and (starts_with_bullet(line.text) or _ended(before) or last.bullet):
        return True
    if _NOTE.match(line.text) or _next_step(last, line):
        return True
    if line.bold != before.bold and _ended(before):
        return True
    if last.bullet and line.x0 < last.first.x0 - 0.3 * line.size:
        return True
    widest = max(one.x1 for one in last.lines) - last.first.x0
    short = before.x1 < page.width * 0.5 and before.x1 - before.x0 < 0.6 * widest
    indented = not last.bullet and line.x0 > before.x0 + 1.2 * line.size
    return _ended(before) and (short or indented)


def _next_step(last: Paragraph, line: Line) -> bool:
    one, two = _STEP.match(last.first.text), _STEP.match(line.text)
    return bool(one and two) and int(two[1]) == int(one[1]) + 1 and abs(last.first.x0 - line.x0) < line.size


def _ended(line: Line) -> bool:
    return bool(_SENTENCE_END.search(line.text))


def _gutters(page: Page) -> list[float]:
    """The x of the gaps between columns of prose, from the left; empty for one column."""
    body = [line for line in page.lines if len(line.text) > 3]
    return sorted(_split(body, 0.0, page.width, 2))


def _split(body: list[Line], left: float, right: float, deeper: int) -> list[float]:
    if len(body) < 2 * _FEWEST_IN_COLUMN or not deeper:
        return []
    wide = right - left
    best = None
    for x in range(int(left + 0.25 * wide), int(left + 0.75 * wide), 3):
        across = sum(line.x0 < x - 2 and line.x1 > x + 2 for line in body)
        off_centre = abs(x - left - wide / 2)
        if best is None or (across, off_centre) < best[:2]:
            best = (across, off_centre, x)
    across, _, x = best
    a, b = [line for line in body if line.x1 <= x + 2], [line for line in body if line.x0 >= x - 2]
    if min(len(a), len(b)) < _FEWEST_IN_COLUMN or across > _MOST_ACROSS * (len(a) + len(b)):
        return []
    side_by_side = min(_bottom(a), _bottom(b)) > max(a[0].y, b[0].y)
    if min(_fullness(a), _fullness(b)) < _FULL_COLUMN or not side_by_side:
        return []
    return [x, *_split(a, left, x, deeper - 1), *_split(b, x, right, deeper - 1)]


def _fullness(lines: list[Line]) -> float:
    """How far lines fill their column: near 1 for prose, less for the cells of a table."""
    wide = max(line.x1 for line in lines) - min(line.x0 for line in lines)
    return median(line.x1 - line.x0 for line in lines) / wide if wide else 0.0


def _bottom(lines: list[Line]) -> float:
    return max(line.y for line in lines)


def _by_columns(lines: list[Line], column) -> list[Line]:
    ordered: list[Line] = []
    band: list[Line] = []

    def place(line: Line) -> tuple[int, float, float]:
        return column(line), line.y, line.x0

    for line in sorted(lines, key=lambda line: (line.y, line.x0)):
        if column(line) < 0:
            ordered += sorted(band, key=place)
            band = []
            ordered.append(line)
        else:
            band.append(line)
    return ordered + sorted(band, key=place)


def _join_baselines(page: Page, column: Callable[[Line], int]) -> None:
    items: list[Line | PageTable] = []
    for item in page.items:
        last = items[-1] if items else None
        both = isinstance(last, Line) and isinstance(item, Line)
        if both and _on_one_baseline(last, item) and column(last) == column(item):
            items[-1] = merged(last, item)
        else:
            items.append(item)
    page.items = items


def _on_one_baseline(left: Line, right: Line) -> bool:
    return abs(left.y - right.y) <= 0.25 * max(left.size, right.size) and right.x0 >= left.x1 - 1
