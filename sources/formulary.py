"""A hospital's or a plan's formulary: the drugs it lists, with strengths, brands, tiers and restrictions.

It comes as a table (CSV, XLSX) or in a format of its publisher (`sources.drug_lists`), also in an archive; which one,
its content decides. One row or one listed drug is one document. Its id is the publisher's where there is one, else it
is made from name and strength ("amoxicillin-500-mg-cap"), the same in every release. A release of tables may be
several lists: what is listed, what is restricted (criteria by drug), what is excluded. Criteria go to the listed items
of the same drug, and stand as a document of their own where the drug is not listed.

    item_id,generic_name,strength_form,…
    NGH-0001,amlodipine,5 mg tablet,…       ->  Document("NGH-0001", "amlodipine 5 mg tablet", family="amlodipine", …)

Nothing a publisher wrote is interpreted; what is not shown is counted by name in `dropped`. How columns are known:
`sources.columns`. How bytes become rows: `sources.tables`.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date, timedelta
from itertools import chain, combinations
from pathlib import Path, PurePosixPath

from probatum import digests
from probatum.errors import Rejected
from probatum.records import Document, SourceRelease
from probatum.safeio import Limits
from sources import columns, dates, tables
from sources.base import Found, Offered, Source
from sources.drug_lists import containers, dmd, page, reading
from sources.drug_lists.containers import Member
from sources.formulary_family import family_and_drugs, family_of
from sources.formulary_ids import identified
from sources.formulary_rows import NO_RESTRICTION, Entry, entries_of
from sources.formulary_text import document, slug
from sources.lexicon.ingredients import normalised
from sources.locate import files_at, is_address, to_be_told, valid_from_name

__all__ = ["Formulary", "attach_criteria", "family_of", "identified", "read_entries"]

_SAMPLE = Path(__file__).parent / "samples" / "formulary" / "2026-07.csv"
_SAMPLE_RELEASE = ("2026-07", date(2026, 7, 1))
_SAME_LIST = 0.5  # share of the smaller table's items from which two tables are two issues of one list
_ENOUGH_ROWS = 5


class Formulary(Source):
    name = "formulary"
    title = "Hospital formulary"
    licence = "as its hospital states"
    cadence = timedelta(days=1)
    limits = Limits()

    def find(self, origin: str | None) -> Found:
        if origin is None:
            name, valid_from = _SAMPLE_RELEASE
            release = SourceRelease(self.name, name, valid_from, "sample of the project, invented", "embedded sample")
            return Found(release, (Offered(_SAMPLE.name, str(_SAMPLE)),))
        files = files_at(origin, suffixes=containers.SUFFIXES)
        name, valid_from = _release_name(origin, files)
        return Found(SourceRelease(self.name, name, valid_from, self.licence, to_be_told(origin)), tuple(files))

    def parse(self, files: Mapping[str, Path], release: SourceRelease) -> Iterator[Document]:
        """Documents of the whole release; `dropped` says afterwards what was left aside, by name."""
        unused: Counter[str] = Counter()
        self.dropped: dict[str, int] = {}
        with containers.opened(files, self.limits, unused) as members:
            by_kind = reading.by_kind(members, self.limits, unused)
            tabled = by_kind.pop("table", [])
            listed = reading.read(by_kind, self.limits, unused)
            entries, aside = read_entries({member.name: member.path for member in tabled}, self.limits)
        self.dropped = dict(sorted((+(unused + Counter(aside))).items()))
        sha256 = {name: digests.of_file(path) for name, path in files.items()}
        of_tables = _documents(entries, {member.name: member for member in tabled}, release, sha256)
        of_formats = (page.document(one, release, sha256[one.member.file]) for one in listed)
        yield from reading.once(chain(of_tables, of_formats))


def _documents(
    entries: list[Entry], members: Mapping[str, Member], release: SourceRelease, sha256: Mapping[str, str]
) -> Iterator[Document]:
    for identity, entry in identified(attach_criteria(entries)):
        family, drugs = family_and_drugs(entry.generic, entry.strength)
        file = members[entry.file].file
        made = document(entry, identity, family, drugs, release, sha256[file])
        yield made if file == entry.file else replace(made, file=file, meta={**made.meta, "member": entry.file})


def read_entries(files: Mapping[str, Path], limits: Limits) -> tuple[list[Entry], dict[str, int]]:
    """Every row of every list, and what was left aside: {"sheets that are no list of drugs": 1, …}.

    Raises Rejected for a file in which no table is a list of drugs, and for two issues of one list in one release.
    """
    entries: list[Entry] = []
    aside: Counter[str] = Counter()
    for name, path in sorted(files.items()):
        read = tables.read(name, path, limits, encodings=lambda head, name=name: _encodings(head, name))
        layouts = [(table, columns.choose(table.rows, f"{name} {table.name}")) for table in read]
        if not any(layout for _, layout in layouts):
            raise Rejected(
                f"{name} has no column for the drug's name (generic name, drug name, medication …). "
                f"Columns seen: {columns.seen(read[0].rows)}.",
                next="Rename the column, or write a column map for this publisher in sources/maps.",
            )
        for table, layout in layouts:
            if layout is None:
                aside["sheets that are no list of drugs"] += 1
                continue
            aside["rows above a header"] += layout.header
            entries += entries_of(table, name, layout)
    _refuse_two_issues(entries)
    return entries, dict(+aside)


def attach_criteria(entries: Iterable[Entry]) -> list[Entry]:
    """Criteria by drug, put with the listed items of that drug (equal names only); the others stay as they are.

    A brand the criteria are for is named with them: an item of another brand shows whose criteria it carries.
    """
    entries = list(entries)
    restricted: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        if entry.list == "restricted":
            restricted[normalised(entry.generic)].append(entry)
    listed = {normalised(entry.generic) for entry in entries if entry.list == "formulary"}
    kept = [entry for entry in entries if entry.list != "restricted" or normalised(entry.generic) not in listed]
    return [_with_criteria(entry, restricted.get(normalised(entry.generic), [])) for entry in kept]


def _encodings(head, name: str) -> tuple[str, ...]:
    layout = columns.choose(head, name) if head else None
    return layout.encodings if layout else ("utf-8", "cp1252")


def _with_criteria(entry: Entry, rows: list[Entry]) -> Entry:
    if entry.list == "restricted":
        return replace(entry, restriction=entry.restriction or "restricted")
    if entry.list == "excluded" or not rows:
        return entry
    own = {brand.casefold() for brand in entry.brands}
    said = []
    for row in rows:
        others = [brand for brand in row.brands if brand.casefold() not in own]
        said.append(f"({', '.join(others)}) {row.criteria}" if others else row.criteria)
    restriction = "restricted" if entry.restriction.lower() in NO_RESTRICTION else entry.restriction
    return replace(
        entry,
        restriction=restriction,
        criteria="\n".join(filter(None, (entry.criteria, *said))),
        drug_class=entry.drug_class or rows[0].drug_class,
        criteria_from=rows[0].file,
    )


def _refuse_two_issues(entries: Iterable[Entry]) -> None:
    """July's list beside October's is not one release; neither is a list that was dropped twice under two names."""
    items: dict[tuple[str, str], set[str]] = defaultdict(set)
    for entry in entries:
        items[(entry.list, entry.table)].add(entry.id or f"{normalised(entry.generic)} {slug(entry.strength)}")
    for (kind, one), (other_kind, other) in combinations(sorted(items), 2):
        a, b = items[(kind, one)], items[(other_kind, other)]
        smaller = min(len(a), len(b))
        if kind == other_kind and smaller >= _ENOUGH_ROWS and len(a & b) > _SAME_LIST * smaller:
            raise Rejected(
                f"{one} and {other} hold the same list twice ({len(a & b)} items are in both), as two issues would.",
                next="Give the files of one issue only, in a folder of their own.",
            )


def _release_name(origin: str, files: list[Offered]) -> tuple[str, date]:
    """What the names of the files say of the date, else of the folder; else the day the newest file was written."""
    names = [PurePosixPath(file.name).name for file in files]
    named = dmd.of_names(names) or dates.of_names(names)
    if named is None and not is_address(origin):
        named = dates.of_names([Path(origin).expanduser().name])
    return named or valid_from_name([origin, *(file.name for file in files)])
