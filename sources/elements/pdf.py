"""A guideline as PDF: text and outline through pdfium, ruled tables through pdfplumber, as unstructured elements.

    read(Path("sepsis.pdf"), limits) -> Reading(elements=[Title("Fluid", depth 1, page 2), …], pages=6,
                                                dropped={"header and footer lines": 12})

A file that needs a password, is damaged or cut short, is only pictures, or whose letters have no meaning is refused:
any of these would otherwise read as an empty or a short document without an error. So is a reading that kept less
than 60 % of the words, or of the numbers, that pdfium sees. No text recognition (OCR), no forms, no drawings.
"""

import logging
import re
import struct
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pdfplumber
import pikepdf
import pypdfium2
import pypdfium2.raw as pdfium_c
from pdfminer.pdfexceptions import PDFException
from pdfminer.psexceptions import PSException
from pdfplumber.utils.exceptions import MalformedPDFException, PdfminerException
from unstructured.documents.elements import Element

from probatum.errors import Rejected
from probatum.safeio import ASK_AGAIN, Limits
from sources.elements.hyphens import Hyphens
from sources.elements.model import Grid, Reading, item, paragraph, table, title, without_bullet, words
from sources.elements.pdf_headings import mark_headings
from sources.elements.pdf_layout import (
    Page,
    PageTable,
    Paragraph,
    goes_on,
    in_reading_order,
    is_note,
    paragraphs,
    usual_leading,
)
from sources.elements.pdf_lines import Glyph, Line, glyphs_of, lines_of
from sources.elements.pdf_margins import without_contents, without_running_lines
from sources.elements.pdf_tables import Ruled, grid_of, holds, may_hold_table, ruled_tables

logging.getLogger("pdfminer").setLevel(logging.ERROR)  # it warns of every colour it does not know
_UNREADABLE = (  # by pdfminer, which looks twice at what pdfium and qpdf have found sound
    *(PDFException, PSException, PdfminerException, MalformedPDFException),
    *(ValueError, TypeError, LookupError, AttributeError, AssertionError, ArithmeticError, struct.error, zlib.error),
)
_LEAST_KEPT = 0.60  # of words and of numbers
_FEWEST_NUMBERS = 20
_PICTURE_SHARE = 0.5  # of the page's area: a page scan fills it, a figure rarely does
_PICTURE_WORDS = 10  # a page picture with fewer words beside it has not been recognised
_MEANINGLESS_SHARE = 0.2
_CONTINUES_PT = 8.0
_FILE_LIKE = re.compile(r"\.(docx?|pdf|indd|pptx?|qxd|rtf)\b|^untitled|^microsoft word|^\S*$", re.I)


def read(path: Path, limits: Limits) -> Reading:
    """Raises Rejected with what is wrong with the file."""
    _judge(path, limits)
    try:
        with closing(pypdfium2.PdfDocument(path)) as document:
            return _read(path, document)
    except pypdfium2.PdfiumError:
        raise Rejected(f"{path.name} is a damaged PDF.", next=ASK_AGAIN) from None


def _judge(path: Path, limits: Limits) -> None:
    try:
        with pikepdf.open(path, attempt_recovery=False, suppress_warnings=True) as judged:
            count = len(judged.pages)
            for page in judged.pages if count <= limits.pages else ():
                _unpack_content(page)
    except pikepdf.PasswordError:
        raise Rejected(
            f"{path.name} is encrypted and needs a password.", next="Ask for it without a password."
        ) from None
    except (pikepdf.PdfError, pikepdf.DataDecodingError, ValueError, KeyError, TypeError, AttributeError):
        raise Rejected(f"{path.name} is a damaged PDF, or was cut short on the way.", next=ASK_AGAIN) from None
    if count > limits.pages:
        raise Rejected(
            f"{path.name} has {count} pages ({limits.pages} allowed).",
            next="Split it, or raise the limit of the source.",
        )
    if not count:
        raise Rejected(f"{path.name} has no pages.", next=ASK_AGAIN)


def _unpack_content(page: pikepdf.Page) -> None:
    """A content stream that does not unpack would be read as an empty page."""
    contents = page.obj.get("/Contents")
    for stream in contents if isinstance(contents, pikepdf.Array) else [contents]:
        if stream is not None:
            stream.read_bytes()


