"""Files that are no formulary, or a broken one, are refused in plain words; nothing of them gets through."""

import contextlib
import csv
import io
import zipfile
from datetime import date
from pathlib import Path

import openpyxl
import pytest

from probatum.errors import Rejected
from probatum.records import SourceRelease
from probatum.safeio import Limits
from sources import tables
from sources.formulary import Formulary

RELEASE = SourceRelease("formulary", "2026-07", date(2026, 7, 1), "test", "test")
SAMPLE = Path(__file__).parents[2] / "sources" / "samples" / "formulary" / "2026-07.csv"


def refusal(tmp_path, data, name="list.csv"):
    path = tmp_path / "bytes"  # the snapshot's name says nothing
    path.write_bytes(data)
    with pytest.raises(Rejected) as refused:
        list(Formulary().parse({name: path}, RELEASE))
    assert refused.value.next and "Traceback" not in str(refused.value)
    return str(refused.value)


def sample_rows():
    with SAMPLE.open(encoding="utf-8", newline="") as lines:
        return list(csv.reader(lines))


def as_csv(rows):
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue().encode()


def workbook(rows):
    book, out = openpyxl.Workbook(), io.BytesIO()
    for row in rows:
        book.active.append(row)
    book.save(out)
    return out.getvalue()


def repacked(data, change):
    """The same workbook with each member's bytes put through `change(name, bytes)`."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
    return out.getvalue()


def without_column(rows, header):
    at = rows[0].index(header)
    return [row[:at] + row[at + 1 :] for row in rows]


def swapped(rows, one, other):
    a, b = rows[0].index(one), rows[0].index(other)
    order = list(range(len(rows[0])))
    order[a], order[b] = b, a
    return [rows[0], *([row[i] for i in order] for row in rows[1:])]


@pytest.mark.parametrize("data", [b"", b"  \r\n\r\n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_refused(tmp_path, data):
    assert "is empty" in refusal(tmp_path, data)


def test_a_header_alone_is_refused(tmp_path):
    assert "a header and no rows" in refusal(tmp_path, as_csv(sample_rows()[:1]))
    assert "a header and no rows" in refusal(tmp_path, workbook([["Drug", "Strength"]]), "list.xlsx")


@pytest.mark.parametrize("data", [b"<!DOCTYPE html><html>", b"\n <html><body>Sign in</body>"])
def test_an_error_page_is_refused(tmp_path, data):
    assert "is a web page" in refusal(tmp_path, data)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "encrypted workbook or one in the old .xls form"),
        (b"%PDF-1.7 ...", "neither CSV nor XLSX"),
        (b"\x89PNG\r\n\x1a\n\0\0", "binary data"),
        (b"drug,strength\na\0b,1\n", "binary data"),
        (b"PK\x03\x04 half a zip", "not a whole zip archive"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path, data, said):
    assert said in refusal(tmp_path, data)


def test_a_zip_that_is_no_workbook_is_refused(tmp_path):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("list.csv", "drug\na\n")
    assert "no workbook" in refusal(tmp_path, out.getvalue(), "list.xlsx")


def test_a_bomb_is_refused_by_its_directory(tmp_path):
    bomb = repacked(
        workbook([["Drug"], ["a"]]), lambda name, data: data + b" " * (80 << 20) if "sheet1" in name else data
    )
    assert "times its size" in refusal(tmp_path, bomb, "list.xlsx")


def test_an_entity_in_a_workbook_is_refused(tmp_path):
    declared = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa">]>'
    book = repacked(workbook([["Drug"], ["a"]]), lambda name, data: declared + data if "sheet1" in name else data)
    assert "document type or an entity" in refusal(tmp_path, book, "list.xlsx")


@pytest.mark.parametrize("member", ["xl/workbook.xml", "xl/worksheets/sheet1.xml", "[Content_Types].xml"])
def test_a_workbook_with_broken_parts_is_refused(tmp_path, member):
    book = repacked(workbook([["Drug"], ["a"]]), lambda name, data: b"<broken" if name == member else data)
    assert "cannot be read" in refusal(tmp_path, book, "list.xlsx")


def test_a_sheet_that_claims_to_be_huge_is_read_by_what_is_in_it(tmp_path):
    def claims(name, data):
        return data.replace(b'<dimension ref="A1:B2"', b'<dimension ref="A1:XFD1048576"') if "sheet1" in name else data

    path = tmp_path / "bytes"
    path.write_bytes(repacked(workbook([["Drug", "Strength"], ["quaxamine", "1 mg"]]), claims))
    assert len(list(Formulary().parse({"list.xlsx": path}, RELEASE))) == 1


def test_more_rows_or_columns_than_a_formulary_has_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "MAX_ROWS", 10)
    assert "more than 10 rows" in refusal(tmp_path, as_csv(sample_rows()))
    assert "columns (200 allowed)" in refusal(tmp_path, as_csv([["drug"] + ["x"] * 200, ["a"] * 201]))
    assert "columns (200 allowed)" in refusal(tmp_path, workbook([["drug"] + ["x"] * 200]), "list.xlsx")


def test_the_wrong_encoding_is_refused_with_its_line(tmp_path):
    rows = sample_rows()
    rows[7][11] = "café"
    assert "line 8 cannot be read" in refusal(tmp_path, as_csv(rows).decode().encode("latin-1", "replace"))


@pytest.mark.parametrize("header", ["generic_name", "strength_form", "restriction", "item_id"])
def test_a_renamed_or_missing_column_is_named_with_those_seen(tmp_path, header):
    rows = sample_rows()
    renamed = [["potion" if cell == header else cell for cell in rows[0]], *rows[1:]]
    said = refusal(tmp_path, as_csv(renamed))
    assert f"but for {header}." in said and "potion" in said and "brand_names" in said
    assert f"but for {header}." in refusal(tmp_path, as_csv(without_column(rows, header)))


def test_a_table_without_a_drug_column_is_refused_with_the_columns_seen(tmp_path):
    said = refusal(tmp_path, b"ward,beds,manager\nnorth,12,A\nsouth,9,B\n")
    assert "no column for the drug's name" in said and "ward, beds, manager" in said


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("generic_name", "strength_form"),
        ("generic_name", "drug_class"),
        ("generic_name", "brand_names"),
        ("item_id", "generic_name"),
        ("route", "generic_name"),
        ("strength_form", "brand_names"),
        ("brand_names", "rxcui"),
        ("drug_class", "brand_names"),
        ("tier", "rxcui"),
        ("tier", "restriction"),
        ("effective_date", "notes"),
        ("rxcui", "effective_date"),
    ],
)
def test_swapped_columns_are_refused(tmp_path, one, other):
    assert "swapped or shifted" in refusal(tmp_path, as_csv(swapped(sample_rows(), one, other)))


def test_one_odd_row_is_no_swap(tmp_path):
    rows = sample_rows()
    rows[3][1], rows[3][2] = rows[3][2], rows[3][1]
    path = tmp_path / "bytes"
    path.write_bytes(as_csv(rows))
    assert len(list(Formulary().parse({"list.csv": path}, RELEASE))) == len(rows) - 1


def test_repeated_ids_are_refused_and_the_first_three_named(tmp_path):
    rows = sample_rows()
    said = refusal(tmp_path, as_csv([*rows, *rows[1:6]]))
    assert "5 ids stand in more than one row: NGH-0001, NGH-0002, NGH-0003 …" in said


def test_a_row_without_its_id_or_its_name_is_refused(tmp_path):
    rows = sample_rows()
    rows[4][0] = ""
    assert "1 rows without item_id" in refusal(tmp_path, as_csv(rows))
    assert "line 3, has no drug name" in refusal(tmp_path, b"drug,strength\namoxicillin,500 mg\n,250 mg\n")


def test_ragged_rows_are_refused_by_line(tmp_path):
    rows = sample_rows()
    rows[3] = [*rows[3], "more"]
    rows[5] = rows[5][:4]
    assert "2 rows" in (said := refusal(tmp_path, as_csv(rows))) and "lines 4, 6" in said


@pytest.mark.parametrize(
    "data", [b'drug,notes\na,"never closed\nb,c\n', b'drug,notes\na,"x"y\n', b"drug,notes\n" + b"a" * 200_000 + b",b\n"]
)
def test_broken_quoting_is_refused(tmp_path, data):
    assert "breaks off or is wrongly quoted" in refusal(tmp_path, data)


def test_formulas_are_words(tmp_path):
    path = tmp_path / "bytes"
    rows = [
        ["Drug", "Strength", "Notes"],
        ["quaxamine", "1 mg", '=HYPERLINK("http://x")'],
        ["zorbinol", "2 mg", "@SUM(A1)"],
    ]
    for data in (as_csv(rows), workbook(rows)):
        path.write_bytes(data)
        notes = [d.meta["notes"] for d in Formulary().parse({"list": path}, RELEASE)]
        assert notes == [row[2] for row in rows[1:]]


# Archives, JSON and XML: the formats publishers release drug lists in.

DRUGS = b'[{"rxnorm_id": "1", "drug_name": "warfarin 5 MG Oral Tablet", "plans": [{"plan_id": "P1"}]}]'
VTM = b"<VIRTUAL_THERAPEUTIC_MOIETIES><VTM><VTMID>111</VTMID><NM>Adenosine</NM></VTM></VIRTUAL_THERAPEUTIC_MOIETIES>"


def zipped(**members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name.replace("__", "."), data)
    return out.getvalue()


def read_one(tmp_path, data, name="release.zip"):
    path = tmp_path / "bytes"
    path.write_bytes(data)
    source = Formulary()
    return source, list(source.parse({name: path}, RELEASE))


def test_an_archive_is_read_and_its_documents_come_from_it(tmp_path):
    inner = zipped(vtm__xml=VTM, photo__jpg=b"x", label__pdf=b"x", other__jpg=b"x")
    data = zipped(week__zip=inner, drugs__json=DRUGS, list__csv="drug,strength\nambroxol,30 mg tablet\n")
    source, documents = read_one(tmp_path, data)
    assert {(d.title, d.file, d.meta["member"]) for d in documents} == {
        ("Adenosine", "release.zip", "release.zip/week.zip/vtm.xml"),
        ("warfarin 5 MG Oral Tablet", "release.zip", "release.zip/drugs.json"),
        ("ambroxol 30 mg tablet", "release.zip", "release.zip/list.csv"),
    }
    assert source.dropped == {"files in archives: .jpg": 2, "files in archives: .pdf": 1}


def test_a_workbook_in_an_archive_is_a_table(tmp_path):
    _, documents = read_one(tmp_path, zipped(list__xlsx=workbook([["Drug", "Strength"], ["ambroxol", "30 mg tablet"]])))
    assert [document.title for document in documents] == ["ambroxol 30 mg tablet"]


def test_what_a_file_is_its_content_decides_and_not_its_name(tmp_path):
    for name, data in (
        ("list.csv", DRUGS),
        ("list.json", VTM),
        ("list.xml", b"drug\nambroxol\n"),
        ("a.csv", zipped(b__csv=VTM)),
    ):
        assert len(read_one(tmp_path, data, name)[1]) == 1


def test_archives_in_archives_in_archives_are_refused(tmp_path):
    """P25: an archive is opened two deep and no deeper."""
    two = zipped(inner__zip=zipped(vtm__xml=VTM))
    assert len(read_one(tmp_path, two)[1]) == 1
    assert "too deep in others" in refusal(tmp_path, zipped(inner__zip=two), "release.zip")


def test_a_bomb_in_an_archive_is_refused_before_it_is_unpacked(tmp_path):
    """P25: the directory is judged first, of inner archives too."""
    bomb = zipped(drugs__json=b" " * (80 << 20))
    assert "times its size" in refusal(tmp_path, bomb, "release.zip")
    assert "times its size" in refusal(tmp_path, zipped(inner__zip=bomb), "release.zip")


def test_archives_together_unpack_to_no_more_than_one_may(tmp_path, monkeypatch):
    """P25: what one archive has used up, the next does not get again."""
    monkeypatch.setattr(Formulary, "limits", Limits(unpacked_bytes=1_000))
    paths = {}
    for name in ("a.zip", "b.zip"):
        paths[name] = tmp_path / name
        paths[name].write_bytes(zipped(vtm__xml=VTM + b" " * 500))
    with pytest.raises(Rejected, match=r"b.zip would unpack"):
        list(Formulary().parse(paths, RELEASE))


@pytest.mark.parametrize("name", ["../vtm.xml", "/etc/vtm.xml"])
def test_an_archive_that_points_outside_itself_is_refused(tmp_path, name):
    """P25: nothing is written where an entry's name says."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(name, VTM)
    assert "points outside it" in refusal(tmp_path, out.getvalue(), "release.zip")


