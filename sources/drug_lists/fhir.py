"""Formularies as HL7's Da Vinci US Drug Formulary guide has them, FHIR R4 (its first and second version).

    InsurancePlan (formulary) ◀── Basic (formulary item: tier, limits, period) ──▶ MedicationKnowledge (drug)
    InsurancePlan (what a payer offers: names the formulary, says what each tier costs)

Every formulary item is one Listed, with the drug's names and codes, the plans that use its formulary and what its tier
costs there. In the guide's first version the drug itself is the item, and a List the plan. A drug that no item lists
stands for itself. Unknown codes and extensions are kept in words; fields not shown are counted by path.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from probatum.errors import Rejected
from probatum.safeio import Limits
from sources.drug_lists import names
from sources.drug_lists.containers import Member
from sources.drug_lists.fhir_resources import Resource, Resources
from sources.drug_lists.fhir_words import code_of, count_unknown, extensions, label, system_of, words
from sources.drug_lists.model import Listed, Unused, distinct, identity, leaves, spoken

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


@dataclass(frozen=True)
class _Place:
    """Where a drug is listed: the part of the release, in words, the plans that offer it, and what its state is."""

    part: str
    plan: str = ""
    plans: tuple[Resource, ...] = ()
    status: object = None


class _Formularies:
    def __init__(self, resources: Resources, unused: Unused):
        self._resources, self._unused = resources, unused
        self._payers: dict[int, list[Resource]] = defaultdict(list)  # {formulary: what payers offer it in}
        for plan in resources.of("InsurancePlan"):
            for coverage in plan["coverage"] or ():
                for reference in extensions(coverage).get("FormularyReference", ()):
                    if formulary := resources.target(plan, reference):
                        self._payers[id(formulary.raw)].append(plan)
                rest = {k: v for k, v in coverage.items() if k != "extension"}
                unused.update(path for path, _ in leaves(rest, "InsurancePlan.coverage"))
            for part in plan["plan"] or ():
                rest = {k: v for k, v in part.items() if k != "specificCost"}
                unused.update(path for path, _ in leaves(rest, "InsurancePlan.plan"))
        self._lists = {value: plan for plan in resources.of("List") for value in _identifiers(plan)}

    def listed(self) -> Iterator[Listed]:
        listed: set[int] = set()
        for item in self._resources.of("Basic"):
            if code_of(item["code"]) != _ITEM and "FormularyReference" not in extensions(item.raw):
                self._unused["FHIR resources Basic that are no formulary item"] += 1
                continue
            drug = self._resources.target(item, item["subject"])
            if drug is None:
                raise Rejected(
                    f"{item.member.name}: {item.name} lists a drug that is not in the release.",
                    next="Send the MedicationKnowledge resources beside the formulary items.",
                )
            listed.add(id(drug.raw))
            yield from self._listed(item, drug, self._place(item))
        for drug in self._resources.of("MedicationKnowledge"):
            for place in self._own_places(drug) if id(drug.raw) not in listed else ():
                yield from self._listed(drug, drug, place)

    def _place(self, item: Resource) -> _Place:
        references = extensions(item.raw).get("FormularyReference", [])
        formulary = self._resources.target(item, references[0]) if references else None
        if formulary is None:
            return _Place(_last(references) or UNLISTED)
        part = _first(_identifiers(formulary)) or formulary.id or _last(references)
        plans = tuple(self._payers.get(id(formulary.raw), ()))
        name = spoken(str(formulary["name"] or ""), f"({part})")
        return _Place(part, "; ".join((name, *map(_plan_name, plans))), plans, formulary["status"])

    def _own_places(self, drug: Resource) -> Iterator[_Place]:
        """Of a drug that is its own item (the guide's first version) the plans, or that nothing lists it."""
        plan_ids = [words(value) for value in extensions(drug.raw).get("PlanID", ())]
        for plan_id in plan_ids:
            plan = self._lists.get(plan_id)
            name = spoken(str(plan["title"] or "") if plan else "", f"({plan_id})")
            yield _Place(plan_id, name, (plan,) if plan else ())
        if not plan_ids:
            yield _Place(UNLISTED)

    def _listed(self, item: Resource, drug: Resource, place: _Place) -> Iterator[Listed]:
        if drug["status"] == "entered-in-error":
            self._unused["drugs entered in error"] += 1
            return
        codings = [c for c in (drug["code"] or {}).get("coding") or () if c.get("code") or c.get("display")]
        title = _title(drug, codings)
        if not title:
            raise Rejected(
                f"{drug.member.name}: {drug.name} has no name and no code.", next="Give every drug its code."
            )
        apart, codes, said = names.parts(title), _codes(codings), extensions(item.raw)
        tier = said.get("DrugTierID", [None])[0]
        period = next((p for p in said.get("AvailabilityPeriod", ()) if isinstance(p, dict)), {})
        yield Listed(
            id=identity(_id(item, place.part, codes, alone=item is drug)),
            title=title,
            drug=apart.drug,
            part=place.part,
            member=item.member,
            format=FORMAT,
            strength=apart.strength,
            route=", ".join(map(words, drug["intendedRoute"] or ())),
            names=distinct((*(words(c) for c in codings if c.get("display")), *(drug["synonym"] or ()))),
            brands=(apart.brand,) if apart.brand else (),
            codes=codes,
            plan=place.plan,
            tier=words(tier),
            restriction=_restriction(said),
            criteria="\n".join(_criteria(said)),
            starts=str(period.get("start") or ""),
            ends=str(period.get("end") or ""),
            status=_status(*said.get("AvailabilityStatus", ()), drug["status"], place.status),
            details=tuple(_details(item, drug, said, code_of(tier), place.plans)),
        )


def _id(item: Resource, part: str, codes: Mapping[str, tuple[str, ...]], *, alone: bool) -> str:
    """The resource's id; without one, plan and code; of a drug that is its own item, with the plan."""
    own = item.id or "-".join((part, *codes.get("rxnorm", (item.url.rpartition(":")[2],))[:1]))
    if not alone:
        return own
    return f"MedicationKnowledge-{own}" if part == UNLISTED else f"{part}-{own}"


def _details(item: Resource, drug: Resource, said, tier: str, plans: Iterable[Resource]) -> Iterator[tuple[str, str]]:
    for name, values in said.items():
        if name not in _SAID:
            yield label(name), "; ".join(filter(None, map(words, values)))
    if drug["doseForm"]:
        yield "Dose form", words(drug["doseForm"])
    if drug is not item:
        for name, values in extensions(drug.raw).items():
            yield f"Drug {label(name).lower()}", "; ".join(filter(None, map(words, values)))
    for plan in plans:
        yield from _costs(plan, tier)


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


def _title(drug: Resource, codings: Sequence[Mapping]) -> str:
    """The name of its RxNorm code, else of its first code, else its text, else the code itself."""
    shown = [coding for coding in codings if coding.get("display")]
    first = next((coding for coding in shown if system_of(coding) == "rxnorm"), shown[0] if shown else None)
    if first:
        return words(first)
    return spoken(str((drug["code"] or {}).get("text") or "")) or (words(codings[0]) if codings else "")


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


def _status(*stated: object) -> str:
    """ "current", unless the item, the drug or the formulary says otherwise; then the first that does."""
    return next((str(status) for status in stated if status not in (None, "active")), "current")


def _identifiers(resource: Resource) -> list[str]:
    return [spoken(str(one["value"])) for one in resource["identifier"] or () if one.get("value")]


def _first(values: Sequence[str]) -> str:
    return values[0] if values else ""


def _last(references: Sequence[object]) -> str:
    """The id a reference ends in."""
    first = references[0] if references else None
    return str(first.get("reference") or "").rpartition("/")[2] if isinstance(first, dict) else ""
