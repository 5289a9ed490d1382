"""A `Listed` as a Document: the same page for every publisher.

    209459-… acetaminophen 500 MG Oral Tablet [Tylenol]
    Brands: Tylenol
    Plan: Sample Medicare Advantage Part D Formulary D1002 (D1002)
    Tier: Brand
    Restriction of acetaminophen: prior authorization
    Codes: RXNORM 209459
    Used for (Probatum's lexicon, not the publisher's): pain; …

Title, drug, other names and brands, and the restriction with its criteria can be searched for on their own.
"""

from functools import lru_cache

from probatum.records import Document, SourceRelease
from sources import dates
from sources.drug_lists.model import Listed, distinct
from sources.formulary_family import family_and_drugs
from sources.formulary_text import Page, lexicon_lines, restriction_lines
from sources.lexicon.ingredients import Drug

_CODES_SHOWN = 12  # of one system; a common generic has the bar codes of sixty packs


def document(one: Listed, release: SourceRelease, sha256: str) -> Document:
    """sha256: of the snapshot's file."""
    family, drugs = _known(one.drug, one.strength)
    text, blocks = (one.sections.text, one.sections.blocks) if one.sections else _record(one, drugs)
    day = dates.read(one.starts)
    return Document(
        id=one.id,
        source=release.source,
        title=one.title,
        text=text,
        blocks=blocks,
        family=family,
        valid_from=(day or release.valid_from).isoformat(),
        file=one.member.file,
        sha256=sha256,
        layout="sections" if one.sections else "record",
        meta=_meta(one),
    )


@lru_cache(maxsize=1 << 14)  # a drug has dozens of strengths and brands
def _known(drug: str, strength: str) -> tuple[str, tuple[Drug, ...]]:
    return family_and_drugs(drug, strength)


def _record(one: Listed, drugs: tuple[Drug, ...]) -> tuple[str, tuple]:
    page = Page()
    page.put(one.id, "code")
    page.put(" ")
    page.put(one.title, "title")
    said = {one.title.casefold()}
    page.line("Drug", _new([one.drug], said), "synonym")
    page.line("Brands", _new(one.brands, said), "synonym")
    page.line("Also called", _new(one.names, said), "synonym")
    page.line("Strength and form", [one.strength] if one.strength else [], "detail")
    page.line("Route", [one.route] if one.route else [], "detail")
    if one.status != "current":
        page.line("Status", [one.status], "detail")
    page.line("Plan", [one.plan] if one.plan else [], "detail")
    page.line("Tier", [one.tier] if one.tier else [], "detail")
    restriction_lines(page, one.drug, one.restriction, one.criteria)
    page.line("Codes", [_codes(system, codes) for system, codes in one.codes.items()], "detail")
    page.line("Effective", [_period(one)] if one.starts or one.ends else [], "detail")
    for label, value in one.details:
        page.line(label, [value], "detail")
    if not one.above:  # what is said of the drug is not said again of each of its brands: search looks above
        lexicon_lines(page, said, drugs)
    return page.text, tuple(page.blocks)


def _new(words, said: set[str]) -> list[str]:
    new = [word for word in distinct(words) if word.casefold() not in said]
    said.update(word.casefold() for word in new)
    return new


def _codes(system: str, codes: tuple[str, ...]) -> str:
    """The first few; all of them are in the document's meta."""
    more = len(codes) - _CODES_SHOWN
    return f"{system.upper()} {', '.join(codes[:_CODES_SHOWN])}{f' and {more} more' if more > 0 else ''}"


def _period(one: Listed) -> str:
    return f"{one.starts} to {one.ends}" if one.starts and one.ends else one.starts or f"until {one.ends}"


def _meta(one: Listed) -> dict:
    """The keys a row of a table has, and those only a release in a publisher's format has."""
    return {
        **({"parent": one.above} if one.above else {}),
        "part": one.part,
        "plan": one.plan,
        "codes": {system: list(codes) for system, codes in one.codes.items()},
        "format": one.format,
        "tier": one.tier,
        "restriction": one.restriction,
        "generic": one.drug,
        "brands": list(one.brands),
        "strength": one.strength,
        "route": one.route,
        "class": "",
        "rxcui": next(iter(one.codes.get("rxnorm", ())), ""),
        "list": "formulary",
        "criteria": one.criteria,
        "effective_date": one.starts,
        "effective_until": one.ends,
        "notes": "",
        "status": one.status,
        "member": one.member.name,
        "unmapped": 0,
    }
