"""A guideline as slides: each slide's title is a heading, its text follows in order, then its tables and notes.

    slide 3: title "Fluid", body "Give 500 mL"   ->  Title("Fluid", page 3), ListItem("Give 500 mL", page 3)
    its notes                                    ->  NarrativeText("Speaker notes: Ask for help early.", page 3)

The page is the number of the slide. Merged cells are filled in everywhere they stand; raised and lowered text is
written as such. Left out and counted: hidden slides, hidden shapes, text struck out, dates, footers and numbers of
slides, pictures and charts. Words in a drawing of boxes (SmartArt) are read as a list.
"""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pptx
from lxml import etree
from pptx.exc import PythonPptxError
from unstructured.documents.elements import Element

from probatum.errors import Rejected
from probatum.safeio import ASK_AGAIN, Limits
from sources.elements import office
from sources.elements.model import Reading, item, paragraph, table, title, without_bullet
from sources.elements.pptx_text import A, grid_of, paragraphs_of

_P = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
_MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_DIAGRAM = "{http://schemas.openxmlformats.org/drawingml/2006/diagram}"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_MOST_SHAPES = 100_000
_DEEPEST_GROUP = 20
_TITLES = ("title", "ctrTitle")
_FURNITURE = ("dt", "ftr", "sldNum", "hdr")
_LISTED = ("body", "obj", "")  # placeholders whose paragraphs are items unless they say otherwise
_UNREADABLE = (PythonPptxError, KeyError, ValueError, TypeError, AttributeError, IndexError, etree.XMLSyntaxError)


def read(path: Path, limits: Limits) -> Reading:
    """Raises Rejected for a password, an old .ppt, a damaged zip, or more slides than a guideline has."""
    package = office.judged(path, limits, office.PPTX)
    try:
        slides = list(pptx.Presentation(BytesIO(path.read_bytes())).slides)
        if len(slides) > limits.pages:
            raise Rejected(f"{path.name} has {len(slides)} slides ({limits.pages} allowed).", next="Split it.")
        reading = Reading(pages=len(slides), dropped=package.dropped, flags=package.flags)
        reader = _Reader(path.name, reading)
        for number, slide in enumerate(slides, 1):
            reading.elements += reader.slide(slide, number)
    except _UNREADABLE:
        raise Rejected(f"{path.name} is a damaged PPTX.", next=ASK_AGAIN) from None
    reading.title = next((e.text for e in reading.elements if e.category == "Title"), "")
    return reading


class _Reader:
    def __init__(self, what: str, reading: Reading):
        self._what, self._reading = what, reading
        self._shapes = 0
        self._slide, self._number = None, 0

    def slide(self, slide, number: int) -> list[Element]:
        if slide._element.get("show") in ("0", "false"):
            self._reading.dropped["hidden slides"] += 1
            self._reading.flags["hidden text"] += 1
            return []
        self._slide, self._number = slide, number
        tree = slide._element.find(f"{_P}cSld/{_P}spTree")
        found = list(self._shapes_of(tree, 0)) if tree is not None else []
        heads = [element for element in found if element.category == "Title"]
        notes = list(self._notes(slide)) if slide.has_notes_slide else []
        return [*heads, *(element for element in found if element.category != "Title"), *notes]

    def _shapes_of(self, parent: etree._Element, depth: int) -> Iterator[Element]:
        for shape in parent:
            self._shapes += 1
            if self._shapes > _MOST_SHAPES or depth > _DEEPEST_GROUP:
                raise Rejected(f"{self._what} has more shapes than slides can show.", next="Split it.")
            if _is_hidden(shape):
                self._left_out("hidden text", shape)
            elif shape.tag == f"{_P}sp":
                yield from self._shape(shape)
            elif shape.tag == f"{_P}grpSp":
                yield from self._shapes_of(shape, depth + 1)
            elif shape.tag == f"{_MC}AlternateContent":
                choice = shape.find(f"{_MC}Choice")
                yield from self._shapes_of(choice if choice is not None else shape, depth + 1)
            elif shape.tag == f"{_P}graphicFrame":
                yield from self._frame(shape)
            elif shape.tag == f"{_P}pic":
                self._reading.dropped["pictures"] += 1

    def _shape(self, shape: etree._Element) -> Iterator[Element]:
        place = shape.find(f"{_P}nvSpPr/{_P}nvPr/{_P}ph")
        kind = place.get("type", "") if place is not None else None
        body = shape.find(f"{_P}txBody")
        if body is None:
            return
        if kind in _FURNITURE:
            self._reading.dropped["header and footer lines"] += 1
            return
        said = list(paragraphs_of(body, self._reading))
        if kind in _TITLES:
            if words := " ".join(text for text, _, _ in said):
                yield title(words, depth=0 if kind == "ctrTitle" and self._number == 1 else 1, page=self._number)
            return
        for text, level, marked in said:
            listed = marked if marked is not None else kind in _LISTED
            plain = without_bullet(text)
            if listed or plain is not None:
                mark = marked if isinstance(marked, str) else ""
                yield item(mark + (plain or text), depth=level, page=self._number)
            else:
                yield paragraph(text, page=self._number)

    def _frame(self, frame: etree._Element) -> Iterator[Element]:
        grid_element = frame.find(f".//{A}tbl")
        if grid_element is not None:
            if grid := grid_of(grid_element, self._reading):
                yield table(grid, page=self._number)
            return
        drawing = frame.find(f".//{_DIAGRAM}relIds")
        if drawing is None:
            self._reading.dropped["charts and objects"] += 1
            return
        part = self._slide.part.related_part(drawing.get(f"{_RELATION}dm", ""))
        root = etree.fromstring(part.blob, etree.XMLParser(resolve_entities=False, no_network=True))
        for body in root.iter(f"{_DIAGRAM}t"):
            yield from (item(text, page=self._number) for text, _, _ in paragraphs_of(body, self._reading))

    def _notes(self, slide) -> Iterator[Element]:
        frame = slide.notes_slide.notes_text_frame
        if frame is not None and (said := [text for text, _, _ in paragraphs_of(frame._txBody, self._reading)]):
            yield paragraph(f"Speaker notes: {said[0]}", page=self._number)
            yield from (paragraph(text, page=self._number) for text in said[1:])

    def _left_out(self, reason: str, shape: etree._Element) -> None:
        self._reading.dropped[reason] += 1
        if any((text.text or "").strip() for text in shape.iter(f"{A}t")):
            self._reading.flags[reason] += 1


def _is_hidden(shape: etree._Element) -> bool:
    said = next((each for each in shape.iterfind("*/*") if each.tag == f"{_P}cNvPr"), None)
    return said is not None and said.get("hidden") in ("1", "true")
