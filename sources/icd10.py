"""ICD-10-CM as CDC and CMS publish it: an order file, a tabular list in XML, an alphabetic index in XML.

Every part is optional but one of order file and tabular list; parts are known by their content, since the names of
the zips and of their members change from year to year.

- Order file: ASCII, fixed columns (1-based): 1-5 sequence, 7-13 code without dot, 15 flag (0 header, 1 billable),
  17-76 short title, 78- long title. The authority on which codes exist and which are billable.
- Code list: a code a line, undotted. Confirms which 7-character codes exist where there is no order file.
- Tabular list: nested <diag>, dotted codes, notes; 7th characters only as <sevenChrDef><extension char="A">. A note
  that follows an extension belongs to it. The definition nearest above a leaf applies; placeholder X fills up.
- Index: <mainTerm>/<term> with <code>, or with <see> that names another term word by word; the neoplasm and drug
  tables have a <cell> a column. A code may end in "-": then it stands for a header.

    E10.10 | Type 1 diabetes mellitus with ketoacidosis without coma | billable

Codes of the procedure system (ICD-10-PCS) have no dot and seven characters from the start; they are refused, not mixed in.
"""

import importlib.resources
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from importlib import metadata
from io import BytesIO
from pathlib import Path

from probatum import digests
from probatum.errors import Rejected
from probatum.records import Block, Document, SourceRelease
from probatum.safeio import ASK_AGAIN, Archive, Limits, decode, looks_like_html, xml_events
from sources import lexicon
from sources.base import Found, Offered, Source
from sources.icd10_index import IndexTerm, read_index, resolve
from sources.locate import files_at, to_be_told, valid_from_name

_ORDER_LINE = re.compile(r"^(\d{5}) ([A-Z0-9]{3,7}) +([01]) (.{60}) (.+)$")
_CODE = re.compile(r"^[A-Z][0-9A-Z]{2}(\.?[0-9A-Z]{1,4})?$")  # QA0 came in 2026: a letter may be second
_ENCODINGS = ("utf-8", "cp1252")
_NOTES = {  # tag in the tabular list: label in the text
    "includes": "Includes",
    "excludes1": "Excludes1",
    "excludes2": "Excludes2",
    "codeFirst": "Code first",
    "useAdditionalCode": "Use additional code",
    "codeAlso": "Code also",
    "notes": "Note",
    "sevenChrNote": "7th character",
}
_PRIOR_HEADER = -0.08
_PRIOR_7TH = {"B": -0.1, "C": -0.1, **dict.fromkeys("DEFGHJKMNPQR", -0.2), "S": -0.3}
_CHAPTERS = (  # first category of each chapter, for releases without a tabular list
    ("A00", "Certain infectious and parasitic diseases"),
    ("C00", "Neoplasms"),
    ("D50", "Diseases of the blood and immune mechanism"),
    ("E00", "Endocrine, nutritional and metabolic diseases"),
    ("F01", "Mental, behavioral and neurodevelopmental disorders"),
    ("G00", "Diseases of the nervous system"),
    ("H00", "Diseases of the eye and adnexa"),
    ("H60", "Diseases of the ear and mastoid process"),
    ("I00", "Diseases of the circulatory system"),
    ("J00", "Diseases of the respiratory system"),
    ("K00", "Diseases of the digestive system"),
    ("L00", "Diseases of the skin and subcutaneous tissue"),
    ("M00", "Diseases of the musculoskeletal system and connective tissue"),
    ("N00", "Diseases of the genitourinary system"),
    ("O00", "Pregnancy, childbirth and the puerperium"),
    ("P00", "Certain conditions originating in the perinatal period"),
    ("Q00", "Congenital malformations, deformations and chromosomal abnormalities"),
    ("R00", "Symptoms, signs and abnormal clinical and laboratory findings"),
    ("S00", "Injury, poisoning and certain other consequences of external causes"),
    ("U00", "Codes for special purposes"),
    ("V00", "External causes of morbidity"),
    ("Z00", "Factors influencing health status and contact with health services"),
)


@dataclass
class Entry:
    """One code while it is being put together. `code` is dotted."""

    code: str
    title: str
    billable: bool
    parent: str = ""
    section: str = ""
    chapter: str = ""
    stem: str = ""  # title without what the 7th character adds
    inclusion: list[str] = field(default_factory=list)
    notes: dict[str, list[str]] = field(default_factory=dict)
    extensions: dict[str, str] = field(default_factory=dict)


