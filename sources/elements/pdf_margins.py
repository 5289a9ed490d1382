"""What stands on the pages of a PDF but is not its text: running headers and footers, page numbers, contents lists.

A line in the margin of the page that says the same (numbers aside) at one height of several pages is a running line.
A table of contents is known by its dotted leaders; what it lists is in the text as headings anyway.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

from sources.elements.pdf_layout import Page, PageTable
from sources.elements.pdf_lines import Line

_MARGIN = 0.13  # share of the page height, top and bottom, where running lines stand
_SAME_HEIGHT_PT = 4.0
_FEW_PAGES, _SEEN_OF_FEW, _SEEN_OF_MANY = 6, 2, 3
_PAGE_NUMBER = re.compile(r"(?:page\s*)?[-–|\s]*(?:\d{1,4}|[ivxlc]{1,6})(?:\s*(?:of|/)\s*\d{1,4})?[-–|\s]*", re.I)
_LEADERS = re.compile(r"(?:\.\s?){4,}\s*(?:\d{1,4}|[ivxlc]{1,6})\s*$|…{2,}\s*\d{1,4}$", re.I)
_FEWEST_LEADERS = 3  # lines of a table of contents on one page

HEADERS, CONTENTS = "header and footer lines", "table of contents lines"


def without_running_lines(pages: Sequence[Page], dropped: Counter) -> list[str]:
    """Take them off the pages; returns what they said."""
    left_out: list[str] = []
    places: dict[tuple, list[tuple[int, float]]] = defaultdict(list)
    for page in pages:
        for item in page.items:
            if key := _key(item, page):
                places[key].append((page.number, _height(item)))
    enough = _SEEN_OF_FEW if len(pages) < _FEW_PAGES else _SEEN_OF_MANY

    def is_running(item: Line | PageTable, page: Page) -> bool:
        seen = places.get(_key(item, page), ())
        return len({number for number, y in seen if abs(y - _height(item)) <= _SAME_HEIGHT_PT}) >= enough

    for page in pages:
        gone = [item for item in page.items if is_running(item, page) or _is_page_number(item, page)]
        left_out += _leave_out(page, gone, dropped, HEADERS)
    return left_out


def without_contents(pages: Sequence[Page], dropped: Counter) -> list[str]:
    """Take them off the pages; returns what they said."""
    left_out: list[str] = []
    for page in pages:
        leaders = [line for line in page.lines if _LEADERS.search(line.text)]
        if len(leaders) >= _FEWEST_LEADERS:
            left_out += _leave_out(page, leaders, dropped, CONTENTS)
    return left_out


def _leave_out(page: Page, gone: list[Line | PageTable], dropped: Counter, why: str) -> list[str]:
    dropped.update({why: len(gone)} if gone else {})
    identities = {id(item) for item in gone}
    page.items = [item for item in page.items if id(item) not in identities]
    return [item.text if isinstance(item, Line) else " ".join(map(" ".join, item.grid.rows)) for item in gone]


def _key(item: Line | PageTable, page: Page) -> tuple | None:
    """What makes two margin items the same; None for what is not in a margin."""
    top, bottom = _MARGIN * page.height, (1 - _MARGIN) * page.height
    if isinstance(item, PageTable):
        inside = item.box[3] <= 1.3 * top or item.box[1] >= bottom
        return (_shape(repr(item.grid.rows)), item.box[3] < page.height / 2) if inside else None
    return (_shape(item.text), item.y < page.height / 2) if item.y < top or item.top > bottom else None


def _is_page_number(item: Line | PageTable, page: Page) -> bool:
    return isinstance(item, Line) and bool(_key(item, page)) and bool(_PAGE_NUMBER.fullmatch(item.text))


def _shape(text: str) -> str:
    return re.sub(r"\d+|\b[ivxlc]+$", "#", text.casefold())


def _height(item: Line | PageTable) -> float:
    return item.y if isinstance(item, Line) else item.box[1]
