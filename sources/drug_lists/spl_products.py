"""What a drug label says of its products: names, active ingredients with amounts, form, route, NDCs.

<manufacturedProduct><code code="0071-0155" …/><name>Lipitor</name>…
-> Product("Lipitor", "atorvastatin calcium", "10 mg", "TABLET, FILM COATED", "ORAL", ("0071-0155", …), …)
"""

from dataclasses import dataclass

from sources.drug_lists.model import distinct, spoken

_NDC = "2.16.840.1.113883.6.69"  # HL7's number for FDA's drug codes
_UNII = "2.16.840.1.113883.4.9"
_ACTIVE = "ACTI"  # ACTIM, ACTIB, ACTIR: active ingredient, amount of its moiety, its base, another


@dataclass(frozen=True)
class Product:
    name: str
    generic: str
    strength: str
    form: str
    route: str
    ndcs: tuple[str, ...]
    uniis: tuple[str, ...]
    said: str  # all of it in one line, with inactive ingredients and approval


def products(root) -> list[Product]:
    """The products of a label, in its order; the parts of a kit are products of their own."""
    return [_product(outer) for outer in root.iter("{urn:hl7-org:v3}manufacturedProduct") if _inner(outer) is not None]


def _inner(outer):
    """The product itself: an element of the same name inside, or, in older labels, a medicine."""
    inner = outer.find("{*}manufacturedProduct")
    return inner if inner is not None else outer.find("{*}manufacturedMedicine")


def _product(outer) -> Product:
    inner = _inner(outer)
    name = spoken(*(text for part in inner.findall("{*}name")[:1] for text in part.itertext()))
    parts = [part.find("{*}partProduct") for part in inner.findall("{*}part")]
    holders = [inner, *(part for part in parts if part is not None)]
    generic = spoken(inner.findtext("{*}asEntityWithGeneric/{*}genericMedicine/{*}name") or "")
    active, inactive, uniis = [], [], []
    for holder in holders:
        for ingredient in _ingredients(holder):
            substance = ingredient.find("{*}ingredientSubstance")
            if substance is None:
                substance = ingredient.find("{*}activeIngredientSubstance")
            said = spoken(substance.findtext("{*}name") or "") if substance is not None else ""
            if not is_active(ingredient):
                inactive.append(said)
                continue
            active.append((said, _amount(ingredient)))
            code = substance.find("{*}code") if substance is not None else None
            if code is not None and code.get("codeSystem") == _UNII:
                uniis.append(code.get("code") or "")
    form = ", ".join(distinct(_display(holder.find("{*}formCode")) for holder in holders))
    route = ", ".join(distinct(_display(code) for code in outer.iter("{urn:hl7-org:v3}routeCode")))
    codes = [holder.find("{*}code") for holder in holders]
    codes += [package.find("{*}code") for package in inner.iter("{urn:hl7-org:v3}containerPackagedProduct")]
    ndcs = distinct(code.get("code") or "" for code in codes if code is not None and code.get("codeSystem") == _NDC)
    generic = generic or ", ".join(distinct(said for said, _ in active))
    strength = " / ".join(amount for _, amount in active if amount)
    said = [
        spoken(name, f"({generic})" if generic and generic.casefold() != name.casefold() else "", form),
        f"active {', '.join(spoken(*pair) for pair in active)}" if active else "",
        f"route {route}" if route else "",
        f"NDC {', '.join(ndcs)}" if ndcs else "",
        f"approval {', '.join(_approvals(outer))}" if _approvals(outer) else "",
        f"inactive {', '.join(distinct(inactive))}" if any(inactive) else "",
    ]
    return Product(name, generic, strength, form, route, ndcs, distinct(uniis), "; ".join(filter(None, said)))


def _ingredients(holder) -> list:
    old = [*holder.findall("{*}activeIngredient"), *holder.findall("{*}inactiveIngredient")]
    return [*holder.findall("{*}ingredient"), *old]


def is_active(ingredient) -> bool:
    return (ingredient.get("classCode") or "").startswith(_ACTIVE) or ingredient.tag.endswith("}activeIngredient")


def _amount(ingredient) -> str:
    """ "6.25 mg per 5 mL"; of one unit: "10 mg" """
    sides = [ingredient.find(f"{{*}}quantity/{{*}}{side}") for side in ("numerator", "denominator")]
    above, below = (
        spoken(side.get("value") or "", (side.get("unit") or "").replace("1", "")) if side is not None else ""
        for side in sides
    )
    return above if below in ("", "1") else f"{above} per {below}"


def _approvals(outer) -> list[str]:
    return [
        spoken(approval.find("{*}id").get("extension") or "", _display(approval.find("{*}code")))
        for approval in outer.findall("{*}subjectOf/{*}approval")
        if approval.find("{*}id") is not None
    ]


def _display(code) -> str:
    return spoken(code.get("displayName") or code.get("code") or "") if code is not None else ""
