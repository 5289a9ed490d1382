"""XML and text from strangers: XML with a document type or an entity is refused, text must decode in a known encoding.

    for event, element in xml_events(stream, limits, what="tabular.xml"): …
    decode(data, ("utf-8", "cp1252"), what="formulary.csv")

Nothing is guessed: bytes that fit none of the encodings a publisher is known to use are refused.
"""

from collections.abc import Iterable

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from probatum.errors import Rejected
from probatum.safeio.limits import ASK_AGAIN, Limits


def xml_events(data, limits: Limits, *, what: str) -> Iterable[tuple[str, object]]:
    """(event, element) pairs of an XML stream, refusing document types, entities and deep nesting.

    data: a binary stream. Raises Rejected for anything that is not well-formed XML.
    """
    depth = 0
    try:
        for event, element in iterparse(data, events=("start", "end"), forbid_dtd=True):
            depth += 1 if event == "start" else -1
            if depth > limits.xml_depth:
                raise Rejected(f"{what} is nested deeper than {limits.xml_depth} levels.", next=ASK_AGAIN)
            yield event, element
    except DefusedXmlException:
        raise Rejected(f"{what} declares a document type or an entity, which is not read.", next=ASK_AGAIN) from None
    except (SyntaxError, ValueError, LookupError):  # the last two for an encoding that expat does not know
        raise Rejected(f"{what} is not well-formed XML.", next=ASK_AGAIN) from None


def decode(data: bytes, encodings: tuple[str, ...], *, what: str) -> str:
    """Text in the first of `encodings` that fits, byte-order mark removed. Raises Rejected; guesses nothing."""
    if b"\0" in data[:4096] and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Rejected(f"{what} holds binary data where text was expected.", next=ASK_AGAIN)
    for encoding in encodings:
        try:
            return data.decode(encoding).removeprefix("\ufeff")
        except UnicodeDecodeError:
            continue
    raise Rejected(
        f"{what} is not text in {' or '.join(encodings)}.",
        next="Save it again as UTF-8, or declare its encoding in the column map.",
    )


def looks_like_html(data: bytes) -> bool:
    """An error page sent with status 200 is HTML whatever its name says."""
    head = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return head.startswith((b"<!doctype html", b"<html", b"<head", b"<body"))
