"""Which column of a formulary is what: reviewed column maps, and a fallback that reads the headers.

A map (`sources/maps/*.toml`) says, for each table a publisher issues, its exact headers, which field each one is, the
encodings it comes in, how dates and brands are written and what stands for "nothing". A table whose headers are those
of no map is read by `generic.toml`: words that headers commonly have, longest and most exact first.

    choose([Row(1, ("item_id", "generic_name", …))], "2026-07.csv") -> Layout(header=0, columns={"id": 0, "name": 1, …})

A table that is nearly one of a map but lacks a column the map requires is refused, not guessed at.
"""

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from probatum.errors import Misconfigured, Rejected
from sources.tables import Row

_FOLDER = Path(__file__).parent / "maps"
_HEADER_WITHIN_ROWS = 20  # titles, dates and notes above a header
_NEAR = 0.7  # share of a map's headers from which a table counts as that map's, changed
_NEAR_MIN_COLUMNS = 5  # three common headers do not make a publisher
_LONE_HEADER_WORDS = 3  # a longer only cell is a title
_A_VALUE = re.compile(r"[\d@]")
FIELDS = (
    "id",
    "name",
    "strength",
    "form",
    "route",
    "brands",
    "class",
    "tier",
    "restriction",
    "prior_authorisation",
    "step_therapy",
    "quantity_limit",
    "criteria",
    "rxcui",
    "product_code",
    "effective_date",
    "notes",
)


@dataclass(frozen=True)
class TableMap:
    """One table of a publisher. `columns`: {field: header}; `headers`: all it has, mapped or not."""

    map: str
    headers: tuple[str, ...]
    columns: dict[str, str]
    required: tuple[str, ...] = ()
    list: str = "formulary"
    encodings: tuple[str, ...] = ("utf-8",)
    date_order: str = ""
    brand_separator: str = ";"
    nulls: tuple[str, ...] = ()
    publisher: str = ""


@dataclass(frozen=True)
class Layout:
    """How one table is to be read. columns: {field: index}; unmapped: {index: header}; header: index of its row."""

    map: str
    header: int
    width: int
    columns: dict[str, int]
    names: dict[str, str]  # {field: header as it stands in the table}
    unmapped: dict[int, str]
    list: str
    encodings: tuple[str, ...]
    date_order: str | None  # None: to be found from the values
    brand_separator: str | None
    nulls: frozenset[str] = field(default_factory=frozenset)
    publisher: str = ""  # "" where no map knows the table


@cache
def maps() -> tuple[TableMap, ...]:
    """Every table of every map but the generic one. Raises Misconfigured for a map that contradicts itself."""
    found = []
    for path in sorted(_FOLDER.glob("*.toml")):
        if path.stem != "generic":
            said = tomllib.loads(path.read_text("utf-8"))
            found += [_table_map(path.stem, {**raw, "publisher": said.get("publisher", "")}) for raw in said["tables"]]
    return tuple(found)


def choose(rows: Sequence[Row], name: str) -> Layout | None:
    """How to read a table, from its first rows and its name; None where no row is a header of a list of drugs.

    Raises Rejected where the table is a map's, but for a required column.
    """
    head = rows[:_HEADER_WITHIN_ROWS]
    for index, row in enumerate(head):
        if match := _exact(row.cells):
            return _mapped(match, index, row.cells)
    for index, row in enumerate(head):
        if match := _near(row.cells, name):
            return _mapped(match, index, row.cells)
    for index, row in enumerate(head):
        if sum(map(bool, row.cells)) > 1 or (index == 0 and len(_words(row.cells[0])) <= _LONE_HEADER_WORDS):
            columns = recognise(row.cells)
            if "name" in columns:
                return _recognised(columns, index, row.cells, name)
    return None


def seen(rows: Sequence[Row]) -> str:
    """The headers of a table for an error message: those of its first row with two or more cells, shortened.

    A row with a number or an address in it is no row of headers; somebody may have sent a list of patients.
    """
    row = next((row for row in rows[:_HEADER_WITHIN_ROWS] if sum(map(bool, row.cells)) > 1), rows[0])
    if any(_A_VALUE.search(cell) for cell in row.cells):
        return "none, its first row holds values"
    return ", ".join(cell[:40] for cell in row.cells[:20] if cell)


def recognise(headers: Sequence[str]) -> dict[str, int]:
    """{field: index} by the words of the headers; each field and each column is taken once, the best match first."""
    found: dict[str, int] = {}
    for _, _, index, what in sorted(_candidates(headers), key=lambda c: (-c[0], c[1], c[2])):
        if what not in found and index not in found.values():
            found[what] = index
    if "name" not in found and "brands" in found:
        found["name"] = found.pop("brands")  # a list by product name alone
    return found


