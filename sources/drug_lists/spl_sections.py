"""The sections of a drug label as the text and blocks of a document, and a count of what is not among them.

sections(root, [("Labeler", "Pfizer"), …], heading, unused)
-> ("About this label\n\nLabeler: Pfizer\n\n1 INDICATIONS AND USAGE\n\n…", (Block(0, 16, "heading"), …))
"""

from collections.abc import Callable, Iterable, Iterator

from unstructured.documents.elements import Element, Title

from probatum.records import Block
from sources.drug_lists.model import Unused, spoken
from sources.drug_lists.spl_products import is_active
from sources.drug_lists.spl_text import Narrative, local
from sources.elements import model
from sources.elements.flatten import flatten

ABOUT = "About this label"
_UNNAMED = "Further text"
_VALUES = ("value", "code", "extension", "root")  # attributes that say something
_TOLD = frozenset(  # read for the first section, for what the label is, or as its text
    {
        *("name", "formCode", "routeCode", "numerator", "denominator", "setId", "versionNumber", "approval"),
        *("label.title", "label.code", "label.effectiveTime", "manufacturedProduct.code", "observationMedia.text"),
        *("containerPackagedProduct.code", "section.title", "section.text", "section.excerpt", "section.code"),
    }
)


def sections(
    root, front: Iterable[tuple[str, str]], heading: Callable[[str, str, str], str], unused: Unused
) -> tuple[str, tuple[Block, ...]]:
    """heading: (LOINC code, title, what the code is called) -> what the section is called."""
    narrative = Narrative(_pictures(root))
    elements = [model.title(ABOUT, depth=0)]
    if title := narrative.inline_of(root.find("{*}title")):
        elements.append(model.paragraph(title))
    elements += [model.item(f"{label}: {words}") for label, words in front if words]
    body = root.find("{*}component/{*}structuredBody")
    if body is not None:
        elements += _inside(body, 0, heading, narrative)
    unused["pictures without a description"] += narrative.undescribed
    _count(root, "label", unused)
    return flatten(elements)


def _inside(around, depth: int, heading: Callable[[str, str, str], str], narrative: Narrative) -> Iterator[Element]:
    """The sections of a section; one without a name does not go under the name of the one before it."""
    named = False
    for section in around.findall("{*}component/{*}section"):
        found = list(_section(section, depth, heading, narrative))
        starts = bool(found) and isinstance(found[0], Title) and found[0].metadata.category_depth == depth
        if found and named and not starts:
            yield model.title(_UNNAMED, depth=depth)
        named = named or starts or depth == 0
        yield from found


def _section(section, depth: int, heading: Callable[[str, str, str], str], narrative: Narrative) -> Iterator[Element]:
    code = section.find("{*}code")
    title = narrative.inline_of(section.find("{*}title"))
    of_code = (code.get("code") or "", code.get("displayName") or "") if code is not None else ("", "")
    inside = [
        element
        for text in (*section.findall("{*}text"), *section.findall("{*}excerpt/{*}highlight/{*}text"))
        for element in narrative.elements(text)
    ]
    inside += _inside(section, depth + 1, heading, narrative)
    named = heading(of_code[0], title, of_code[1])
    if (inside or title) and named:
        yield model.title(named, depth=depth)
    yield from inside


def _pictures(root) -> dict[str, str]:
    return {
        media.get("ID") or "": spoken("".join(media.find("{*}text").itertext()))
        for media in root.iter("{urn:hl7-org:v3}observationMedia")
        if media.find("{*}text") is not None
    }


def _count(element, path: str, unused: Unused, *, active: bool = False) -> None:
    """Every element with words or a value that is not on the page, by its name and the one around it."""
    for child in element:
        tag = local(child)
        if tag in _TOLD or f"{path}.{tag}" in _TOLD:
            continue
        told = active and path == "ingredientSubstance"
        if not told and ((child.text or "").strip() or any(child.get(name) for name in _VALUES)):
            unused[f"{path}.{tag}"] += 1
        _count(child, tag, unused, active=is_active(child) or (active and tag == "ingredientSubstance"))