def _read(path: Path, document: pypdfium2.PdfDocument) -> Reading:
    reading = Reading(pages=len(document))
    seen: Counter[str] = Counter()
    pages, glyphs, hidden, busy, raw_lines = [], [], [], [], []
    pictures = 0
    for number, page in enumerate(document, 1):
        with closing(page):
            width, height = page.get_size()
            pages.append(Page(number, width, height))
            seen_here, hidden_here = glyphs_of(page, reading.dropped)
            glyphs.append(seen_here)
            hidden += hidden_here
            text = _all_text(page)
            raw_lines += text.splitlines()
            found = Counter(words(text))
            seen += found
            pictures += found.total() < _PICTURE_WORDS and _is_picture(page)
            hint = may_hold_table(page)
            if hint:
                busy.append(number)
            reading.dropped.update({"pages too busy to look for tables": 1} if hint is None else {})
    _judge_text(path, seen, pictures, glyphs, len(pages))
    if pictures:
        reading.dropped["pages that are only a picture"] += pictures
    ruled = _tables(path, busy)
    hyphens = Hyphens(raw_lines)
    for page, on_page in zip(pages, glyphs, strict=True):
        _fill(page, on_page, ruled.get(page.number, []), hyphens)
    left_out = without_running_lines(pages, reading.dropped)
    for page in pages:
        in_reading_order(page)
    left_out += without_contents(pages, reading.dropped)
    mark_headings(document, pages)
    reading.title = _title(document, pages)
    reading.elements = list(_elements(pages, hyphens))
    said = sum(any(char.isalnum() for char in stretch) for stretch in hidden)  # a white dash is no word
    reading.flags.update({"hidden text": said} if said else {})
    _judge_kept(path, seen, reading.elements, [*left_out, *hidden])
    return reading


def _all_text(page: pypdfium2.PdfPage) -> str:
    with closing(page.get_textpage()) as text_page:
        return text_page.get_text_range().replace("\ufffe", "-").replace("\x02", "-")


def _is_picture(page: pypdfium2.PdfPage) -> bool:
    width, height = page.get_size()
    covered = 0.0
    for picture in page.get_objects(filter=[pdfium_c.FPDF_PAGEOBJ_IMAGE], max_depth=3):
        left, bottom, right, top = picture.get_bounds()
        covered += max(0.0, right - left) * max(0.0, top - bottom)
    return covered >= _PICTURE_SHARE * width * height


def _judge_text(path: Path, seen: Counter, pictures: int, glyphs: list[list[Glyph]], pages: int) -> None:
    if pictures and (pictures >= pages / 2 or not seen):
        raise Rejected(
            f"{path.name} is a scan: {pictures} of {pages} pages are pictures of text.",
            next="Run text recognition (OCR) on it, check the result against the original, and give that.",
        )
    if not seen:
        raise Rejected(
            f"{path.name} has {pages} pages and no text.",
            next="If it is a scan or a drawing, run text recognition (OCR) on it first.",
        )
    letters = [g.text for page in glyphs for g in page if g.size]
    strange = sum(text == "\ufffd" or "\ue000" <= text <= "\uf8ff" or text < " " for text in letters)
    if strange > _MEANINGLESS_SHARE * len(letters):
        raise Rejected(
            f"{path.name} does not say which letters its signs stand for ({strange} of {len(letters)} unknown).",
            next="Print it again from the program that made it, with its fonts, or run text recognition (OCR) on it.",
        )


def _tables(path: Path, numbers: list[int]) -> dict[int, list[Ruled]]:
    if not numbers:
        return {}
    found = {}
    try:
        with pdfplumber.open(path, pages=numbers) as document:
            for page in document.pages:
                found[page.page_number] = ruled_tables(page)
                page.close()
    except _UNREADABLE:
        raise Rejected(f"{path.name} has tables that cannot be read; the PDF is damaged.", next=ASK_AGAIN) from None
    return found


def _fill(page: Page, glyphs: list[Glyph], ruled: list[Ruled], hyphens: Hyphens) -> None:
    """Put lines and tables on the page; what stands in a table stands in no line."""
    home: list[int] = []
    last = -1
    for glyph in glyphs:
        if glyph.size:
            last = next((k for k, table in enumerate(ruled) if holds(table.box, glyph)), -1)
        home.append(last)
    grids = {}
    for k, table_here in enumerate(ruled):
        grid = grid_of(table_here, [g for g, at in zip(glyphs, home, strict=True) if at == k], page.number, hyphens)
        if grid:
            grids[k] = grid
    run: list[Glyph] = []
    for glyph, at in zip(glyphs, home, strict=True):
        if at not in grids:
            run.append(glyph)
            continue
        page.items += lines_of(run, page.number)
        run = []
        if grids[at]:
            page.items.append(PageTable(ruled[at].box, grids[at], page.number))
            grids[at] = None
    page.items += lines_of(run, page.number)


