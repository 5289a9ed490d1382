"""Health Canada's Canadian Clinical Drug Data Set: CSV files, one a level, joined by their codes.

    tm    8002271    methimazole                                          the drug
    ntp   9014049    methimazole 5 mg oral tablet                         the drug in a strength and form
    mp    00015741   TAPAZOLE (methimazole 5 mg oral tablet) PALADIN …    the product of a company, with its DIN

Every drug, clinical drug, product and device is one Listed, under its own code (leading zeros kept). A literal NA is
nothing. Special groupings (controlled drugs) are the restriction of what they are for. A record that is not active
stays, and says so. Columns that no rule here uses are shown as they are called.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from probatum.errors import Rejected
from probatum.safeio import ASK_AGAIN, Limits
from sources import dates, tables
from sources.drug_lists.containers import Member
from sources.drug_lists.model import Listed, Unused, distinct
from sources.drug_lists.names import parts

FORMAT = "ccdd"
PART = "Health Canada CCDD"
_NULL = "NA"
_STATUS = {"active": "current", "deprec": "deprecated"}  # others as the publisher says them, in small letters


_LEVELS = {"tm": "tm", "ntp": "ntp", "mp": "mp", "device": "device_ntp"}  # {level: what its columns begin with}
_COMMON = ("code", "formal_name", "en_description", "fr_description", "status", "status_effective_time")
_PRODUCT = ("Health_Canada_identifier", "Health_Canada_product_name")


@dataclass(frozen=True)
class _Row:
    member: Member
    line: int
    cells: Mapping[str, str]  # {column in small letters: value}, "" for null
    names: Mapping[str, str]  # {column in small letters: as it is written}

    def __getitem__(self, column: str) -> str:
        return self.cells.get(column.casefold(), "")


def read(members: Mapping[str, Sequence[Member]], limits: Limits, unused: Unused) -> list[Listed]:
    """members: {kind: files}. Raises Rejected for a row without code or name, and for ragged rows."""
    rows = {kind.partition("-")[2]: [row for m in files for row in _rows(m, limits)] for kind, files in members.items()}
    above = _Above(rows)
    groupings = _groupings(rows, unused)
    listed = [
        _listed(row, kind, prefix, above, groupings.pop(row[f"{prefix}_code"], []))
        for kind, prefix in _LEVELS.items()
        for row in rows.get(kind, ())
    ]
    unused["special groupings of codes no file has"] += sum(map(len, groupings.values()))
    unused["relations of products no file has"] += above.unused({one.id for one in listed}) if rows.get("mp") else 0
    return listed


def _rows(member: Member, limits: Limits) -> list[_Row]:
    table = tables.read(member.name, member.path, limits, encodings=lambda _: ("utf-8", "cp1252"))[0]
    header = table.rows[0].cells
    folded = [cell.casefold() for cell in header]
    body = tables.body(table, 0, len(header))
    if not body:
        raise Rejected(f"{member.name} has a header and no rows.", next=ASK_AGAIN)
    names = dict(zip(folded, header, strict=True))
    return [
        _Row(member, row.number, {c: "" if v == _NULL else v for c, v in zip(folded, row.cells, strict=True)}, names)
        for row in body
    ]


class _Above:
    """What a product or clinical drug is of: {product: clinical drug}, {clinical drug: drug}, by name and code."""

    def __init__(self, rows: Mapping[str, Sequence[_Row]]):
        self._of_mp = {row["mp_code"]: row for row in rows.get("relation", ())}
        self._of_ntp = {row["ntp_code"]: row for row in rows.get("relation", ())}
        self._there = {level: {row[f"{level}_code"] for row in rows.get(level, ())} for level in ("ntp", "tm")}

    def of(self, kind: str, code: str) -> _Row | None:
        return {"mp": self._of_mp, "ntp": self._of_ntp}.get(kind, {}).get(code)

    def nearest(self, kind: str, code: str) -> str:
        """The code of the clinical drug or else the drug that has a record of its own in the release."""
        row = self.of(kind, code)
        levels = {"mp": ("ntp", "tm"), "ntp": ("tm",)}.get(kind, ()) if row else ()
        return next((row[f"{level}_code"] for level in levels if row[f"{level}_code"] in self._there[level]), "")

    def unused(self, codes: set[str]) -> int:
        return sum(code not in codes for code in self._of_mp)


def _groupings(rows: Mapping[str, Sequence[_Row]], unused: Unused) -> dict[str, list[tuple[str, str, str]]]:
    """{code: [(policy in words, since, reference)]}; those not active are counted."""
    words = {row["attribute_code"]: row["attribute_value"] for row in rows.get("attribute", ())}
    for row in rows.get("attribute", ()):
        for column in ("fr_attribute_value", "ccdd_file_type", "attribute_status", "attribute_status_effective_time"):
            unused[f"coded_attribute.{column}"] += bool(row[column])
    found: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
    for row in rows.get("grouping", ()):
        if row["special_groupings_status"].casefold() != "active":
            unused["special groupings not active"] += 1
            continue
        policy = row["policy_type"]
        since = _day(row["special_groupings_status_effective_time"])
        found[row["ccdd_code"]].append((words.get(policy, policy), since, row["policy_reference"]))
    return found


def _listed(row: _Row, kind: str, prefix: str, above: _Above, groupings: Iterable[tuple[str, str, str]]) -> Listed:
    code, name = row[f"{prefix}_code"], row[f"{prefix}_formal_name"]
    if not code or not name:
        raise Rejected(f"{row.member.name}, line {row.line}, has no code or no name.", next=ASK_AGAIN)
    relation = above.of(kind, code)
    brand = row["Health_Canada_product_name"]
    clinical = (relation["ntp_formal_name"] if relation else "") or _inside(name) if kind == "mp" else name
    apart = parts(clinical)
    drug = (relation["tm_formal_name"] if relation else "") or apart.drug
    since = _day(row[f"{prefix}_status_effective_time"])
    status = row[f"{prefix}_status"]
    grouped = list(groupings)
    french = row[f"{prefix}_fr_description"]
    identifier = row["Health_Canada_identifier"]
    return Listed(
        id=code,
        title=name,
        drug=drug,
        part=PART,
        member=row.member,
        format=FORMAT,
        strength=apart.strength,
        names=distinct((clinical if kind == "mp" else "", row[f"{prefix}_en_description"])),
        brands=(brand,) if brand else (),
        codes={"ccdd": (code,), **({"din": (identifier,)} if identifier else {})},
        above=above.nearest(kind, code),
        restriction="; ".join(distinct(policy for policy, _, _ in grouped)),
        starts=since if status.casefold() == "active" else "",
        status=_STATUS.get(status.casefold(), status.casefold() or "current"),
        details=(
            *((("In French", french),) if french else ()),
            *((("Status since", since),) if since and status.casefold() != "active" else ()),
            *(
                (("Clinical drug", relation["ntp_code"]), ("Therapeutic moiety", relation["tm_code"]))
                if relation
                else ()
            ),
            *(
                (f"{policy} since", said)
                for policy, day, reference in grouped
                if (said := f"{day} {reference}".strip())
            ),
            *_others(row, prefix),
        ),
    )


def _inside(name: str) -> str:
    """What is in the brackets of "BRAND (drug strength form) COMPANY"; the whole where there are none."""
    start, depth = name.find(" ("), 0
    if start < 0:
        return name
    for at in range(start + 1, len(name)):
        depth += {"(": 1, ")": -1}.get(name[at], 0)
        if not depth:
            return name[start + 2 : at]
    return name


def _others(row: _Row, prefix: str) -> Iterable[tuple[str, str]]:
    used = {f"{prefix}_{column}" for column in _COMMON} | {column.casefold() for column in _PRODUCT}
    return ((row.names[column], value) for column, value in row.cells.items() if value and column not in used)


def _day(text: str) -> str:
    day = dates.read(text)
    return day.isoformat() if day else text
