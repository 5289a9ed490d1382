"""What a guideline becomes as slides, workbook, table, JSON, XML or zip; and that its meaning survives in every format."""

import json
import re
import zipfile
from datetime import date
from pathlib import Path

import docx
import openpyxl
import pptx
import pytest
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont
from pptx.util import Inches
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.platypus import Paragraph, SimpleDocTemplate

from probatum.digests import of_file
from probatum.errors import Rejected
from probatum.records import Document, SourceRelease
from sources.guidelines import Guidelines

RELEASE = SourceRelease("guidelines", "2026-07", date(2026, 7, 1), "invented", "test")


def parsed(path: Path) -> Document:
    (document,) = Guidelines().parse({path.name: path}, RELEASE)
    return document


def written(tmp_path: Path, name: str, text: str) -> Document:
    (tmp_path / name).write_text(text, encoding="utf-8")
    return parsed(tmp_path / name)


def blocks(document: Document, *kinds: str) -> list[str]:
    return [document.text[block.start : block.end] for block in document.blocks if block.kind in kinds]


def refusal(path: Path) -> str:
    with pytest.raises(Rejected) as refused:
        parsed(path)
    assert path.name in refused.value.happened and refused.value.next
    return refused.value.happened


# ---------------------------------------------------------------- slides


def test_slides_have_titles_lists_tables_and_notes_with_the_slide_as_page(tmp_path):
    deck = pptx.Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[1])
    slide.shapes.title.text = "Fluid"
    frame = slide.placeholders[1].text_frame
    frame.text = "Give 500 mL"
    deeper = frame.add_paragraph()
    deeper.text, deeper.level = "over 15 minutes", 1
    slide.notes_slide.notes_text_frame.text = "Ask for help early."
    other = deck.slides.add_slide(deck.slide_layouts[5])
    other.shapes.title.text = "Doses"
    table = other.shapes.add_table(3, 3, Inches(1), Inches(2), Inches(6), Inches(2)).table
    for r, row in enumerate((("Weight", "Dose", ""), ("10 kg", "0.5 mg", "1 mg"), ("", "5 µg", "5 mg"))):
        for c, text in enumerate(row):
            table.cell(r, c).text = text
    table.cell(0, 1).merge(table.cell(0, 2))
    table.cell(1, 0).merge(table.cell(2, 0))
    deck.save(tmp_path / "a.pptx")
    document = parsed(tmp_path / "a.pptx")
    assert document.title == "Fluid" and document.meta["pages"] == 2
    assert blocks(document, "heading") == ["Fluid", "Doses"]
    assert blocks(document, "list") == ["Give 500 mL", "over 15 minutes"]
    assert blocks(document, "paragraph") == ["Speaker notes: Ask for help early."]
    assert blocks(document, "table-header") == ["Weight | Dose | Dose"]
    assert blocks(document, "table-row") == ["10 kg | 0.5 mg | 1 mg", "10 kg | 5 µg | 5 mg"]
    assert {block.page for block in document.blocks if block.kind == "table-row"} == {2}


def test_text_boxes_and_groups_of_a_slide_are_read(tmp_path):
    deck = pptx.Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[6])
    group = slide.shapes.add_group_shape()
    group.shapes.add_textbox(0, 0, Inches(2), Inches(1)).text_frame.text = "Call for help."
    slide.shapes.add_textbox(0, 0, Inches(2), Inches(1)).text_frame.text = "Give oxygen.\vNow."
    deck.save(tmp_path / "a.pptx")
    assert blocks(parsed(tmp_path / "a.pptx"), "paragraph") == ["Call for help.", "Give oxygen. Now."]


# ---------------------------------------------------------------- workbooks and tables


