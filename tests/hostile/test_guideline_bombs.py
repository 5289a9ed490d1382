"""Guideline files that are too large, too deep or too many: each ends in seconds, within the sandbox, in words that help."""

import io
import json
import re
import time
import zipfile
from pathlib import Path

import pytest
from guideline_files import MAKERS, a_docx, an_xlsx, read_in_sandbox

from probatum.sandbox import Refusal

MEMORY = 2 << 30  # half of what a refresh allows
SECONDS = 30  # two busy cores; most of these take one or two


def refusals(tmp_path: Path, paths: list[Path], memory_bytes: int = MEMORY) -> list[str]:
    """The reasons of files that must all be refused, read by one process one after the other."""
    began = time.monotonic()
    outcomes = read_in_sandbox(tmp_path, paths, seconds=SECONDS, memory_bytes=memory_bytes)
    assert time.monotonic() - began < SECONDS
    for path, outcome in zip(paths, outcomes, strict=True):
        assert isinstance(outcome, Refusal) and outcome.kind == "rejected", (path.name, outcome)
        assert path.name in outcome.reason and outcome.advice
    return [outcome.reason for outcome in outcomes]


def refusal(tmp_path: Path, path: Path) -> str:
    (reason,) = refusals(tmp_path, [path])
    return reason


def with_part(path: Path, part: str, change) -> None:
    """Replace one member of an Office file by change(its bytes)."""
    out = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, change(old.read(name)) if name == part else old.read(name))
    path.write_bytes(out.getvalue())


def test_a_word_document_of_four_hundred_thousand_paragraphs_is_refused(tmp_path):
    """P27: some 100 KB that a converter works on for minutes."""
    path = tmp_path / "a.docx"
    a_docx(path)
    many = b"<w:p><w:r><w:t>Give.</w:t></w:r></w:p>" * 400_000
    with_part(path, "word/document.xml", lambda data: data.replace(b"<w:tbl>", many + b"<w:tbl>", 1))
    assert path.stat().st_size < 200_000
    assert "paragraphs (100000 allowed)" in refusal(tmp_path, path) or "times its size" in refusal(tmp_path, path)


def test_a_word_document_of_many_different_paragraphs_is_refused_by_their_number(tmp_path):
    """P27: no ratio gives it away, so they are counted."""
    path = tmp_path / "a.docx"
    a_docx(path)
    many = b"".join(b"<w:p><w:r><w:t>Give %d mL.</w:t></w:r></w:p>" % n for n in range(150_000))
    with_part(path, "word/document.xml", lambda data: data.replace(b"<w:tbl>", many + b"<w:tbl>", 1))
    assert "paragraphs (100000 allowed)" in refusal(tmp_path, path)


def test_a_workbook_of_seven_hundred_thousand_rows_is_refused(tmp_path):
    """P27: loading it would take minutes and gigabytes."""
    path = tmp_path / "a.xlsx"
    an_xlsx(path)
    rows = b"".join(b'<row r="%d"><c r="A%d"><v>%d</v></c></row>' % (n, n, n) for n in range(10, 700_010))
    with_part(path, "xl/worksheets/sheet1.xml", lambda data: data.replace(b"</sheetData>", rows + b"</sheetData>"))
    assert "more than 50000 rows" in refusal(tmp_path, path)


@pytest.mark.parametrize("area", ["A1:XFD1048576", "A1:ALL500000"])
def test_a_merged_area_of_a_whole_sheet_is_refused(tmp_path, area):
    """P27: seventeen billion cells in twenty bytes."""
    path = tmp_path / "a.xlsx"
    an_xlsx(path)
    with_part(path, "xl/worksheets/sheet1.xml", lambda data: data.replace(b"B1:C1", area.encode()))
    assert "merged cells over more than 600000 places" in refusal(tmp_path, path)


def test_a_cell_at_the_far_end_of_a_sheet_costs_nothing(tmp_path):
    """P27: a sheet is as large as its last cell says, and 500 columns of a million rows are not walked through."""
    path = tmp_path / "a.xlsx"
    an_xlsx(path)
    with_part(
        path,
        "xl/worksheets/sheet1.xml",
        lambda data: data.replace(
            b"</sheetData>", b'<row r="1048576"><c r="ABC1048576"><v>1</v></c></row></sheetData>'
        ),
    )
    assert "a sheet of 1048576 rows and 731 columns" in refusal(tmp_path, path)


