"""The files of a release of ICD-10-CM, each known by its content: names change from year to year, in zips and outside.

    read_parts({"Code-desciptions-April-2025.zip": path}, limits) -> Parts(order={"A00": ("Cholera", False), …}, …)

- Order file: ASCII, fixed columns (1-based): 1-5 sequence, 7-13 code without dot, 15 flag (0 header, 1 billable),
  17-76 short title, 78- long title. The authority on which codes exist and which are billable.
- Code list: a code a line, undotted. Confirms which 7-character codes exist where there is no order file.
- Tabular list and index: XML, each with a module of its own.

Codes of the procedure system (ICD-10-PCS) have no dot and seven characters from the start; they are refused, not mixed in.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

from probatum import digests
from probatum.errors import Rejected
from probatum.safeio import ASK_AGAIN, Archive, Limits, decode, looks_like_html, xml_events
from sources.icd10_codes import Entry, dotted, is_code
from sources.icd10_index import IndexTerm, read_index
from sources.icd10_tabular import read_tabular

_ORDER_LINE = re.compile(r"^(\d{5}) ([A-Z0-9]{3,7}) +([01]) (.{60}) (.+)$")
_ENCODINGS = ("utf-8", "cp1252")


@dataclass
class Parts:
    """What the files of a release held: whichever were there."""

    order: dict[str, tuple[str, bool]] = field(default_factory=dict)  # dotted code: (long title, billable)
    tabular: dict[str, Entry] = field(default_factory=dict)
    confirmed: set[str] = field(default_factory=set)  # dotted codes of a code list
    index: list[IndexTerm] = field(default_factory=list)
    sha256: tuple[str, str] = ("", "")  # (file, digest) the codes were read from


def read_parts(files: Mapping[str, Path], limits: Limits) -> Parts:
    """Sort the files (zips opened) by what they hold and read each. Raises Rejected if no codes are in them."""
    parts = Parts()
    for name, path in sorted(files.items()):
        before = (len(parts.order), len(parts.tabular))
        for member, data in _members(path, limits):
            _read_member(parts, f"{name}:{member}" if member else name, data, limits)
        if before != (len(parts.order), len(parts.tabular)):
            parts.sha256 = (name, digests.of_file(path))
    if not parts.order and not parts.tabular:
        raise Rejected("No order file and no tabular list was found in the release.", next=ASK_AGAIN)
    return parts


def _members(path: Path, limits: Limits) -> Iterator[tuple[str, bytes]]:
    with path.open("rb") as stream:
        head = stream.read(4)
    if head.startswith(b"PK"):
        with Archive(path, limits) as archive:
            for name in archive.names:
                if name.lower().endswith((".txt", ".xml")):
                    yield name, archive.read(name)
    else:
        yield "", path.read_bytes()


def _read_member(parts: Parts, what: str, data: bytes, limits: Limits) -> None:
    if not data.strip():
        raise Rejected(f"{what} is empty.", next=ASK_AGAIN)
    if looks_like_html(data):
        raise Rejected(f"{what} is a web page, probably an error page, not a release file.", next=ASK_AGAIN)
    if data.lstrip(b"\xef\xbb\xbf \r\n").startswith(b"<"):
        _read_xml(parts, what, data, limits)
        return
    lines = decode(data, _ENCODINGS, what=what).splitlines()
    if any(_ORDER_LINE.match(line) for line in lines[:20]):
        _read_order(parts, what, lines)
    else:
        parts.confirmed |= _listed(lines)


def _listed(lines: list[str]) -> set[str]:
    """The codes of a code list. Of anything else (a note to the reader, the addenda), none."""
    said = [line.split(" ", 1)[0] for line in lines if line.strip()]
    codes = {code for word in said if is_code(code := dotted(word))}
    return codes if len(codes) > len(said) / 2 else set()


def _read_order(parts: Parts, what: str, lines: list[str]) -> None:
    for number, line in enumerate(lines, 1):
        if not line.strip() or line == "\x1a":
            continue
        match = _ORDER_LINE.match(line)
        if not match:
            raise Rejected(f"{what}, line {number}, is not in the columns of an order file.", next=ASK_AGAIN)
        _, bare, flag, _, long_title = match.groups()
        code = dotted(bare)
        if not is_code(code):
            raise Rejected(
                f"{what}, line {number}: {bare} is no ICD-10-CM code.",
                next="Give the diagnosis (CM) files, not the procedure (PCS) ones.",
            )
        title = " ".join(long_title.split())
        if code in parts.order and parts.order[code] != (title, flag == "1"):
            raise Rejected(f"{what}, line {number}: code {code} is there twice with different content.", next=ASK_AGAIN)
        parts.order[code] = (title, flag == "1")


def _read_xml(parts: Parts, what: str, data: bytes, limits: Limits) -> None:
    events = iter(xml_events(BytesIO(data), limits, what=what))
    root = next(events)[1]
    if root.tag == "ICD10CM.tabular":
        for _ in events:
            pass
        for code, entry in read_tabular(root).items():
            if code in parts.tabular:
                raise Rejected(f"The tabular list has code {code} twice.", next=ASK_AGAIN)
            parts.tabular[code] = entry
    elif root.tag == "ICD10CM.index":
        for _ in events:
            pass
        parts.index += read_index(root)
    else:
        raise Rejected(f"{what} is XML, but neither a tabular list nor an index.", next=ASK_AGAIN)
