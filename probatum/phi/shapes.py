"""Numbers that give themselves away by their shape and check digit, with no label.

    shapes_in("… 219-09-9998 …")   -> ("ssn", 2, 13)      4111 1111 1111 1111 -> "card"      1EG4-TE5-MK73 -> "plan"

Three digits, two, four with hyphens are a social security number unless a word before says whose number it is instead
(contract, catalogue, part). Ten digits as 3-3-4 are an NHS number only if the check digit is right and nothing speaks for
a telephone: no such word before, no sister in the same line that fails the check. Digits in a row are left to labels:
one in ten drug identifiers passes Luhn by chance.
"""

import re
from collections.abc import Iterator
from itertools import chain

from probatum.phi.checks import is_card, is_nhs_number, is_ssn

_LETTER, _EITHER = "[AC-HJKMNP-RT-Y]", "[0-9AC-HJKMNP-RT-Y]"
_SHAPE = re.compile(
    r"\d(?<![\w-]\d)(?:"
    r"(?P<ssn>\d\d-\n?\d\d-\n?\d{4})"
    r"|(?P<nhs>\d\d[ -]\n?\d{3}[ -]\n?\d{4})"
    r"|(?P<card>\d{3}[ -]\d{4}[ -]\d{4}[ -]\d{4}|\d{3}[ -]\d{6}[ -]\d{5})"
    rf"|(?P<plan>{_LETTER}{_EITHER}\d-?{_LETTER}{_EITHER}\d-?{_LETTER}{{2}}\d\d)"
    r")(?![\w-])"
)
_ANOTHER_NUMBER = re.compile(
    r"(?<![^\W_])(?:contract|grant|award|publication|pub\.|catalog(?:ue)?|order|docket|part|model|item|isbn|issn|ndc|cas|gtin"
    r"|sku|lot|batch|upc|doi|hhsa?|nct|permit|project|report|protocol|policy|licen[cs]e|registration|din|npn)\b[^\n]{0,25}$",
    re.IGNORECASE,
)
_TELEPHONE = re.compile(
    r"(?:(?<![^\W_])(?:tel|telephone|phone|fax|call|mobile|cell|pager|bleep|hotline|helpline|contact|voice|tty|dial|ring|ext)\b"
    r"|[(+☎✆])[^\n]{0,25}$|(?<![^\W_])(?:at|or) $",
    re.IGNORECASE,
)
_BESIDE = 60  # characters between the beginnings of two numbers of one list
_BEFORE = 45  # characters before a number that are read for what it is


def shapes_in(text: str) -> Iterator[tuple[str, int, int]]:
    before = None
    matches = chain(_SHAPE.finditer(text), (None,))
    match = next(matches)
    while match:
        after = next(matches)
        if _ACCEPTED[match.lastgroup](text, match) and not (
            match.lastgroup == "nhs" and _is_one_of_many(before, match, after)
        ):
            yield match.lastgroup, *match.span()
        before, match = match, after


def _is_ssn(text: str, match: re.Match) -> bool:
    return is_ssn(match[0]) and not _said_before(_ANOTHER_NUMBER, text, match.start())


def _is_nhs(text: str, match: re.Match) -> bool:
    return is_nhs_number(match[0]) and not any(
        _said_before(words, text, match.start()) for words in (_TELEPHONE, _ANOTHER_NUMBER)
    )


def _is_one_of_many(before: re.Match | None, match: re.Match, after: re.Match | None) -> bool:
    """Does a number of the same shape stand beside it and fail the check? Then both are something else."""
    near = [each for each in (before, after) if each and -_BESIDE < each.start() - match.start() < _BESIDE]
    return any(each.lastgroup == "nhs" and not is_nhs_number(each[0]) for each in near)


def _said_before(words: re.Pattern, text: str, start: int) -> bool:
    return bool(words.search(text, max(0, start - _BEFORE), start))


_ACCEPTED = {
    "ssn": _is_ssn,
    "nhs": _is_nhs,
    "card": lambda text, match: is_card(match[0]),
    "plan": lambda text, match: True,
}
