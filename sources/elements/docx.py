"""A guideline as DOCX: paragraphs, lists and tables in order, straight from the document's XML.

    <w:p> style "Heading 2" "Fluid"  ->  Title("Fluid", depth 2)      10<w:vertAlign superscript>9  ->  "10⁹"

Headings by style (also styles based on one) or outline level; numbers of numbered lists are counted as Word does;
merged cells are filled in everywhere they stand; footnotes follow their paragraph. Headers, footers, comments, hidden
and struck-out text and tracked deletions are left out and counted; tracked insertions are read as text.
The zip is judged before anything is unpacked. Word files of before 2007 (.doc) are not read.
"""

from collections import Counter
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import docx
from docx.opc.exceptions import OpcError, PackageNotFoundError
from docx.oxml.exceptions import InvalidXmlError
from lxml import etree
from unstructured.documents.elements import Element

from probatum.errors import Rejected
from probatum.safeio import ASK_AGAIN, Limits
from sources.elements import office
from sources.elements.docx_hidden import Unseen
from sources.elements.docx_styles import Numbering, Style, styles_of
from sources.elements.model import Grid, Reading, caption, item, paragraph, table, title, without_bullet
from sources.elements.scripts import lowered, raised

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_MATH_TEXT = "{http://schemas.openxmlformats.org/officeDocument/2006/math}t"
_FOOTNOTES = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/footnotes"
_UNREADABLE = (
    *(OpcError, PackageNotFoundError, InvalidXmlError, etree.XMLSyntaxError),
    *(KeyError, ValueError, TypeError, AttributeError, IndexError),
)
_MOST_BLOCKS = 100_000  # paragraphs; a book has 20,000
_WIDEST = 100
_SYMBOLS = {  # of the Symbol font
    0xF0A3: "≤",
    0xF0B3: "≥",
    0xF0B1: "±",
    0xF0B4: "×",
    0xF0B0: "°",
    0xF06D: "µ",
    0xF061: "α",
    0xF062: "β",
    0xF0AC: "←",
    0xF0AD: "↑",
    0xF0AE: "→",
    0xF0AF: "↓",
    0xF0B7: "•",
}


def read(path: Path, limits: Limits) -> Reading:
    """Raises Rejected for a password, an old .doc, a damaged zip, or one that would unpack to too much."""
    package = office.judged(path, limits, office.DOCX)
    try:
        return _read(path, package)
    except _UNREADABLE:
        raise Rejected(f"{path.name} is a damaged DOCX.", next=ASK_AGAIN) from None


def _read(path: Path, package: office.Package) -> Reading:
    document = docx.Document(BytesIO(path.read_bytes()))
    body = document.element.body
    count = sum(1 for _ in body.iter(f"{_W}p"))
    if count > _MOST_BLOCKS:
        raise Rejected(f"{path.name} has {count} paragraphs ({_MOST_BLOCKS} allowed).", next="Split it.")
    reader = _Reader(styles_of(document), Numbering(document), _footnotes(document), Unseen(document))
    elements = list(reader.blocks(body))
    reading = Reading(elements, dropped=package.dropped + reader.dropped, flags=package.flags + reader.flags)
    for part in (part for section in document.sections for part in (section.header, section.footer)):
        said = sum(bool(p.text.strip()) for p in part.paragraphs)
        reading.dropped.update({"header and footer lines": said} if said else {})
    reading.title = _title(document, reading)
    return reading


def _title(document, reading: Reading) -> str:
    for element in reading.elements[:10]:
        if element.category == "Title":
            return element.text
    return " ".join((document.core_properties.title or "").split())


def _footnotes(document) -> dict[str, etree._Element]:
    for relation in document.part.rels.values():
        if relation.reltype == _FOOTNOTES and not relation.is_external:
            parser = etree.XMLParser(resolve_entities=False, no_network=True)
            root = etree.fromstring(relation.target_part.blob, parser)
            return {note.get(f"{_W}id"): note for note in root.iter(f"{_W}footnote") if not note.get(f"{_W}type")}
    return {}


