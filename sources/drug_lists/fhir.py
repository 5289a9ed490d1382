"""Formularies as HL7's Da Vinci US Drug Formulary guide has them, FHIR R4 (its first and second version).

    InsurancePlan (formulary) ◀── Basic (formulary item: tier, limits, period) ──▶ MedicationKnowledge (drug)
    InsurancePlan (what a payer offers: names the formulary, says what each tier costs)

Every formulary item is one Listed, with the drug's names and codes, the plans that use its formulary and what its tier
costs there. In the guide's first version the drug itself is the item, and a List the plan. A drug that no item lists
stands for itself. Unknown codes and extensions are kept in words; fields not shown are counted by path.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from probatum.errors import Rejected
from probatum.safeio import Limits
from sources.drug_lists import names
from sources.drug_lists.containers import Member
from sources.drug_lists.fhir_resources import Resource, Resources
from sources.drug_lists.fhir_words import code_of, count_unknown, extensions, label, system_of, words
from sources.drug_lists.model import Listed, Unused, distinct, leaves, spoken

FORMAT = "davinci-fhir"
UNLISTED = "FHIR drugs of no formulary"
_ITEM = "formulary-item"
_LIMITS = (  # (extension, in words, the extension that narrows it)
    ("PriorAuthorization", "prior authorization", "PriorAuthorizationNewStartsOnly"),
    ("StepTherapyLimit", "step therapy", "StepTherapyLimitNewStartsOnly"),
    ("QuantityLimit", "quantity limit", ""),
)
_SAID = {  # extensions that have a place of their own on the page
    *("FormularyReference", "DrugTierID", "AvailabilityStatus", "AvailabilityPeriod", "PlanID"),
    *("AdditionalCoverageInformation", "QuantityLimitDetail"),
    *(name for limit in _LIMITS for name in (limit[0], limit[2])),
}
_USED = {
    "Basic": {"extension", "modifierExtension", "code", "subject"},
    "MedicationKnowledge": {"extension", "modifierExtension", "code", "status", "synonym", "doseForm", "intendedRoute"},
    "InsurancePlan": {"identifier", "name", "period", "status", "coverage", "plan"},
    "List": {"identifier", "title", "status", "extension"},
}


def read(members: Mapping[str, Sequence[Member]], limits: Limits, unused: Unused) -> list[Listed]:
    """members: {kind: files}. Raises Rejected for what is not valid FHIR, and for items whose drug is not here."""
    resources = Resources(members["fhir"], unused)
    for type, used in _USED.items():
        for resource in resources.of(type):
            rest = {k: v for k, v in resource.raw.items() if k not in used and k not in ("resourceType", "id", "text")}
            unused[f"{type}.text"] += "text" in resource.raw
            unused.update(path for path, _ in leaves(rest, type))
            count_unknown(resource.raw, unused)
    return list(_Formularies(resources, unused).listed())


class _Formularies:
    def __init__(self, resources: Resources, unused: Unused):
        self._resources, self._unused = resources, unused
        self._payers: dict[int, list[Resource]] = defaultdict(list)  # {formulary: what payers offer it in}
        for plan in resources.of("InsurancePlan"):
            for coverage in plan["coverage"] or ():
                for reference in extensions(coverage).get("FormularyReference", ()):
                    if formulary := resources.target(plan, reference):
                        self._payers[id(formulary)].append(plan)
                rest = {k: v for k, v in coverage.items() if k != "extension"}
                unused.update(path for path, _ in leaves(rest, "InsurancePlan.coverage"))
        self._lists = {value: plan for plan in resources.of("List") for value in _identifiers(plan)}

    def listed(self) -> Iterator[Listed]:
        listed: set[int] = set()
        for item in self._resources.of("Basic"):
            if code_of(item["code"]) != _ITEM and "FormularyReference" not in extensions(item.raw):
                self._unused["FHIR resources Basic that are no formulary item"] += 1
                continue
            drug = self._resources.target(item, item["subject"])
            listed.add(id(drug))
            yield from self._item(item, drug)
        for drug in self._resources.of("MedicationKnowledge"):
            if id(drug) not in listed:
                yield from self._alone(drug)

    def _item(self, item: Resource, drug: Resource | None) -> Iterator[Listed]:
        reference = item["subject"] if isinstance(item["subject"], dict) else {}
        if drug is None and not reference.get("display"):
            raise Rejected(
                f"{item.member.name}: {item.name} lists a drug that is not in the release.",
                next="Send the MedicationKnowledge resources beside the formulary items.",
            )
        said = extensions(item.raw)
        references = said.get("FormularyReference", [])
        formulary = self._resources.target(item, references[0]) if references else None
        part = _first(_identifiers(formulary)) if formulary else ""
        part = part or (formulary.id if formulary else "") or _last(references)
        plans = self._payers.get(id(formulary), []) if formulary else []
        name = spoken(str(formulary["name"] or "")) if formulary else ""
        plan = spoken(name, f"({part})" if part else "", *(f"; {_plan_name(p)}" for p in plans))
        yield from self._listed(item, drug, reference, said, part, plan, plans, formulary)

    def _alone(self, drug: Resource) -> Iterator[Listed]:
        """A drug that is its own item (the guide's first version), once for each plan, or that nothing lists."""
        said = extensions(drug.raw)
        identities = [words(value) for value in said.get("PlanID", ())]
        if not identities:
            yield from self._listed(drug, drug, {}, said, UNLISTED, "", (), None)
        for identity in identities:
            plan = self._lists.get(identity)
            name = spoken(str(plan["title"] or "") if plan else "", f"({identity})")
            yield from self._listed(drug, drug, {}, said, identity, name, [plan] if plan else [], None)

    def _listed(self, item, drug, reference, said, part, plan, plans, formulary) -> Iterator[Listed]:
        codings = [
            c for c in ((drug["code"] or {}) if drug else {}).get("coding") or () if c.get("code") or c.get("display")
        ]
        if drug and (drug["status"] == "entered-in-error"):
            self._unused["drugs entered in error"] += 1
            return
        title = _title(drug, codings) or spoken(str(reference.get("display") or ""))
        if not title:
            raise Rejected(
                f"{drug.member.name}: {drug.name} has no name and no code.", next="Give every drug its code."
            )
        apart = names.parts(title)
        tier = said.get("DrugTierID", [None])[0]
        period = next((p for p in said.get("AvailabilityPeriod", ()) if isinstance(p, dict)), {})
        codes = _codes(codings)
        identity = (
            item.id or "-".join(filter(None, (part, *codes.get("rxnorm", ())[:1]))) or item.url.rpartition(":")[2]
        )
        yield Listed(
            id=f"MedicationKnowledge-{identity}"
            if part == UNLISTED
            else identity
            if item is not drug
            else f"{part}-{identity}",
            title=title,
            drug=apart.drug,
            part=part or UNLISTED,
            member=item.member,
            format=FORMAT,
            strength=apart.strength,
            route=", ".join(map(words, (drug["intendedRoute"] or ()) if drug else ())),
            names=distinct(
                (*(words(c) for c in codings if c.get("display")), *((drug["synonym"] or ()) if drug else ()))
            ),
            brands=(apart.brand,) if apart.brand else (),
            codes=codes,
            plan=plan,
            tier=words(tier),
            restriction=_restriction(said),
            criteria="\n".join(_criteria(said)),
            starts=str(period.get("start") or ""),
            ends=str(period.get("end") or ""),
            status=_status(said, drug, formulary),
            details=tuple(self._details(said, drug, tier, plans, item)),
        )

    def _details(self, said, drug, tier, plans, item) -> Iterator[tuple[str, str]]:
        yield from (
            (label(name), "; ".join(filter(None, map(words, values))))
            for name, values in said.items()
            if name not in _SAID
        )
        if drug and drug["doseForm"]:
            yield "Dose form", words(drug["doseForm"])
        if drug and drug is not item:
            for name, values in extensions(drug.raw).items():
                yield f"Drug {label(name).lower()}", "; ".join(filter(None, map(words, values)))
        for plan in plans:
            yield from _costs(plan, code_of(tier))


def _plan_name(plan: Resource) -> str:
    return spoken(str(plan["name"] or plan["title"] or ""), f"({_first(_identifiers(plan)) or plan.id})")


def _costs(plan: Resource, tier: str) -> Iterator[tuple[str, str]]:
    """ "Cost in Plan A, 1 month in network retail": "Copay 20 $, After Deductible; Coinsurance 20 %, …" """
    named = _first(_identifiers(plan)) or plan.id
    for cost in (cost for part in plan["plan"] or () for cost in part.get("specificCost") or ()):
        for benefit in cost.get("benefit") or ():
            if tier and code_of(benefit.get("type")) == tier:
                said = [
                    ", ".join(
                        filter(None, (spoken(words(c.get("type")), words(c.get("value"))), words(c.get("qualifiers"))))
                    )
                    for c in benefit.get("cost") or ()
                ]
                yield f"Cost in {named}, {words(cost.get('category'))}", "; ".join(said)
    for definition in extensions(plan.raw).get("DrugTierDefinition", ()):
        inner = extensions(definition) if isinstance(definition, dict) else {}
        if tier and any(code_of(value) == tier for values in inner.values() for value in values):
            yield f"Cost in {named}", words(definition)


def _title(drug: Resource | None, codings: Sequence[Mapping]) -> str:
    if drug is None:
        return ""
    said = spoken(str((drug["code"] or {}).get("text") or ""))
    shown = [coding for coding in codings if coding.get("display")]
    first = next((c for c in shown if system_of(c) == "rxnorm"), shown[0] if shown else None)
    return words(first) if first else said or (words(codings[0]) if codings else "")


def _codes(codings: Iterable[Mapping]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = defaultdict(list)
    for coding in codings:
        if coding.get("code"):
            found[system_of(coding)].append(str(coding["code"]))
    return {system: distinct(codes) for system, codes in found.items()}


def _restriction(said: Mapping[str, list]) -> str:
    found = []
    for name, limit, narrower in _LIMITS:
        if any(value is True for value in said.get(name, ())):
            new = any(value is True for value in said.get(narrower, ())) if narrower else False
            found.append(f"{limit} (new starts only)" if new else limit)
    return "; ".join(found) or ("none" if any(limit[0] in said for limit in _LIMITS) else "")


def _criteria(said: Mapping[str, list]) -> Iterator[str]:
    yield from filter(None, map(words, said.get("AdditionalCoverageInformation", ())))
    yield from (f"Quantity limit: {words(value)}" for value in said.get("QuantityLimitDetail", ()))


def _status(said: Mapping[str, list], drug: Resource | None, formulary: Resource | None) -> str:
    """ "current", unless the item, the drug or the formulary says otherwise; then the first that does."""
    stated = [
        *said.get("AvailabilityStatus", ()),
        drug["status"] if drug else None,
        formulary["status"] if formulary else None,
    ]
    return next((str(status) for status in stated if status not in (None, "active")), "current")


def _identifiers(resource: Resource) -> list[str]:
    return [spoken(str(one["value"])) for one in resource["identifier"] or () if one.get("value")]


def _first(values: Sequence[str]) -> str:
    return values[0] if values else ""


def _last(references: Sequence[object]) -> str:
    """The id a reference ends in."""
    first = references[0] if references else None
    return str(first.get("reference") or "").rpartition("/")[2] if isinstance(first, dict) else ""
