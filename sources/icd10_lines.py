"""The order file and the code list of ICD-10-CM, line by line.

    00001 A00     0 Cholera                                                      Cholera
    00002 A000    1 Cholera due to Vibrio cholerae 01, biovar cholerae           Cholera due to Vibrio cholerae 01, biovar cholerae

Order file, fixed columns (1-based): 1-5 sequence, 7-13 code without dot, 15 flag (0 header, 1 billable), 17-76 short
title, 78- long title. Code list: a code, then its title or nothing. The files of the procedure system (ICD-10-PCS) are
written in the same columns; most of their codes begin with a digit, as no code of a diagnosis does.
"""

import re
from collections.abc import Sequence

from probatum.errors import Rejected
from probatum.safeio import ASK_AGAIN
from sources.icd10_codes import dotted, is_code

_ORDER_LINE = re.compile(r"^(\d{5}) ([A-Z0-9]{3,7}) +([01]) (.{60}) (.+)$")
_LISTED = re.compile(r"^([A-Z0-9]{3,7})(?: +[^\d\s].*| *)$")  # a mapping to other codes goes on with a digit
_PCS_LINE = re.compile(
    r"^(?:\d{5} )?(?:add: +|delete: +|revise (?:from|to): +)?(?:[01] )?([0-9A-HJ-NP-Z]{7}|[0-9A-HJ-NP-Z]{3}) +\S", re.I
)
_FIRST_LINES = 20  # an order file shows what it is in these
_SWAPPED = 0.5  # share of lines with a short title longer than the long one; none of 55,000 in a sound file has it


def is_order_file(lines: Sequence[str]) -> bool:
    return any(_ORDER_LINE.match(line) for line in lines[:_FIRST_LINES])


def read_order(what: str, lines: Sequence[str]) -> dict[str, tuple[str, bool]]:
    """{dotted code: (long title, billable)}. Raises Rejected, with the line, for what is no order file throughout."""
    order: dict[str, tuple[str, bool]] = {}
    differing = longer = 0
    for number, line in enumerate(lines, 1):
        if not line.strip("\x1a \t"):
            continue
        match = _ORDER_LINE.match(line)
        if not match:
            raise Rejected(f"{what}, line {number}, is not in the columns of an order file.", next=ASK_AGAIN)
        _, bare, flag, short, long_title = match.groups()
        code, title = dotted(bare), " ".join(long_title.split())
        if not is_code(code):
            raise _no_diagnosis(what, number, bare)
        if code in order:
            raise Rejected(f"{what}, line {number}: code {code} is there twice.", next=ASK_AGAIN)
        order[code] = (title, flag == "1")
        differing += short.strip() != title
        longer += len(short.strip()) > len(title)
    if longer > differing * _SWAPPED:
        raise Rejected(f"In {what} the short and the long titles have changed places.", next=ASK_AGAIN)
    return order


def listed(lines: Sequence[str]) -> set[str]:
    """The codes of a code list. Of anything else (a note to the reader, a mapping), none."""
    said = [line.rstrip("\x1a \t") for line in lines if line.strip("\x1a \t")]
    found = [match[1] for line in said if (match := _LISTED.match(line))]
    codes = {code for bare in found if is_code(code := dotted(bare))}
    return codes if len(codes) > len(said) / 2 else set()


def procedures(what: str, lines: Sequence[str]) -> Rejected | None:
    """Why a file of the procedure system would be refused, None for another: most of its codes begin with a digit."""
    said = [(number, match[1]) for number, line in enumerate(lines, 1) if (match := _PCS_LINE.match(line))]
    with_digit = [(number, code) for number, code in said if code[0].isdigit()]
    return _no_diagnosis(what, *with_digit[0]) if len(with_digit) > len(said) / 2 else None


def _no_diagnosis(what: str, number: int, code: str) -> Rejected:
    return Rejected(
        f"{what}, line {number}: {code} is no ICD-10-CM code.",
        next="Give the diagnosis (CM) files, not the procedure (PCS) ones.",
    )