class _Reader:
    def __init__(
        self, styles: dict[str, Style], numbering: Numbering, footnotes: dict[str, etree._Element], unseen: Unseen
    ):
        self._styles, self._numbering, self._footnotes, self._unseen = styles, numbering, footnotes, unseen
        self.dropped: Counter[str] = Counter()
        self.flags: Counter[str] = Counter()
        self._notes: list[str] = []  # footnotes named by the paragraph being read
        self._boxes: list[etree._Element] = []  # text boxes anchored in it

    def blocks(self, parent: etree._Element) -> Iterator[Element]:
        """Elements of a body, a content control or a text box, in order."""
        for child in parent:
            if child.tag == f"{_W}p":
                yield from self._paragraph(child)
            elif child.tag == f"{_W}tbl":
                yield from self._table(child)
            elif child.tag in (f"{_W}sdt", f"{_W}sdtContent", f"{_W}ins", f"{_W}smartTag", f"{_W}customXml"):
                yield from self.blocks(child)
            elif child.tag in (f"{_W}del", f"{_W}moveFrom"):
                self.dropped["tracked deletions"] += 1

    def _paragraph(self, element: etree._Element) -> Iterator[Element]:
        self._notes, self._boxes = [], []
        text = _tidy(self._text(element))
        notes, boxes = self._notes, self._boxes
        if text:
            yield self._element(element, text)
        for note in notes:
            if said := " ".join(_tidy(self._text(p)) for p in self._footnotes[note].iter(f"{_W}p")).strip():
                yield paragraph(f"{raised(note)} {said}")
        for box in boxes:
            yield from self.blocks(box)

    def _element(self, element: etree._Element, text: str) -> Element:
        properties = element.find(f"{_W}pPr")
        style = self._styles.get(_value(properties, "pStyle"), Style())
        level = _value(properties, "outlineLvl")
        depth = int(level) + 1 if level.isdecimal() and int(level) < 9 else style.depth
        mark = self._numbering.mark(properties, style)
        if depth is not None:
            return title(f"{mark} {text}" if mark and mark != "•" else text, depth=depth)
        if style.caption:
            return caption(text)
        if mark:
            return item(text if mark == "•" else f"{mark} {text}", depth=self._numbering.level)
        said = without_bullet(text)
        return item(said) if said is not None else paragraph(text)

    def _table(self, element: etree._Element) -> Iterator[Element]:
        rows = [row for row in _children(element, "tr")]
        if max((len(list(_children(row, "tc"))) for row in rows), default=0) < 2:
            for row in rows:  # a frame around text
                for cell in _children(row, "tc"):
                    yield from self.blocks(cell)
            return
        grid = self._grid(rows)
        if grid.rows:
            yield table(grid)

    def _grid(self, rows: list[etree._Element]) -> Grid:
        filled: list[list[tuple[int, str]]] = []
        heads: list[bool] = []
        number = 0
        for row in rows:
            properties = row.find(f"{_W}trPr")
            if properties is not None and properties.find(f"{_W}del") is not None:
                self.dropped["tracked deletions"] += 1
                continue
            cells: list[tuple[int, str]] = [(0, "")] * _count(_value(properties, "gridBefore"), 0)
            for cell in _children(row, "tc"):
                setup = cell.find(f"{_W}tcPr")
                merge = setup.find(f"{_W}vMerge") if setup is not None else None
                across = _count(_value(setup, "gridSpan"), 1)
                goes_on = merge is not None and merge.get(f"{_W}val", "continue") == "continue"
                if goes_on and filled and len(filled[-1]) > len(cells):
                    said = filled[-1][len(cells)]
                else:
                    number += 1
                    said = number, self._cell(cell)
                cells += [said] * across
            filled.append(cells)
            heads.append(properties is not None and _on(properties, "tblHeader"))
        return _squared(filled, heads)

    def _cell(self, cell: etree._Element) -> str:
        text = ""
        for element in self.blocks(cell):
            both = text and element.category == "ListItem" and not text.endswith((":", ";"))
            text += ("; " if both else " " if text else "") + element.text.replace("\n", "; ")
        return text

    def _text(self, element: etree._Element) -> str:
        """The text of a paragraph's runs, in links, insertions and fields too."""
        parts: list[str] = []
        for child in element:
            tag = child.tag
            if tag == f"{_W}r":
                parts.append(self._run(child))
            elif tag in (f"{_W}del", f"{_W}moveFrom"):
                self.dropped["tracked deletions"] += 1
            elif tag == _MATH_TEXT:
                parts.append(child.text or "")
            elif isinstance(tag, str) and tag not in (f"{_W}pPr", f"{_W}rPr", _FALLBACK):
                parts.append(self._text(child))
        return "".join(parts)

    def _run(self, run: etree._Element) -> str:
        properties = run.find(f"{_W}rPr")
        parts: list[str] = []
        for child in run:
            if child.tag == f"{_W}t":
                parts.append(child.text or "")
            elif child.tag in (f"{_W}tab", f"{_W}br", f"{_W}cr", f"{_W}ptab"):
                parts.append(" ")
            elif child.tag == f"{_W}noBreakHyphen":
                parts.append("-")
            elif child.tag == f"{_W}sym":
                parts.append(_symbol(child))
            elif child.tag == f"{_W}footnoteReference" and child.get(f"{_W}id") in self._footnotes:
                self._notes.append(child.get(f"{_W}id"))
                parts.append(raised(child.get(f"{_W}id")))
            elif child.tag != f"{_W}rPr" and (boxes := _boxes(child)):
                self._boxes += boxes
        text = "".join(parts)
        if not text.strip():
            return text
        if self._unseen.has(run):
            self.dropped["hidden text"] += 1
            self.flags["hidden text"] += 1
            return ""
        if properties is None:
            return text
        if _on(properties, "strike") or _on(properties, "dstrike"):
            self.dropped["text struck out"] += 1
            return ""
        place = _value(properties, "vertAlign")
        return raised(text) if place == "superscript" else lowered(text) if place == "subscript" else text


