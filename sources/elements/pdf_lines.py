"""The characters of a PDF page, as pdfium sees them, put together into lines.

    Line(text="Give 10⁹/L …", x0=72.0, x1=310.4, y=655.2, size=9.0, bold=False, page=3, …)

Coordinates are points from the top left corner of the page as it is shown (a turned page is turned first). A line is
what stands on one baseline without a wide gap: the cells of a row or two columns are lines of their own. Raised and
lowered characters are written as such. Characters that cannot be seen (too small, or slanted across the page like a
watermark) are counted and left out.
"""

import ctypes
import math
from collections import Counter
from dataclasses import dataclass

import pypdfium2.raw as pdfium_c
from pypdfium2 import PdfPage

from sources.elements.pdf_hidden import Suspect, suspect, unseen_among
from sources.elements.scripts import lowered, raised

_SIGNS = {
    0xFFFE: "-",
    0x0002: "-",
    0x00AD: "-",  # how pdfium marks a hyphen at the end of a line
    0x00A0: " ",
    0x2002: " ",
    0x2003: " ",
    0x2009: " ",
    0x200A: " ",
    0x202F: " ",
    0x0009: " ",
    0x200B: "",
    0xFEFF: "",
    0x2060: "",
}
_UNSEEN_PT = 1.5
_BESIDE_PT = 2.0  # a letter whose middle is further than this beyond the edge is not on the page
_GAP_EM = 1.3  # a wider gap on one baseline separates two columns or cells
_NO_SPACE_EM = 0.15
_SCRIPT_SIZE = 0.82  # raised and lowered characters are smaller than this share of their line
_BOLD_WEIGHT = 600
_BOLD_NAMES = ("bold", "black", "heavy", "semibold", "demi")


@dataclass(slots=True)
class Glyph:
    """x0, x1 and y (the baseline) are along the direction of reading; `at` is the middle on the page as shown."""

    text: str
    x0: float
    x1: float
    y: float
    size: float
    bold: bool
    at: tuple[float, float] = (0.0, 0.0)
    turn: int = 0  # quarter turns from upright
    shift: int = 0  # 1 raised, -1 lowered


@dataclass(slots=True)
class Line:
    text: str
    x0: float
    x1: float
    y: float
    size: float
    bold: bool
    page: int
    depth: int | None = None  # of a heading

    @property
    def top(self) -> float:
        return self.y - 0.8 * self.size

    @property
    def style(self) -> tuple[float, bool]:
        return round(self.size * 2) / 2, self.bold


