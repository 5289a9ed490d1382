"""Tables as publishers send them, CSV or XLSX, read into rows of text.

A value is never interpreted: "007" keeps its zeros, "1/2" is no date, "NA" is two letters, "=cmd" is four characters
and runs nowhere. Delimiters are found by counting; line ends may be CRLF, LF or CR. White space is folded, nothing
else changes. What a file is, its first bytes decide, not its name.

    read("list.csv", path, Limits(), encodings=lambda head: ("utf-8",))
    -> [Table("list.csv", "csv", (Row(1, ("Drug", "Strength")), Row(2, ("amoxicillin", "500 mg")), …))]

It does not know which row is the header or what a column means: see `sources.columns`.
"""

import csv
import io
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from probatum.errors import Rejected
from probatum.safeio import ASK_AGAIN, Archive, Limits, looks_like_html

MAX_ROWS = 200_000  # the largest formulary seen has 15,000
MAX_COLUMNS = 200
_RAW_COLUMNS = 1_000  # styled but empty cells reach further than the words do
_RAW_ROWS = 1_048_576  # what a worksheet can hold
_HEAD_BYTES = 1 << 16
_DELIMITERS = ",;\t|"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # the container of .xls and of every encrypted .xlsx
_WORKBOOK = "xl/workbook.xml"
_SAVE_AS = "Save it as CSV (UTF-8) or as a plain .xlsx without a password and run the refresh again."
_UNREADABLE = (
    KeyError,
    ValueError,
    TypeError,
    AttributeError,
    IndexError,
    SyntaxError,
    OverflowError,
    OSError,
    zipfile.BadZipFile,
    InvalidFileException,
)

ChooseEncodings = Callable[[Sequence["Row"]], tuple[str, ...]]


@dataclass(frozen=True)
class Row:
    number: int  # 1-based: the line where a CSV row ends, the row of a worksheet
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """Rows that are not blank, in order. `name` is what a person calls it: a file, or a sheet of a file."""

    name: str
    form: str  # "csv" or "xlsx"
    rows: tuple[Row, ...]


def read(name: str, path: Path, limits: Limits, *, encodings: ChooseEncodings) -> list[Table]:
    """The tables of one file. `encodings` is asked, with the first rows, which encodings a CSV may be in.

    Raises Rejected for what is no table: empty, a web page, an old or encrypted workbook, a bomb, broken quoting.
    """
    size = path.stat().st_size
    if size > limits.file_bytes:
        raise Rejected(f"{name} has {size >> 20} MiB ({limits.file_bytes >> 20} allowed).", next=ASK_AGAIN)
    with path.open("rb") as stream:
        start = stream.read(_HEAD_BYTES)
    _refuse_strangers(name, start)
    if start.startswith(b"PK"):
        return _read_workbook(name, path, limits)
    data = path.read_bytes()
    if not data.strip(b"\xef\xbb\xbf \t\r\n"):
        raise Rejected(f"{name} is empty.", next=ASK_AGAIN)
    return [_read_csv(name, data, encodings)]


def body(table: Table, header: int, width: int) -> list[Row]:
    """The rows after row index `header`, each with `width` cells. Raises Rejected naming the lines that do not fit.

    A cell too many is allowed when it is empty; in a worksheet, where trailing empty cells are not stored, so is one
    too few.
    """
    ragged, rows = [], []
    for row in table.rows[header + 1 :]:
        cells, extra = row.cells[:width], row.cells[width:]
        if any(extra) or (len(cells) < width and table.form == "csv"):
            ragged.append(row.number)
        rows.append(Row(row.number, cells + ("",) * (width - len(cells))))
    if ragged:
        raise Rejected(
            f"{table.name} has {len(ragged)} rows without the {width} columns of its header: {_lines(ragged)}.",
            next="Look for a missing quotation mark or comma there, and send the file again.",
        )
    return rows


def _lines(numbers: Sequence[int]) -> str:
    return f"line{'s' * (len(numbers) > 1)} {', '.join(map(str, numbers[:3]))}{' …' * (len(numbers) > 3)}"


def _refuse_strangers(name: str, start: bytes) -> None:
    if not start:
        raise Rejected(f"{name} is empty.", next=ASK_AGAIN)
    if looks_like_html(start):
        raise Rejected(
            f"{name} is a web page, probably an error page, not a table.",
            next="Check the address and run the refresh again.",
        )
    if start.startswith(_OLE):
        raise Rejected(f"{name} is an encrypted workbook or one in the old .xls form.", next=_SAVE_AS)
    if start.startswith((b"%PDF", b"\x1f\x8b", b"Rar!", b"7z\xbc\xaf")):
        raise Rejected(f"{name} is neither CSV nor XLSX.", next=_SAVE_AS)
    if b"\0" in start and not start.startswith((b"PK", b"\xff\xfe", b"\xfe\xff")):
        raise Rejected(f"{name} holds binary data where a table was expected.", next=_SAVE_AS)


def _read_csv(name: str, data: bytes, encodings: ChooseEncodings) -> Table:
    head = _wide(data[:_HEAD_BYTES]) or data[:_HEAD_BYTES].removeprefix(b"\xef\xbb\xbf").decode("latin-1")
    delimiter = _delimiter(head)
    first_rows = _csv_rows(name, head, delimiter, whole=len(data) <= _HEAD_BYTES)
    text = _wide(data) or _decode(name, data, encodings(first_rows))
    return Table(name, "csv", tuple(_csv_rows(name, text, delimiter, whole=True)))


