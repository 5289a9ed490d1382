"""The guidelines source: what a file of each format becomes, and what a release says of its files."""

from datetime import date
from pathlib import Path

import docx
import pytest
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Pt
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Paragraph, SimpleDocTemplate, Table, TableStyle

from probatum.errors import Misconfigured, Rejected
from probatum.records import Document, SourceRelease
from sources.elements.hyphens import Hyphens
from sources.elements.scripts import lowered, raised
from sources.guidelines import Guidelines

RELEASE = SourceRelease("guidelines", "2026-07", date(2026, 7, 1), "invented", "test")
PROSE = "Give oxygen to a target saturation and reassess the patient often. "


def parsed(path: Path, name: str = "") -> Document:
    (document,) = Guidelines().parse({name or path.name: path}, RELEASE)
    return document


def blocks(document: Document, kind: str) -> list[str]:
    return [document.text[block.start : block.end] for block in document.blocks if block.kind == kind]


def html(tmp_path: Path, body: str, head: str = "<title>Fluid</title>") -> Document:
    path = tmp_path / "page.html"
    path.write_text(f"<!DOCTYPE html><html><head>{head}</head><body>{body}</body></html>", encoding="utf-8")
    return parsed(path)


# ---------------------------------------------------------------- documents of every format


@pytest.mark.parametrize("release", ["2026-07", "2026-10"])
def test_every_current_sample_gives_one_document_whose_blocks_cover_its_text(release):
    source = Guidelines()
    found = source.find(str(Path(__file__).parents[2] / "sources" / "samples" / "guidelines" / release))
    files = {file.name: Path(file.location) for file in found.files}
    documents = list(source.parse(files, found.release))
    assert {document.id for document in documents} == set(files) - {"release.toml"}
    for document in documents:
        at = 0
        for block in document.blocks:
            assert block.start >= at and not document.text[at : block.start].strip()
            assert document.text[block.start : block.end].strip()
            assert block.kind in {"heading", "paragraph", "list", "table-header", "table-row", "caption"}
            assert (block.table >= 0) == block.kind.startswith("table")
            assert (block.page > 0) == (document.meta["format"] == "pdf")
            assert block.kind != "heading" or document.text[block.start : block.end] == block.section[-1]
            at = block.end
        assert at == len(document.text)
        assert document.meta["tables"] >= 1 and len(blocks(document, "heading")) >= 8


def test_the_embedded_release_is_found_without_an_origin():
    found = Guidelines().find(None)
    assert (found.release.name, found.release.valid_from) == ("2026-07", date(2026, 7, 1))
    assert "release.toml" in {file.name for file in found.files}


def test_a_document_takes_its_metadata_from_the_release_file_given_beside_it(tmp_path):
    (tmp_path / "release.toml").write_text(
        '[[documents]]\nfile = "a.md"\ntitle = "Sepsis"\nnumber = "P-1"\nversion = 4\neffective = 2026-05-01\n'
        'owner = "Sepsis committee"\nsupersedes = "P-0"\n'
    )
    (tmp_path / "a.md").write_text("# Something else\n\nGive fluid.")
    (document,) = Guidelines().parse({"a.md": tmp_path / "a.md", "release.toml": tmp_path / "release.toml"}, RELEASE)
    assert (document.id, document.title, document.valid_from) == ("a.md", "Sepsis", "2026-05-01")
    assert (document.meta["number"], document.meta["version"], document.meta["supersedes"]) == ("P-1", "4", "P-0")


@pytest.mark.parametrize("status", ["superseded", "withdrawn"])
def test_a_file_listed_as_gone_gives_no_document(tmp_path, status):
    (tmp_path / "release.toml").write_text(f'[[documents]]\nfile = "a.md"\nstatus = "{status}"\n')
    (tmp_path / "a.md").write_text("# Old\n\nGive fluid.")
    files = {"a.md": tmp_path / "a.md", "release.toml": tmp_path / "release.toml"}
    assert list(Guidelines().parse(files, RELEASE)) == []


