"""Runs of a DOCX that nobody sees: marked hidden, smaller than can be read, or in the colour of what is behind them.

    Unseen(document).has(<w:r> whose colour is FFFFFF, on a white page)  ->  True

Styles count, and what they are based on. Where the colour behind a text is not known (a text box, a table whose style
colours its cells, a page with a colour of its own), the text is taken as seen.
"""

from lxml import etree

from sources.elements.colours import Colour, alike, rgb_of

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_SMALLEST = 3  # half points
_MOST_BASES = 20
_PAPER = (255, 255, 255, 1.0)
_MARKERS = {"black": "000000", "white": "ffffff", "yellow": "ffff00", "darkBlue": "000080", "darkRed": "800000"}


class Unseen:
    """Knows the styles of one document."""

    def __init__(self, document):
        self._styles = {s.get(f"{_W}styleId", ""): s for s in document.styles.element.iter(f"{_W}style")}
        self._coloured_page = document.element.find(f"{_W}background") is not None

    def has(self, run: etree._Element) -> bool:
        """Whether a run with words is not seen. Struck-out text is seen, and is not asked for here."""
        own = [run.find(f"{_W}rPr")]
        paragraph = next(run.iterancestors(f"{_W}p"), None)
        setup = paragraph.find(f"{_W}pPr") if paragraph is not None else None
        chain = [
            *own,
            *self._of_style(_value(own[0], "rStyle"), "rPr"),
            *self._of_style(_value(setup, "pStyle"), "rPr"),
        ]
        chain = [properties for properties in chain if properties is not None]
        vanish = next((each for properties in chain if (each := properties.find(f"{_W}vanish")) is not None), None)
        if vanish is not None and vanish.get(f"{_W}val", "1") not in ("0", "false", "off", "none"):
            return True
        size = next((said for properties in chain if (said := _value(properties, "sz"))), "")
        if size.isdecimal() and int(size) < _SMALLEST:
            return True
        colour = next((said for properties in chain if (said := _value(properties, "color"))), "")
        ink = rgb_of(f"#{colour}")
        return ink is not None and self._is_on(ink, run, chain, setup)

    def _is_on(self, ink: Colour, run: etree._Element, chain: list[etree._Element], setup) -> bool:
        marker = next((said for properties in chain if (said := _value(properties, "highlight"))), "none")
        if marker != "none":
            paper = rgb_of(f"#{_MARKERS.get(marker, '')}")
            return paper is not None and alike(ink, paper)
        around = [*chain, setup, *self._of_style(_value(setup, "pStyle"), "pPr")]
        cell = next(run.iterancestors(f"{_W}tc"), None)
        around += [cell.find(f"{_W}tcPr")] if cell is not None else []
        for properties in around:
            if fill := _fill(properties):
                return alike(ink, fill)
        unknown = self._coloured_page or next(run.iterancestors(f"{_W}txbxContent"), None) is not None
        return not unknown and not self._in_coloured_table(run) and alike(ink, _PAPER)

    def _in_coloured_table(self, run: etree._Element) -> bool:
        for outer in run.iterancestors(f"{_W}tbl"):
            properties = outer.find(f"{_W}tblPr")
            shades = [properties, *self._of_style(_value(properties, "tblStyle"), "")]
            if any(_fill(shaded) for each in shades if each is not None for shaded in (each, *each.iter())):
                return True
        return False

    def _of_style(self, identity: str, part: str) -> list[etree._Element]:
        """The properties of a style and of those it is based on; part "": the whole styles."""
        found = []
        for _ in range(_MOST_BASES):
            style = self._styles.get(identity)
            if style is None:
                break
            each = style.find(f"{_W}{part}") if part else style
            found += [each] if each is not None else []
            identity = _value(style, "basedOn")
        return found


def _fill(properties: etree._Element | None) -> Colour | None:
    """The colour of the shading that properties set, or None."""
    shade = properties.find(f"{_W}shd") if properties is not None else None
    if shade is None:
        return None
    solid = shade.get(f"{_W}val") == "solid"
    return rgb_of(f"#{shade.get(f'{_W}color' if solid else f'{_W}fill', 'auto')}")


def _value(element: etree._Element | None, name: str) -> str:
    found = element.find(f"{_W}{name}") if element is not None else None
    return found.get(f"{_W}val", "") if found is not None else ""
