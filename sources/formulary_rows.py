"""One table of a formulary, row by row, into entries; and the look that tells a column from its neighbour.

A row is one item. A row without a drug's name whose only words are criteria or notes carries on the row above it, as
publishers break long criteria. Any other row without a name is refused by line: guessing whose it is could hand one
drug's restriction to another. Columns no map knows are kept as ("Column name", "value").

    Entry(line=2, id="NGH-0001", generic="amlodipine", strength="5 mg tablet", brands=("Norvasc",), tier="1", …)
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from probatum.errors import Rejected
from probatum.safeio import ASK_AGAIN
from sources import dates
from sources.columns import Layout
from sources.lexicon import drugs
from sources.tables import Row, Table, body

NO_RESTRICTION = frozenset({"", "none", "no", "n", "nil", "n/a", "unrestricted", "not restricted", "-", "0", "false"})
_YES = frozenset({"y", "yes", "x", "true", "1", "✓", "✔", "•"})
_FLAGS = {
    "prior_authorisation": "prior authorisation",
    "step_therapy": "step therapy",
    "quantity_limit": "quantity limit",
}
_CARRIED_ON = ("criteria", "restriction", "notes")  # what a row without a name may carry on
_ENOUGH_ROWS = 5  # below this a share says nothing
_NOT_AN_ID = 0.2  # share of repeated values from which a guessed id column is none
_AMOUNT = re.compile(
    r"^[<≤]?\d[\d.,/ ]*\s*(%|(mg|mcg|micrograms?|µg|g|gm|kg|ml|l|units?|iu|mmol|meq|million|mg/ml)\b)", re.I
)
_STRENGTH = re.compile(
    r"\d|\b(tab|cap|inj|sol|susp|cream|oint|gel|lotion|drop|spray|patch|supp|syrup|powder|liq|vial|amp|kit|inhal|elixir|enema|all|various|multiple)",
    re.I,
)
_ROUTE = re.compile(
    r"\b(po|oral|iv|im|sc|sq|subcut|sub-?q|intra|inj|top|rect|pr|vag|pv|nas|inh|neb|ophth|eye|ear|otic|subling|sl|buccal"
    r"|trans|epidural|enteral|ng|peg|cutaneous|catheter|irrigation|dental|tube|bladder|mouth|skin|infusion|iud|implant"
    r"|dialysis|parenteral)",
    re.I,
)
_TWO_LETTERS = re.compile(r"[^\W\d_]{2}")
_ITEM_NUMBER = re.compile(r"[A-Z]{0,6}[-_ ]?\d{2,}")
_DATE_LIKE = re.compile(r"\d{4}|\d+[/.-]\d+[/.-]\d+|\d{1,2}[- ][A-Za-z]{3}")
_LONGEST_ID, _LONGEST_WORD, _LONGEST_NAME = 80, 60, 250  # characters
_SWAPPED = 0.3  # share known in the lexicon the wrong way round, in both of two columns


@dataclass(frozen=True)
class Entry:
    """One item as its publisher has it; every value is the publisher's text, "" where there is none."""

    table: str
    file: str
    line: int
    list: str  # "formulary", "restricted" or "excluded"
    generic: str
    id: str = ""
    strength: str = ""  # with the dosage form
    route: str = ""
    brands: tuple[str, ...] = ()
    drug_class: str = ""
    tier: str = ""
    restriction: str = ""
    criteria: str = ""
    rxcui: str = ""
    effective_date: str = ""  # ISO where it could be read, else as it stands
    notes: str = ""
    extra: tuple[tuple[str, str], ...] = ()  # (column, value) of columns no map knows
    criteria_from: str = ""  # the list the criteria were attached from
    publisher: str = ""  # whose list it is, where a column map says so


def entries_of(table: Table, file: str, layout: Layout) -> list[Entry]:
    """The entries of one table. Raises Rejected: no rows, ragged rows, swapped columns, no name in a row."""
    rows = [_nulled(row, layout.nulls) for row in body(table, layout.header, layout.width)]
    if not rows:
        raise Rejected(f"{table.name} has a header and no rows.", next=ASK_AGAIN)
    column = {what: [row.cells[index] for row in rows] for what, index in layout.columns.items()}
    _check_plausible(table.name, layout, column)
    layout = _without_false_id(table.name, layout, column.get("id", []))
    order = layout.date_order if layout.date_order is not None else dates.order_of(column.get("effective_date", []))
    separator = layout.brand_separator or (";" if any(";" in cell for cell in column.get("brands", [])) else ",")
    entries: list[Entry] = []
    for row in rows:
        if not row.cells[layout.columns["name"]]:
            _carry_on(table.name, entries, row, layout)
        else:
            entries.append(_entry(table.name, file, row, layout, order, separator))
    return entries


def _nulled(row: Row, nulls: frozenset[str]) -> Row:
    return Row(row.number, tuple("" if cell in nulls else cell for cell in row.cells)) if nulls else row


def _entry(table: str, file: str, row: Row, layout: Layout, order: str, separator: str) -> Entry:
    def cell(what: str) -> str:
        return row.cells[layout.columns[what]] if what in layout.columns else ""

    written = cell("effective_date")
    day = dates.read(written, order) if written else None
    extra = [(layout.names["product_code"], cell("product_code"))] if cell("product_code") else []
    return Entry(
        table=table,
        file=file,
        line=row.number,
        list=layout.list,
        publisher=layout.publisher,
        generic=cell("name"),
        id=cell("id"),
        strength=" ".join(filter(None, (cell("strength"), cell("form")))),
        route=cell("route"),
        brands=_brands(cell("brands"), separator),
        drug_class=cell("class"),
        tier=cell("tier"),
        restriction=_restriction(cell, layout),
        criteria=cell("criteria"),
        rxcui=cell("rxcui"),
        effective_date=day.isoformat() if day else written,
        notes=cell("notes"),
        extra=(*extra, *((name, row.cells[i]) for i, name in layout.unmapped.items() if row.cells[i])),
    )