def test_every_sheet_is_a_section_and_merged_cells_stand_under_their_headings(tmp_path):
    book = openpyxl.Workbook()
    first = book.active
    first.title = "Antibiotics"
    for row in (
        ["First doses"],
        ["Source", "Dose", ""],
        ["", "adult", "child"],
        ["Urine", "5 mg/kg", "7 mg/kg"],
        ["", "x", "y"],
    ):
        first.append(row)
    for area in ("B2:C2", "A2:A3", "A4:A5"):
        first.merge_cells(area)
    book.create_sheet("Fluid").append(["Give 500 mL, then reassess."])
    book.save(tmp_path / "a.xlsx")
    document = parsed(tmp_path / "a.xlsx")
    assert blocks(document, "heading") == ["Antibiotics", "First doses", "Fluid"]
    assert blocks(document, "table-header") == ["Source | Dose | Dose", "Source | adult | child"]
    assert blocks(document, "table-row") == ["Urine | 5 mg/kg | 7 mg/kg", "Urine | x | y"]
    assert blocks(document, "paragraph") == ["Give 500 mL, then reassess."]
    assert document.blocks[-1].section == ("Fluid",)


def test_rows_after_a_gap_keep_their_headings_unless_they_have_their_own(tmp_path):
    book = openpyxl.Workbook()
    sheet = book.active
    rows = (
        ["Drug", "Dose"],
        ["a", "1 mg"],
        [],
        ["b", "2 mg"],
        [],
        ["Infusions"],
        ["Fluid", "Rate"],
        ["saline", "5 mL/h"],
    )
    for row in rows:
        sheet.append(row)
    book.save(tmp_path / "a.xlsx")
    document = parsed(tmp_path / "a.xlsx")
    assert blocks(document, "table-header") == ["Drug | Dose", "Fluid | Rate"]
    assert blocks(document, "table-row") == ["a | 1 mg", "b | 2 mg", "saline | 5 mL/h"]
    assert document.blocks[-1].section == ("Sheet", "Infusions")


@pytest.mark.parametrize(
    ("value", "form", "shown"),
    [
        (0.5, "General", "0.5"),
        (0.5, "0.00", "0.50"),
        (0.125, "0.0", "0.125"),
        (7, "000", "007"),
        (0.05, "0%", "5%"),
        (0.125, "0.0%", "12.5%"),
        (1000, "#,##0", "1000"),
        (True, "General", "TRUE"),
        (date(2026, 7, 1), "dd/mm/yy", "2026-07-01"),
        ("1/2", "General", "1/2"),
        ("=1+1", "General", ""),  # never worked out: there is nothing to show
    ],
)
def test_a_cell_says_what_its_reader_sees(tmp_path, value, form, shown):
    book = openpyxl.Workbook()
    book.active.append(["Drug", "Dose"])
    book.active.append(["a", value])
    book.active["B2"].number_format = form
    book.save(tmp_path / "a.xlsx")
    assert blocks(parsed(tmp_path / "a.xlsx"), "table-row") == [f"a | {shown}"]


def test_a_csv_is_a_table_under_its_header_and_its_name(tmp_path):
    document = written(
        tmp_path, "a.csv", 'First doses;;\nDrug;Dose;Note\nheparin;"5,000 units";"do not ""flush"""\n007;NA;\n'
    )
    assert document.title == "First doses" and blocks(document, "table-header") == ["Drug | Dose | Note"]
    assert blocks(document, "table-row") == ['heparin | 5,000 units | do not "flush"', "007 | NA | "]


def test_a_csv_with_a_broken_quotation_mark_is_refused_with_its_line(tmp_path):
    (tmp_path / "a.csv").write_text('Drug,Dose\nheparin,"5 mg\nmorphine,10 mg\n' * 3)
    assert "wrongly quoted at line" in refusal(tmp_path / "a.csv")


# ---------------------------------------------------------------- JSON and XML


