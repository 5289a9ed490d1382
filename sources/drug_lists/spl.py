"""FDA's structured product labels (SPL, XML): one document of sections a label, to be read and cited like a guideline.

    <section><code code="34070-3"/><title>4 CONTRAINDICATIONS</title><text>…</text></section>
    -> heading "4 CONTRAINDICATIONS", then its paragraphs, lists and tables

A label's id is its set id, the same in all its versions; of two versions in a release the newer is read. Sections are
named by what their LOINC code means (boxed warning, indications …) where their own title does not say it. What the
label says of its products (names, strengths, NDCs) is its first section. Other codes and dates are counted by name.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from probatum.errors import Rejected
from probatum.safeio import ASK_AGAIN, Limits, xml_events
from sources import dates
from sources.drug_lists.containers import Member
from sources.drug_lists.model import Listed, Sections, Unused, distinct, spoken
from sources.drug_lists.spl_products import Product, products

FORMAT = "fda-spl"
_PRODUCT_DATA = "48780-1"
_UNCLASSIFIED = "42229-5"
_NAMES = {  # LOINC codes of sections, in words a reader looks for
    "34066-1": "Boxed warning",
    "34067-9": "Indications and usage",
    "34068-7": "Dosage and administration",
    "34069-5": "How supplied",
    "34070-3": "Contraindications",
    "34071-1": "Warnings",
    "34073-7": "Drug interactions",
    "34076-0": "Information for patients",
    "34080-2": "Nursing mothers",
    "34081-0": "Pediatric use",
    "34082-8": "Geriatric use",
    "34084-4": "Adverse reactions",
    "34088-5": "Overdosage",
    "34089-3": "Description",
    "34090-1": "Clinical pharmacology",
    "34092-7": "Clinical studies",
    "42228-7": "Pregnancy",
    "42231-1": "Medication guide",
    "42232-9": "Precautions",
    "43678-2": "Dosage forms and strengths",
    "43679-0": "Mechanism of action",
    "43680-8": "Nonclinical toxicology",
    "43683-2": "Recent major changes",
    "43684-0": "Use in specific populations",
    "43685-7": "Warnings and precautions",
    "44425-7": "Storage and handling",
    "50565-1": "Keep out of reach of children",
    "50566-9": "Stop use",
    "50567-7": "When using",
    "50568-5": "Ask a doctor or pharmacist",
    "50569-3": "Ask a doctor",
    "50570-1": "Do not use",
    "51727-6": "Inactive ingredients",
    "51945-4": "Package label",
    "53413-1": "Questions",
    "55105-1": "Purpose",
    "55106-9": "Active ingredients",
    "77290-5": "Lactation",
}


@dataclass(frozen=True)
class _Label:
    member: Member
    set_id: str
    version: int


def read(members: Mapping[str, Sequence[Member]], limits: Limits, unused: Unused) -> list[Listed]:
    """members: {kind: files}. Raises Rejected for a label without set id or text, and for broken XML.

    Heads are read first, then one label at a time: a publisher's archive holds thousands.
    """
    newest: dict[str, _Label] = {}
    for member in members["spl"]:
        label = _head(member, limits)
        before = newest.get(label.set_id)
        if before and before.version == label.version:
            raise Rejected(
                f"{before.member.name} and {member.name} are the same version of one label.",
                next="Give each label once, in a folder of their own.",
            )
        unused["older versions of a label"] += before is not None
        if before is None or before.version < label.version:
            newest[label.set_id] = label
    return [_listed(label, limits, unused) for label in newest.values()]


def _head(member: Member, limits: Limits) -> _Label:
    """What stands before the body of a label."""
    said = {"setId": "", "versionNumber": ""}
    with member.path.open("rb") as stream:
        for event, element in xml_events(stream, limits, what=member.name):
            name = element.tag.rpartition("}")[2]
            if event == "start" and name == "component":
                break
            if event == "end" and name in said:
                said[name] = element.get("root") or element.get("value") or ""
    if not said["setId"] or not said["versionNumber"].isdigit():
        raise Rejected(f"{member.name} is a label without set id or version number.", next=ASK_AGAIN)
    return _Label(member, said["setId"].lower(), int(said["versionNumber"]))


def _whole(member: Member, limits: Limits):
    root = None
    with member.path.open("rb") as stream:
        for _, element in xml_events(stream, limits, what=member.name):
            root = element if root is None else root
    return root


def _listed(label: _Label, limits: Limits, unused: Unused) -> Listed:
    from sources.drug_lists.spl_sections import ABOUT, sections

    root = _whole(label.member, limits)
    found = products(root)
    effective = _day(root.find("{*}effectiveTime"))
    kind = _shown(root.find("{*}code"))
    maker = spoken(root.findtext("{*}author/{*}assignedEntity/{*}representedOrganization/{*}name") or "")
    text, blocks = sections(root, _front(found, maker, kind, effective), heading, unused)
    if all(block.section[:1] == (ABOUT,) for block in blocks):
        raise Rejected(f"{label.member.name} is a label without text.", next=ASK_AGAIN)
    brands = distinct(product.name for product in found)
    generics = distinct(product.generic for product in found)
    strength = "; ".join(distinct(product.strength for product in found))
    forms = ", ".join(distinct(product.form for product in found))
    drug = (generics or brands or ("",))[0]
    return Listed(
        id=label.set_id,
        title=_title(brands, generics, forms) or spoken(root.findtext("{*}title") or "") or label.set_id,
        drug=drug or label.set_id,
        part=label.set_id,
        member=label.member,
        format=FORMAT,
        strength=spoken(strength, forms),
        route=", ".join(distinct(product.route for product in found)),
        brands=brands,
        codes={
            system: codes
            for system, codes in (
                ("ndc", distinct(code for product in found for code in product.ndcs)),
                ("unii", distinct(code for product in found for code in product.uniis)),
            )
            if codes
        },
        plan=maker,
        starts=effective,
        sections=Sections(text, blocks),
    )


def heading(code: str, title: str, display: str) -> str:
    """What a section is called: its own title, with what its LOINC code means where the title does not say it."""
    name = _NAMES.get(code, "")
    if not name and not title and code != _UNCLASSIFIED:
        said = spoken(display.casefold().removesuffix("section").removeprefix("spl "))
        name = said[:1].upper() + said[1:]
    if not title or not name:
        return title or name
    return title if _stems(name) <= _stems(title.replace("&", " and ")) else f"{name}: {title}"


def _stems(text: str) -> set[str]:
    words = re.findall(r"[a-z0-9]+", text.casefold())
    return {word.removesuffix("s") for word in words}


def _front(found: Sequence[Product], maker: str, kind: str, effective: str) -> Iterator[tuple[str, str]]:
    """What stands before the sections: (label, words)."""
    yield "Kind of label", kind
    yield "Labeler", maker
    yield "Effective", effective
    for product in found:
        yield "Product", product.said


def _title(brands: Sequence[str], generics: Sequence[str], forms: str) -> str:
    """ "Lipitor (atorvastatin calcium) tablet, film coated" """
    generic = ", ".join(generics)
    if not brands:
        return spoken(generic, forms.lower())
    same = generic.casefold() == " ".join(brands).casefold()
    return spoken(" / ".join(brands), f"({generic})" if generic and not same else "", forms.lower())


def _shown(code) -> str:
    return spoken(code.get("displayName") or code.get("code") or "") if code is not None else ""


def _day(time) -> str:
    value = (time.get("value") or "") if time is not None else ""
    day = dates.read(value[:8])
    return day.isoformat() if day else value