def test_two_hundred_megabytes_of_text_are_refused_before_they_are_opened(tmp_path):
    """P27: the size is looked at first, so that a gigabyte of address space is enough to say so."""
    paths = [tmp_path / f"a.{suffix}" for suffix in ("txt", "md", "csv", "json", "xml", "html")]
    for path in paths:
        with path.open("wb") as out:
            out.write(b"<html>" if path.suffix == ".html" else b"Give fluid ")
            out.truncate(200_000_000)
    assert all("190 MiB (32 allowed)" in reason for reason in refusals(tmp_path, paths, memory_bytes=1 << 30))


def test_html_nested_twenty_thousand_deep_is_refused(tmp_path):
    """P27: neither a stack nor a minute is lost over it."""
    paths = []
    for number, tag in enumerate(("div", "table><tr><td", "ul><li", "blockquote", "details")):
        paths.append(tmp_path / f"{number}.html")
        paths[-1].write_text(f"<html><body>{f'<{tag}>' * 20_000}deep</body></html>")
    assert all("nested deeper than 1000" in reason for reason in refusals(tmp_path, paths))


def test_json_nested_deep_is_refused(tmp_path):
    """P27: a hundred thousand brackets end in a sentence."""
    paths = []
    for opening, closing in (("[", "]"), ('{"a":', "}")):
        for deep in (100, 100_000):
            paths.append(tmp_path / f"{len(paths)}.json")
            paths[-1].write_text(f"{opening * deep}1{closing * deep}")
    assert all("nested" in reason for reason in refusals(tmp_path, paths))


def test_json_that_breaks_off_deep_inside_is_refused(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("[" * 100_000)
    assert re.search("JSON|nested", refusal(tmp_path, path))


def test_a_number_of_a_million_digits_is_refused(tmp_path):
    """P27: to make it a number would take the square of its length."""
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"dose": 1}).replace("1", "9" * 1_000_000))
    assert "JSON" in refusal(tmp_path, path)


def test_xml_nested_ten_thousand_deep_is_refused(tmp_path):
    """P26: as everywhere, at two hundred levels."""
    path = tmp_path / "a.xml"
    path.write_text("<a>" * 10_000 + "deep" + "</a>" * 10_000)
    assert "nested deeper than 200" in refusal(tmp_path, path)


def test_xml_that_declares_a_document_type_is_refused(tmp_path):
    """P26: DocBook and JATS often do; without it they say the same."""
    path = tmp_path / "a.xml"
    path.write_text('<!DOCTYPE article SYSTEM "http://127.0.0.1:9/x.dtd"><article><title>Fluid</title></article>')
    assert "declares a document type" in refusal(tmp_path, path)


def test_csv_of_more_rows_than_a_guideline_has_is_refused(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("Drug,Dose\n" + "heparin,0.5 mg\n" * 60_000)
    assert "60001 rows (50000 allowed)" in refusal(tmp_path, path)


def test_markdown_that_opens_and_never_closes_is_refused(tmp_path):
    """P27: twenty kilobytes that the package looks through for minutes."""
    paths = []
    for opening in ("[", "<a ", "> " * 60):
        paths.append(tmp_path / f"{len(paths)}.md")
        paths[-1].write_text(opening * 10_000)
    refusals(tmp_path, paths)


def test_a_million_paragraphs_of_text_are_refused(tmp_path):
    """P27: they would be a million elements, and gigabytes."""
    paths = [tmp_path / "a.txt", tmp_path / "a.md"]
    for path in paths:
        path.write_text("- a\n\n" * 1_000_000)
    assert all("paragraphs" in reason for reason in refusals(tmp_path, paths))


def test_a_zip_bomb_under_every_name_is_refused_by_its_directory(tmp_path):
    """P25: 300 MB in 300 kB; nothing of it is unpacked, and nothing is left."""
    paths = [tmp_path / f"a.{suffix}" for suffix in ("docx", "pptx", "xlsx", "zip")]
    for path in paths:
        MAKERS[path.suffix[1:]](path)
        with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED, compresslevel=9) as bomb:
            bomb.writestr("word/media/bomb.txt", b" " * 300_000_000)
    assert all("would unpack to" in reason for reason in refusals(tmp_path, paths))
    assert {each.name for each in (tmp_path / "sandbox").iterdir()} <= {"job.json", "notes.jsonl", "stderr.txt"}


def test_a_zip_in_a_zip_is_refused_and_not_opened(tmp_path):
    """P25: how deep it would go nobody asks."""
    inner = tmp_path / "inner.zip"
    MAKERS["zip"](inner)
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(inner, "folder/INNER.ZIP")
    assert "a zip in a zip" in refusal(tmp_path, path)
