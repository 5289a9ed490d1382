"""Where the files of a release are: a folder, one file, or one https address; and what its name says of its date."""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from probatum.errors import Misconfigured
from sources.base import Offered

_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_FISCAL_START = 10  # the US fiscal year begins in October of the year before
_MONTH_NUMBERS = {name[:length]: i for i, name in enumerate(_MONTHS, 1) for length in (3, len(name))} | {"sept": 9}
_MONTH = rf"(?<![a-z])({'|'.join(sorted(_MONTH_NUMBERS, key=len, reverse=True))})"
_DAY = r"(0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th)?"
_CALENDAR_OR_FISCAL = r"(?:(20\d\d)|fy[ -]*((?:20)?\d\d))(?!\d)"
_ISO_DATE = re.compile(r"(20\d\d)-(0[1-9]|1[0-2])(?:-(0[1-9]|[12]\d|3[01]))?(?!\d)")
_COMPACT_DATE = re.compile(r"(?<!\d)(20\d\d)(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(?!\d)")
_US_DATE = re.compile(rf"(?<!\d)(0?[1-9]|1[0-2])-{_DAY}-(20\d\d)(?!\d)")
_MONTH_AND_YEAR = re.compile(rf"{_MONTH}[ -]*(?:{_DAY}[ ,-]+)?{_CALENDAR_OR_FISCAL}", re.I)
_DAY_MONTH_AND_YEAR = re.compile(rf"(?<![a-z\d])(?<!icd[ -]){_DAY}[ -]*{_MONTH}[ ,-]*{_CALENDAR_OR_FISCAL}", re.I)
_YEAR_AND_MONTH = re.compile(rf"(?<!\d){_CALENDAR_OR_FISCAL}[ -]*{_MONTH}(?:[ -]*{_DAY}(?![a-z\d]))?", re.I)
_FISCAL_YEAR = re.compile(r"(?:fy[ _-]?)?(?<!\d)(20\d\d)(?!\d)|fy[ _-]?(\d\d)(?!\d)", re.I)
_UPDATE = re.compile(r"(?<![a-z])update(?![a-z])", re.I)
_UPDATE_MONTH = 4  # the second issue of a fiscal year takes force on 1 April


def is_address(origin: str) -> bool:
    """Whether `origin` is an http(s) address. Raises Misconfigured for one that cannot be taken apart."""
    if not origin.startswith(("http://", "https://")):
        return False
    try:
        parts = urlsplit(origin)
    except ValueError:
        raise Misconfigured(f"{origin} is no address that can be asked.", next="Check it for typing errors.") from None
    if parts.username or parts.password:
        raise Misconfigured(
            f"The address at {parts.hostname} carries a user name or a password, which would stand in every release.",
            next="Give it without, from a place that needs none, or fetch the file yourself and give its path.",
        )
    return True


def to_be_told(origin: str) -> str:
    """`origin` as a release may tell of it: an address without its query, which often is a signature."""
    return urlsplit(origin)._replace(query="", fragment="").geturl() if is_address(origin) else origin


def files_at(origin: str, *, suffixes: Iterable[str]) -> list[Offered]:
    """The files with these endings at `origin`, by name. Raises Misconfigured when there are none.

    In a folder, names are relative with forward slashes; hidden files and links are left alone.
    """
    endings = tuple(suffixes)
    if is_address(origin):
        return [Offered(PurePosixPath(unquote(urlsplit(origin).path)).name or "download", origin)]
    path = Path(origin).expanduser()
    if path.is_file():
        return [Offered(path.name, str(path))]
    if not path.is_dir():
        raise Misconfigured(
            f"There is nothing at {origin}.", next="Give --from a folder, a file or an https address that exists."
        )
    found = [file for file in _seen_in(path) if file.name.lower().endswith(endings)]
    if not found:
        raise Misconfigured(
            f"{origin} holds no file ending in {', '.join(endings)}.",
            next="Give --from the folder the release was unpacked or dropped into.",
        )
    return found


def left_at(origin: str, *, suffixes: Iterable[str]) -> list[str]:
    """The names of the files in the folder at `origin` that `files_at` does not offer; none for a file or an address."""
    path = Path(origin).expanduser()
    if is_address(origin) or not path.is_dir():
        return []
    return [file.name for file in _seen_in(path) if not file.name.lower().endswith(tuple(suffixes))]


def _seen_in(folder: Path) -> list[Offered]:
    return [
        Offered(file.relative_to(folder).as_posix(), str(file))
        for file in sorted(folder.rglob("*"))
        if file.is_file()
        and not file.is_symlink()
        and not any(part.startswith((".", "~$")) for part in file.relative_to(folder).parts)
    ]


def valid_from_name(names: Iterable[str], *, of_us_agency: bool = False) -> tuple[str, date]:
    """(release name, day it takes force) from file names; for US fiscal years 1 October of the year before.

    "icd10cm-order-April-2025" -> 2025-04-01; "ICD10CM_FY2016" and "October 1 FY2016" -> 2015-10-01; "2026-07.csv" -> 2026-07-01. Later names
    count before the first, which is the whole origin. Where no name tells, the day the newest file was written.
    of_us_agency: also "10-01-2025" -> 2025-10-01, and "2026-update" -> 2026-04-01, which elsewhere mean other things.
    """
    origin, *files = names
    tails = [PurePosixPath(name).name for name in files] or []
    places = [*tails, *PurePosixPath(origin).parts[::-1][:2]]
    for rule in (_iso, *([_us_date] if of_us_agency else []), _month, *([_update] if of_us_agency else []), _fiscal):
        for place in places:
            if day := rule(place.replace("_", " ") if rule is _month else place):
                return day.isoformat(), day
    day = _written(origin)
    return day.isoformat(), day


def _iso(name: str) -> date | None:
    if match := _COMPACT_DATE.search(name):
        return _date(int(match[1]), int(match[2]), int(match[3]))
    match = _ISO_DATE.search(name)
    return _date(int(match[1]), int(match[2]), int(match[3] or 1)) if match else None


def _us_date(name: str) -> date | None:
    match = _US_DATE.search(name.replace("_", "-"))
    return _date(int(match[3]), int(match[1]), int(match[2])) if match else None


def _month(name: str) -> date | None:
    if match := _DAY_MONTH_AND_YEAR.search(name):
        day, month, year, fiscal = match.groups()
    elif match := _MONTH_AND_YEAR.search(name):
        month, day, year, fiscal = match.groups()
    elif match := _YEAR_AND_MONTH.search(name):
        year, fiscal, month, day = match.groups()
    else:
        return None
    number = _MONTH_NUMBERS[month.lower()]
    return _date(int(year) if year else _year(fiscal) - (number >= _FISCAL_START), number, int(day or 1))


def _update(name: str) -> date | None:
    match = _FISCAL_YEAR.search(name) if _UPDATE.search(name.replace("_", " ")) else None
    return date(_year(match[1] or match[2]), _UPDATE_MONTH, 1) if match else None


def _fiscal(name: str) -> date | None:
    match = _FISCAL_YEAR.search(name)
    return date(_year(match[1] or match[2]) - 1, _FISCAL_START, 1) if match else None


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:  # 31 June
        return None


def _year(digits: str) -> int:
    return int(digits) if len(digits) == 4 else 2000 + int(digits)


def _written(origin: str) -> date:
    path = Path(origin).expanduser()
    if is_address(origin) or not path.exists():
        return datetime.now(UTC).date()
    newest = max((file.stat().st_mtime for file in ([path] if path.is_file() else path.rglob("*"))), default=0)
    return datetime.fromtimestamp(newest, UTC).date()
