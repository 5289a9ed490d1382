"""How large the sheets of a workbook are, before a library loads them: it would make a cell for every claim.

A sheet of 700,000 rows takes minutes and gigabytes to load; a merged area of a whole sheet is 17 billion cells.
"""

import re
from io import BytesIO

from probatum.errors import Rejected
from probatum.safeio import Archive, Limits, xml_events

_MOST_ROWS = 50_000  # of all sheets; the largest table of a guideline seen has some hundreds
_MOST_CELLS = 300_000  # loading takes some 10 s on a slow machine
_MOST_COLUMNS = 1_000
_MOST_MERGED = 200_000  # cells under all merged areas
_AREA = re.compile(r"\$?([A-Z]{1,3})\$?(\d{1,7})(?::\$?([A-Z]{1,3})\$?(\d{1,7}))?")
_SPLIT = "Split it, or give it to the formulary source if it is one."


def judge_size(what: str, archive: Archive, limits: Limits) -> None:
    """Raises Rejected when rows, cells, columns or merged areas are more than a guideline has."""
    rows = cells = merged = 0
    for member in archive.names:
        if not member.lower().endswith(".xml") or "sheet" not in member.lower():
            continue
        for event, element in xml_events(BytesIO(archive.read(member)), limits, what=what):
            if event == "start":
                continue
            name = element.tag.rpartition("}")[2]
            rows += name == "row"
            cells += name == "c"
            merged += _size(what, element.get("ref", "")) if name == "mergeCell" else 0
            if name == "c" and element.get("r"):
                _size(what, element.get("r", ""))
            if name == "row":
                element.clear()
            if rows > _MOST_ROWS or cells > _MOST_CELLS:
                raise Rejected(f"{what} has more than {_MOST_ROWS} rows or {_MOST_CELLS} cells.", next=_SPLIT)
            if merged > _MOST_MERGED:
                raise Rejected(f"{what} has merged cells over more than {_MOST_MERGED} places.", next=_SPLIT)


def _size(what: str, area: str) -> int:
    match = _AREA.fullmatch(area.strip())
    if not match:
        return 0
    left, top = _column(match[1]), int(match[2])
    right, bottom = _column(match[3] or match[1]), int(match[4] or match[2])
    if max(left, right) > _MOST_COLUMNS or max(top, bottom) > 1_048_576:
        raise Rejected(f"{what} has a cell beyond column {_MOST_COLUMNS}.", next=_SPLIT)
    return (abs(right - left) + 1) * (abs(bottom - top) + 1)


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number
