"""The FHIR resources of a release, whatever they came in, and the references between them.

    Resources([Member("items.ndjson", …), Member("bundle.json", …)], unused)
        .of("Basic")                                   -> the formulary items
        .target(item, {"reference": "urn:uuid:1f0c…"}) -> the resource meant, or None

Read are single resources, one resource a line (bulk export), and Bundles of any kind. What is used is validated as
FHIR R4; kinds of resources that no formulary is made of (patients, coverages …) are counted and not looked at.
References may be relative, absolute, urn:uuid or urn:oid of a bundle, contained ("#a"), versioned, or an identifier.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from probatum import digests
from probatum.errors import Rejected
from probatum.safeio import ASK_AGAIN
from sources.drug_lists import strict_json
from sources.drug_lists.containers import Member
from sources.drug_lists.model import Unused

_LONGEST_PLACE = 80  # characters of where a resource is wrong, in a message
_DEEPEST_BUNDLE = 3


@dataclass(frozen=True, eq=False)
class Resource:
    raw: dict
    member: Member
    url: str  # where its bundle says it is; "" outside one

    def __getitem__(self, name: str) -> object:
        return self.raw.get(name)

    @property
    def type(self) -> str:
        return self.raw["resourceType"]

    @property
    def id(self) -> str:
        return self.raw.get("id") or ""

    @property
    def name(self) -> str:
        return f"{self.type}/{self.id}"

    @property
    def base(self) -> str:
        """The server it is from: "https://payer.example/fhir/"."""
        return self.url.removesuffix(self.name) if self.id and self.url.endswith(self.name) else ""


class Resources:
    def __init__(self, members: Sequence[Member], unused: Unused):
        self._unused = unused
        self._of: dict[str, list[Resource]] = defaultdict(list)
        self._by_url: dict[str, Resource] = {}
        self._by_name: dict[str, Resource] = {}
        self._by_identifier: dict[tuple[str, str, str], Resource] = {}
        self._matches, self._totals = 0, 0
        for member in members:
            for where, value in _values(member):
                self._take(value, member, where, "", 0)
        if self._matches < self._totals:
            raise Rejected(
                f"Bundles of this release hold {self._matches} of the {self._totals} resources they speak of.",
                next="Download the further pages (link next) too, and run the refresh again.",
            )

    def of(self, type: str) -> list[Resource]:
        return self._of[type]

    def target(self, of: Resource, reference: object) -> Resource | None:
        """What a reference of a resource means, or None, counted, where it is not in the release."""
        if not isinstance(reference, dict):
            return None
        found = self._named(of, str(reference.get("reference") or "")) or self._identified(reference)
        if found is None:
            self._unused[f"references of {of.type} to what is not here"] += 1
        return found

    def _named(self, of: Resource, name: str) -> Resource | None:
        if name.startswith("#"):
            inside = [raw for raw in of.raw.get("contained") or () if f"#{raw.get('id')}" == name]
            return Resource(inside[0], of.member, "") if inside else None
        name = name.partition("/_history/")[0].partition("|")[0]
        short = "/".join(name.rsplit("/", 2)[-2:])
        return self._by_url.get(name) or self._by_url.get(of.base + name) or self._by_name.get(short)

    def _identified(self, reference: dict) -> Resource | None:
        identifier = reference.get("identifier") or {}
        key = (str(reference.get("type") or ""), identifier.get("system") or "", identifier.get("value") or "")
        return self._by_identifier.get(key) or self._by_identifier.get(("", *key[1:])) if key[2] else None

    def _take(self, raw: object, member: Member, where: str, url: str, depth: int) -> None:
        if not isinstance(raw, dict) or not isinstance(raw.get("resourceType"), str):
            raise Rejected(f"{where} is no FHIR resource: it has no resourceType.", next=ASK_AGAIN)
        if raw["resourceType"] == "Bundle":
            self._open(raw, member, where, depth)
            return
        if raw["resourceType"] not in _models():
            kind = raw["resourceType"][:_LONGEST_PLACE]
            self._unused[f"FHIR resources {kind if kind.isalnum() else 'of a strange kind'}"] += 1
            return
        _validate(raw, where)
        self._add(Resource(raw, member, url), where)

    def _open(self, bundle: dict, member: Member, where: str, depth: int) -> None:
        entries = bundle.get("entry") or []
        if depth > _DEEPEST_BUNDLE or not isinstance(entries, list):
            raise Rejected(f"{where} is a Bundle that cannot be opened.", next=ASK_AGAIN)
        links = bundle.get("link") or []
        if isinstance(bundle.get("total"), int) and any(
            isinstance(link, dict) and link.get("relation") == "next" for link in links
        ):
            self._totals = max(self._totals, bundle["total"])
        for number, entry in enumerate(entries, 1):
            if not isinstance(entry, dict) or "resource" not in entry:
                self._unused["Bundle entries without a resource"] += 1
                continue
            search = entry.get("search")
            self._matches += not isinstance(search, dict) or search.get("mode", "match") == "match"
            self._take(
                entry["resource"], member, f"{where}, entry {number}", str(entry.get("fullUrl") or ""), depth + 1
            )

    def _add(self, resource: Resource, where: str) -> None:
        name = resource.base + resource.name if resource.id else resource.url or f"{where}"
        before = self._by_url.get(name)
        if before is not None:
            if digests.of_json(_plain(before.raw)) != digests.of_json(_plain(resource.raw)):
                raise Rejected(
                    f"{where}: {resource.name} stands twice in this release and says two things.",
                    next="Give the files of one issue only, in a folder of their own.",
                )
            self._unused["FHIR resources said twice, word for word"] += 1
            return
        self._by_url[name] = resource
        if resource.url:
            self._by_url.setdefault(resource.url, resource)
        if resource.id:
            self._by_name.setdefault(resource.name, resource)
        for identifier in resource["identifier"] or ():
            for type in (resource.type, ""):
                key = (type, identifier.get("system") or "", identifier.get("value") or "")
                self._by_identifier.setdefault(key, resource)
        self._of[resource.type].append(resource)


def _values(member: Member) -> Iterator[tuple[str, object]]:
    if strict_json.is_lines(member):
        yield from ((f"{member.name}, line {number}", value) for number, value in strict_json.lines(member))
    else:
        yield member.name, strict_json.load(member)


@cache
def _models() -> dict[str, type]:
    """The resources a formulary is made of; List is a plan in the guide's first version. Imported when needed: 1 s."""
    from fhir.resources.R4B.basic import Basic
    from fhir.resources.R4B.insuranceplan import InsurancePlan
    from fhir.resources.R4B.list import List
    from fhir.resources.R4B.medicationknowledge import MedicationKnowledge

    return {model.__name__: model for model in (Basic, InsurancePlan, List, MedicationKnowledge)}


def _validate(raw: dict, where: str) -> None:
    """The narrative is left out: it is for people, checked slowly, and not used."""
    from pydantic import ValidationError

    try:
        _models()[raw["resourceType"]].model_validate({name: value for name, value in raw.items() if name != "text"})
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"] if isinstance(part, int) or str(part).isidentifier())
        raise Rejected(
            f"{where}: this {raw['resourceType']} is not valid FHIR R4 at {place[:_LONGEST_PLACE] or 'its top'} "
            f"({first['type'][:_LONGEST_PLACE]}; {error.error_count()} in all).",
            next=ASK_AGAIN,
        ) from None


def _plain(value: object) -> object:
    """Without what JSON written by two programs may differ in; numbers as text."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in sorted(value.items())}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value if isinstance(value, bool) or value is None else str(value)
