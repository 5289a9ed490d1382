"""Check digits and number ranges: what makes a row of digits the number it looks like.

    is_ssn("219-09-9998")  nhs_number("943 476 5919")  luhn("4111 1111 1111 1111")

Each takes the text of a candidate, with its spaces and hyphens. Wrong length is False, never an error.
"""

import re

_NOT_DIGITS = re.compile(r"\D+")
_NHS_WEIGHTS = range(10, 1, -1)
_NHS_FIRST = "34679"  # numbers in issue begin so (3 Northern Ireland; 9 the test range); 0-3 are Scotland's, by date
_CARD = re.compile(r"4|5[1-5]|2[2-7]|6011|65|3[47]")  # the schemes whose cards people carry


def digits(text: str) -> str:
    return _NOT_DIGITS.sub("", text)


def is_ssn(text: str) -> bool:
    """Social security numbers: area not 000, 666 or 9xx, group not 00, serial not 0000."""
    number = digits(text)
    area, group, serial = number[:3], number[3:5], number[5:]
    return len(number) == 9 and area not in ("000", "666") and area[0] != "9" and group != "00" and serial != "0000"


def is_nhs_number(text: str) -> bool:
    """Ten digits, the last the check digit (modulo 11), in a range that is issued."""
    number = digits(text)
    if len(number) != 10 or number[0] not in _NHS_FIRST or is_filler(number):
        return False
    check = 11 - sum(int(digit) * weight for digit, weight in zip(number, _NHS_WEIGHTS, strict=False)) % 11
    return check % 11 == int(number[9])


def is_luhn(text: str) -> bool:
    number = [int(digit) for digit in reversed(digits(text))]
    return sum(number[::2]) % 10 == -sum(sum(divmod(2 * digit, 10)) for digit in number[1::2]) % 10 and any(number)


def is_card(text: str) -> bool:
    """Payment cards of 15 or 16 digits: a known scheme, and Luhn."""
    number = digits(text)
    return len(number) in (15, 16) and bool(_CARD.match(number)) and is_luhn(number)


def is_filler(text: str) -> bool:
    """0000000000 and 9999: what stands in a form that nobody filled in."""
    return len(set(digits(text))) <= 1