def test_half_an_archive_is_refused_by_the_name_people_know(tmp_path):
    assert refusal(tmp_path, zipped(vtm__xml=VTM)[:-30], "release.zip").startswith("release.zip is not a whole zip")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (DRUGS[:-1], "list.json is no JSON: line 1, column"),
        (
            DRUGS.replace(b'"plans"', b'"drug_name": "digoxin", "plans"'),
            "has the field 'drug_name' twice in one object",
        ),
        (DRUGS.replace(b'"1"', b"NaN"), "holds a number that is none"),
        (DRUGS.replace(b'"1"', b"1" * 5_000), "holds a number that is none"),
        (DRUGS.replace(b"warfarin", b"\\ud800"), "half a character"),
        (DRUGS.replace(b"warfarin", b"\xe9"), "is not text in utf-8"),
        (DRUGS.replace(b'"1"', b"[" * 100_000), "nested too deep"),
        (b'{"formulary": [{"drug": "warfarin"}]}', "neither a FHIR resource nor a list"),
        (b"[]", "neither a FHIR resource nor a list"),
    ],
)
def test_json_that_can_be_taken_for_two_things_is_refused(tmp_path, data, said):
    message = refusal(tmp_path, data, "list.json")
    assert said in message and "warfarin" not in message and "digoxin" not in message


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b'<!DOCTYPE x [<!ENTITY a "aaaa">]>' + VTM, "declares a document type or an entity"),
        (b'<!DOCTYPE x SYSTEM "http://127.0.0.1/x.dtd">' + VTM, "declares a document type or an entity"),
        (VTM[:-5], "not well-formed XML"),
        (b"<menu><drug>warfarin</drug></menu>", "XML of no known kind (its outermost element is menu)"),
        (b"<VIRTUAL_THERAPEUTIC_MOIETIES>" + b"<VTM>" * 1_000, "nested deeper than"),
    ],
)
def test_xml_that_expands_reaches_out_or_breaks_off_is_refused(tmp_path, data, said):
    """P26: no entity is expanded and no document type fetched."""
    message = refusal(tmp_path, data, "list.xml")
    assert said in message and "warfarin" not in message


def test_a_mutated_list_is_read_or_refused_and_nothing_else(tmp_path):
    """Every cut and many a changed byte of each format: documents or a Rejected, never another error."""
    whole = {
        "drugs.json": DRUGS,
        "vtm.xml": VTM,
        "tm.csv": b"tm_code,tm_formal_name\n1,warfarin\n",
        "r.zip": zipped(vtm__xml=VTM),
    }
    for name, data in whole.items():
        cuts = [data[:at] for at in range(1, len(data), 3)]
        flips = [data[:at] + bytes([data[at] ^ 0x15]) + data[at + 1 :] for at in range(0, len(data), 2)]
        for changed in (*cuts, *flips):
            with contextlib.suppress(Rejected):
                read_one(tmp_path, changed, name)
