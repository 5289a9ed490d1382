"""How large the sheets of a workbook are, before a library loads them: it would make a cell for every claim.

A sheet of 700,000 rows takes minutes and gigabytes to load; a merged area of a whole sheet is 17 billion cells.
"""

import re
from io import BytesIO

from probatum.errors import Rejected
from probatum.safeio import Archive, Limits, xml_events

_MOST_ROWS = 50_000  # of all sheets; the largest table of a guideline seen has some hundreds
_MOST_CELLS = 300_000  # loading takes some 10 s on a slow machine
_MOST_PLACES = 600_000  # of one sheet, filled or not: each is a cell once the sheet is loaded
_AREA = re.compile(r"\$?([A-Z]{1,3})\$?(\d{1,7})(?::\$?([A-Z]{1,3})\$?(\d{1,7}))?")
_SPLIT = "Split it, or give it to the formulary source if it is one."


def judge_size(what: str, archive: Archive, limits: Limits) -> None:
    """Raises Rejected when rows, cells, places or merged areas are more than a guideline has."""
    rows = cells = merged = 0
    for member in archive.names:
        if not member.lower().endswith(".xml") or "sheet" not in member.lower():
            continue
        right = bottom = 0
        for event, element in xml_events(BytesIO(archive.read(member)), limits, what=what):
            name = element.tag.rpartition("}")[2] if event == "end" else ""
            if name == "c":
                cells += 1
                _, _, column, row = _corners(element.get("r", ""))
                right, bottom = max(right, column), max(bottom, row)
            elif name == "row":
                rows += 1
                element.clear()
            elif name == "mergeCell":
                left, top, column, row = _corners(element.get("ref", ""))
                merged += (abs(column - left) + 1) * (abs(row - top) + 1)
            if rows > _MOST_ROWS or cells > _MOST_CELLS:
                raise Rejected(f"{what} has more than {_MOST_ROWS} rows or {_MOST_CELLS} cells.", next=_SPLIT)
            if merged > _MOST_PLACES:
                raise Rejected(f"{what} has merged cells over more than {_MOST_PLACES} places.", next=_SPLIT)
        if right * bottom > _MOST_PLACES:
            raise Rejected(
                f"{what} has a sheet of {bottom} rows and {right} columns ({_MOST_PLACES} places allowed).",
                next="Delete what stands far below or beside the table, empty cells too, and send it again.",
            )


def _corners(area: str) -> tuple[int, int, int, int]:
    """(left, top, right, bottom) of "B2" or "B2:C7", zeros for anything else."""
    match = _AREA.fullmatch(area.strip())
    if not match:
        return 0, 0, 0, 0
    return _column(match[1]), int(match[2]), _column(match[3] or match[1]), int(match[4] or match[2])


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number