def test_json_has_keys_as_headings_tables_for_records_and_its_html_read(tmp_path):
    value = {
        "title": "Fluid",
        "ageRange": [16, 99],
        "body": "<p>Platelets 10<sup>9</sup>/L</p><ul><li>Give</li></ul>",
        "grade": "B",
        "doses": [{"drug": "a", "dose": 0.50}, {"drug": "b", "dose": None}],
        "steps": [{"title": "First", "text": "Give 500 mL."}, {"title": "Then", "more": {"text": "Reassess."}}],
    }
    document = written(tmp_path, "a.json", json.dumps(value).replace("0.5", "0.50"))
    assert document.title == "Fluid"
    assert blocks(document, "paragraph") == [
        "age range: 16, 99",
        "grade: B",
        "Platelets 10⁹/L",
        "text: Give 500 mL.",
        "text: Reassess.",
    ]
    assert blocks(document, "table-header", "table-row") == ["drug | dose", "a | 0.50", "b | "]
    sections = {document.text[b.start : b.end]: b.section for b in document.blocks}
    assert sections["grade: B"] == ("Fluid",)  # not under the heading of the text before it
    assert sections["text: Reassess."] == ("Fluid", "steps", "Then", "more")


@pytest.mark.parametrize("text", ['{"dose": 1, "dose": 2}', '[{"a": {"b": 1, "b": 1}}]'])
def test_json_with_a_key_twice_is_refused(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    assert re.search("stands? twice", refusal(tmp_path / "a.json"))


@pytest.mark.parametrize("text", ["{", "give fluid", '{"dose": NaN}', '{"a": 1} {"b": 2}', "{'a': 1}", '{"a": 01}'])
def test_what_is_no_json_is_refused(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    assert re.search("is not (whole )?JSON", refusal(tmp_path / "a.json"))


@pytest.mark.parametrize("text", ['{"error": "unauthorized"}', '{"status": 404, "errors": [{"detail": "gone"}]}'])
def test_an_error_message_saved_as_json_is_refused(tmp_path, text):
    """P7: whatever its status was, it is no guideline."""
    (tmp_path / "a.json").write_text(text)
    assert "is an error message" in refusal(tmp_path / "a.json")


@pytest.mark.parametrize("key", ["HbA1c", "eGFR", "pH", "T_max", "Na+"])
def test_a_key_that_is_a_name_stays_as_it_is(tmp_path, key):
    assert written(tmp_path, "a.json", json.dumps({key: "7"})).text == f"{key}: 7"


def test_docbook_and_jats_have_sections_lists_and_spanned_tables(tmp_path):
    entry = '<entry morerows="1">Weight</entry><entry namest="b" nameend="c">Dose</entry>'
    document = written(
        tmp_path,
        "a.xml",
        "<article xmlns='http://docbook.org/ns/docbook'><info><title>Sepsis</title></info><sec><label>2</label><title>Fluid</title>"
        "<p>Give <bold>500 mL</bold>, 10<sup>9</sup>/L.</p><orderedlist><listitem><para>Stop</para></listitem></orderedlist></sec>"
        "<table><title>First doses</title><tgroup cols='3'><colspec colname='a'/><colspec colname='b'/><colspec colname='c'/>"
        f"<thead><row>{entry}</row><row><entry>day</entry><entry>night</entry></row></thead>"
        "<tbody><row><entry>10 kg</entry><entry>0.5 mg</entry><entry>5 µg</entry></row></tbody></tgroup></table></article>",
    )
    assert document.title == "Sepsis" and document.blocks[1].section == ("Sepsis", "2 Fluid")
    assert blocks(document, "paragraph") == ["Give 500 mL, 10⁹/L."] and blocks(document, "list") == ["1. Stop"]
    assert blocks(document, "caption") == ["First doses"]
    assert blocks(document, "table-header") == ["Weight | Dose | Dose", "Weight | day | night"]
    assert blocks(document, "table-row") == ["10 kg | 0.5 mg | 5 µg"]


def test_xml_of_a_publishers_own_keeps_names_values_and_units(tmp_path):
    document = written(
        tmp_path,
        "a.xml",
        "<list><drug><name>heparin</name><dose unit='units'>5000</dose><route code='iv'/></drug>"
        "<rows><r><age>1</age><mg>2</mg></r><r><age>3</age><mg>4</mg></r></rows></list>",
    )
    assert "dose (unit units): 5000" in document.text and "route (code iv)" in document.text
    assert blocks(document, "table-header", "table-row") == ["age | mg", "1 | 2", "3 | 4"]


# ---------------------------------------------------------------- zips


def test_the_files_in_a_zip_are_documents_of_their_own_that_cite_the_zip(tmp_path):
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("x/a.md", "# Fluid\n\nGive 500 mL.")
        archive.writestr("a.txt", "Give oxygen.")
        archive.writestr("__MACOSX/x/._a.md", b"\0\0")
        archive.writestr("old.md", "# Old\n\nGive nothing.")
        archive.writestr("release.toml", '[[documents]]\nfile = "old.md"\nstatus = "withdrawn"\n')
    documents = list(Guidelines().parse({"b.zip": tmp_path / "b.zip"}, RELEASE))
    assert [document.id for document in documents] == ["b.zip/a.txt", "b.zip/x/a.md"]
    assert {document.sha256 for document in documents} == {of_file(tmp_path / "b.zip")}
    assert [document.file for document in documents] == ["b.zip/a.txt", "b.zip/x/a.md"]


@pytest.mark.parametrize(
    ("member", "data", "said"),
    [
        ("a.exe", b"MZ", "an ending that is not read"),
        ("a.pdf", b"just words", "b.zip/a.pdf is plain text, not a PDF"),
        ("../a.md", b"x", "points outside"),
        ("a.md", b"", "b.zip/a.md is empty"),
    ],
)
def test_a_zip_with_one_bad_file_is_refused_as_a_whole_and_names_it(tmp_path, member, data, said):
    """P7: half of a bundle is not what the committee sent."""
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("good.md", "# Fluid\n\nGive 500 mL.")
        archive.writestr(member, data)
    assert said in refusal(tmp_path / "b.zip")


def test_nothing_of_a_zip_stays_unpacked(tmp_path, monkeypatch):
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "t"))
    (tmp_path / "t").mkdir()
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("a.md", "# Fluid\n\nGive 500 mL.")
    assert list(Guidelines().parse({"b.zip": tmp_path / "b.zip"}, RELEASE))
    assert list((tmp_path / "t").iterdir()) == []


