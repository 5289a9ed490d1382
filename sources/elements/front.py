"""What a document says of itself near its start: version and the day it takes force.

    "NGH-PROT-012, version 3. Effective 1 July 2026; review by 1 July 2028." -> Front("3", date(2026, 7, 1))

Only dates that cannot be read two ways: ISO, or with the month's name. 07/01/2026 is left alone.
"""

import re
from dataclasses import dataclass
from datetime import date

_FRONT_CHARS = 1_500
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = "|".join(f"{name}[a-z]*" for name in _MONTHS)
_DAY = (
    r"(?P<iso>\d{4}-\d\d-\d\d)"
    rf"|(?P<d>\d{{1,2}})(?:st|nd|rd|th)? (?P<m>{_MONTH})\.?,? (?P<y>\d{{4}})"
    rf"|(?P<m2>{_MONTH})\.? (?P<d2>\d{{1,2}}),? (?P<y2>\d{{4}})"
)
_EFFECTIVE = re.compile(rf"\b(?:effective|valid|in force)(?: date)?(?: from| on)?\s*[:|]?\s*(?:{_DAY})\b", re.I)
_VERSION = re.compile(r"\bversion(?: number| no\.?)?\s*[:|]?\s*(\d{1,3}(?:\.\d{1,3}){0,2})\b", re.I)


@dataclass(frozen=True)
class Front:
    version: str = ""
    effective: date | None = None


def said_by(text: str) -> Front:
    start = text[:_FRONT_CHARS]
    version = _VERSION.search(start)
    return Front(version[1] if version else "", _effective(start))


def _effective(start: str) -> date | None:
    match = _EFFECTIVE.search(start)
    if not match:
        return None
    try:
        if match["iso"]:
            return date.fromisoformat(match["iso"])
        month = (match["m"] or match["m2"])[:3].lower()
        number = _MONTHS.index(month) + 1
        return date(int(match["y"] or match["y2"]), number, int(match["d"] or match["d2"]))
    except ValueError:
        return None
