"""JSON read strictly: what two readers could take for two things is refused.

    load(member)    [{"rxnorm_id": "209459", …}]                     -> the value
    lines(member)   {"resourceType": …}⏎{"resourceType": …}⏎         -> (1, value), (2, value)

Refused, with the place: a field that stands twice in one object, NaN and Infinity, text that is no UTF-8, half
surrogates, nesting without end. Numbers with a point keep their digits (0.10 stays 0.10).
"""

import json
from collections.abc import Iterator
from decimal import Decimal

from probatum.errors import Rejected
from probatum.safeio import ASK_AGAIN, decode
from sources.drug_lists.containers import Member

_LONGEST_LINE = 1 << 24  # bytes; a resource is a few kB, a payer's plan some MB
_HEAD_BYTES = 1 << 10
_LONGEST_KEY = 40  # of a field's name in a message


def load(member: Member) -> object:
    """Raises Rejected for anything that is not one JSON value."""
    return _value(_text(member), member.name)


def lines(member: Member) -> Iterator[tuple[int, object]]:
    """(line number, value) of a file with one value a line. Raises Rejected naming the line."""
    for number, line in enumerate(_text(member).split("\n"), 1):
        if line.strip():
            yield number, _value(line, f"{member.name}, line {number},")


def is_lines(member: Member) -> bool:
    """Whether the first line is a whole object and another line follows."""
    with member.path.open("rb") as stream:
        first = stream.readline(_LONGEST_LINE)
        rest = stream.read(_HEAD_BYTES)
    try:
        return bool(rest.strip()) and isinstance(json.loads(first), dict)
    except (ValueError, RecursionError):
        return False


def _text(member: Member) -> str:
    return decode(member.path.read_bytes(), ("utf-8",), what=member.name)


def _value(text: str, what: str) -> object:
    try:
        value = json.loads(text, object_pairs_hook=_once, parse_float=Decimal, parse_constant=_no_number)
        if "\\u" in text:
            _encodable(value)
        return value
    except json.JSONDecodeError as error:
        raise Rejected(
            f"{what} is no JSON: line {error.lineno}, column {error.colno} ({error.msg}).", next=ASK_AGAIN
        ) from None
    except _Twice as error:
        raise Rejected(f"{what} has the field {error} twice in one object.", next=ASK_AGAIN) from None
    except RecursionError:
        raise Rejected(f"{what} is nested too deep to be read.", next=ASK_AGAIN) from None
    except UnicodeEncodeError:
        raise Rejected(f"{what} holds half a character (a lone surrogate).", next=ASK_AGAIN) from None
    except ValueError:  # NaN, Infinity, a number of thousands of digits
        raise Rejected(f"{what} holds a number that is none.", next=ASK_AGAIN) from None


class _Twice(Exception):
    pass


def _once(pairs: list[tuple[str, object]]) -> dict:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _Twice(repr(twice) if twice.isidentifier() and len(twice) <= _LONGEST_KEY else "of some name")
    return found


def _no_number(_: str) -> None:
    raise ValueError


def _encodable(value: object) -> None:
    json.dumps(value, ensure_ascii=False, default=str).encode("utf-8")
