"""One code as a document: what is read, what is searched, what a consumer may filter on.

    E11.9 Type 2 diabetes mellitus without complications
    Status: billable
    Part of: E11 Type 2 diabetes mellitus; Diabetes mellitus (E08-E13); …
    Index: Diabetes, type 2; …

Titles, inclusion terms and index terms are the publisher's words; those of the lexicon are ours, and the line says so.
"""

from collections.abc import Mapping

from probatum.records import Block, Document, SourceRelease
from sources.icd10_codes import Entry

_PRIOR_HEADER = -0.08
_PRIOR_7TH = {"B": -0.1, "C": -0.1, **dict.fromkeys("DEFGHJKMNPQR", -0.2), "S": -0.3}


def document_of(
    entry: Entry,
    entries: Mapping[str, Entry],
    synonyms: list[str],
    lay: list[str],
    release: SourceRelease,
    origin: tuple[str, str],
) -> Document:
    """origin: (file, digest) the codes were read from."""
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
