"""An Office file (DOCX, PPTX, XLSX) is a zip of XML parts: judged whole before any library sees it.

    judged(path, limits, DOCX) -> Package(flags={"macros": 1}, dropped={"embedded files": 2})      or Rejected

Refused: a password, a file of before 2007, a damaged zip or one that would unpack to too much, XML that declares a
document type, another kind of Office file, and a macro file (.docm, .xlsm, .pptm) under another ending, which Office
refuses too. Macros inside a file that has no right to any are ignored and flagged: nothing here runs them, the words
around them are what was approved, and to refuse would leave the former version standing.
"""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from probatum.errors import Rejected
from probatum.safeio import ASK_AGAIN, Archive, Limits

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_DOCTYPE = tuple("<!DOCTYPE".encode(encoding) for encoding in ("utf-8", "utf-16-le", "utf-16-be"))
_CONTENTS = "[Content_Types].xml"
_MACRO_FILE = tuple("macroEnabled".encode(encoding) for encoding in ("utf-8", "utf-16-le", "utf-16-be"))


@dataclass(frozen=True)
class Kind:
    called: str  # "a Word document"
    main: str  # the part that every file of this kind has
    old: str  # "a Word file of the old kind (.doc)"
    suffix: str


DOCX = Kind("a Word document", "word/document.xml", "a Word file of the old kind (.doc)", ".docx")
PPTX = Kind("a set of slides", "ppt/presentation.xml", "a PowerPoint file of the old kind (.ppt)", ".pptx")
XLSX = Kind("a workbook", "xl/workbook.xml", "an Excel file of the old kind (.xls)", ".xlsx")


@dataclass
class Package:
    flags: Counter = field(default_factory=Counter)
    dropped: Counter = field(default_factory=Counter)


def judged(path: Path, limits: Limits, kind: Kind) -> Package:
    with path.open("rb") as stream:
        head = stream.read(8)
        whole = stream.read(limits.file_bytes) if head == _OLE else b""
    if head == _OLE:
        if "EncryptedPackage".encode("utf-16-le") in whole:
            raise Rejected(f"{path.name} is encrypted and needs a password.", next="Ask for it without a password.")
        raise Rejected(f"{path.name} is {kind.old}.", next=f"Save it as {kind.suffix} and give that.")
    with Archive(path, limits) as archive:
        _refuse_others(path, archive.names, kind)
        for name in archive.names:
            part = archive.read(name)  # every part unpacks, within the limits
            if name.endswith((".xml", ".rels")) and any(mark in part for mark in _DOCTYPE):
                raise Rejected(f"{path.name} declares a document type, which is not read.", next=ASK_AGAIN)
            if name == _CONTENTS and any(mark in part for mark in _MACRO_FILE):
                raise Rejected(
                    f"{path.name} is a file with macros under the ending {kind.suffix}.",
                    next=f"Save it as {kind.suffix} without macros and give that.",
                )
        return _package(archive.names)


def _refuse_others(path: Path, names: tuple[str, ...], kind: Kind) -> None:
    if kind.main in names:
        return
    other = next((each for each in (DOCX, PPTX, XLSX) if each.main in names), None)
    if other:
        raise Rejected(f"{path.name} is {other.called}, not {kind.called}.", next=f"Give it the ending {other.suffix}.")
    if _CONTENTS not in names:
        raise Rejected(f"{path.name} is a zip, but not {kind.called}.", next=ASK_AGAIN)


def _package(names: tuple[str, ...]) -> Package:
    folded = [name.casefold() for name in names]
    package = Package()
    macros = sum(name.endswith(("vbaproject.bin", "vbadata.xml")) or "/activex/" in name for name in folded)
    if macros:
        package.flags["macros"] = 1
    if embedded := sum("/embeddings/" in name for name in folded):
        package.dropped["embedded files"] = embedded
    return package
