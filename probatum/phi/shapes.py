"""Numbers that give themselves away by their shape and check digit, with no label.

    shapes_in("… 219-09-9998 …")   -> ("ssn", 2, 13)      4111 1111 1111 1111 -> "card"      1EG4-TE5-MK73 -> "plan"

Three digits, two, four with hyphens are a social security number unless a word before says whose number it is instead
(contract, catalogue, part). Ten digits as 3-3-4 are an NHS number only if the check digit is right and nothing speaks for
a telephone: no such word before, no sister in the same line that fails the check. Digits in a row are left to labels:
one in ten drug identifiers passes Luhn by chance.
"""

import re
from collections.abc import Iterator

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
    r"(?:contract|grant|award|publication|pub\.|catalog|order|docket|part|model|item|isbn|issn|ndc|cas|gtin|sku|lot|batch|upc|doi|hhsa?|nct|permit|project|report|document"
    r"|protocol|policy|licen[cs]e|registration|din|npn)\b[^\n]{0,25}$",
    re.IGNORECASE,
)
_TELEPHONE = re.compile(
    r"(?:tel|phone|telephone|fax|call|contact|mobile|cell|pager|bleep|hotline|helpline|line|text|toll|free|dial|ring|ext|voice|tty|at|or|\+\d{1,3}|[(+☎✆])[^\n]{0,25}$",
    re.IGNORECASE,
)
_BEFORE = 45  # characters before a number that are read for what it is


def shapes_in(text: str) -> Iterator[tuple[str, int, int]]:
    for match in _SHAPE.finditer(text):
        if _ACCEPTED[match.lastgroup](text, match):
            yield match.lastgroup, *match.span()


def _is_ssn(text: str, match: re.Match) -> bool:
    return is_ssn(match[0]) and not _said_before(_ANOTHER_NUMBER, text, match.start())


def _is_nhs(text: str, match: re.Match) -> bool:
    return (
        is_nhs_number(match[0])
        and not _said_before(_TELEPHONE, text, match.start())
        and not _said_before(_ANOTHER_NUMBER, text, match.start())
        and all(is_nhs_number(other[0]) for other in _neighbours(text, match))
    )


def _neighbours(text: str, match: re.Match) -> Iterator[re.Match]:
    for other in _SHAPE.finditer(text, max(0, match.start() - 60), match.end() + 60):
        if other.lastgroup == "nhs":
            yield other


def _said_before(words: re.Pattern, text: str, start: int) -> bool:
    return bool(words.search(text, max(0, start - _BEFORE), start))


_ACCEPTED = {
    "ssn": _is_ssn,
    "nhs": _is_nhs,
    "card": lambda text, match: is_card(match[0]),
    "plan": lambda text, match: True,
}