def test_a_document_that_names_its_own_effective_date_is_valid_from_it(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("FLUID\n\nVersion 3. Effective from 2 March 2026.\n\nGive 500 mL.")
    document = parsed(path)
    assert (document.valid_from, document.meta["version"]) == ("2026-03-02", "3")


def test_a_document_without_a_date_is_valid_from_the_release(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("FLUID\n\nReviewed 07/01/2026. Give 500 mL.")
    assert parsed(path).valid_from == "2026-07-01"


def test_a_document_without_a_title_is_called_after_its_file(tmp_path):
    path = tmp_path / "ward-round_checklist.txt"
    path.write_text("check the chart and the lines.")
    assert parsed(path).title == "Ward round checklist"


def test_a_snapshot_file_is_known_by_its_name_and_not_by_its_path(tmp_path):
    path = tmp_path / "3f9c00"
    path.write_text("# Fluid\n\nGive 500 mL.")
    assert parsed(path, "ward/fluid.md").id == "ward/fluid.md"
    path.write_text("")
    with pytest.raises(Rejected, match=r"ward/fluid.md is empty"):
        parsed(path, "ward/fluid.md")


# ---------------------------------------------------------------- find


def test_a_folder_offers_the_readable_files_of_its_subfolders(tmp_path):
    (tmp_path / "ward").mkdir()
    for name in ("a.pdf", "ward/b.HTM", "c.txt", "picture.png", ".hidden.md"):
        (tmp_path / name).write_text("x")
    assert [file.name for file in Guidelines().find(str(tmp_path)).files] == ["a.pdf", "c.txt", "ward/b.HTM"]


def test_a_current_document_that_is_not_in_the_folder_stops_the_release(tmp_path):
    (tmp_path / "a.md").write_text("x")
    (tmp_path / "release.toml").write_text('[[documents]]\nfile = "b.md"\n')
    with pytest.raises(Rejected, match=r"1 current documents that are not there: b\.md"):
        Guidelines().find(str(tmp_path))


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("documents = 3", "no .*tables"),
        ('[[documents]]\nfile = "a.md"\nstatus = "old"', "status 'old'"),
        ('[[documents]]\nfile = "a.md"\n[[documents]]\nfile = "a.md"', "twice"),
        ('[[documents]]\nfile = "a.md"\neffective = "soon"', "no date"),
        ("name =", "not TOML"),
    ],
)
def test_a_wrong_release_file_is_refused_with_what_is_wrong(tmp_path, toml, said):
    (tmp_path / "a.md").write_text("x")
    (tmp_path / "release.toml").write_text(toml)
    with pytest.raises(Rejected, match=said):
        Guidelines().find(str(tmp_path))


def test_an_address_without_a_readable_ending_is_a_configuration_error():
    with pytest.raises(Misconfigured, match="no ending"):
        Guidelines().find("https://guidelines.example/download?id=3")
    assert Guidelines().find("https://guidelines.example/a%20b.pdf").files[0].name == "a b.pdf"


# ---------------------------------------------------------------- HTML


def test_raised_and_lowered_text_never_runs_into_a_number(tmp_path):
    document = html(
        tmp_path,
        "<p>Platelets 50 × 10<sup>9</sup>/L, HCO<sub>3</sub><sup>-</sup>, <span>w</span>ord, x<sup>a,b</sup></p>",
    )
    assert document.text == "Platelets 50 × 10⁹/L, HCO₃⁻, word, x^(a,b)"
    assert (raised("th"), raised("-3"), lowered("1c"), lowered("max")) == ("th", "⁻³", "1c", "ₘₐₓ")


def test_spanned_cells_are_filled_in_and_a_row_across_the_table_is_said_once(tmp_path):
    document = html(
        tmp_path,
        "<table><thead><tr><th rowspan=2>Weight<th colspan=2>Dose</tr><tr><th>Day<th>Night</tr></thead>"
        "<tr><td colspan=3>Adults</tr><tr><td>50 kg<td rowspan=2>5 mg<td>2 mg</tr><tr><td>60 kg<td>3 mg</tr></table>",
    )
    assert blocks(document, "table-header") == ["Weight | Dose | Dose", "Weight | Day | Night"]
    assert blocks(document, "table-row") == ["Adults", "50 kg | 5 mg | 2 mg", "60 kg | 5 mg | 3 mg"]


