"""Which lines of a PDF are headings, and how deep.

Where the file has an outline, its entries are looked up on their pages and give the depths; other lines count as
headings only if they are set like one of those, or stand out more than the text and less than the deepest of those.
Without an outline, letters larger than the text's rank by size, and bold lines that stand alone come last.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from statistics import median_low

from pypdfium2 import PdfDocument

from sources.elements.model import is_caption, starts_with_bullet
from sources.elements.pdf_layout import Page
from sources.elements.pdf_lines import Line

_MOST_CHARS, _MOST_BOLD_CHARS = 200, 100
_LARGER = 1.08  # times the size of the text
_MOST_LINES = 5
_MOST_LEVELS = 6
_OUTLINE_DEPTH = 12
_MOSTLY_BOLD = 0.4  # a document this bold says nothing by it
_NO_HEADING = re.compile(r"[;,]$|[a-z]{3,}\.$|^\(.*\)$")  # goes on, ends like a sentence, or stands in brackets
Style = tuple[float, bool]


def mark_headings(document: PdfDocument, pages: Sequence[Page]) -> None:
    """Set `depth` on the lines that are headings."""
    body, bold_share = _body(pages)
    levels = _from_outline(document, pages)
    deepest = max((line.depth for page in pages for line in page.lines if line.depth is not None), default=-1)
    if not levels:
        sizes = Counter()
        for page in pages:
            for line in page.lines:
                if line.style[0] >= _LARGER * body:
                    sizes[line.style] += 1
        ranked = sorted({size for size, _ in sizes}, reverse=True)
        levels = {style: min(ranked.index(style[0]), _MOST_LEVELS - 1) for style in sizes}
        deepest = max(levels.values(), default=-1)
    for page in pages:
        lines = page.lines
        for index, line in enumerate(lines):
            if line.depth is None and _could_be(line):
                line.depth = _depth(lines, index, levels, deepest, body, bold_share)


def _depth(
    lines: list[Line], index: int, levels: dict[Style, int], deepest: int, body: float, bold_share: float
) -> int | None:
    line = lines[index]
    after = lines[index + 1] if index + 1 < len(lines) else None
    if (
        after is not None
        and after.style == line.style
        and 0 < after.y - line.y < 1.6 * line.size
        and not _could_be(after)
    ):
        return None  # the first line of a sentence set large or bold
    larger = line.style[0] >= _LARGER * body
    if line.style in levels and (larger or line.bold) and (larger or _alone(lines, index)):
        return levels[line.style]
    if larger and not _wraps_into_text(lines, index):
        return deepest + 1
    if line.bold and bold_share < _MOSTLY_BOLD and len(line.text) <= _MOST_BOLD_CHARS and _alone(lines, index):
        return (
            deepest
            + 1
            + any(size >= _LARGER * body and style_depth > deepest for (size, _), style_depth in levels.items())
        )
    return None


def _could_be(line: Line) -> bool:
    text = line.text
    return (
        len(text) <= _MOST_CHARS
        and any(char.isalpha() for char in text)
        and not starts_with_bullet(text)
        and not is_caption(text)
        and not _NO_HEADING.search(text)
        and len(re.findall(r"\w", text)) > 2
    )


def _alone(lines: list[Line], index: int) -> bool:
    """Whether a bold line is a paragraph of its own: not the start or the middle of a bold sentence or of a list."""
    line = lines[index]
    before = lines[index - 1] if index else None
    after = lines[index + 1] if index + 1 < len(lines) else None
    if after is None or after.y <= line.y:
        return False
    near = 1.5 * line.size
    if before is not None and 0 < line.y - before.y <= near and not before.bold and not _ends(before):
        return False
    return not (after.bold and after.y - line.y <= near and after.depth is None and after.text[:1].islower())


def _ends(line: Line) -> bool:
    return line.text.endswith((".", ":", "?", "!", ")"))


def _wraps_into_text(lines: list[Line], index: int) -> bool:
    """A larger first line of ordinary prose (an introduction set large) is no heading."""
    run = 0
    for line in lines[max(0, index - _MOST_LINES) : index + _MOST_LINES + 1]:
        run += line.style == lines[index].style
    return run > _MOST_LINES


def _body(pages: Sequence[Page]) -> tuple[float, float]:
    """(size most characters have, share of characters that are bold)"""
    sizes: Counter[float] = Counter()
    bold = total = 0
    for page in pages:
        for line in page.lines:
            sizes[line.style[0]] += len(line.text)
            total += len(line.text)
            bold += len(line.text) * line.bold
    return (sizes.most_common(1)[0][0], bold / total) if total else (1.0, 0.0)


def _from_outline(document: PdfDocument, pages: Sequence[Page]) -> dict[Style, int]:
    """Mark the lines the outline names; returns how deep each of their styles usually is."""
    depths: dict[Style, list[int]] = defaultdict(list)
    for entry in document.get_toc(max_depth=_OUTLINE_DEPTH):
        dest = entry.get_dest()
        number = dest.get_index() if dest else None
        wanted = _folded(entry.get_title() or "")
        if number is None or not wanted or not 0 <= number < len(pages):
            continue
        for page in pages[number : number + 2]:
            if found := _lines_saying(page, wanted):
                for line in found:
                    line.depth = entry.level
                depths[found[0].style].append(entry.level)
                break
    return {style: median_low(seen) for style, seen in depths.items()}


def _lines_saying(page: Page, wanted: str) -> list[Line]:
    """The lines that together say the wanted title, the most prominent where there are several."""
    best: list[Line] = []
    lines = page.lines
    for start, first in enumerate(lines):
        said, taken = "", []
        for line in lines[start : start + _MOST_LINES]:
            said += _folded(line.text)
            taken.append(line)
            if len(said) >= len(wanted):
                break
        if _same_title(said, wanted) and first.depth is None and (not best or first.style > best[0].style):
            best = taken
    return best


def _same_title(said: str, wanted: str) -> bool:
    if said == wanted:
        return True
    longer, shorter = (said, wanted) if len(said) > len(wanted) else (wanted, said)
    return len(shorter) >= 4 and longer.endswith(shorter) and len(longer) - len(shorter) <= 4  # a number before it


def _folded(text: str) -> str:
    return "".join(char for char in text.casefold() if char.isalnum())
