"""The text of a drug label's section (SPL narrative) as elements: paragraphs, list items, tables, captions.

    <text><paragraph>10 mg daily<footnote>With food.</footnote></paragraph><table>…</table></text>
    -> NarrativeText("10 mg daily [1]"), Table(…), NarrativeText("[1] With food.")

Tables keep their caption, their heading rows and spanned cells. Superscripts stay raised (10⁹ is not 109). A picture
is its description, where it has one. Footnotes stand, numbered, after the block they belong to.
"""

import re
from collections.abc import Iterable, Iterator, Mapping

from lxml import etree
from unstructured.documents.elements import Element

from sources.elements import model
from sources.elements.html_tables import grid_of
from sources.elements.scripts import lowered, raised

_BLOCKS = frozenset({"paragraph", "list", "table", "item", "text"})
_LETTERS = {"LittleAlpha": "a", "BigAlpha": "A"}
_CAPTION_KIND = re.compile(r"(table|figure)\b", re.I)


def local(element) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


class Narrative:
    """Reads the text blocks of one label. pictures: {ID of a picture: its description}."""

    def __init__(self, pictures: Mapping[str, str]):
        self._pictures = pictures
        self._notes: dict[str, int] = {}  # {ID of a footnote: its number}
        self._pending: list[str] = []  # footnotes to be said after the block
        self._count = 0
        self.undescribed = 0  # pictures without a description

    def elements(self, text) -> Iterator[Element]:
        for element in self._walk(text, 0):
            yield element
            if not isinstance(element, model.ListItem):
                yield from self._said_notes()
        yield from self._said_notes()

    def inline(self, element) -> str:
        """All text of an element on one line."""
        return " ".join("".join(self._pieces(element)).split())

    def inline_of(self, element) -> str:
        return self.inline(element) if element is not None else ""

    def _said_notes(self) -> Iterator[Element]:
        notes, self._pending = self._pending, []
        yield from (model.paragraph(note) for note in notes)

    def _walk(self, element, depth: int) -> Iterator[Element]:
        """Blocks inside an element, and the words between them."""
        loose = [element.text or ""]
        for child in element:
            if local(child) in _BLOCKS or self._holds_blocks(child):
                yield from self._loose(loose, element, depth)
                loose = []
                yield from self._block(child, depth)
            else:
                loose += self._pieces(child)
            loose.append(child.tail or "")
        yield from self._loose(loose, element, depth)

    def _loose(self, pieces: Iterable[str], element, depth: int) -> Iterator[Element]:
        said = " ".join("".join(pieces).split())
        if said and local(element) == "caption":
            yield model.caption(said)
        elif said:
            bare = model.without_bullet(said)
            yield model.paragraph(said) if bare is None else model.item(bare, depth=max(depth - 1, 0))

    def _block(self, element, depth: int) -> Iterator[Element]:
        match local(element):
            case "table":
                yield from self._table(element)
            case "list":
                yield from self._list(element, depth)
            case _:
                yield from self._walk(element, depth)

    def _list(self, element, depth: int) -> Iterator[Element]:
        number = 0
        for child in element:
            if local(child) == "caption":
                yield from self._walk(child, depth)
            elif local(child) == "item":
                number += 1
                first = True
                for inside in self._walk(child, depth + 1):
                    if first and not isinstance(inside, model.Table):
                        mark = self._mark(element, number)
                        yield model.item(mark + (model.without_bullet(inside.text) or inside.text), depth=depth)
                    else:
                        yield inside
                    first = False

    def _mark(self, element, number: int) -> str:
        if element.get("listType", "unordered") != "ordered":
            return ""
        letter = _LETTERS.get(element.get("styleCode", ""))
        return f"{chr(ord(letter) + number - 1)}. " if letter and number <= 26 else f"{number}. "

    def _table(self, element) -> Iterator[Element]:
        for child in element:
            if local(child) == "caption" and (said := self.inline(child)):
                yield model.caption(said if _CAPTION_KIND.match(said) else f"Table: {said}")
        grid = grid_of(self._plain(element), lambda cell: cell.text or "")
        if grid:
            yield model.table(grid)

    def _plain(self, table) -> etree._Element:
        """The table without namespaces, each cell's text on one line: what `grid_of` reads."""
        made = etree.Element("table")
        for part in table:
            if local(part) in ("thead", "tbody", "tfoot"):
                self._rows(part, etree.SubElement(made, local(part)))
        self._rows(table, made)
        return made

    def _rows(self, part, into: etree._Element) -> None:
        for row in part:
            if local(row) != "tr":
                continue
            made = etree.SubElement(into, "tr")
            for cell in row:
                if local(cell) in ("td", "th"):
                    spans = {name: cell.get(name) for name in ("rowspan", "colspan") if cell.get(name)}
                    etree.SubElement(made, local(cell), spans).text = self._cell(cell)

    def _cell(self, cell) -> str:
        """A cell on one line; its paragraphs and items stay apart."""
        text = ""
        for element in self._walk(cell, 0):
            item = isinstance(element, model.ListItem) and text and not text.endswith((":", ";"))
            text += ("; " if item else " " if text else "") + element.text
        return text

    def _holds_blocks(self, element) -> bool:
        return local(element) not in ("footnote",) and any(local(inner) in _BLOCKS for inner in element.iter())

    def _pieces(self, element) -> list[str]:
        match local(element):
            case "br":
                return [" "]
            case "sup" | "sub":
                said = "".join(self._inside(element))
                return [raised(said) if local(element) == "sup" else lowered(said)]
            case "footnote":
                self._count += 1
                number = self._notes[element.get("ID") or f"#{self._count}"] = self._count
                self._pending.append(f"[{number}] {' '.join(''.join(self._inside(element)).split())}")
                return [f" [{number}] "]
            case "footnoteRef":
                number = self._notes.get(element.get("IDREF") or "")
                return [f" [{number}] "] if number else []
            case "renderMultiMedia":
                said = self._pictures.get(element.get("referencedObject") or "", "")
                self.undescribed += not said
                return [f" Figure: {said} ", *self._inside(element)] if said else [" ", *self._inside(element)]
        return self._inside(element)

    def _inside(self, element) -> list[str]:
        pieces = [element.text or ""]
        for child in element:
            pieces += [*self._pieces(child), child.tail or ""]
        return pieces
