"""The tabular list of ICD-10-CM in XML: every code with its title, its notes and its place.

Nested <diag> in sections in chapters; codes are dotted. 7th characters stand only as <sevenChrDef><extension char="A">;
a note that follows an extension belongs to it, and the definition nearest above a leaf applies to it.

    <diag><name>E11.9</name><desc>Type 2 diabetes mellitus without complications</desc></diag>
        -> Entry("E11.9", "Type 2 diabetes mellitus without complications", billable=True, …)

The codes that 7th characters make are not made here: which of them exist is for the order file or the code list to say.
"""

from collections import defaultdict

from probatum.errors import Rejected
from probatum.safeio import ASK_AGAIN
from sources.icd10_codes import Entry, dotted, is_code

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


def read_tabular(root) -> dict[str, Entry]:
    """The codes of one tabular list, in its order. Raises Rejected for a code that is none, or is there twice."""
    found: dict[str, Entry] = {}
    for chapter in root.findall("chapter"):
        chapter_title = _words(chapter.find("desc"))
        for section in chapter.findall("section"):
            section_title = _words(section.find("desc"))
            for diag in section.findall("diag"):
                _read_diag(found, diag, section_title, chapter_title, _extensions(section) or _extensions(chapter))
    return found


def _read_diag(found: dict[str, Entry], diag, section: str, chapter: str, inherited: dict[str, str]) -> None:
    said: dict[str, list] = defaultdict(list)
    for child in diag:
        said[child.tag].append(child)
    code = dotted(_words(*said["name"][:1]))
    if not is_code(code):
        raise Rejected(f"The tabular list names {code[:20]!r} as a code.", next=ASK_AGAIN)
    if code in found:
        raise Rejected(f"The tabular list has code {code} twice.", next=ASK_AGAIN)
    extensions = _extensions(diag) if "sevenChrDef" in said else inherited
    found[code] = Entry(
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
        _read_diag(found, child, section, chapter, extensions)


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