# ---------------------------------------------------------------- encodings


@pytest.mark.parametrize(
    ("suffix", "text"),
    [("txt", "38 °C ≤ 5 µg"), ("csv", "a,b\n≤,5 µg\n"), ("json", '{"a": "≤ 5 µg"}'), ("html", "<p>≤ 5 µg</p>")],
)
def test_utf_16_is_read_with_its_mark_and_refused_without(tmp_path, suffix, text):
    """P9: without its mark, ≤ would be read as two other letters."""
    path = tmp_path / f"a.{suffix}"
    for encoding in ("utf-16-le", "utf-16-be"):
        path.write_bytes(("\ufeff" + text).encode(encoding))
        assert "≤" in parsed(path).text and "5 µg" in parsed(path).text
        path.write_bytes(text.encode(encoding))
        assert "binary data" in refusal(path)


@pytest.mark.parametrize("suffix", ["txt", "md", "html", "csv", "json"])
@pytest.mark.parametrize("before", [10, 10_000])
def test_a_file_with_nul_bytes_is_refused_wherever_they_stand(tmp_path, suffix, before):
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(b'["' + b"Give fluid. " * before + b'\0"]')
    assert "binary data" in refusal(path)


# ---------------------------------------------------------------- meaning

SAID = "Platelets 50 × 10⁹/L: give 0.5 mg, not 5 µg or 5 μg or 5 mg; do not give more. K⁺, HCO₃⁻, ≤ 38 °C."