def _table_map(stem: str, raw: dict) -> TableMap:
    made = TableMap(stem, **{key: tuple(value) if isinstance(value, list) else value for key, value in raw.items()})
    strange = set(made.columns) - set(FIELDS) | (set(made.columns.values()) | set(made.required)) - set(made.headers)
    if strange or "name" not in made.columns:
        raise Misconfigured(
            f"Column map {stem} names {', '.join(sorted(strange)) or 'no column for the drug'}.",
            next="Correct the map.",
        )
    return made


def _folded(header: str) -> str:
    return " ".join(header.split()).casefold()


def _present(cells: Sequence[str]) -> set[str]:
    return {_folded(cell) for cell in cells if cell}


def _exact(cells: Sequence[str]) -> TableMap | None:
    there = _present(cells)
    return next((m for m in maps() if there == {_folded(h) for h in m.headers}), None)


def _near(cells: Sequence[str], name: str) -> TableMap | None:
    there = _present(cells)
    for known in maps():
        missing = [header for header in known.headers if _folded(header) not in there]
        if len(known.headers) < _NEAR_MIN_COLUMNS or len(missing) > (1 - _NEAR) * len(known.headers):
            continue
        lost = [header for header in missing if header in known.required]
        if lost:
            there_are = ", ".join(cell[:40] for cell in cells if cell)
            raise Rejected(
                f"{name} has the columns of the map {known.map} but for {', '.join(lost)}. Columns seen: {there_are}.",
                next=f"Put the old header back, or record the new one in sources/maps/{known.map}.toml.",
            )
        return known
    return None


def _mapped(known: TableMap, header: int, cells: Sequence[str]) -> Layout:
    places = {_folded(cell): index for index, cell in enumerate(cells)}
    columns = {what: places[_folded(column)] for what, column in known.columns.items() if _folded(column) in places}
    how = (known.list, known.encodings, known.date_order, known.brand_separator, known.nulls)
    return replace(_layout(known.map, header, cells, columns, *how), publisher=known.publisher)


def _recognised(columns: dict[str, int], header: int, cells: Sequence[str], name: str) -> Layout:
    said = _folded(" ".join([name, *cells]))
    if re.search(r"exclu(ded|sion)|non-?formulary(?! (and|&))", _folded(name)) or "reason for exclusion" in said:
        kind = "excluded"
    elif "restrict" in _folded(name) or ("restriction criteria" in said and "strength" not in columns):
        kind = "restricted"
    else:
        kind = "formulary"
    return _layout("generic", header, cells, columns, kind, tuple(_generic()["encodings"]), None, None, ())


def _layout(name, header, cells, columns, kind, encodings, date_order, brand_separator, nulls) -> Layout:
    width = max(index for index, cell in enumerate(cells, 1) if cell)
    taken = set(columns.values())
    unmapped = {i: cells[i] or f"column {i + 1}" for i in range(width) if i not in taken}
    names = {what: cells[index] for what, index in columns.items()}
    twice = sorted({n for n in names.values() if [_folded(c) for c in cells].count(_folded(n)) > 1})
    if twice:
        raise Rejected(
            f"Two columns are called {', '.join(twice)}.", next="Rename one of them and send the file again."
        )
    return Layout(
        name, header, width, columns, names, unmapped, kind, encodings, date_order, brand_separator, frozenset(nulls)
    )


@cache
def _generic() -> dict:
    return tomllib.loads((_FOLDER / "generic.toml").read_text("utf-8"))


def _candidates(headers: Sequence[str]):
    """(score, rank of the field, index, field) for every header that could be a field."""
    for rank, (what, synonyms) in enumerate(_generic()["fields"].items()):
        for index, header in enumerate(headers):
            score = max((_score(_words(header), synonym.split()) for synonym in synonyms), default=0)
            if score:
                yield score, rank, index, what


def _words(header: str) -> list[str]:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", header)
    return re.findall(r"[a-z0-9#]+", spaced.lower().replace("'s", ""))


def _score(header: list[str], synonym: list[str]) -> int:
    """Equal beats contained, more words beat fewer, the end of a header (its noun) beats the start."""
    if header == synonym:
        return 1000 * len(synonym)
    length = len(synonym)
    for start in range(len(header) - length + 1):
        if header[start : start + length] == synonym:
            ends = start + length == len(header)
            short = length == 1 and len(synonym[0]) < 5
            if short and not (ends and len(header) == 2):
                continue  # "id" ends "item id", but "form" does not make "formulary form number"
            return 100 * length + 10 * ends - (len(header) - length)
    return 0