def _wide(data: bytes) -> str:
    """The text of UTF-16 that says so with a byte-order mark (Excel's "Unicode text"), else ""."""
    if not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return ""
    return data[: len(data) // 2 * 2].decode("utf-16", errors="replace")


def _decode(name: str, data: bytes, allowed: tuple[str, ...]) -> str:
    where = 0
    for encoding in allowed:
        try:
            return data.decode(encoding).removeprefix("\ufeff")
        except UnicodeDecodeError as error:
            where = where or len(re.findall(rb"\r\n|\n|\r", data[: error.start])) + 1
    raise Rejected(
        f"{name} is not text in {' or '.join(allowed)}: line {where} cannot be read.",
        next="Save it again as UTF-8, or declare its encoding in its column map.",
    )


def _delimiter(head: str) -> str:
    unquoted = re.sub(r'"[^"]*"', "", "\n".join(head.splitlines()[:20]))
    return max(_DELIMITERS, key=unquoted.count)  # a tie, and a single column, go to the comma


def _csv_rows(name: str, text: str, delimiter: str, *, whole: bool) -> list[Row]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[Row] = []
    try:
        rows.extend(_kept(name, ((reader.line_num, cells) for cells in reader)))
    except csv.Error as error:
        if whole:  # a head may well end inside a quoted cell
            raise Rejected(
                f"{name} breaks off or is wrongly quoted at line {reader.line_num} ({error}).", next=ASK_AGAIN
            ) from None
    return rows


def _kept(name: str, numbered: Iterable[tuple[int, Iterable[object]]]) -> Iterator[Row]:
    """Rows with a word in them, within the caps."""
    kept = 0
    for number, raw in numbered:
        cells = tuple(" ".join(str(cell).split()) for cell in raw)
        words = max((i for i, cell in enumerate(cells, 1) if cell), default=0)
        if not words:
            continue
        kept += 1
        if kept > MAX_ROWS:
            raise Rejected(f"{name} has more than {MAX_ROWS} rows.", next="Split it, or check that it is a formulary.")
        if words > MAX_COLUMNS:
            raise Rejected(f"{name}, line {number}, has {words} columns ({MAX_COLUMNS} allowed).", next=ASK_AGAIN)
        yield Row(number, cells)


def _read_workbook(name: str, path: Path, limits: Limits) -> list[Table]:
    with Archive(path, limits) as archive:
        if _WORKBOOK not in archive.names:
            raise Rejected(f"{name} is a zip archive, but no workbook.", next="Give the files inside it, unpacked.")
        _refuse_declarations(name, archive)
    try:
        with path.open("rb") as stream:
            book = load_workbook(stream, read_only=True, data_only=False, keep_links=False)
            tables = [_read_sheet(name, sheet, alone=len(book.worksheets) == 1) for sheet in book.worksheets]
            book.close()
    except Rejected:
        raise
    except _UNREADABLE:
        raise Rejected(f"{name} is a workbook that cannot be read.", next=_SAVE_AS) from None
    tables = [table for table in tables if table.rows]
    if not tables:
        raise Rejected(f"{name} has no row in any sheet.", next=ASK_AGAIN)
    return tables


def _refuse_declarations(name: str, archive: Archive) -> None:
    """No workbook declares a document type; one that does wants entities expanded."""
    for member in archive.names:
        if member.lower().endswith((".xml", ".rels")):
            data = archive.read(member)
            wide = data.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in data[:64]  # would hide it
            if wide or b"<!DOCTYPE" in data or b"<!ENTITY" in data:
                raise Rejected(f"{name} declares a document type or an entity, which is not read.", next=_SAVE_AS)


def _read_sheet(name: str, sheet, *, alone: bool) -> Table:
    called = name if alone else f"{name}, sheet {sheet.title!r}"
    sheet.reset_dimensions()  # what the file says of its own size is not believed
    return Table(called, "xlsx", tuple(_kept(called, _sheet_rows(called, sheet))))


def _sheet_rows(called: str, sheet) -> Iterator[tuple[int, list[str]]]:
    for number, cells in enumerate(sheet.iter_rows(), 1):
        if number > _RAW_ROWS or len(cells) > _RAW_COLUMNS:
            raise Rejected(f"{called} is larger than a worksheet of a formulary can be.", next=_SAVE_AS)
        yield number, [_as_shown(cell.value, cell) for cell in cells]


def _as_shown(value: object, cell) -> str:
    """A cell as the person who typed it saw it: zeros in front, per cent and dates as the cell's format shows them."""
    match value:
        case None:
            return ""
        case bool():
            return str(value).upper()
        case datetime():
            return value.date().isoformat() if value.time() == time() else value.isoformat(sep=" ")
        case date() | time():
            return value.isoformat()
        case int() | float():
            return _number_as_shown(value, cell.number_format or "")
    return str(getattr(value, "text", value))  # an array formula is an object with its text


def _number_as_shown(value: float, shown: str) -> str:
    if shown.endswith("%"):
        return f"{round(value * 100, 10):.15g}%"
    if isinstance(value, float):
        return f"{value:.15g}" if abs(value) < 1e15 else repr(value)
    return str(value).zfill(len(shown)) if shown and set(shown) == {"0"} else str(value)
