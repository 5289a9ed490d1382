"""How people are reached, and other details that a person shares with organisations: phone, e-mail, address, age over 89.

    contacts_in("Tel 604-555-0147, jane.okafor@mail.example", 0, 43)  -> [("phone", 4, 16), ("email", 18, 42)]

By themselves they name nobody's patient: every guideline ends with a clinic's switchboard and an author's e-mail. So
they are looked for only near an identifier that does, or after a label of their own ("Home phone:"). Freephone numbers
and role mailboxes (info@, pharmacy@) belong to organisations and are never counted. All repetition is bounded.
"""

import re
from collections.abc import Iterator

_PHONE = (
    r"(?<![\w.-])(?:\+?1[ .-]?)?(?:\(\d{3}\)[ .-]?|\d{3}[ .-]\n?)\d{3}[ .-]\n?\d{4}(?![\w-])"  # North America
    r"|(?<![\w.-])\(?0\d{2,4}\)?[ -]?\d{3,4}[ -]?\d{3,4}(?![\w-])"  # United Kingdom
    r"|\+\d{1,3}[ .-]?(?:\(0\))?(?:[ .-]?\d){6,12}(?!\d)"  # international
)
_LABELLED_PHONE = re.compile(rf"{_PHONE}|\+?\d{{7,13}}(?!\d)|\d{{3}}[ -]\d{{4}}(?!\d)")
_FREEPHONE = re.compile(
    r"(?:\+?1[ .-]?)?\(?8(?:00|33|44|55|66|77|88)\b|0(?:80|3|84|87|9)|\+800|\+44[ .-]?(?:\(0\))?(?:80|3|84|87)"
)
_EMAIL = r"(?<![\w.%+-])[\w.%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,6}"
_ROLE = re.compile(
    r"(?:info|contact|admin|office|enquir|inquir|help|support|media|press|feedback|comments?|permissions?|pharmac|medinfo|medical|drug|safety|clinic"
    r"|guideline|cpg|library|reception|referral|service|team|web|no-?reply|editor|privacy|records|nursing|ward)",
    re.IGNORECASE,
)
_STREET = (
    r"(?<![\w.-])\d{1,5}[A-Za-z]?,?[ \n](?:[A-Z][\w'.-]{0,24} ){1,4}(?:Street|St|Avenue|Ave|Road|Rd|Lane|Ln|Drive|Dr|Court|Ct|Boulevard|Blvd|Close"
    r"|Crescent|Cres|Way|Place|Pl|Terrace|Square|Sq|Gardens|Grove|Hill|Park|Row|Mews|Highway|Hwy|Parkway|Pkwy|Circle|Trail)\b"
)
_POSTCODE = (
    r"\b[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}\b|\b[A-CEGHJ-NPR-TVXY]\d[A-Z] ?\d[A-Z]\d\b|\b[A-Z]{2},? \d{5}(?:-\d{4})?\b"
)
_OLD = r"\b(?:[Aa]ge|[Aa]ged)[ :]{1,3}(?:9\d|1[01]\d)\b(?! ?%)|\b(?:9\d|1[01]\d)[ -](?:year|yr)s?[ -]old\b"
_SERIAL = r"\b(?:[Ss]erial|S/N|SN|IMEI|[Dd]evice)(?: (?:[Nn]umber|[Nn]o\.?|#|ID))?[ :#]{1,3}(?=[A-Z0-9-]{0,12}\d)[A-Z0-9][A-Z0-9-]{4,20}\b"
_LICENCE = r"\b(?:[Dd]riv(?:er|ing)(?:'?s)? [Ll]icen[cs]e|[Pp]assport|[Ll]icen[cs]e [Pp]late)(?: (?:[Nn]umber|[Nn]o\.?|#))?[ :#]{1,3}(?=[A-Z0-9 -]{0,12}\d)[A-Z0-9][A-Z0-9-]{4,20}\b"
_ACCOUNT = r"\b[Aa]cc(?:oun)?t(?: (?:[Nn]umber|[Nn]o\.?|#))?[ :#]{1,3}\d(?:[ -]?\d){4,18}\b"
_KINDS = {
    "email": _EMAIL, "serial": _SERIAL, "licence": _LICENCE, "account": _ACCOUNT, "phone": _PHONE, "address": f"{_STREET}|{_POSTCODE}", "old": _OLD,
}  # fmt: skip
_CONTACT = re.compile("|".join(f"(?P<{kind}>{pattern})" for kind, pattern in _KINDS.items()))
_OWN = {
    "own_phone": ("phone", _LABELLED_PHONE),
    "own_email": ("email", re.compile(_EMAIL)),
    "own_address": (
        "address",
        re.compile(rf"{_STREET}|(?:[A-Z][\w'.-]{{0,24}}[ ,]{{1,2}}){{1,4}}(?:{_POSTCODE})|{_POSTCODE}"),
    ),
}
_GAP = re.compile(r"[ \t]{0,4}(?:[:=|#.-][ \t]{0,4})?(?:\n{1,2}[ \t]{0,4})?")


def contacts_in(text: str, start: int, end: int) -> Iterator[tuple[str, int, int]]:
    """(kind, start, end) of everything between two offsets by which a person could be reached."""
    for match in _CONTACT.finditer(text, start, end):
        if not _is_an_organisations(match.lastgroup, match[0]):
            yield match.lastgroup, *match.span()


def own_after(label: str, text: str, end: int) -> tuple[str, int, int] | None:
    """The contact a label of the patient's own announces: "Home phone: 604-555-0147"."""
    kind, pattern = _OWN[label]
    return own_at(label, text, _GAP.match(text, end).end()) if kind and pattern else None


def own_at(label: str, text: str, start: int) -> tuple[str, int, int] | None:
    kind, pattern = _OWN[label]
    match = pattern.match(text, start)
    return (kind, *match.span()) if match and not _is_an_organisations(kind, match[0]) else None


def _is_an_organisations(kind: str, found: str) -> bool:
    return bool((kind == "phone" and _FREEPHONE.match(found)) or (kind == "email" and _ROLE.match(found)))