def test_definitions_folded_notes_and_numbers_of_lists_are_kept(tmp_path):
    document = html(
        tmp_path,
        "<dl><dt>AKI</dt><dd>Acute kidney injury</dd></dl><details><summary>Why</summary><p>Because.</p></details>"
        "<ol start=3><li>Stop</li><li><p>Check</p><ul><li>pulse</li></ul></li></ol>",
    )
    assert blocks(document, "paragraph") == ["AKI: Acute kidney injury", "Why: Because."]
    assert blocks(document, "list") == ["3. Stop", "4. Check", "pulse"]


@pytest.mark.parametrize(
    "hidden",
    [
        "<script>secret()</script>",
        "<nav>secret</nav>",
        "<footer>secret</footer>",
        "<p style='display: none'>secret</p>",
        "<p class='gone'>secret</p>",
        "<p hidden>secret</p>",
        "<p aria-hidden=true>secret</p>",
        "<p style='font-size:0'>secret</p>",
        "<p style='color:#FFF'>secret</p>",
        "<p>Give <del>secret</del></p>",
        "<form><button>secret</button></form>",
    ],
)
def test_what_a_reader_does_not_see_is_left_out_and_counted(tmp_path, hidden):
    head = "<title>T</title><style>.gone{display:none} @media print {.shown{display:none}}</style>"
    document = html(tmp_path, f"<p class=shown>Give fluid.</p>{hidden}<p>Reassess.</p>", head)
    assert "secret" not in document.text
    assert document.text.startswith("Give fluid.") and document.text.endswith("Reassess.")
    assert sum(document.meta["dropped"].values()) >= 1


def test_white_text_on_a_colour_is_kept(tmp_path):
    document = html(tmp_path, "<div style='background:#903'><p style='color:#fff'>Stop the infusion.</p></div>")
    assert document.text == "Stop the infusion."


def test_headings_by_class_of_an_exported_book_nest(tmp_path):
    document = html(tmp_path, "<p class='head-A'>Sepsis</p><p class='head-B x'>Fluid</p><p class=body>Give 500 mL.</p>")
    assert document.blocks[-1].section == ("Sepsis", "Fluid")


def test_the_declared_encoding_is_used_and_latin_1_is_windows_1252(tmp_path):
    path = tmp_path / "a.html"
    path.write_bytes('<html><meta charset="iso-8859-1"><p>38 °C – “hot”</p></html>'.encode("cp1252"))
    assert parsed(path).text == "38 °C – “hot”"
    path.write_bytes(b"<html><p>38 \xb0C</p></html>")
    assert parsed(path).text == "38 °C"


# ---------------------------------------------------------------- Markdown and text


def test_markdown_headings_lists_and_pipe_tables_are_read(tmp_path):
    path = tmp_path / "a.md"
    path.write_text("---\ntitle: Fluids\n---\n# One\n\n## Two\n\n1. a\n2. b\n\n| A | B |\n|---|---|\n| 1 | 10^9^ |\n")
    document = parsed(path)
    assert document.title == "Fluids"
    assert blocks(document, "list") == ["1. a", "2. b"]
    assert blocks(document, "table-row") == ["1 | 10⁹"]
    assert document.blocks[-1].section == ("One", "Two")


