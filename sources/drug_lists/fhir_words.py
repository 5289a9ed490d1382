"""FHIR values in words, and extensions by their short names.

words({"coding": [{"code": "1-month-in-retail", "display": "1 month in network retail"}]})
-> "1 month in network retail"
words({"start": "2021-01-01", "end": "2021-12-31"})    -> "2021-01-01 to 2021-12-31"
extensions(item)    -> {"PriorAuthorization": [True], "DrugTierID": [{"coding": …}], …}
"""

import re
from collections import defaultdict
from collections.abc import Mapping

from sources.drug_lists.model import Unused, distinct, leaves, spoken, worded

GUIDE = "http://hl7.org/fhir/us/davinci-drug-formulary/"
_SYSTEMS = {
    "http://www.nlm.nih.gov/research/umls/rxnorm": "rxnorm",
    "http://hl7.org/fhir/sid/ndc": "ndc",
    "http://snomed.info/sct": "snomed",
    "http://www.whocc.no/atc": "atc",
    "http://hl7.org/fhir/sid/cvx": "cvx",
}
_CODES = {  # what the guide lists; others are kept, and counted
    "DrugTierCS": {
        *("generic", "preferred-generic", "non-preferred-generic", "specialty", "brand", "preferred-brand"),
        *("non-preferred-brand", "zero-cost-share-preventative", "medical-service"),
    },
    "PharmacyBenefitTypeCS": {
        f"{n}-month-{where}-{how}" for n in (1, 3) for where in ("in", "out") for how in ("retail", "mail")
    },
    "CostShareOptionCS": {
        *("after-deductible", "before-deductible", "no-charge", "no-charge-after-deductible", "charge"),
        *("deductible-waived", "copay-not-applicable", "coinsurance-not-applicable"),
    },
    "BenefitCostTypeCS": {"copay", "coinsurance"},
}


def extensions(raw: Mapping) -> dict[str, list[object]]:
    """{short name: values}: "…/usdf-DrugTierID-extension" is DrugTierID; a value may be a list of further extensions."""
    found: dict[str, list[object]] = defaultdict(list)
    for one in (*(raw.get("extension") or ()), *(raw.get("modifierExtension") or ())):
        name = str(one.get("url") or "").rpartition("/")[2].removeprefix("usdf-").removesuffix("-extension")
        found[name or "extension"].append(_value(one))
    return found


def _value(one: Mapping) -> object:
    if one.get("extension"):
        return {"extension": one["extension"]}
    return next((value for key, value in one.items() if key.startswith("value")), None)


def words(value: object) -> str:
    """Any FHIR value as a reader would say it."""
    if not isinstance(value, dict):
        return (
            "; ".join(filter(None, map(words, value)))
            if isinstance(value, list)
            else ""
            if value is None
            else worded(value)
        )
    if "extension" in value and len(value) == 1:
        return "; ".join(f"{label(name)} {words(inner)}" for name, inner in extensions(value).items())
    if "coding" in value or set(value) == {"text"}:
        return spoken(str(value.get("text") or "")) or ", ".join(distinct(map(words, value.get("coding") or ())))
    if "code" in value and "value" not in value:
        return spoken(str(value.get("display") or value["code"]))
    if "value" in value:
        return spoken(worded(value["value"]), str(value.get("unit") or value.get("code") or ""))
    if {"start", "end"} & value.keys():
        return f"{value.get('start', '')} to {value.get('end', '')}".strip()
    if "display" in value or "reference" in value:
        return spoken(str(value.get("display") or value.get("reference")))
    return ", ".join(f"{label(path.rpartition('.')[2])} {said}" for path, said in leaves(value, ""))


def label(name: str) -> str:
    """ "QuantityLimitDetail" -> "Quantity limit detail" """
    split = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).replace("-", " ").lower()
    return split[:1].upper() + split[1:]


def code_of(value: object) -> str:
    """The first code of a CodeableConcept."""
    codings = value.get("coding") or [] if isinstance(value, dict) else []
    return next((str(coding["code"]) for coding in codings if coding.get("code")), "")


def system_of(coding: Mapping) -> str:
    """A short name for a system of codes: "rxnorm", "ndc", else the last part of its address."""
    address = str(coding.get("system") or "")
    return _SYSTEMS.get(address.rstrip("/")) or re.split(r"[/:]", address.rstrip("/"))[-1].casefold() or "code"


def count_unknown(value: object, unused: Unused) -> None:
    """Counts codes of the guide's systems that the guide does not list, by system."""
    if isinstance(value, dict):
        system = str(value.get("system") or "").rpartition("/usdf-")[2].split("-")[0]
        if system in _CODES and value.get("code") not in _CODES[system]:
            unused[f"codes the guide does not list: {system}"] += 1
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            count_unknown(inner, unused)
