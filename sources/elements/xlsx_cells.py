"""A cell of a workbook as text: what its reader sees, and why a reader may see nothing.

shown(0.5, format "0.00")  ->  "0.50"        shown(7, format "000") -> "007"      shown(10⁹ as rich text) -> "10⁹"
"""

import re
from datetime import date, datetime, time

from openpyxl.cell.rich_text import CellRichText, TextBlock

from sources.elements.scripts import lowered, raised

_WHITE = re.compile(r"(?:[0-9A-F]{2})?FFFFFF", re.I)
_DECIMALS = re.compile(r"[#,]*0(?:\.(0+))?(%?)")
_MOST_DIGITS = 15


def shown(cell) -> str:
    """The text of a cell: zeros, per cent and dates as its format shows them; raised and lowered parts as such."""
    value = cell.value
    match value:
        case None:
            return ""
        case CellRichText():
            return _folded("".join(_part(part) for part in value))
        case bool():
            return str(value).upper()
        case datetime():
            return value.date().isoformat() if value.time() == time() else value.isoformat(sep=" ")
        case date() | time():
            return value.isoformat()
        case int() | float():
            return _number(value, cell.number_format or "")
        case str() if cell.font is not None and cell.font.vertAlign == "superscript":
            return _folded(raised(value))
    return _folded(str(getattr(value, "text", value)))  # an array formula is an object with its text


def unseen(cell) -> str:
    """Why nobody sees a cell's words: "text struck out", "hidden text", or ""."""
    font, fill = cell.font, cell.fill
    if font is not None and font.strike:
        return "text struck out"
    if (cell.number_format or "").strip() == ";;;":
        return "hidden text"
    bare = fill is None or fill.fill_type is None or _is_white(fill.fgColor)
    if font is not None and bare and _is_white(font.color):
        return "hidden text"
    return "hidden text" if font is not None and font.sz is not None and font.sz < 1.5 else ""


def _is_white(colour) -> bool:
    """By its own value, or the first colour of the theme, which is the paper."""
    if colour is None:
        return False
    if colour.type == "theme":
        return colour.theme == 0 and not colour.tint
    return colour.type == "rgb" and isinstance(colour.rgb, str) and bool(_WHITE.fullmatch(colour.rgb))


def _part(part) -> str:
    if not isinstance(part, TextBlock):
        return str(part)
    if part.font is not None and part.font.strike:
        return ""
    place = part.font.vertAlign if part.font is not None else None
    return raised(part.text) if place == "superscript" else lowered(part.text) if place == "subscript" else part.text


def _number(value: float, form: str) -> str:
    match = _DECIMALS.fullmatch(form.strip())
    if match and (match[1] or match[2]):  # 0.00 and 0%: as many places as are shown, unless that would round
        scaled = round(value * 100, 10) if match[2] else value
        exact = f"{scaled:.{len(match[1] or '')}f}"
        return (exact if float(exact) == scaled else f"{scaled:.{_MOST_DIGITS}g}") + match[2]
    if form.strip().endswith("%"):
        return f"{round(value * 100, 10):.{_MOST_DIGITS}g}%"
    if isinstance(value, float):
        return f"{value:.{_MOST_DIGITS}g}" if abs(value) < 1e15 else repr(value)
    return str(value).zfill(len(form)) if form and set(form) == {"0"} else str(value)


def _folded(text: str) -> str:
    return " ".join(text.split())