def test_text_has_paragraphs_headings_and_lists(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("SEPSIS\n\n1.1 Fluid\n\nGive 500 mL\nof fluid.\n- reassess\n  often\n- call\n", encoding="utf-8")
    document = parsed(path)
    assert blocks(document, "heading") == ["SEPSIS", "1.1 Fluid"]
    assert blocks(document, "paragraph") == ["Give 500 mL of fluid."]
    assert blocks(document, "list") == ["reassess often", "call"]


# ---------------------------------------------------------------- DOCX


def test_a_word_document_keeps_headings_scripts_numbers_and_merged_cells(tmp_path):
    word = docx.Document()
    word.add_heading("Sepsis", 0)
    word.add_heading("Fluid", 1)
    line = word.add_paragraph("Platelets 10")
    line.add_run("9").font.superscript = True
    line.add_run("/L")
    gone = line.add_run(" and not this")
    gone.font.strike = True
    word.add_paragraph("Stop", style="List Number")
    word.add_paragraph("Check", style="List Number")
    table = word.add_table(3, 2)
    table.cell(0, 0).text, table.cell(0, 1).text = "Source", "Dose"
    table.cell(1, 0).merge(table.cell(2, 0)).text = "Urine"
    table.cell(1, 1).text, table.cell(2, 1).text = "1 g", "2 g"
    word.sections[0].header.paragraphs[0].text = "General hospital"
    word.save(tmp_path / "a.docx")
    document = parsed(tmp_path / "a.docx")
    assert "Platelets 10⁹/L" in document.text and "not this" not in document.text
    assert blocks(document, "list") == ["1. Stop", "2. Check"]
    assert blocks(document, "table-row") == ["Urine | 1 g", "Urine | 2 g"]
    assert "General hospital" not in document.text
    assert document.meta["dropped"] == {"header and footer lines": 1, "text struck out": 1}
    assert document.blocks[-1].section == ("Sepsis", "Fluid")


def test_tracked_insertions_are_read_and_tracked_deletions_are_not(tmp_path):
    word = docx.Document()
    line = word.add_paragraph("Give ")
    for tag, text_tag, text in (("w:ins", "w:t", "500 mL"), ("w:del", "w:delText", "250 mL")):
        change, run, said = OxmlElement(tag), OxmlElement("w:r"), OxmlElement(text_tag)
        change.set(qn("w:id"), "1")
        said.text = text
        run.append(said)
        change.append(run)
        line._p.append(change)
    word.save(tmp_path / "a.docx")
    assert parsed(tmp_path / "a.docx").text == "Give 500 mL"


def test_a_frame_around_text_in_word_is_no_table(tmp_path):
    word = docx.Document()
    cell = word.add_table(1, 1).cell(0, 0)
    cell.text = "Call for help at once."
    cell.paragraphs[0].runs[0].font.size = Pt(20)
    word.save(tmp_path / "a.docx")
    assert blocks(parsed(tmp_path / "a.docx"), "paragraph") == ["Call for help at once."]


# ---------------------------------------------------------------- PDF


def test_a_pdf_of_two_columns_written_line_by_line_is_read_column_by_column(tmp_path):
    canvas = Canvas(str(tmp_path / "a.pdf"), pagesize=A4)
    for k in range(25):
        canvas.setFont("Helvetica", 9)
        canvas.drawString(50, 760 - 12 * k, f"left{k} gives the first column of this page of prose")
        canvas.drawString(310, 760 - 12 * k, f"right{k} gives the second column of this page of prose")
    canvas.save()
    words = [word for word in parsed(tmp_path / "a.pdf").text.split() if word.startswith(("left", "right"))]
    assert words == [*(f"left{k}" for k in range(25)), *(f"right{k}" for k in range(25))]


def test_a_ruled_table_is_read_by_cell_and_not_said_again_in_the_paragraphs(tmp_path):
    styles = getSampleStyleSheet()
    cell = styles["BodyText"]
    rows = [
        ["Source", "First dose", ""],
        ["Urine", Paragraph("Gentamicin<br/>5 mg/kg", cell), "once"],
        ["Skin", "2 g", "6 h"],
    ]
    grid = Table(rows, style=TableStyle([("GRID", (0, 0), (-1, -1), 0.5, colors.black), ("SPAN", (1, 0), (2, 0))]))
    story = [Paragraph("Antibiotics", styles["Heading1"]), Paragraph(PROSE * 6, cell), grid, Paragraph(PROSE * 3, cell)]
    SimpleDocTemplate(str(tmp_path / "a.pdf")).build(story)
    document = parsed(tmp_path / "a.pdf")
    assert blocks(document, "table-header") == ["Source | First dose | First dose"]
    assert blocks(document, "table-row") == ["Urine | Gentamicin 5 mg/kg | once", "Skin | 2 g | 6 h"]
    assert document.text.count("Gentamicin") == 1
    assert {block.section for block in document.blocks} == {("Antibiotics",)}


def test_running_lines_and_page_numbers_of_a_pdf_are_left_out_and_counted(tmp_path):
    canvas = Canvas(str(tmp_path / "a.pdf"), pagesize=A4)
    for page in range(1, 5):
        canvas.setFont("Helvetica", 10)
        canvas.drawString(50, 810, "General hospital, protocol 12")
        canvas.drawString(50, 600, f"Step {'abcd'[page - 1]}: give oxygen and reassess.")
        canvas.drawString(280, 30, f"Page {page} of 4")
        canvas.showPage()
    canvas.save()
    document = parsed(tmp_path / "a.pdf")
    assert "General hospital" not in document.text and "of 4" not in document.text
    assert document.meta["dropped"] == {"header and footer lines": 8}
    assert [block.page for block in document.blocks] == [1, 2, 3, 4]


def test_the_outline_of_a_pdf_gives_its_section_tree(tmp_path):
    canvas = Canvas(str(tmp_path / "a.pdf"), pagesize=A4)
    canvas.setFont("Helvetica-Bold", 12)
    for key, (name, level, y) in enumerate((("Treatment", 0, 700), ("Fluid", 1, 600))):
        canvas.bookmarkPage(str(key))
        canvas.addOutlineEntry(name, str(key), level)
        canvas.drawString(50, y, name)
    canvas.setFont("Helvetica", 12)
    canvas.drawString(50, 560, "Give 500 mL and reassess the patient.")
    canvas.save()
    assert parsed(tmp_path / "a.pdf").blocks[-1].section == ("Treatment", "Fluid")


def test_a_power_in_a_pdf_stays_a_power(tmp_path):
    style = getSampleStyleSheet()["BodyText"]
    SimpleDocTemplate(str(tmp_path / "a.pdf")).build(
        [Paragraph("Platelets below 50 x 10<super>9</super>/L: call.", style)]
    )
    assert parsed(tmp_path / "a.pdf").text == "Platelets below 50 x 10⁹/L: call."


@pytest.mark.parametrize(
    ("before", "after", "joined", "elsewhere"),
    [
        ("a hyper-", "tension clinic", "a hypertension clinic", "treat hypertension"),
        ("a beta-", "blocker", "a beta-blocker", ""),
        ("a loop-", "diuretic", "a loop-diuretic", "a loop is a diuretic of the loop"),
        ("give 10-", "20 mg", "give 10-20 mg", ""),
        ("pre-", "and post-operative", "pre- and post-operative", ""),
        ("COVID-", "19", "COVID-19", ""),
        ("give oxygen", "at once", "give oxygen at once", ""),
    ],
)
def test_a_word_broken_at_the_end_of_a_line_is_joined_only_where_that_is_right(before, after, joined, elsewhere):
    assert Hyphens([elsewhere, before, after]).joined(before, after) == joined


def test_ligatures_are_spelt_out(tmp_path):
    path = tmp_path / "a.html"
    path.write_text("<html><p>re\ufb02ux and e\ufb03cacy, 10\u2079/L</p></html>", encoding="utf-8")
    assert parsed(path).text == "reflux and efficacy, 10⁹/L"


def test_the_same_bytes_read_the_same_twice():
    source = Guidelines()
    found = source.find(None)
    files = {
        file.name: Path(file.location) for file in found.files if file.name.endswith(("sepsis.pdf", "nstemi.docx"))
    }
    assert list(source.parse(files, found.release)) == list(source.parse(files, found.release))
    assert source.parser_fingerprint() == Guidelines().parser_fingerprint()
