"""A hospital formulary: a table of drugs with strengths, brands, tiers and restrictions, in CSV or XLSX.

One row is one document. Its id is the publisher's where there is an id column, else it is made from name and strength
("amoxicillin-500-mg-cap"), the same in every release. A release may be several lists: what is listed, what is
restricted (criteria by drug), what is excluded. Criteria go to the listed items of the same drug, and stand as a
document of their own where the drug is not listed. Nothing a publisher wrote is dropped or interpreted.

    item_id,generic_name,strength_form,…
    NGH-0001,amlodipine,5 mg tablet,…       ->  Document("NGH-0001", "amlodipine 5 mg tablet", family="amlodipine", …)

How columns are known: `sources.columns`. How bytes become rows: `sources.tables`.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date, timedelta
from itertools import combinations
from pathlib import Path, PurePosixPath

from probatum import digests
from probatum.errors import Rejected
from probatum.records import Document, SourceRelease
from probatum.safeio import Limits
from sources import columns, dates, lexicon, tables
from sources.base import Found, Offered, Source
from sources.formulary_rows import NO_RESTRICTION, Entry, entries_of
from sources.formulary_text import document, slug
from sources.lexicon.ingredients import Drug, normalised
from sources.locate import files_at, is_address, to_be_told, valid_from_name

_SAMPLE = Path(__file__).parent / "samples" / "formulary" / "2026-07.csv"
_SAMPLE_RELEASE = ("2026-07", date(2026, 7, 1))
_SUFFIXES = (".csv", ".tsv", ".xlsx", ".xlsm")
_SAME_LIST = 0.5  # share of the smaller table's items from which two tables are two issues of one list
_ENOUGH_ROWS = 5
_GROUPS = frozenset(
    {"vaccine", "vaccines", "antidote", "antivenin", "kit", "miscellaneous", "other"}
)  # names that are no drug


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
        files = files_at(origin, suffixes=_SUFFIXES)
        name, valid_from = _release_name(origin, files)
        return Found(SourceRelease(self.name, name, valid_from, self.licence, to_be_told(origin)), tuple(files))

    def parse(self, files: Mapping[str, Path], release: SourceRelease) -> Iterator[Document]:
        listed, self.dropped = read_entries(files, self.limits)
        entries = attach_criteria(listed)
        sha256 = {name: digests.of_file(path) for name, path in files.items()}
        for identity, entry in identified(entries):
            drugs, family = _drugs_and_family(entry)
            yield document(entry, identity, family, drugs, release, sha256[entry.file])


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


def identified(entries: Iterable[Entry]) -> list[tuple[str, Entry]]:
    """(id, entry), ids unique. Raises Rejected where the publisher's own ids are not.

    A made id that several rows share gets their brands; rows that are still alike are numbered in the order of their
    content, so that an id does not depend on where in the file a row stands.
    """
    entries = list(entries)
    _refuse_repeated_ids(entries)
    made = {i: _made_id(entry) for i, entry in enumerate(entries) if not entry.id}
    shared = Counter(made.values())
    for i, identity in made.items():
        if shared[identity] > 1 and entries[i].brands:
            made[i] = f"{identity}-{slug(' '.join(entries[i].brands))}"
    taken = {entry.id for entry in entries if entry.id}
    for i in sorted(made, key=lambda i: (made[i], _content(entries[i]), i)):
        identity, number = made[i], 2
        while made[i] in taken:
            made[i], number = f"{identity}-{number}", number + 1
        taken.add(made[i])
    return [(entry.id or made[i], entry) for i, entry in enumerate(entries)]


def family_of(name: str) -> str:
    """What strengths and brands of one drug fold into: "AMOXICILLIN 500" and "amoxycillin" -> "amoxicillin"."""
    return _family(lexicon.drugs().parts(name))


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


def _made_id(entry: Entry) -> str:
    kind = "" if entry.list == "formulary" else f" {entry.list}"
    return slug(f"{entry.generic} {entry.strength}{kind}")


def _content(entry: Entry) -> str:
    said = (entry.generic, entry.strength, entry.route, entry.drug_class, entry.criteria, entry.notes, entry.file)
    return digests.of_json([*said, *map(list, entry.extra)])


def _refuse_repeated_ids(entries: Iterable[Entry]) -> None:
    seen = Counter(entry.id for entry in entries if entry.id)
    twice = [identity for identity, count in seen.items() if count > 1]
    if twice:
        first = ", ".join(identity[:40] for identity in twice[:3]) + " …" * (len(twice) > 3)
        raise Rejected(
            f"{len(twice)} ids stand in more than one row: {first}.",
            next="Give every row an id of its own and send the file again.",
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


def _drugs_and_family(entry: Entry) -> tuple[tuple[Drug, ...], str]:
    """The rows of the lexicon for an entry, and its family. A name that only groups ("VACCINE") folds nothing."""
    if normalised(entry.generic) in _GROUPS:
        return (), slug(f"{entry.generic} {entry.strength}")
    parts = lexicon.drugs().parts(entry.generic)
    drugs = tuple(drug for _, drug in parts if drug)
    if len(parts) > 1:  # a part does not lend its brands to the whole
        drugs = tuple(replace(drug, brands=()) for drug in drugs)
    return drugs, _family(parts)


def _family(parts: Iterable[tuple[str, Drug | None]]) -> str:
    return "+".join(sorted({slug(part) for part, _ in parts}))


def _release_name(origin: str, files: list[Offered]) -> tuple[str, date]:
    """What the names of the files say of the date, else of the folder; else the day the newest file was written."""
    named = dates.of_names(PurePosixPath(file.name).name for file in files)
    if named is None and not is_address(origin):
        named = dates.of_names([Path(origin).expanduser().name])
    return named or valid_from_name([origin, *(file.name for file in files)])
