"""Bytes become rows of text, and nothing but white space changes on the way."""

from datetime import date

import openpyxl
import pytest

from probatum.errors import Rejected
from probatum.safeio import Limits
from sources import dates, tables
from sources.tables import Row

UTF8 = ("utf-8",)


def read(path, encodings=UTF8):
    return tables.read(path.name, path, Limits(), encodings=lambda head: encodings)


def read_bytes(tmp_path, data, encodings=UTF8):
    path = tmp_path / "list.csv"
    path.write_bytes(data)
    return [row.cells for row in read(path, encodings)[0].rows]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_line_end_ends_a_line(tmp_path, end):
    assert read_bytes(tmp_path, f"drug,strength{end}a,1{end}b,2{end}".encode()) == [
        ("drug", "strength"),
        ("a", "1"),
        ("b", "2"),
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_the_one_that_is_used(tmp_path, delimiter):
    rows = read_bytes(tmp_path, f'drug{delimiter}notes\namoxicillin{delimiter}"a, b; c"\n'.encode())
    assert rows == [("drug", "notes"), ("amoxicillin", "a, b; c")]


def test_values_stay_as_they_are_written(tmp_path):
    written = ("007", "0.5", "1/2", "NA", "=cmd|' /C calc'!A0", "1e3", "TRUE", "2026-07-01", "null", "-")
    header = ",".join(f"c{i}" for i in range(len(written)))
    assert read_bytes(tmp_path, f"{header}\n{','.join(written)}\n".encode())[1] == written


def test_a_byte_order_mark_is_not_part_of_the_first_header(tmp_path):
    assert read_bytes(tmp_path, b"\xef\xbb\xbfdrug,x\na,b\n")[0] == ("drug", "x")
    assert read_bytes(tmp_path, "drug\tx\na\tb\n".encode("utf-16"))[0] == ("drug", "x")


def test_blank_rows_are_left_out_and_line_numbers_count_them(tmp_path):
    path = tmp_path / "list.csv"
    path.write_bytes(b'drug,x\n\n,\n"a\nb",c\n')
    assert read(path)[0].rows == (Row(1, ("drug", "x")), Row(5, ("a b", "c")))


def test_the_first_encoding_that_fits_is_used(tmp_path):
    assert read_bytes(tmp_path, b"drug\nna\xefve \x96 x\n", ("utf-8", "cp1252"))[1] == ("naïve – x",)


def test_bytes_in_another_encoding_are_refused_with_their_line(tmp_path):
    with pytest.raises(Rejected, match="line 3 cannot be read"):
        read_bytes(tmp_path, b"drug,x\na,b\nna\xefve,c\n")


def test_a_worksheet_reads_as_its_typist_saw_it(tmp_path):
    path = tmp_path / "list.xlsx"
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["n", "f", "p", "z", "d", "b", "t", "=1+1", None])
    sheet.append([5, 0.5, 0.05, 42, date(2026, 7, 1), True, "007", "=cmd()", None])
    sheet["C2"].number_format, sheet["D2"].number_format = "0%", "00000"
    book.save(path)
    table = read(path)[0]
    assert table.name == "list.xlsx" and table.form == "xlsx"
    assert table.rows[1].cells[:8] == ("5", "0.5", "5%", "00042", "2026-07-01", "TRUE", "007", "=cmd()")


def test_each_sheet_is_a_table_of_its_own(tmp_path):
    path = tmp_path / "list.xlsx"
    book = openpyxl.Workbook()
    book.active.append(["read me"])
    book.create_sheet("Drugs").append(["drug"])
    book.create_sheet("Empty")
    book.save(path)
    assert [table.name for table in read(path)] == ["list.xlsx, sheet 'Sheet'", "list.xlsx, sheet 'Drugs'"]


def test_ragged_rows_are_named_by_line_and_empty_extra_cells_are_allowed(tmp_path):
    path = tmp_path / "list.csv"
    path.write_bytes(b"drug,x\na,b,,\nc\nd,e,f\n")
    with pytest.raises(Rejected, match=r"2 rows .*lines 3, 4"):
        tables.body(read(path)[0], 0, 2)
    path.write_bytes(b"drug,x\na,b,,\n")
    assert tables.body(read(path)[0], 0, 2) == [Row(2, ("a", "b"))]


def test_a_date_is_read_only_where_it_can_mean_one_day():
    assert {dates.read(t) for t in ("2026-07-01", "20260701", "1 Jul 2026", "Jul 1, 2026", "01-Jul-26")} == {
        date(2026, 7, 1)
    }
    assert dates.read("07/01/2026") is None and dates.read("13 o'clock") is None and dates.read("2026-02-31") is None
    assert dates.read("07/01/2026", "us") == dates.read("01/07/2026", "uk") == date(2026, 7, 1)
    assert (
        dates.order_of(["01/02/2026", "25/12/2026"]),
        dates.order_of(["12/25/2026"]),
        dates.order_of(["01/02/2026"]),
    ) == ("uk", "us", "")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("2026-10.xlsx", "2026-10"),
        ("formulary class 31Mar2016.csv", "2016-03-31"),
        ("mp_20240815.csv", "2024-08-15"),
        ("Formulary July 2026.csv", "2026-07"),
        ("formulary-2024.csv", "2024"),
        ("list_2026_07_15.csv", "2026-07-15"),
    ],
)
def test_file_names_say_their_date(name, said):
    assert dates.of_names([name])[0] == said


def test_a_name_without_a_date_says_none():
    assert dates.of_names(["formulary.csv", "restricted.csv"]) is None
