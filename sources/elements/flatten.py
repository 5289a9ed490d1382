"""Elements to the text and blocks of a Document.

    [Title("Fluid", depth 1), NarrativeText("Give …"), Table(…)]
    -> "Fluid\n\nGive …\n\nSource | Dose\nUnknown | 4.5 g",
       (Block(0, 5, "heading", section=("Fluid",)), Block(7, 13, "paragraph", …), Block(15, 28, "table-header", …), …)

Every character of the text is in exactly one block or is the space between two. Each block knows its page and its
heading path. A table that goes on over a page keeps its ordinal, so that its parts can be shown with its header.
"""

from collections.abc import Iterable, Iterator

from lxml import html
from unstructured.documents.elements import Element, FigureCaption, Footer, Header, ListItem, Table, Title

from probatum.records import Block
from sources.elements.tidy import tidied

_KINDS = ((Title, "heading"), (ListItem, "list"), (FigureCaption, "caption"))
_CELLS, _ROWS, _BETWEEN = " | ", "\n", "\n\n"


def flatten(elements: Iterable[Element]) -> tuple[str, tuple[Block, ...]]:
    """The reading text, and blocks that cover it in order without overlap."""
    pieces: list[str] = []
    blocks: list[Block] = []
    at, table, path = 0, -1, []

    def add(piece: str, kind: str, page: int, between: str, ordinal: int = -1) -> None:
        nonlocal at
        at += len(between) if blocks else 0
        pieces.append((between if blocks else "") + piece)
        blocks.append(Block(at, at + len(piece), kind, page, tuple(text for _, text in path), ordinal))
        at += len(piece)

    for element in elements:
        page = element.metadata.page_number or 0
        if isinstance(element, Header | Footer):
            continue
        if isinstance(element, Table):
            grid = html.fragment_fromstring(element.metadata.text_as_html)
            continued = table >= 0 and grid.get("data-continued") == "1"
            table += not continued
            between = _ROWS if continued else _BETWEEN
            for kind, row in rows_of(grid):
                add(row, kind, page, between, table)
                between = _ROWS
            continue
        text = tidied(element.text).strip()
        if not text:
            continue
        if isinstance(element, Title):
            depth = element.metadata.category_depth or 0
            path = [(d, t) for d, t in path if d < depth] + [(depth, text)]
        kind = next((kind for cls, kind in _KINDS if isinstance(element, cls)), "paragraph")
        add(text, kind, page, _BETWEEN)
    return "".join(pieces), tuple(blocks)


def rows_of(grid: html.HtmlElement) -> Iterator[tuple[str, str]]:
    """(kind, "cell | cell") of each row that says something."""
    for row in grid.iter("tr"):
        cells = [" ".join(tidied(cell.text or "").split()) for cell in row]
        if any(cells):
            yield "table-header" if row[0].tag == "th" else "table-row", _CELLS.join(cells)
