"""What the styles and the numbering of a DOCX say: which paragraphs are headings, which are items and with what mark.

styles_of(document)["Heading2"] -> Style(depth=2)
Numbering(document).mark(<w:pPr with numId 5, level 0>, style) -> "1."   then "2.", "3.", …
"""

import re
from dataclasses import dataclass

from lxml import etree

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_HEADING = re.compile(r"heading\s*([1-9])$", re.I)
_MOST_BASES = 20
_ROMAN_TENS, _ROMAN_ONES = ".x.xx.xxx.xl.l.lx.lxx.lxxx.xc", ".i.ii.iii.iv.v.vi.vii.viii.ix"


@dataclass(frozen=True)
class Style:
    depth: int | None = None  # of a heading: 0 for the title, 1 for Heading 1
    caption: bool = False
    listed: str = ""  # "bullet" or "number" by its name alone
    number: tuple[str, int] = ("", 0)  # numId and level it carries


def styles_of(document) -> dict[str, Style]:
    raw = {style.get(f"{_W}styleId", ""): style for style in document.styles.element.iter(f"{_W}style")}
    return {identity: _style(identity, raw) for identity in raw}


def _style(identity: str, raw: dict[str, etree._Element]) -> Style:
    depth, caption, listed, number = None, False, "", ("", 0)
    for _ in range(_MOST_BASES):
        style = raw.get(identity)
        if style is None:
            break
        name = _value(style, "name").casefold()
        if depth is None:
            match = _HEADING.match(name)
            depth = int(match[1]) if match else 0 if name == "title" else _outline(style)
        caption = caption or name == "caption"
        listed = listed or next((kind for kind in ("bullet", "number") if name.startswith(f"list {kind}")), "")
        if not number[0] and (found := style.find(f"{_W}pPr/{_W}numPr")) is not None:
            level = _value(found, "ilvl")
            number = _value(found, "numId"), int(level) if level.isdecimal() else 0
        identity = _value(style, "basedOn")
    return Style(depth, caption, listed, number)


def _outline(style: etree._Element) -> int | None:
    found = style.find(f"{_W}pPr/{_W}outlineLvl")
    level = found.get(f"{_W}val", "9") if found is not None else "9"
    return int(level) + 1 if level.isdecimal() and int(level) < 9 else None


class Numbering:
    """Counts the items of every list the document numbers."""

    def __init__(self, document):
        self.level = 0  # of the last mark given
        self._formats: dict[tuple[str, int], tuple[str, int, str]] = {}  # (numId, level): (format, start, pattern)
        self._counts: dict[tuple[str, int], int] = {}
        self._list_of: dict[str, str] = {}
        try:
            root = document.part.numbering_part.element
        except (KeyError, NotImplementedError):
            return
        abstract = {a.get(f"{_W}abstractNumId"): a for a in root.iter(f"{_W}abstractNum")}
        for num in root.iter(f"{_W}num"):
            identity, kind = num.get(f"{_W}numId", ""), _value(num, "abstractNumId")
            for level in abstract[kind].iter(f"{_W}lvl") if kind in abstract else ():
                self._learn(identity, level)
            restarts = False
            for override in num.iter(f"{_W}lvlOverride"):
                restarts = True
                for level in override.iter(f"{_W}lvl"):
                    self._learn(identity, level)
                self._restart(identity, override)
            self._list_of[identity] = identity if restarts else f"abstract {kind}"  # lists of one kind count on

    def mark(self, properties: etree._Element | None, style: Style) -> str:
        """ "•", "3.", "b)" or "" for what is in no list."""
        numbered = properties.find(f"{_W}numPr") if properties is not None else None
        identity, level = style.number
        if numbered is not None:
            said = _value(numbered, "ilvl")
            identity, level = _value(numbered, "numId") or identity, int(said) if said.isdecimal() else level
        self.level = level
        if identity == "0" or (not identity and not style.listed):
            return ""
        otherwise = ("decimal" if style.listed == "number" else "bullet", 1, "")
        how, start, pattern = self._formats.get((identity, level), otherwise)
        if how in ("bullet", "none"):
            return "•" if how == "bullet" else ""
        counted = self._list_of.get(identity, identity)
        self._counts[counted, level] = self._counts.get((counted, level), start - 1) + 1
        for deeper in [key for key in self._counts if key[0] == counted and key[1] > level]:
            del self._counts[deeper]
        return self._written(counted, identity, level, how, pattern)

    def _written(self, counted: str, identity: str, level: int, how: str, pattern: str) -> str:
        if not pattern:
            return f"{_number(self._counts[counted, level], how)}."

        def number(match: re.Match) -> str:
            at = int(match[1]) - 1
            form = self._formats.get((identity, at), (how, 1, ""))[0]
            return _number(self._counts.get((counted, at), 1), form)

        return re.sub(r"%([1-9])", number, pattern)

    def _learn(self, identity: str, level: etree._Element) -> None:
        start = _value(level, "start")
        at = int(level.get(f"{_W}ilvl", "0"))
        how, first = _value(level, "numFmt") or "decimal", int(start) if start.isdecimal() else 1
        self._formats[identity, at] = how, first, _value(level, "lvlText")

    def _restart(self, identity: str, override: etree._Element) -> None:
        start, at = _value(override, "startOverride"), int(override.get(f"{_W}ilvl", "0"))
        if start.isdecimal() and (identity, at) in self._formats:
            how, _, pattern = self._formats[identity, at]
            self._formats[identity, at] = how, int(start), pattern


def _number(value: int, how: str) -> str:
    if how in ("lowerLetter", "upperLetter") and value > 0:
        letters = chr(ord("a") + (value - 1) % 26) * ((value - 1) // 26 + 1)
        return letters if how == "lowerLetter" else letters.upper()
    if how in ("lowerRoman", "upperRoman") and 0 < value < 100:
        tens, ones = divmod(value, 10)
        roman = _ROMAN_TENS.split(".")[tens] + _ROMAN_ONES.split(".")[ones]
        return roman if how == "lowerRoman" else roman.upper()
    return str(value)


def _value(element: etree._Element, name: str) -> str:
    found = element.find(f"{_W}{name}")
    return found.get(f"{_W}val", "") if found is not None else ""