def _squared(filled: list[list[tuple[int, str]]], heads: list[bool]) -> Grid:
    """Rows of one length; a row that is one cell all across is said once; the first row heads where none is marked."""
    wide = max((len(cells) for cells in filled), default=0)
    rows, header = [], 0
    for cells, head in zip(filled, heads, strict=True):
        if not any(text for _, text in cells):
            continue
        header += head and header == len(rows)
        across = len({number for number, _ in cells}) == 1 and len(cells) == wide > 1
        rows.append((cells[0][1],) if across else (*(text for _, text in cells), *[""] * (wide - len(cells))))
    return Grid(rows, header=header if 0 < header < len(rows) else min(1, max(len(rows) - 1, 0)))


def _boxes(element: etree._Element) -> list[etree._Element]:
    """Text boxes, each once: Word writes a second copy for old programs."""
    return [box for box in element.iter(f"{_W}txbxContent") if not any(True for _ in box.iterancestors(_FALLBACK))]


def _children(element: etree._Element, name: str) -> Iterator[etree._Element]:
    for child in element:
        if child.tag == f"{_W}{name}":
            yield child
        elif child.tag in (f"{_W}sdt", f"{_W}sdtContent", f"{_W}ins", f"{_W}customXml"):
            yield from _children(child, name)


def _value(properties: etree._Element | None, name: str) -> str:
    found = properties.find(f"{_W}{name}") if properties is not None else None
    return found.get(f"{_W}val", "") if found is not None else ""


def _on(properties: etree._Element, name: str) -> bool:
    found = properties.find(f"{_W}{name}")
    return found is not None and found.get(f"{_W}val", "1") not in ("0", "false", "off", "none")


def _count(said: str, otherwise: int) -> int:
    return min(int(said), _WIDEST) if said.isdecimal() else otherwise


def _symbol(element: etree._Element) -> str:
    code = int(element.get(f"{_W}char", "20"), 16)
    return _SYMBOLS.get(code | 0xF000, chr(code))


def _tidy(text: str) -> str:
    return " ".join(text.split())