def _elements(pages: Sequence[Page], hyphens: Hyphens) -> Iterator[Element]:
    """A paragraph that runs over the end of a page is one; footnotes wait until it has ended."""
    usual = usual_leading(pages)
    pending: list[Paragraph] = []  # a paragraph, then footnotes below it
    before: PageTable | None = None
    for page in pages:
        for piece in paragraphs(page, usual):
            if isinstance(piece, PageTable):
                yield from (_element(waiting, hyphens) for waiting in pending)
                pending = []
                yield table(_continued(before, piece, pages), page=page.number)
                before = piece
            elif pending and pending[0].lines[-1].page != page.number and goes_on(pending[0], piece):
                pending[0].lines += piece.lines
            elif pending and is_note(piece, pending[0].first.size):
                pending.append(piece)
            else:
                yield from (_element(waiting, hyphens) for waiting in pending)
                pending, before = [piece], None
    yield from (_element(waiting, hyphens) for waiting in pending)


def _element(piece: Paragraph, hyphens: Hyphens) -> Element:
    text, page = piece.text(hyphens), piece.first.page
    if piece.first.depth is not None:
        return title(text, depth=piece.first.depth, page=page)
    if piece.numbered:
        number, said = text.split(maxsplit=1)
        return item(f"{number}. {said}", page=page)
    said = without_bullet(text)
    return item(said, page=page) if said is not None else paragraph(text, page=page)


def _continued(before: PageTable | None, after: PageTable, pages: Sequence[Page]) -> Grid:
    """The grid, marked as going on if it takes up the last table of the page before; a repeated header is left out."""
    grid = after.grid
    if before is None or before.page != after.page - 1 or _width(before.grid) != _width(grid):
        return grid
    if abs(before.box[0] - after.box[0]) > _CONTINUES_PT or abs(before.box[2] - after.box[2]) > _CONTINUES_PT:
        return grid
    if after.box[1] > 0.3 * pages[after.page - 1].height or before.box[3] < 0.6 * pages[before.page - 1].height:
        return grid
    head = 0
    while head < min(len(grid.rows), before.grid.header) and grid.rows[head] == before.grid.rows[head]:
        head += 1
    after.grid = Grid([*before.grid.rows[: before.grid.header], *grid.rows[head:]], before.grid.header)
    return Grid(grid.rows[head:], header=0, continued=True)


def _width(grid: Grid) -> int:
    return max(len(row) for row in grid.rows)


def _title(document: pypdfium2.PdfDocument, pages: Sequence[Page]) -> str:
    said = " ".join((document.get_metadata_value("Title") or "").split())
    if said and len(said) <= 200 and not _FILE_LIKE.search(said):
        return said
    lines = [line for page in pages[:2] for line in page.lines if any(char.isalpha() for char in line.text)]
    if not lines:
        return ""
    largest = max(line.size for line in lines)
    first = next(k for k, line in enumerate(lines) if line.size > largest - 0.5)
    run: list[Line] = []
    for line in lines[first : first + 5]:
        if line.size < largest - 0.5:
            break
        run.append(line)
    return " ".join(line.text for line in run)[:200]


def _judge_kept(path: Path, seen: Counter, elements: list[Element], left_out: list[str]) -> None:
    """Against what pdfium sees; what was left out on purpose counts as kept."""
    kept = Counter(word for text in [*(e.text for e in elements), *left_out] for word in words(text))
    for what, wanted in (("words", seen), ("numbers", Counter({w: n for w, n in seen.items() if w.isdecimal()}))):
        total, here = wanted.total(), (wanted & kept).total()
        if here < _LEAST_KEPT * total and (what == "words" or total >= _FEWEST_NUMBERS):
            raise Rejected(
                f"Reading {path.name} kept {here} of the {total} {what} on its pages ({_LEAST_KEPT:.0%} is the least).",
                next="Give it in another format (DOCX or HTML), or print it again to PDF.",
            )
