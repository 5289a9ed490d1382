"""Are check digits and ranges those of the schemes? The oracles compute them the slow way round."""

from hypothesis import given
from hypothesis import strategies as st

from probatum.phi.checks import is_card, is_filler, is_luhn, is_nhs_number, is_ssn

NUMBER = st.integers(0, 10**9 - 1).map(lambda number: f"{number:09}")


def luhn_digit(number: str) -> str:
    """The one digit that makes the whole a multiple of ten, tried one after the other."""
    doubled = {0: 0, 1: 2, 2: 4, 3: 6, 4: 8, 5: 1, 6: 3, 7: 5, 8: 7, 9: 9}
    total = sum(doubled[int(d)] if at % 2 == 0 else int(d) for at, d in enumerate(reversed(number)))
    return next(str(check) for check in range(10) if (total + check) % 10 == 0)


def nhs_digit(number: str) -> int:
    """10 means that no number is issued."""
    return (11 - sum((10 - at) * int(d) for at, d in enumerate(number)) % 11) % 11


@given(NUMBER)
def test_exactly_one_last_digit_passes_luhn(number):
    passing = [d for d in "0123456789" if is_luhn(number + d)]
    assert passing == ([luhn_digit(number)] if int(number) else [])


@given(NUMBER)
def test_an_nhs_number_passes_with_its_own_check_digit_alone(number):
    issued = number[0] in "34679"
    for last in range(10):
        expected = issued and last == nhs_digit(number) and len(set(f"{number}{last}")) > 1
        assert is_nhs_number(f"{number[:3]} {number[3:6]} {number[6:]}{last}") == expected


@given(NUMBER)
def test_a_social_security_number_is_in_the_ranges_that_are_issued(number):
    area, group, serial = int(number[:3]), int(number[3:5]), int(number[5:])
    issued = 0 < area < 900 and area != 666 and group > 0 and serial > 0
    assert is_ssn(f"{number[:3]}-{number[3:5]}-{number[5:]}") == issued


def test_known_numbers_are_what_they_are():
    assert is_nhs_number("943 476 5919") and not is_nhs_number("943 476 5918")
    assert is_luhn("046 454 286") and not is_luhn("046 454 287")
    assert is_card("4111 1111 1111 1111") and is_card("3782 822463 10005") and not is_card("4111 1111 1111 1112")


def test_a_number_of_the_wrong_length_is_none():
    assert not any((is_ssn("123-45-678"), is_nhs_number("943 476 591"), is_card("4111 1111"), is_luhn(""), is_ssn("")))


def test_a_row_of_one_digit_is_a_filler():
    assert is_filler("000-00-0000") and is_filler("9999") and not is_filler("9998")
