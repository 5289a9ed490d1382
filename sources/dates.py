"""Dates in cells and in file names, read only where they can mean one day.

read("2026-07-01"), read("20260701"), read("1 Jul 2026"), read("Jul 1, 2026")   -> 2026-07-01
read("07/01/2026", "us"), read("01/07/2026", "uk")                             -> 2026-07-01
read("07/01/2026")                                                             -> None: nobody said which
"""

import re
from collections.abc import Iterable
from datetime import date

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = r"(jan|feb|mar|apr|may|jun|jul|aug|sept?|oct|nov|dec)[a-z]*\.?"
_ISO = re.compile(r"(?<!\d)((?:19|20)\d\d)[-/._](0?[1-9]|1[0-2])(?:[-/._](0?[1-9]|[12]\d|3[01]))?(?!\d)")
_COMPACT = re.compile(r"(?<!\d)((?:19|20)\d\d)(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(?!\d)")
_DAY_MONTH = re.compile(rf"(?<!\d)(\d{{1,2}})[ _.-]*{_MONTH}[ _.,-]*((?:19|20)\d\d|\d\d)(?!\d)", re.I)
_MONTH_DAY = re.compile(rf"(?<![a-z]){_MONTH}[ _.-]*(\d{{1,2}})(?:st|nd|rd|th)?[ _.,-]+((?:19|20)\d\d)(?!\d)", re.I)
_MONTH_YEAR = re.compile(rf"(?<![a-z]){_MONTH}[ _.,-]*((?:19|20)\d\d)(?!\d)", re.I)
_SLASHED = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-]((?:19|20)\d\d)(?: .*)?")
_YEAR = re.compile(r"(?<!\d)(20\d\d)(?!\d)")


def read(text: str, order: str = "") -> date | None:
    """The day a cell names, or None. order: "us" (month first), "uk" (day first) or "" (nobody said)."""
    text = text.strip()
    if match := _SLASHED.fullmatch(text):
        first, second, year = map(int, match.groups())
        return _day(year, second, first) if order == "uk" else _day(year, first, second) if order == "us" else None
    for pattern, places in ((_ISO, (1, 2, 3)), (_COMPACT, (1, 2, 3)), (_DAY_MONTH, (3, 2, 1)), (_MONTH_DAY, (3, 1, 2))):
        if (match := pattern.match(text)) and match[places[2]]:
            return _day(_year(match[places[0]]), _month(match[places[1]]), int(match[places[2]]))
    return None


def order_of(values: Iterable[str]) -> str:
    """ "us" or "uk" where a column of n/n/yyyy shows it by a number above 12, else ""."""
    pairs = [(int(m[1]), int(m[2])) for value in values if (m := _SLASHED.fullmatch(value.strip()))]
    day_first, month_first = any(a > 12 for a, _ in pairs), any(b > 12 for _, b in pairs)
    return "" if day_first == month_first else "uk" if day_first else "us"


def of_names(names: Iterable[str]) -> tuple[str, date] | None:
    """(what the name says, the day it starts): ("2026-07", 1 July), ("2016-03-31", that day), ("2024", 1 January)."""
    names = list(names)
    for pattern, places in (
        (_ISO, (1, 2, 3)),
        (_COMPACT, (1, 2, 3)),
        (_DAY_MONTH, (3, 2, 1)),
        (_MONTH_DAY, (3, 1, 2)),
        (_MONTH_YEAR, (2, 1, 0)),
        (_YEAR, (1, 0, 0)),
    ):
        for name in names:
            if found := _named(pattern.search(name), places):
                return found
    return None


def _named(match: re.Match | None, places: tuple[int, int, int]) -> tuple[str, date] | None:
    if not match:
        return None
    year, month, day = (match[place] if place else None for place in places)
    start = _day(_year(year), _month(month or "1"), int(day or 1))
    length = 10 if day else 7 if month else 4  # of "2026-07-01"
    return (start.isoformat()[:length], start) if start else None


def _year(digits: str) -> int:
    return int(digits) if len(digits) == 4 else 2000 + int(digits)


def _month(text: str) -> int:
    return int(text) if text.isdigit() else _MONTHS.index(text[:3].lower()) + 1


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
