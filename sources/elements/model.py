"""The element model: makers for the unstructured elements used here, and what a reading comes back with.

    title("Fluid", depth=2, page=3)   paragraph("Give 500 mL …", page=3)   item("1. Give oxygen", page=3)
    table(Grid((("Source", "First dose"), ("Unknown", "4.5 g"))), page=4)

A table travels as `text_as_html`: a plain grid with every spanned cell filled in, header rows in <thead>.
"""

import html
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from unstructured.documents.elements import (
    Element,
    ElementMetadata,
    FigureCaption,
    ListItem,
    NarrativeText,
    Table,
    Title,
)

_CAPTION = re.compile(
    r"(?:Table|Figure|Fig\.?|Box|Exhibit|Algorithm|Chart)(?: [A-Z]{0,2}-?\d+[A-Za-z]?(?:[.-]\d+)*)?\s*[.:—–]\s*\S"
)
_CAPTION_CHARS = 300
_BULLET = re.compile(r"\s*[•◦▪▫●○■□➢➤►▶✓✔‣⁃∙\uf0a7\uf0a1\uf0b7\uf0d8\uf0fc\uf076\uf02d]\s*|\s*[-–*·o§°]\s+(?=\S)")
_NUMBERED = re.compile(r"\s*(?:\(?(?:\d{1,2}|[a-zA-Z]|[ivx]{1,4})\)|\d{1,2}\.)\s+(?=\S)")


@dataclass
class Reading:
    """What came out of a file.

    dropped: what was left out on purpose and how often, e.g. {"page numbers": 12}. flags: what a person should look
    at, e.g. {"hidden text": 3, "macros": 1}; what the text itself says is flagged by `suspicion`.
    """

    elements: list[Element] = field(default_factory=list)
    title: str = ""
    pages: int = 0  # 0 where the format has none
    dropped: Counter = field(default_factory=Counter)
    flags: Counter = field(default_factory=Counter)


@dataclass(frozen=True)
class Grid:
    """A table without spans. A row of one cell in a wider table runs across all columns.

    header: how many leading rows are column headings. continued: goes on with the table before it.
    """

    rows: Sequence[Sequence[str]]
    header: int = 1
    continued: bool = False


def title(text: str, *, depth: int, page: int = 0) -> Title:
    return Title(text, metadata=_metadata(page, depth))


def paragraph(text: str, *, page: int = 0) -> Element:
    """A paragraph; one that reads "Table 3. …" or "Figure: …" is a caption."""
    return (FigureCaption if is_caption(text) else NarrativeText)(text, metadata=_metadata(page))


def caption(text: str, *, page: int = 0) -> FigureCaption:
    return FigureCaption(text, metadata=_metadata(page))


def item(text: str, *, depth: int = 0, page: int = 0) -> ListItem:
    return ListItem(text, metadata=_metadata(page, depth))


def table(grid: Grid, *, page: int = 0) -> Table:
    metadata = _metadata(page)
    metadata.text_as_html = to_html(grid)
    return Table("\n".join(" | ".join(row) for row in grid.rows), metadata=metadata)


def is_caption(text: str) -> bool:
    return len(text) <= _CAPTION_CHARS and bool(_CAPTION.match(text))


def without_bullet(text: str) -> str | None:
    """The words after a bullet sign, or None where there is no bullet. Numbers stay: "1. Give oxygen"."""
    match = _BULLET.match(text)
    if match and match.end() < len(text):
        return text[match.end() :]
    return text.strip() if _NUMBERED.match(text) else None


def starts_with_bullet(text: str) -> bool:
    return bool(_BULLET.match(text))


def to_html(grid: Grid) -> str:
    wide = max((len(row) for row in grid.rows), default=0)
    head, body = grid.rows[: grid.header], grid.rows[grid.header :]
    parts = [f"<table{' data-continued=' + chr(34) + '1' + chr(34) if grid.continued else ''}>"]
    if head:
        parts += ["<thead>", *(_row(row, "th", wide) for row in head), "</thead>"]
    return "".join([*parts, "<tbody>", *(_row(row, "td", wide) for row in body), "</tbody></table>"])


def words(text: str) -> Iterable[str]:
    """Words and numbers, folded so that two ways of writing the same one are equal."""
    return re.findall(r"[^\W_]+", unicodedata.normalize("NFKC", text).casefold())


def _row(row: Sequence[str], tag: str, wide: int) -> str:
    span = f' colspan="{wide}"' if len(row) == 1 < wide else ""
    return "<tr>" + "".join(f"<{tag}{span}>{html.escape(cell)}</{tag}>" for cell in row) + "</tr>"


def _metadata(page: int, depth: int | None = None) -> ElementMetadata:
    return ElementMetadata(page_number=page or None, category_depth=depth)
