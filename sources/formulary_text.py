"""The words of a formulary entry: one text, with blocks that say which words are what.

    NGH-0174 meropenem 1 g vial
    Brands: Merrem
    Listed as: meropenem (Merrem) 1 g vial
    Class: carbapenem
    Restriction of meropenem: ID approval
    Criteria: The first 24 hours are open …
    Used for (Probatum's lexicon, not the publisher's): severe sepsis; …

The title, the name alone, each brand, each name with its brand, the class and the restriction with its criteria can be
searched for on their own, and so can each word of the lexicon; the rest is read, and shown, as details.
"""

import re
import unicodedata

from probatum import digests
from probatum.records import Block, Document, SourceRelease
from sources import dates
from sources.formulary_rows import NO_RESTRICTION, Entry
from sources.lexicon.ingredients import Drug

_BRANDS_LISTED = 6  # names with a brand in brackets; every brand is still there on its own
_OURS = "Probatum's lexicon, not the publisher's"
_SYSTEMS = ("ndc", "din", "gtin", "snomed", "dmd", "atc")  # of codes, by the word a column's name has
_LONGEST_SLUG = 120  # characters; ids go into paths and addresses


class Page:
    """Text that grows, and the blocks of what was put into it."""

    def __init__(self) -> None:
        self.text, self.blocks = "", []

    def put(self, words: str, kind: str = "") -> tuple[int, int]:
        start = len(self.text)
        self.text += words
        if kind:
            self.mark(start, len(self.text), kind)
        return start, len(self.text)

    def mark(self, start: int, end: int, kind: str) -> None:
        self.blocks.append(Block(start, end, kind))

    def line(self, label: str, pieces, kind: str) -> None:
        for i, piece in enumerate(pieces):
            self.put("; " if i else f"\n{label}: ")
            self.put(piece, kind)


def document(
    entry: Entry, identity: str, family: str, drugs: tuple[Drug, ...], release: SourceRelease, sha256: str
) -> Document:
    """drugs: the rows of the lexicon for the entry's ingredients, one for each. sha256: of the entry's file."""
    page = Page()
    title = " ".join(filter(None, (entry.generic, entry.strength)))
    page.put(identity, "code")
    page.put(" ")
    start, _ = page.put(title, "title")
    if entry.strength:
        page.mark(start, start + len(entry.generic), "synonym")
    page.line("Brands", entry.brands, "synonym")
    page.line("Listed as", _with_brands(entry, title), "synonym")
    page.line("Class", _one(entry.drug_class), "synonym")
    page.line("Route", _one(entry.route), "detail")
    page.line("Tier", _one(entry.tier), "detail")
    restriction_lines(page, entry.generic, entry.restriction, entry.criteria, kind=entry.list)
    page.line("RxCUI", _one(entry.rxcui), "detail")
    page.line("Effective", _one(entry.effective_date), "detail")
    page.line("Notes", _one(entry.notes), "detail")
    for column, value in entry.extra:
        page.line(column, [value], "detail")
    lexicon_lines(page, {w.casefold() for w in (entry.generic, entry.drug_class, *entry.brands)}, drugs)
    day = dates.read(entry.effective_date)
    return Document(
        id=identity,
        source="formulary",
        title=title,
        text=page.text,
        blocks=tuple(page.blocks),
        family=family,
        valid_from=(day or release.valid_from).isoformat(),
        file=entry.file,
        sha256=sha256,
        meta=_meta(entry),
    )


def slug(text: str) -> str:
    """Amoxicillin 500 mg/5 mL -> amoxicillin-500-mg-5-ml; 0.5 % -> 0.5-percent. Never empty, never too long."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower().replace("%", " percent ")
    plain = re.sub(r"(?<!\d)\.|\.(?!\d)", " ", plain)
    made = re.sub(r"[^a-z0-9.]+", "-", plain).strip("-")
    if made and len(made) <= _LONGEST_SLUG:
        return made
    return f"{made[: _LONGEST_SLUG - 9]}-{digests.of_text(text)[:8]}".lstrip("-")


def _one(value: str) -> list[str]:
    return [value] if value else []


def _with_brands(entry: Entry, title: str) -> list[str]:
    """ "amlodipine (Norvasc) 5 mg tablet" for each brand the title does not have already."""
    new = [brand for brand in entry.brands if brand.casefold() not in title.casefold()]
    return [" ".join(filter(None, (entry.generic, f"({brand})", entry.strength))) for brand in new[:_BRANDS_LISTED]]


def restriction_lines(page: Page, drug: str, restriction: str, criteria: str, *, kind: str = "formulary") -> None:
    """A restriction and its criteria, searched for as one sentence with the drug; one that says "none" is a detail."""
    if kind == "formulary" and restriction.lower() in NO_RESTRICTION:
        page.line("Restriction", _one(restriction), "detail")
        page.line("Criteria", _one(criteria), "synonym")
        return
    page.put("\n")
    excluded = kind == "excluded"
    start, end = page.put(f"{'Not on the formulary:' if excluded else 'Restriction of'} {drug}")
    if not excluded:
        page.put(": ")
        end = page.put(restriction, "detail")[1]
    if criteria:
        page.put("\nReason for exclusion: " if excluded else "\nCriteria: ")
        end = page.put(criteria, "detail")[1]
    page.mark(start, end, "synonym")


def lexicon_lines(page: Page, said: set[str], drugs: tuple[Drug, ...]) -> None:
    """What the lexicon knows of the drugs. `said`: words, in small letters, that the publisher said already."""

    def ours(label: str, words) -> None:
        new = list({word.casefold(): word for word in words if word.casefold() not in said}.values())
        said.update(word.casefold() for word in new)
        page.line(f"{label} ({_OURS})", new, "lexicon")

    ours("Also known as", [word for drug in drugs for word in (drug.ingredient, *drug.spellings)])
    ours("Brands elsewhere", [word for drug in drugs for word in drug.brands])
    ours("Kind of drug", [word for drug in drugs for word in drug.classes])
    ours("Used for", [word for drug in drugs for word in drug.uses])


def _meta(entry: Entry) -> dict:
    meta = {
        "tier": entry.tier,
        "restriction": entry.restriction,
        "generic": entry.generic,
        "brands": list(entry.brands),
        "strength": entry.strength,
        "route": entry.route,
        "class": entry.drug_class,
        "rxcui": entry.rxcui,
        "list": entry.list,
        "criteria": entry.criteria,
        "effective_date": entry.effective_date,
        "notes": entry.notes,
        "status": "current",
        "unmapped": len(entry.extra),
        "part": entry.publisher or "formulary",
        "plan": "",
        "codes": _codes(entry),
    }
    return {**meta, "criteria_from": entry.criteria_from} if entry.criteria_from else meta


def _codes(entry: Entry) -> dict[str, list[str]]:
    """{"rxnorm": […], "ndc": […]}: the RxCUI, and columns whose name is a system of codes."""
    named = [("rxnorm", entry.rxcui)]
    named += [(system, value) for column, value in entry.extra for system in _SYSTEMS if _is_of(column, system)]
    found: dict[str, list[str]] = {}
    for system, value in named:
        found.setdefault(system, []).extend(code for code in re.split(r"[,; ]+", value) if code)
    return {system: codes for system, codes in found.items() if codes}


def _is_of(column: str, system: str) -> bool:
    return system in re.findall(r"[a-z]+", column.lower())
