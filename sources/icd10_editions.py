"""Which edition of ICD-10-CM a release is: its fiscal year, and whether its content says the same as its name.

The US fiscal year begins on 1 October of the calendar year before, so what is in force from 2025-10-01 and the update
of 2026-04-01 are both of 2026, and that is what the files say inside: <version>2026</version>, icd10cm_order_2026.txt.

    years_in("icd10cm-order-April-1-2026.txt") -> {2026}         years_in("order.txt") -> set()

A name may be read as two years ("October 1 2025" is of fiscal 2026); it agrees if one of them is right.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from probatum.errors import Rejected
from probatum.records import SourceRelease

_FIRST_MONTH = 10
_YEAR = re.compile(r"(?<!\d)(20\d\d)(?!\d)|(?<!\d)(20\d\d)(?=(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])(?!\d))")
_FISCAL = re.compile(r"(?<![a-z])fy[ _-]?(\d\d)(?!\d)", re.I)
_LATE = re.compile(
    r"(?<![a-z])(?:oct|nov|dec)[a-z]*|(?<=20\d\d)[-_]?1[0-2](?!\d{3})|(?<!\d)1[0-2][-_]\d{1,2}[-_]20\d\d", re.I
)


@dataclass(frozen=True)
class Claim:
    """What a part of a release says of its own year, by content or by its name. years: any of them."""

    part: str
    years: frozenset[int]


def fiscal_year(day: date) -> int:
    return day.year + (day.month >= _FIRST_MONTH)


def years_in(name: str) -> frozenset[int]:
    """The fiscal years a name can mean; none if it says nothing."""
    years = {int(match[1] or match[2]) for match in _YEAR.finditer(name)}
    years |= {2000 + int(match[1]) for match in _FISCAL.finditer(name)}
    return frozenset(years | {year + 1 for year in years if _LATE.search(name)})


def check(claims: Iterable[Claim], release: SourceRelease) -> None:
    """Raises Rejected, naming the part, if one is of another year than the day the release takes force."""
    year = fiscal_year(release.valid_from)
    for claim in claims:
        if claim.years and year not in claim.years:
            raise Rejected(
                f"{claim.part} is of {' or '.join(map(str, sorted(claim.years)))}; the release is in force from "
                f"{release.valid_from.isoformat()}, which is in fiscal {year}.",
                next="Give the files of one release, in a folder or a file named after the day it takes force, such as "
                f"{release.valid_from.year}-10-01.",
            )
