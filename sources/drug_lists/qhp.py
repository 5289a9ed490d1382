"""Formularies of US marketplace plans as CMS describes them: `index.json`, `plans.json`, `drugs.json`.

    {"rxnorm_id": "209459", "drug_name": "Lialda 1.2 mg tablet", "plans": [{"plan_id": "12345XX9876543", …}, …]}
    -> one Listed for each plan that covers the drug, id "12345XX9876543-209459", with the plan's name and what its
       tier costs there

Files may come singly or together. Where there is an index, it says which files are the release, and each must be
there. Fields CMS does not describe are shown as they are; what is said of a plan beyond its name, year and formulary
is counted.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from probatum import digests
from probatum.errors import Rejected
from probatum.safeio import ASK_AGAIN, Limits
from sources.drug_lists import names, strict_json
from sources.drug_lists.containers import Member
from sources.drug_lists.model import Listed, Unused, identity, leaves, spoken, worded
from sources.formulary_text import slug

FORMAT = "cms-qhp"
_FLAGS = {
    "prior_authorization": "prior authorization",
    "step_therapy": "step therapy",
    "quantity_limit": "quantity limit",
}
_MARKETPLACE = "HIOS-PLAN-ID"
_ENTRY = frozenset({"plan_id_type", "plan_id", "drug_tier", "years", *_FLAGS})
_PLAN = frozenset({"plan_id_type", "plan_id", "marketing_name", "formulary", "years", "last_updated_on"})
_NO = (None, False, "", "false", "False", "no", "N", 0)
_YES = (True, "true", "True", "yes", "Y", 1)


@dataclass(frozen=True)
class _Plan:
    name: str
    updated: str
    tiers: Mapping[str, tuple[tuple[str, str], ...]]  # what a tier costs: (label, value)


def read(members: Mapping[str, Sequence[Member]], limits: Limits, unused: Unused) -> list[Listed]:
    """members: {kind: files}. Raises Rejected for files an index names that are not there, and for broken lists."""
    wanted = _named_by_index(members, unused)
    plans = _plans([m for m in members.get("qhp-plans", ()) if m in wanted], unused)
    for member in members.get("qhp-providers", ()):
        unused["providers.json, a list of providers"] += len(_records(member))
    listed = [
        one
        for member in members.get("qhp-drugs", ())
        if member in wanted
        for number, drug in enumerate(_records(member), 1)
        for one in _of_drug(drug, plans, member, f"{member.name}, drug {number},", unused)
    ]
    if members.get("qhp-plans") and not members.get("qhp-drugs"):
        raise Rejected(
            "There are plans here, but no list of drugs (drugs.json).", next="Send the drugs beside the plans."
        )
    return _told_apart(listed, unused)


def _named_by_index(members: Mapping[str, Sequence[Member]], unused: Unused) -> set[Member]:
    """The plans and drugs of the release: those an index names, or all where there is none."""
    there = [*members.get("qhp-plans", ()), *members.get("qhp-drugs", ())]
    if not members.get("qhp-index"):
        return set(there)
    wanted: set[Member] = set()
    for index in members["qhp-index"]:
        said = strict_json.load(index)
        for kind in ("plan_urls", "formulary_urls"):
            for address in _listed(said.get(kind)) if isinstance(said, dict) else ():
                wanted.add(_beside(index, str(address), there))
        unused["index.provider_urls"] += len(_listed(said.get("provider_urls")) if isinstance(said, dict) else ())
    unused["files no index names"] += len(set(there) - wanted)
    return wanted


def _beside(index: Member, address: str, there: Iterable[Member]) -> Member:
    """The file an address names: that of the same name, and of the two that may be, the one whose folders agree."""
    path = PurePosixPath(unquote(urlsplit(address).path))
    found = [member for member in there if PurePosixPath(member.name).name == path.name]
    if not found:
        raise Rejected(
            f"{index.name} names {path.name[:80]}, which is not beside it as a list of plans or drugs.",
            next="Download the files the index names into its folder and run the refresh again.",
        )
    return max(found, key=lambda member: _shared(PurePosixPath(member.name).parts, path.parts))


def _shared(one: Sequence[str], other: Sequence[str]) -> int:
    """How many parts two paths have in common, from the end."""
    count = 0
    for a, b in zip(reversed(one), reversed(other), strict=False):
        if a != b:
            break
        count += 1
    return count


def _plans(members: Iterable[Member], unused: Unused) -> dict[str, _Plan]:
    plans: dict[str, _Plan] = {}
    for member in members:
        for number, raw in enumerate(_records(member), 1):
            plan_id = _part(raw)
            if not plan_id:
                raise Rejected(f"{member.name}, plan {number}, has no plan_id.", next=ASK_AGAIN)
            if plan_id in plans:
                raise Rejected(
                    f"{member.name}, plan {number}: plan {plan_id[:40]} stands twice in this release.",
                    next="Give the files of one issue only, in a folder of their own.",
                )
            tiers = {}
            for tier in _listed(raw.get("formulary")):
                if isinstance(tier, dict):
                    tiers.setdefault(worded(tier.get("drug_tier", "")), []).extend(_costs(tier))
            plans[plan_id] = _Plan(
                spoken(str(raw.get("marketing_name") or "")),
                spoken(str(raw.get("last_updated_on") or "")),
                {tier: tuple(costs) for tier, costs in tiers.items()},
            )
            for path, _ in leaves({key: value for key, value in raw.items() if key not in _PLAN}, "plans"):
                unused[path] += 1
    return plans


def _costs(tier: Mapping) -> Iterable[tuple[str, str]]:
    """ "Cost 1-MONTH-IN-RETAIL": "copay_amount 20.0, copay_opt AFTER-DEDUCTIBLE, coinsurance_rate 0.10" """
    if tier.get("mail_order") is not None:
        yield "Mail order", worded(tier["mail_order"])
    for cost in _listed(tier.get("cost_sharing")):
        if isinstance(cost, dict):
            rest = {key: value for key, value in cost.items() if key != "pharmacy_type"}
            said = ", ".join(f"{path[1:].replace('_', ' ')} {value}" for path, value in leaves(rest, ""))
            yield f"Cost {worded(cost.get('pharmacy_type') or '')}".strip(), said
    for path, value in leaves(
        {k: v for k, v in tier.items() if k not in ("drug_tier", "mail_order", "cost_sharing")}, ""
    ):
        yield f"Tier {path[1:]}", value


def _of_drug(drug: Mapping, plans: Mapping[str, _Plan], member: Member, what: str, unused: Unused) -> Iterable[Listed]:
    code, name = spoken(str(drug.get("rxnorm_id") or "")), spoken(str(drug.get("drug_name") or ""))
    if not name:
        raise Rejected(f"{what} has no drug_name.", next=ASK_AGAIN)
    if not code:
        raise Rejected(f"{what} has no rxnorm_id.", next=ASK_AGAIN)
    entries = drug.get("plans")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise Rejected(f"{what} has no list of plans.", next=ASK_AGAIN)
    if not entries:
        unused["drugs that no plan covers"] += 1
    parts = names.parts(name)
    beside = _details({k: v for k, v in drug.items() if k not in ("rxnorm_id", "drug_name", "plans")})
    for entry in entries:
        plan_id, tier = _part(entry), worded(entry.get("drug_tier") or "")
        if not plan_id:
            raise Rejected(f"{what} is covered by a plan without plan_id.", next=ASK_AGAIN)
        plan = plans.get(plan_id)
        if plans and plan is None:
            unused["drugs of plans that plans.json does not have"] += 1
        yield Listed(
            id=identity(f"{plan_id}-{code}"),
            title=name,
            drug=parts.drug,
            part=plan_id,
            member=member,
            format=FORMAT,
            strength=parts.strength,
            brands=(parts.brand,) if parts.brand else (),
            codes={"rxnorm": (code,)},
            plan=spoken(plan.name if plan else "", f"({plan_id})"),
            tier=tier,
            restriction=_restriction(entry),
            details=(
                *(
                    ("Years", ", ".join(map(worded, _listed(entry.get("years")))))
                    for _ in _listed(entry.get("years"))[:1]
                ),
                *(plan.tiers.get(tier, ()) if plan else ()),
                *((("Plan last updated", plan.updated),) if plan and plan.updated else ()),
                *beside,
                *_details({key: value for key, value in entry.items() if key not in _ENTRY}),
            ),
        )


def _part(entry: Mapping) -> str:
    """The plan's id, with its kind where that is not the marketplace's."""
    kind, plan_id = (spoken(str(entry.get(key) or "")) for key in ("plan_id_type", "plan_id"))
    return plan_id if not plan_id or kind in ("", _MARKETPLACE) else f"{kind}:{plan_id}"


def _restriction(entry: Mapping) -> str:
    """What is asked for, in CMS's order; "none" where all is answered with no, "" where nothing is said."""
    said = [
        label if entry[key] in _YES else f"{label}: {worded(entry[key])}"
        for key, label in _FLAGS.items()
        if key in entry and entry[key] not in _NO
    ]
    return "; ".join(said) or ("none" if any(key in entry for key in _FLAGS) else "")