def glyphs_of(page: PdfPage, dropped: Counter) -> tuple[list[Glyph], list[str]]:
    """The characters of a page in the order of its content, and the stretches of text that nobody sees.

    A space or line end pdfium saw is a glyph without width.
    """
    place = _placer(page)
    text_page = page.get_textpage()
    raw, glyphs = text_page.raw, []
    x, y = ctypes.c_double(), ctypes.c_double()
    left, right, bottom, top = (ctypes.c_double() for _ in range(4))
    fonts: dict[int, tuple[float, bool, int | None]] = {}
    suspects: dict[int, Suspect | None] = {}
    owners: list[int] = []  # the text object of each glyph; 0: it stands beside the page
    width, height = page.get_size()
    tiny: list[str] = []
    high = 0
    for i in range(pdfium_c.FPDFText_CountChars(raw)):
        code = pdfium_c.FPDFText_GetUnicode(raw, i)
        if 0xD800 <= code < 0xDC00:
            high = code
            continue
        if 0xDC00 <= code < 0xE000 and high:
            code, high = 0x10000 + ((high - 0xD800) << 10) + (code - 0xDC00), 0
        if code in (10, 13, 32, 0):
            glyphs.append(Glyph(" ", 0, 0, 0, 0, False))
            owners.append(-1)
            continue
        handle = pdfium_c.FPDFText_GetTextObject(raw, i)
        key = ctypes.cast(handle, ctypes.c_void_p).value if handle else -1
        if key not in fonts:
            fonts[key] = _font(raw, i, page.get_rotation() // 90)
            suspects[key] = suspect(handle)
        size, bold, turn = fonts[key]
        if size < _UNSEEN_PT or turn is None:
            dropped["characters slanted across the page" if turn is None else "characters too small to read"] += 1
            tiny += [chr(code)] if turn is not None else []
            continue
        text = _SIGNS.get(code) if code in _SIGNS else chr(code)
        if not text:
            continue
        pdfium_c.FPDFText_GetCharOrigin(raw, i, x, y)
        pdfium_c.FPDFText_GetCharBox(raw, i, left, right, bottom, top)
        origin, one, two = place(x.value, y.value), place(left.value, bottom.value), place(right.value, top.value)
        at = (one[0] + two[0]) / 2, (one[1] + two[1]) / 2 if turn else origin[1] - 0.3 * size
        start, edge, end = (_along(turn, *corner) for corner in (origin, one, two))
        x0, x1 = min(start[0], edge[0], end[0]), max(start[0], edge[0], end[0])
        glyphs.append(Glyph(text, x0, x1, start[1], size, bold, at, turn))
        owners.append(
            key if -_BESIDE_PT < at[0] < width + _BESIDE_PT and -_BESIDE_PT < at[1] < height + _BESIDE_PT else 0
        )
        if doubtful := suspects[key]:
            across, down = sorted((one[0], two[0])), sorted((one[1], two[1]))
            doubtful.boxes.append((across[0], down[0], across[1], down[1]))
    text_page.close()
    unseen = unseen_among(page, {key: each for key, each in suspects.items() if each and each.boxes})
    kept, hidden = _told_apart(glyphs, owners, unseen | {0})
    dropped.update({"hidden text": len(hidden)} if hidden else {})
    return kept, [*hidden, *(["".join(tiny)] if tiny else [])]


def _told_apart(glyphs: list[Glyph], owners: list[int], unseen: set[int]) -> tuple[list[Glyph], list[str]]:
    """What is seen, and each stretch of what is not."""
    kept: list[Glyph] = []
    stretches: list[str] = []
    within = False
    for glyph, owner in zip(glyphs, owners, strict=True):
        if owner in unseen:
            stretches += [] if within else [""]
            stretches[-1] += glyph.text
            within = True
            continue
        kept.append(glyph)
        within = within and not glyph.size  # a space goes on with either
        if within:
            stretches[-1] += glyph.text
    return kept, stretches


def lines_of(glyphs: list[Glyph], page: int) -> list[Line]:
    """Lines in the order of the content."""
    lines: list[Line] = []
    current: list[Glyph] = []
    space = False
    for glyph in glyphs:
        if not glyph.size:
            space = space or bool(current)
            continue
        if current and not _goes_on(current, glyph):
            lines.append(_line(current, page))
            current, space = [], False
        if space and current and not _script_at(current[-1], glyph):
            current.append(Glyph(" ", current[-1].x1, glyph.x0, current[-1].y, 0, current[-1].bold))
        current.append(glyph)
        space = glyph.text == " "
    if current:
        lines.append(_line(current, page))
    return [line for line in lines if line.text]


def merged(left: Line, right: Line) -> Line:
    """Two lines of one baseline as one."""
    main = left if len(left.text) >= len(right.text) else right
    return Line(
        f"{left.text} {right.text}",
        min(left.x0, right.x0),
        max(left.x1, right.x1),
        main.y,
        main.size,
        left.bold and right.bold,
        left.page,
    )


def _goes_on(current: list[Glyph], glyph: Glyph) -> bool:
    last = next((g for g in reversed(current) if g.size), current[-1])
    size = max(last.size, glyph.size, 1.0)
    gap = glyph.x0 - last.x1
    if glyph.turn != last.turn or gap > _GAP_EM * size or (gap < -0.6 * size and glyph.x0 < last.x0 - 0.1 * size):
        return False
    limit = 0.2 if abs(last.size - glyph.size) < 0.1 * size else 0.6
    base = next(g for g in current if g.size)
    return abs(glyph.y - last.y) <= limit * size or abs(glyph.y - base.y) <= 0.2 * size


def _script_at(last: Glyph, glyph: Glyph) -> bool:
    """A raised or lowered character right beside another: the space pdfium sees between them is none."""
    small, large = sorted((last.size, glyph.size))
    return small <= _SCRIPT_SIZE * large and glyph.y != last.y and glyph.x0 - last.x1 < _NO_SPACE_EM * large


def _line(glyphs: list[Glyph], page: int) -> Line:
    weights: Counter[float] = Counter()
    for glyph in glyphs:
        weights[round(glyph.size, 1)] += bool(glyph.size)
    size = max((s for s, n in weights.items() if s and n >= 0.3 * max(weights.values())), default=1.0)
    bases = [g.y for g in glyphs if g.size and g.size > _SCRIPT_SIZE * size]
    base = max(set(bases), key=bases.count) if bases else glyphs[0].y
    for glyph in glyphs:
        if glyph.size and glyph.size <= _SCRIPT_SIZE * size:
            rise = (base - glyph.y) / size
            glyph.shift = 1 if rise > 0.15 else -1 if rise < -0.05 else 0
    shown = [g for g in glyphs if g.text.strip()]
    bold = sum(g.bold for g in shown) >= 0.8 * len(shown) and bool(shown)
    x0, x1 = glyphs[0].x0, max(g.x1 for g in glyphs)
    if glyphs[0].turn:
        across, down = [g.at[0] for g in shown or glyphs], [g.at[1] for g in shown or glyphs]
        x0, x1, base = min(across) - size / 2, max(across) + size / 2, max(down)
    return Line(_text(glyphs), x0, x1, base, size, bold, page)


def _text(glyphs: list[Glyph]) -> str:
    parts, run, shift = [], "", 0
    for glyph in [*glyphs, Glyph("", 0, 0, 0, 0, False, shift=9)]:
        wanted = shift if glyph.text == " " and not glyph.size else glyph.shift
        if wanted != shift:
            parts.append(raised(run) if shift == 1 else lowered(run) if shift == -1 else run)
            run, shift = "", wanted
        run += glyph.text
    return " ".join("".join(parts).split())


def _font(raw, i: int, page_turns: int) -> tuple[float, bool, int | None]:
    """(size as shown in points, bold, quarter turns or None when slanted) at a character."""
    matrix = pdfium_c.FS_MATRIX()
    size, turn = pdfium_c.FPDFText_GetFontSize(raw, i), page_turns
    if pdfium_c.FPDFText_GetMatrix(raw, i, matrix):
        size *= math.hypot(matrix.c, matrix.d) or 1.0
        angle = math.degrees(math.atan2(-matrix.b, matrix.a))
        slanted = 10 < angle % 90 < 80
        turn = None if slanted else (page_turns + round(angle / 90)) % 4
    flags, buffer = ctypes.c_int(), ctypes.create_string_buffer(128)
    pdfium_c.FPDFText_GetFontInfo(raw, i, buffer, 128, flags)
    name = buffer.value.decode("utf-8", "replace").lower()
    bold = any(word in name for word in _BOLD_NAMES) or pdfium_c.FPDFText_GetFontWeight(raw, i) >= _BOLD_WEIGHT
    return size, bold, turn


def _along(turn: int, x: float, y: float) -> tuple[float, float]:
    """Page coordinates as seen by who turns the page to read: (along the line, across it downwards)."""
    return ((x, y), (y, -x), (-x, -y), (-y, x))[turn]


def _placer(page: PdfPage):
    """A function from PDF coordinates to points from the top left of the page as shown."""
    left, bottom, right, top = page.get_cropbox()
    turn = page.get_rotation()
    return {
        0: lambda x, y: (x - left, top - y),
        90: lambda x, y: (y - bottom, x - left),
        180: lambda x, y: (right - x, y - bottom),
        270: lambda x, y: (top - y, right - x),
    }[turn]