class Icd10(Source):
    name = "icd10"
    title = "ICD-10-CM"
    licence = "US government work, public domain"
    cadence = timedelta(days=183)  # 1 October and 1 April
    limits = Limits()

    def find(self, origin: str | None) -> Found:
        if origin is None:
            return _embedded()
        files = files_at(origin, suffixes=(".zip", ".txt", ".xml"))
        name, valid_from = _release_name(origin, [file.name for file in files])
        return Found(SourceRelease(self.name, name, valid_from, self.licence, to_be_told(origin)), tuple(files))

    def parse(self, files: Mapping[str, Path], release: SourceRelease) -> Iterator[Document]:
        parts = read_parts(files, self.limits)
        entries = assemble(parts)
        synonyms, unresolved = resolve(parts.index, set(entries))
        lay = lexicon.by_code()
        for entry in entries.values():
            yield _document(
                entry, entries, synonyms.get(entry.code, []), lay.get(entry.code, []), release, parts.sha256
            )
        self.dropped = {"index terms whose code is not in the release": unresolved}


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


def assemble(parts: Parts) -> dict[str, Entry]:
    """All codes in code order, each with its parent. The order file decides which exist, where there is one."""
    if parts.tabular:
        _extend(parts)
    entries = {
        code: _ordered(code, title, billable, parts.tabular.get(code))
        for code, (title, billable) in parts.order.items()
    }
    entries = entries or dict(parts.tabular)
    for entry in entries.values():
        entry.parent = _parent(entry.code, entries)
        above = entries.get(entry.parent)
        if not entry.stem and above and len(entry.code) == 8 and entry.title.startswith(above.title + ","):
            entry.stem = above.title
        entry.chapter = entry.chapter or (above.chapter if above else "") or _chapter(entry.code)
        entry.section = entry.section or (above.section if above else "")
    return entries


def dotted(code: str) -> str:
    """ "E119" -> "E11.9"; "E11" stays."""
    return code if len(code) < 4 or "." in code else f"{code[:3]}.{code[3:]}"


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
    codes = {code for word in said if _CODE.match(code := dotted(word))}
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
        if not _CODE.match(code):
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
        _read_tabular(parts, root)
    elif root.tag == "ICD10CM.index":
        for _ in events:
            pass
        parts.index += read_index(root)
    else:
        raise Rejected(f"{what} is XML, but neither a tabular list nor an index.", next=ASK_AGAIN)


def _read_tabular(parts: Parts, root) -> None:
    for chapter in root.findall("chapter"):
        chapter_title = _words(chapter.find("desc"))
        for section in chapter.findall("section"):
            section_title = _words(section.find("desc"))
            for diag in section.findall("diag"):
                _read_diag(parts, diag, section_title, chapter_title, _extensions(section) or _extensions(chapter))


def _read_diag(parts: Parts, diag, section: str, chapter: str, inherited: dict[str, str]) -> None:
    said: dict[str, list] = defaultdict(list)
    for child in diag:
        said[child.tag].append(child)
    code = dotted(_words(*said["name"][:1]))
    if not _CODE.match(code):
        raise Rejected(f"The tabular list names {code[:20]!r} as a code.", next=ASK_AGAIN)
    if code in parts.tabular:
        raise Rejected(f"The tabular list has code {code} twice.", next=ASK_AGAIN)
    extensions = _extensions(diag) if "sevenChrDef" in said else inherited
    parts.tabular[code] = Entry(
        code,
        _words(*said["desc"][:1]),
        billable="diag" not in said,
        section=section,
        chapter=chapter,
        inclusion=_notes(said["inclusionTerm"]),
        notes={label: notes for tag, label in _NOTES.items() if tag in said and (notes := _notes(said[tag]))},
        extensions=extensions if "diag" not in said else {},
    )
    for child in said["diag"]:
        _read_diag(parts, child, section, chapter, extensions)


def _extensions(element) -> dict[str, str]:
    found: dict[str, str] = {}
    last = ""
    for child in element.iterfind("sevenChrDef/*"):
        if child.tag == "extension":
            last = child.get("char", "")
            found[last] = _words(child)
        elif last:
            found[last] += f"/{_words(child)}"
    return found


def _notes(elements) -> list[str]:
    return [text for element in elements for note in element.iterfind("note") if (text := _words(note))]


def _words(element=None) -> str:
    return " ".join("".join(element.itertext()).split()) if element is not None else ""


