"""The files of a release of ICD-10-CM, each known by its content: names change from year to year, in zips and outside.

    read_parts({"Code-desciptions-April-2025.zip": path}, limits) -> Parts(order={"A00": ("Cholera", False), …}, …)

- Order file: fixed columns, read by icd10_lines. The authority on which codes exist and which are billable.
- Code list: a code a line, undotted. Confirms which 7-character codes exist where there is no order file.
- Tabular list, index: XML. Addenda: text. Each has a module of its own.

A part may be there twice (in a zip and unpacked beside it) if both say the same; two that differ are two releases, and
are refused. What is no part is left aside and counted: PDFs, spreadsheets, notes, and the files of the procedure
system (ICD-10-PCS) where codes of diagnoses are there too.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path, PurePosixPath

from probatum import digests
from probatum.errors import Rejected
from probatum.safeio import ASK_AGAIN, Archive, Limits, decode, looks_like_html, xml_events
from sources import icd10_lines
from sources.icd10_addenda import Addenda, read_addenda
from sources.icd10_codes import Entry
from sources.icd10_editions import Claim, years_in
from sources.icd10_index import IndexTerm, read_index
from sources.icd10_tabular import read_tabular

READ = (".txt", ".xml")  # what a member of a zip, or a file beside it, may be a part by
_ENCODINGS = ("utf-8", "cp1252")
_KINDS = {".pdf": "PDF", ".xlsx": "spreadsheet", ".xls": "spreadsheet", ".csv": "CSV table", ".zip": "zip inside a zip"}
_SAME_INDEX = (
    0.5  # share of common terms from which two index files are one part; two different ones share under a tenth
)
_PCS = "ICD10PCS"


@dataclass
class Parts:
    """What the files of a release held: whichever were there."""

    order: dict[str, tuple[str, bool]] = field(default_factory=dict)  # dotted code: (long title, billable)
    tabular: dict[str, Entry] = field(default_factory=dict)
    confirmed: set[str] = field(default_factory=set)  # dotted codes of a code list
    index: list[IndexTerm] = field(default_factory=list)
    addenda: dict[str, Addenda] = field(default_factory=dict)  # "order", "codes"
    claims: list[Claim] = field(default_factory=list)  # what the parts say of their year
    left_aside: Counter[str] = field(default_factory=Counter)
    sha256: tuple[str, str] = ("", "")  # (file, digest) the codes were read from


def read_parts(files: Mapping[str, Path], limits: Limits) -> Parts:
    """Sort the files (zips opened) by what they hold and read each. Raises Rejected if no codes are in them."""
    reading = _Reading(limits)
    for name, path in sorted(files.items()):
        reading.file(name, path)
    return reading.whole()


def kind_of(name: str) -> str:
    """What a file that is not read is counted as, by its ending."""
    return f"files left aside: {_KINDS.get(PurePosixPath(name.lower()).suffix, 'other')}"


class _Reading:
    """The parts as they come. `_first` remembers where each was read first, for the message when another differs."""

    def __init__(self, limits: Limits):
        self._limits = limits
        self._parts = Parts()
        self._first: dict[str, str] = {}  # what a part is: the file it was read from
        self._codes_from: dict[str, tuple[str, Path]] = {}  # "order file", "tabular list": the file on disk
        self._indexes: list[tuple[str, list[IndexTerm]]] = []
        self._lists: list[tuple[str, set[str]]] = []
        self._procedures: list[Rejected] = []  # why each file of the procedure system would be refused alone

    def file(self, name: str, path: Path) -> None:
        for member, data in self._members(path):
            what = f"{name}:{member}" if member else name
            if part := self._member(what, data):
                self._parts.claims.append(Claim(what, years_in(PurePosixPath(member or name).name)))
                self._parts.claims.append(Claim(what, years_in(PurePosixPath(name).name)))
                self._codes_from.setdefault(part, (name, path))

    def whole(self) -> Parts:
        parts = self._parts
        if not parts.order and not parts.tabular:
            if self._procedures:
                raise self._procedures[0]
            raise Rejected("No order file and no tabular list was found in the release.", next=ASK_AGAIN)
        if self._procedures:
            parts.left_aside["files left aside: procedure codes (PCS)"] = len(self._procedures)
        parts.index = [term for _, terms in self._indexes for term in terms]
        if not parts.order and self._lists:
            (first, parts.confirmed), *others = self._lists
            for what, codes in others:
                if codes != parts.confirmed:
                    raise _two_releases("code list", first, what)
        name, path = self._codes_from["order file" if parts.order else "tabular list"]
        parts.sha256 = (name, digests.of_file(path))
        return parts

    def _members(self, path: Path) -> Iterator[tuple[str, bytes]]:
        with path.open("rb") as stream:
            head = stream.read(4)
        if not head.startswith(b"PK"):
            yield "", path.read_bytes()
            return
        with Archive(path, self._limits) as archive:
            for name in archive.names:
                of_a_mac = any(part.startswith((".", "__MACOSX")) for part in PurePosixPath(name).parts)
                if name.lower().endswith(READ) and not of_a_mac:
                    yield name, archive.read(name)
                else:
                    self._parts.left_aside[kind_of("" if of_a_mac else name)] += 1

    def _member(self, what: str, data: bytes) -> str:
        """What part it is, "" for none."""
        if not data.strip():
            raise Rejected(f"{what} is empty.", next=ASK_AGAIN)
        if looks_like_html(data):
            raise Rejected(f"{what} is a web page, probably an error page, not a release file.", next=ASK_AGAIN)
        if data.lstrip(b"\xef\xbb\xbf \r\n").startswith(b"<"):
            return self._xml(what, data)
        return self._text(what, decode(data, _ENCODINGS, what=what))

    def _text(self, what: str, text: str) -> str:
        lines = text.splitlines()
        if refused := icd10_lines.procedures(what, lines):
            return self._procedure(refused)
        if icd10_lines.is_order_file(lines):
            order = icd10_lines.read_order(what, lines)
            self._take("order file", what, order, self._parts.order)
            self._parts.order = order
            return "order file"
        if codes := icd10_lines.listed(lines):
            self._lists.append((what, codes))
            return "code list"
        if addenda := read_addenda(text):
            return self._addenda(what, addenda)
        self._parts.left_aside["files left aside: text"] += 1
        return ""

    def _addenda(self, what: str, addenda: Addenda) -> str:
        if any(_PCS.lower() in name.lower() for name in addenda.names):
            return self._procedure(_of_procedures(f"{what} holds addenda of procedure codes."))
        kind = "order" if addenda.headers else "codes"
        self._take(f"{kind} addenda", what, addenda, self._parts.addenda.get(kind))
        self._parts.addenda[kind] = addenda
        self._parts.claims.append(Claim(what, years_in(addenda.names[1])))
        if addenda.unread:
            self._parts.left_aside["lines of the addenda that cannot be read"] = len(addenda.unread)
        return f"{kind} addenda"

    def _xml(self, what: str, data: bytes) -> str:
        events = iter(xml_events(BytesIO(data), self._limits, what=what))
        root = next(events)[1]
        if root.tag.startswith(_PCS):
            return self._procedure(
                _of_procedures(f"{what} is XML, but neither a tabular list nor an index of diagnoses.")
            )
        if root.tag not in ("ICD10CM.tabular", "ICD10CM.index"):
            raise Rejected(f"{what} is XML, but neither a tabular list nor an index.", next=ASK_AGAIN)
        for _ in events:
            pass
        said = " ".join("".join(version.itertext()) for version in root.iterfind("version"))
        self._parts.claims.append(Claim(what, years_in(said)))
        if root.tag == "ICD10CM.index":
            return self._index(what, read_index(root))
        tabular = read_tabular(root)
        self._take("tabular list", what, tabular, self._parts.tabular)
        self._parts.tabular = tabular
        return "tabular list"

    def _index(self, what: str, terms: list[IndexTerm]) -> str:
        paths = {term.path for term in terms}
        for first, others in self._indexes:
            if terms == others:
                return "index"
            if len(paths & {term.path for term in others}) > _SAME_INDEX * min(len(paths), len(others)):
                raise _two_releases("index", first, what)
        self._indexes.append((what, terms))
        return "index"

    def _procedure(self, refused: Rejected) -> str:
        """A file of the procedure system is no part, and why the release is refused where there is nothing else."""
        self._procedures.append(refused)
        return ""

    def _take(self, part: str, what: str, new: object, old: object) -> None:
        """Refuses a part that was read before and says something else."""
        if part in self._first and new != old:
            raise _two_releases(part, self._first[part], what)
        self._first.setdefault(part, what)


def _of_procedures(happened: str) -> Rejected:
    return Rejected(happened, next="Give the diagnosis (CM) files, not the procedure (PCS) ones.")


def _two_releases(part: str, first: str, second: str) -> Rejected:
    return Rejected(
        f"{first} and {second} are each the {part} of a release, and they differ.",
        next="A release is one issue: give each a folder of its own, and refresh them one after the other, oldest first.",
    )