def _as_docx(path: Path) -> None:
    word = docx.Document()
    line = word.add_paragraph("Platelets 50 × 10")
    line.add_run("9").font.superscript = True
    line.add_run("/L: give 0.5 mg, not 5 µg or 5 μg or 5 mg; do not give more. K")
    line.add_run("+").font.superscript = True
    line.add_run(", HCO")
    line.add_run("3").font.subscript = True
    line.add_run("-").font.superscript = True
    line.add_run(", ≤ 38 °C.")
    word.save(path)


def _as_pptx(path: Path) -> None:
    deck = pptx.Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[6])
    line = slide.shapes.add_textbox(0, 0, Inches(5), Inches(1)).text_frame.paragraphs[0]
    said = (
        ("Platelets 50 × 10", 0),
        ("9", 30000),
        ("/L: give 0.5 mg, not 5 µg or 5 μg or 5 mg; do not give more. K", 0),
    )
    for text, shift in (*said, ("+", 30000), (", HCO", 0), ("3", -25000), ("-", 30000), (", ≤ 38 °C.", 0)):
        run = line.add_run()
        run.text = text
        if shift:
            run._r.get_or_add_rPr().set("baseline", str(shift))
    deck.save(path)


def _as_xlsx(path: Path) -> None:
    up, down = InlineFont(vertAlign="superscript"), InlineFont(vertAlign="subscript")
    book = openpyxl.Workbook()
    book.active["A1"] = CellRichText(
        *("Platelets 50 × 10", TextBlock(up, "9"), "/L: give 0.5 mg, not 5 µg or 5 μg or 5 mg; do not give more. K"),
        *(TextBlock(up, "+"), ", HCO", TextBlock(down, "3"), TextBlock(up, "-"), ", ≤ 38 °C."),
    )
    book.save(path)


MARKED = (
    "Platelets 50 × 10<sup>9</sup>/L: give 0.5 mg, not 5 µg or 5 μg or 5 mg; do not give more. "
    "K<sup>+</sup>, HCO<sub>3</sub><sup>-</sup>, ≤ 38 °C."
)
FORMS = {
    "txt": SAID,
    "md": MARKED.replace("<sup>9</sup>", "^9^"),
    "html": f"<p>{MARKED}</p>",
    "csv": f'"{SAID}"',
    "tsv": SAID,
    "json": json.dumps([MARKED]),
    "xml": f"<doc><p>{MARKED.replace('sup>', 'superscript>')}</p></doc>",
    "docx": _as_docx,
    "pptx": _as_pptx,
    "xlsx": _as_xlsx,
}


@pytest.mark.parametrize("suffix", FORMS)
def test_powers_doses_units_and_negations_survive_in_every_format(tmp_path, suffix):
    """P9: 10⁹/L never becomes 109/L, µg never mg, 0.5 never 5, and "do not" stays; both micro signs stay themselves."""
    path, form = tmp_path / f"a.{suffix}", FORMS[suffix]
    if callable(form):
        form(path)
    else:
        path.write_text(form, encoding="utf-8")
    assert parsed(path).text.removeprefix("Sheet\n\n") == SAID


def test_powers_doses_units_and_negations_survive_in_a_pdf(tmp_path):
    """P9: where raised and lowered signs are only smaller letters off the line."""
    style = getSampleStyleSheet()["BodyText"]
    said = "Platelets 50 × 10<super>9</super>/L: give 0.5 mg, not 5 µg or 5 mg; do not give more. HCO<sub>3</sub>."
    SimpleDocTemplate(str(tmp_path / "a.pdf")).build([Paragraph(said, style)])
    assert (
        parsed(tmp_path / "a.pdf").text
        == "Platelets 50 × 10⁹/L: give 0.5 mg, not 5 µg or 5 mg; do not give more. HCO₃."
    )