def _details(rest: Mapping) -> list[tuple[str, str]]:
    return [(path[1:].replace("_", " "), value) for path, value in leaves(dict(rest), "")]


def _records(member: Member) -> list[dict]:
    value = strict_json.load(member)
    records = value if isinstance(value, list) else [value]
    wrong = next((number for number, record in enumerate(records, 1) if not isinstance(record, dict)), None)
    if wrong or not records:
        raise Rejected(
            f"{member.name} {f'has no object as record {wrong}' if wrong else 'is an empty list'}.", next=ASK_AGAIN
        )
    return records


def _listed(value: object) -> list:
    return value if isinstance(value, list) else [] if value is None else [value]


def _told_apart(listed: Iterable[Listed], unused: Unused) -> list[Listed]:
    """One code of one plan said twice: once if it says the same, else with the name, else numbered by content."""
    groups: dict[str, dict[str, Listed]] = defaultdict(dict)
    for one in listed:
        before = groups[one.id].setdefault(_content(one), one)
        unused["drugs said twice, word for word"] += before is not one
    found = []
    for group in groups.values():
        ids: dict[str, int] = defaultdict(int)
        for content in sorted(group):
            one = group[content]
            if len(group) > 1:
                named = f"{one.id}-{slug(one.title)}"
                ids[named] += 1
                one = replace(one, id=named if ids[named] == 1 else f"{named}-{ids[named]}")
            found.append(one)
    return found


def _content(one: Listed) -> str:
    return digests.of_json([one.title, one.tier, one.restriction, one.plan, *map(list, one.details)])