def _brands(text: str, separator: str) -> tuple[str, ...]:
    """ "A; B" -> A and B. A comma before a number belongs to the name ("NOZZLE, 20 cm")."""
    pattern = r",\s+(?!\d)" if separator == "," else re.escape(separator)
    return tuple(dict.fromkeys(brand.strip() for brand in re.split(pattern, text) if brand.strip()))


def _restriction(cell, layout: Layout) -> str:
    """The restriction column and, where a publisher has one column for each kind, those that say yes or more."""
    said = [cell("restriction")]
    if said[0].lower() in _YES and layout.map == "generic":
        said = [layout.names["restriction"].lower()]
    for what, label in _FLAGS.items():
        value = cell(what)
        if value.lower() in _YES or value.upper() in ("PA", "ST", "QL"):
            said.append(label)
        elif value.lower() not in NO_RESTRICTION:
            said.append(f"{label}: {value}")
    if any(said[1:]) and said[0].lower() in NO_RESTRICTION:
        said = said[1:]
    return "; ".join(part for part in said if part)


def _carry_on(table: str, entries: list[Entry], row: Row, layout: Layout) -> None:
    said = {what: row.cells[i] for what, i in layout.columns.items() if row.cells[i]}
    unknown = any(row.cells[i] for i in layout.unmapped)
    if not entries or unknown or not set(said) <= set(_CARRIED_ON):
        raise Rejected(
            f"{table}, line {row.number}, has no drug name under {layout.names['name']!r}.",
            next="Fill in the name in every row (merged cells included) and send the file again.",
        )
    above = entries[-1]
    entries[-1] = replace(
        above, **{what: "\n".join(filter(None, (getattr(above, what), text))) for what, text in said.items()}
    )


def _without_false_id(table: str, layout: Layout, ids: Sequence[str]) -> Layout:
    """A column only guessed to be the id is a detail when it repeats itself or has gaps; a mapped one must hold."""
    if not ids:
        return layout
    gaps, repeats = ids.count(""), 1 - len(set(ids)) / len(ids)
    if layout.map != "generic":
        if gaps:
            raise Rejected(
                f"{table} has {gaps} rows without {layout.names['id']}.",
                next="Give every row its id and send the file again.",
            )
        return layout
    if not gaps and repeats <= _NOT_AN_ID:
        return layout
    columns = {what: index for what, index in layout.columns.items() if what != "id"}
    index = layout.columns["id"]
    return replace(
        layout, columns=columns, unmapped=dict(sorted({**layout.unmapped, index: layout.names["id"]}.items()))
    )


def _check_plausible(table: str, layout: Layout, column: dict[str, list[str]]) -> None:
    """Shares over whole columns: one odd row is a publisher's business, most of a column is a swap or a shift."""
    wrong = [what for what, share_wrong in _suspicions(column) if share_wrong > 0.5]
    if wrong:
        named = ", ".join(f"{layout.names[what]!r}" for what in wrong)
        raise Rejected(
            f"{table}: most values under {named} are not what the column is for; columns may be swapped or shifted.",
            next="Compare the header with the rows below it, and send the file again.",
        )


def _suspicions(column: dict[str, list[str]]) -> Iterable[tuple[str, float]]:
    """(field, share of its values that cannot be what the field is for)."""
    known = drugs()
    flags = {value for value in column.get("restriction", []) if value.isdigit()}
    wrong = {
        "id": lambda v: bool(_AMOUNT.match(v)) or len(v) > _LONGEST_ID,
        "name": lambda v: (
            bool(_AMOUNT.match(v) or _ITEM_NUMBER.fullmatch(v)) or not _TWO_LETTERS.search(v) or len(v) > _LONGEST_NAME
        ),
        "strength": lambda v: len(v) > _LONGEST_NAME or (not _STRENGTH.search(v) and bool(known.find(v))),
        "route": lambda v: not _ROUTE.search(v) and bool(len(v) > _LONGEST_WORD or _AMOUNT.match(v) or known.find(v)),
        "brands": lambda v: bool(_AMOUNT.match(v)) or not _TWO_LETTERS.search(v),
        "class": lambda v: bool(_AMOUNT.match(v)) or known.is_ingredient(v) or known.is_brand(v.split(";")[0]),
        "tier": lambda v: bool(len(v) > _LONGEST_WORD or re.fullmatch(r"\d{3,}", v) or known.find(v)),
        "restriction": lambda v: v.isdigit() and not flags <= {"0", "1"},
        "rxcui": lambda v: not re.fullmatch(r"[\d,; ]+", v),
        "effective_date": lambda v: not _DATE_LIKE.search(v),
    }
    yield from ((what, _share(column[what], is_wrong)) for what, is_wrong in wrong.items() if what in column)
    if "brands" in column:
        names_are_brands, brands_are_names = (
            _share(column["name"], known.is_brand),
            _share(column["brands"], known.is_ingredient),
        )
        yield "brands", float(min(names_are_brands, brands_are_names) > _SWAPPED)


def _share(values: Sequence[str], wrong) -> float:
    said = [value for value in values if value]
    return sum(map(bool, map(wrong, said))) / len(said) if len(said) >= _ENOUGH_ROWS else 0.0