def _extend(parts: Parts) -> None:
    """Add the codes a 7th character makes. With an order file or a code list, only those it confirms."""
    confirmed = set(parts.order) or parts.confirmed
    extended: dict[str, Entry] = {}
    for entry in parts.tabular.values():
        extended[entry.code] = entry
        for char, meaning in entry.extensions.items():
            code = dotted(entry.code.replace(".", "").ljust(6, "X") + char)
            if not confirmed or code in confirmed:
                extended[code] = Entry(
                    code, f"{entry.title}, {meaning}", True, entry.code, entry.section, entry.chapter, stem=entry.title
                )
                entry.billable = False
    parts.tabular = extended


def _ordered(code: str, title: str, billable: bool, tabular: Entry | None) -> Entry:
    if tabular is None:
        return Entry(code, title, billable)
    tabular.title, tabular.billable = title, billable
    if not title.startswith(tabular.stem):
        tabular.stem = ""
    return tabular


def _parent(code: str, entries: Mapping[str, Entry]) -> str:
    """The longest shorter code that exists; placeholder X before a 7th character is skipped on the way."""
    bare = code.replace(".", "")[:-1]
    while len(bare) >= 3:
        if (above := dotted(bare)) in entries:
            return above
        bare = bare[:-1]
    return ""


def _chapter(code: str) -> str:
    return next((title for first, title in reversed(_CHAPTERS) if code[:3] >= first), "")


def _document(
    entry: Entry,
    entries: Mapping[str, Entry],
    synonyms: list[str],
    lay: list[str],
    release: SourceRelease,
    origin: tuple[str, str],
) -> Document:
    text, blocks = "", []

    def add(piece: str, kind: str) -> None:
        nonlocal text
        blocks.append(Block(len(text), len(text) + len(piece), kind))
        text += piece

    def line(label: str, pieces: list[str], kind: str) -> None:
        nonlocal text
        if not pieces:
            return
        text += f"\n{label}: "
        for i, piece in enumerate(pieces):
            text += "; " if i else ""
            add(piece, kind)

    add(entry.code, "code")
    text += " "
    if entry.stem:
        blocks.append(Block(len(text), len(text) + len(entry.stem), "stem"))
    add(entry.title, "title")
    line("Status", ["billable" if entry.billable else "header, not billable"], "detail")
    line("Part of", _path(entry, entries), "detail")
    line("Inclusion terms", entry.inclusion, "synonym")
    for label, notes in entry.notes.items():
        line(label, notes, "synonym" if label == "Includes" and len(entry.code) == 3 else "detail")
    line("Index", synonyms, "synonym")
    line("In plain words (Probatum's lexicon, not the publisher's)", lay, "lexicon")
    return Document(
        id=entry.code,
        source="icd10",
        title=entry.title,
        text=text,
        blocks=tuple(blocks),
        family=entry.code[:3],
        valid_from=release.valid_from.isoformat(),
        file=origin[0],
        sha256=origin[1],
        meta={"billable": entry.billable, "parent": entry.parent, "chapter": entry.chapter, "prior": _prior(entry)},
    )


def _prior(entry: Entry) -> float:
    """Which code of a family to prefer when the question does not say: billable ones, and the first encounter.

    In the unit of a cosine; chosen on the tuning questions of bench/dev. 7th characters that are digits (a stage, a
    fetus) are all alike.
    """
    if not entry.billable:
        return _PRIOR_HEADER
    return _PRIOR_7TH.get(entry.code[7], 0.0) if len(entry.code) == 8 and entry.stem else 0.0


def _path(entry: Entry, entries: Mapping[str, Entry]) -> list[str]:
    path = []
    code = entry.parent
    while code:
        path.append(f"{code} {entries[code].title}")
        code = entries[code].parent
    return path + [part for part in (entry.section, entry.chapter) if part]


def _embedded() -> Found:
    """The April 2026 tabular list and code list that the package simple-icd-10-cm carries, read as files."""
    folder = importlib.resources.files("simple_icd_10_cm") / "data"
    files = sorted((Path(str(f)) for f in folder.iterdir() if f.name.endswith((".xml", ".txt"))), key=lambda p: p.name)
    if not any(path.suffix == ".xml" for path in files):
        raise Rejected("The installed simple-icd-10-cm carries no tabular list.", next="Install the project again.")
    origin = f"package simple-icd-10-cm {metadata.version('simple-icd-10-cm')}"
    release = SourceRelease("icd10", "2026-04-01", date(2026, 4, 1), Icd10.licence, origin)
    return Found(release, tuple(Offered(path.name, str(path)) for path in files))


def _release_name(origin: str, names: list[str]) -> tuple[str, date]:
    """The date a release takes force, from the words and years in its names: 1 October of the year before, or 1 April."""
    return valid_from_name([origin, *names])
