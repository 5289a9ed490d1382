"""The XML files of dm+d as flat records, and its lookup as words.

    <VMP><VPID>347208002</VPID><NM>Pilocarpine … 6% eye drops</NM>…</VMP>
    -> Record("VMP", {"VPID": "347208002", "NM": "Pilocarpine … 6% eye drops", …}, member)

A record is an element that holds nothing but elements with text. What is read of it is remembered, so that what is
not can be counted by name: {"VMP.BASISCD": 7}.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from probatum.errors import Rejected
from probatum.safeio import ASK_AGAIN, Limits, xml_events
from sources.drug_lists.containers import Member
from sources.drug_lists.model import Unused, spoken


@dataclass(frozen=True)
class Record:
    tag: str
    cells: dict[str, str]
    member: Member
    around: dict[str, str]  # the cells of the element it stands in

    def __getitem__(self, name: str) -> str:
        return self.cells.get(name, "")


class Lookup:
    """{table: {code: words}}; a code without words is itself, and counted."""

    def __init__(self, members: Iterable[Member], limits: Limits, unused: Unused):
        self._words: dict[tuple[str, str], str] = {}
        self._unused = unused
        for member in members:
            for table, record in tabled(member, limits):
                for code in (record["CD"], record["CDPREV"]):
                    if code:
                        self._words.setdefault((table, code.lstrip("0")), record["DESC"])
                count(record, {"CD", "CDPREV", "DESC"}, f"lookup.{record.tag}", unused)

    def __call__(self, table: str, code: str) -> str:
        if not code:
            return ""
        words = self._words.get((table, code.lstrip("0")))
        if words is None:
            self._unused[f"codes without words: {table}"] += 1
        return code if words is None else words


def records(member: Member, limits: Limits) -> Iterator[Record]:
    yield from (record for _, record in tabled(member, limits))


def tabled(member: Member, limits: Limits) -> Iterator[tuple[str, Record]]:
    """(name of the element around it, record). Raises Rejected for XML that is broken or declares entities."""
    path: list[str] = []
    cells: list[dict[str, str]] = []  # of each open element
    with member.path.open("rb") as stream:
        for event, element in xml_events(stream, limits, what=member.name):
            if event == "start":
                path.append(element.tag.rpartition("}")[2])
                cells.append({})
                continue
            tag, inner = path.pop(), cells.pop()
            if inner and path:
                yield path[-1], Record(tag, inner, member, cells[-1])
            elif cells and (said := spoken(element.text or "")):
                if tag in cells[-1]:
                    raise Rejected(f"{member.name} has a {path[-1][:40]} with two {tag[:40]}.", next=ASK_AGAIN)
                cells[-1][tag] = said
            element.clear()


def count(record: Record, used: Iterable[str], name: str, unused: Unused) -> None:
    for cell in record.cells.keys() - set(used):
        unused[f"{name}.{cell}"] += 1
