"""A guideline as plain text: paragraphs between empty lines, list items, and lines that look like headings.

    "2.1 Fluid\n\nGive 500 mL …\n\n- reassess"  ->  Title("2.1 Fluid", depth 1), NarrativeText(…), ListItem("reassess")

A heading stands alone, is short, does not end like a sentence, and is numbered, in capitals, underlined with === or
---, or marked with #. Form feeds count pages.
"""

import codecs
import re
from collections.abc import Iterator
from pathlib import Path

from unstructured.documents.elements import Element

from probatum.errors import Rejected
from probatum.safeio import ASK_AGAIN, Limits, decode
from sources.elements.model import Reading, item, paragraph, title, without_bullet

_HEADING_CHARS = 100
_NUMBERED = re.compile(r"(\d{1,2}(?:\.\d{1,2})*)\.?\s+[A-Z]")
_UNDERLINE = re.compile(r"(=|-)\1{2,}\s*")
_MOST_PIECES = 100_000  # paragraphs and items of one file; a book has 20,000
_CONTROL_SHARE = 0.005
SAVE_AS_UTF_8 = "If it is UTF-16, save it again with its byte-order mark or as UTF-8; else ask for a sound copy."
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f\ufffd]")


def read(path: Path, limits: Limits) -> Reading:
    pages = text_of(path).split("\f")
    reading = Reading(pages=len(pages) if len(pages) > 1 else 0)
    for number, page in enumerate(pages, 1):
        for element in _elements(page, number if reading.pages else 0):
            reading.elements.append(element)
            if len(reading.elements) > _MOST_PIECES:
                raise Rejected(f"{path.name} has more than {_MOST_PIECES} paragraphs and items.", next="Split it.")
    reading.title = next((e.text for e in reading.elements if e.category == "Title"), "")
    return reading


def text_of(path: Path) -> str:
    """The text of a file in UTF-8, UTF-16 with its mark, or Windows-1252. Raises Rejected for anything binary."""
    return _text(path, ("utf-8", "cp1252"), path.name)


def strict_text_of(path: Path, what: str) -> str:
    """The same for formats that are never Windows-1252. what: the file's name for people."""
    return _text(path, ("utf-8",), what)


def _text(path: Path, encodings: tuple[str, ...], what: str) -> str:
    data = path.read_bytes()
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    if b"\0" in data and not wide:
        raise Rejected(f"{what} holds binary data where text was expected.", next=SAVE_AS_UTF_8)
    text = decode(data, ("utf-16",) if wide else encodings, what=what)
    if "\0" in text or len(_CONTROL.findall(text)) > max(2, _CONTROL_SHARE * len(text)):
        raise Rejected(f"{what} holds binary data where text was expected.", next=ASK_AGAIN)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _elements(page: str, number: int) -> Iterator[Element]:
    for block in re.split(r"\n\s*\n", page):
        lines = [line.rstrip() for line in block.split("\n") if line.strip()]
        if len(lines) > 1 and _UNDERLINE.fullmatch(lines[1].strip()) and len(lines[0]) <= _HEADING_CHARS:
            yield title(lines[0].strip(), depth=0 if lines[1].strip()[0] == "=" else 1, page=number)
            lines = lines[2:]
        elif lines and (depth := _depth(lines[0], alone=len(lines) == 1)) is not None:
            yield title(lines[0].lstrip("# ").strip(), depth=depth, page=number)
            lines = lines[1:]
        yield from _body(lines, number)


def _depth(line: str, *, alone: bool) -> int | None:
    text = line.strip()
    if text.startswith("#") and (marks := re.match(r"#{1,6}(?=\s)", text)):
        return len(marks[0]) - 1
    if len(text) > _HEADING_CHARS or text.endswith((".", ";", ",", ":")) or not any(c.isalpha() for c in text):
        return None
    if alone and (numbered := _NUMBERED.match(text)):
        return numbered[1].count(".")
    letters = [c for c in text if c.isalpha()]
    return 0 if len(letters) > 3 and all(c.isupper() for c in letters) else None


def _body(lines: list[str], page: int) -> Iterator[Element]:
    """Paragraphs and list items; an indented line goes on with the item above it."""
    said: list[str] = []
    listed = False
    for line in lines:
        marked = without_bullet(line)
        if marked is not None or (listed and line == line.lstrip()):
            yield from _one(said, listed, page)
            said, listed = [], marked is not None
        said.append(marked if marked is not None else line.strip())
    yield from _one(said, listed, page)


def _one(said: list[str], listed: bool, page: int) -> Iterator[Element]:
    if said:
        text = " ".join(said)
        yield item(text, page=page) if listed else paragraph(text, page=page)
