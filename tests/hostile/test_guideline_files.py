"""Guideline files that are broken, locked, mislabelled or made to hurt: each is refused in words a person can use."""

import contextlib
import io
import random
import re
import zipfile
from datetime import date
from pathlib import Path

import docx
import pikepdf
import pytest
from guideline_files import MAKERS
from PIL import Image
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from probatum.errors import Rejected
from probatum.records import SourceRelease
from probatum.safeio import Limits
from sources.guidelines import Guidelines

RELEASE = SourceRelease("guidelines", "2026-07", date(2026, 7, 1), "invented", "test")


def refusal(path: Path, limits: Limits | None = None) -> str:
    source = Guidelines()
    source.limits = limits or source.limits
    with pytest.raises(Rejected) as refused:
        list(source.parse({path.name: path}, RELEASE))
    assert path.name in refused.value.happened and refused.value.next
    assert "Nothing was published" in refused.value.safe
    return refused.value.happened


def text_of(path: Path) -> str:
    (document,) = Guidelines().parse({path.name: path}, RELEASE)
    return document.text


def a_pdf(path: Path, pages: int = 3, draw=None) -> Path:
    canvas = Canvas(str(path), pagesize=A4)
    for page in range(pages):
        if draw:
            draw(canvas, page)
        else:
            for line in range(30):
                canvas.drawString(50, 780 - 20 * line, f"Page {page} line {line}: give 500 mL of fluid and reassess.")
        canvas.showPage()
    canvas.save()
    return path


def a_docx(path: Path) -> Path:
    word = docx.Document()
    word.add_paragraph("Give 500 mL of fluid and reassess.")
    word.save(path)
    return path


@pytest.mark.parametrize("name", [f"a.{suffix}" for suffix in MAKERS])
@pytest.mark.parametrize("data", [b"", b" \n\t\r\n", b"\xef\xbb\xbf\n"])
def test_an_empty_file_is_refused(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    assert "is empty" in refusal(tmp_path / name)


def test_a_file_over_the_size_limit_is_refused_before_it_is_opened(tmp_path):
    (tmp_path / "a.txt").write_text("x" * 2_000_000)
    assert "1 MiB (0 allowed)" in refusal(tmp_path / "a.txt", Limits(file_bytes=1_000))


def test_a_pdf_over_the_page_limit_is_refused(tmp_path):
    assert "3 pages (2 allowed)" in refusal(a_pdf(tmp_path / "a.pdf"), Limits(pages=2))


def test_a_pdf_that_needs_a_password_is_refused(tmp_path):
    with pikepdf.open(a_pdf(tmp_path / "plain.pdf")) as plain:
        plain.save(tmp_path / "a.pdf", encryption=pikepdf.Encryption(owner="o", user="u"))
    assert "needs a password" in refusal(tmp_path / "a.pdf")


def test_a_pdf_that_only_forbids_printing_is_read(tmp_path):
    with pikepdf.open(a_pdf(tmp_path / "plain.pdf")) as plain:
        plain.save(tmp_path / "a.pdf", encryption=pikepdf.Encryption(owner="o", user=""))
    assert "give 500 mL" in text_of(tmp_path / "a.pdf")


def test_a_word_document_that_needs_a_password_is_refused(tmp_path):
    locked = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2000) + "EncryptedPackage".encode("utf-16-le") + bytes(500)
    (tmp_path / "a.docx").write_bytes(locked)
    assert "needs a password" in refusal(tmp_path / "a.docx")
    (tmp_path / "a.docx").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(3000))
    assert "old kind (.doc)" in refusal(tmp_path / "a.docx")


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.95])
def test_a_pdf_cut_short_is_refused(tmp_path, share):
    data = a_pdf(tmp_path / "whole.pdf").read_bytes()
    (tmp_path / "a.pdf").write_bytes(data[: int(share * len(data))])
    assert re.search("damaged|empty", refusal(tmp_path / "a.pdf"))


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.95])
def test_a_word_document_cut_short_is_refused(tmp_path, share):
    data = a_docx(tmp_path / "whole.docx").read_bytes()
    (tmp_path / "a.docx").write_bytes(data[: int(share * len(data))])
    assert "not a whole zip" in refusal(tmp_path / "a.docx")


def test_a_page_whose_content_does_not_unpack_is_refused_and_not_read_as_blank(tmp_path):
    with pikepdf.open(a_pdf(tmp_path / "whole.pdf")) as whole:
        broken = whole.make_stream(b"not deflated")
        broken.write(b"this is not deflated data", filter=pikepdf.Name.FlateDecode)
        whole.pages[1].obj.Contents = broken
        whole.save(tmp_path / "a.pdf")
    assert "damaged" in refusal(tmp_path / "a.pdf")


@pytest.mark.parametrize("suffix", ["pdf", "docx"])
def test_flipped_bytes_either_leave_the_words_or_are_refused(tmp_path, suffix):
    """No other error, whatever is flipped."""
    whole = (a_pdf if suffix == "pdf" else a_docx)(tmp_path / f"whole.{suffix}").read_bytes()
    dice = random.Random(7)
    for k in range(40):
        data = bytearray(whole)
        for _ in range(1 + k):
            data[dice.randrange(len(data))] = dice.randrange(256)
        path = tmp_path / f"a.{suffix}"
        path.write_bytes(data)
        try:
            assert text_of(path)
        except Rejected as refused:
            assert path.name in refused.happened


def test_a_scanned_pdf_says_that_recognition_is_needed(tmp_path):
    picture = ImageReader(Image.effect_noise((200, 280), 60))

    def scan(canvas: Canvas, page: int) -> None:
        canvas.drawImage(picture, 0, 0, *A4)
        canvas.drawString(300, 20, str(page))

    assert "is a scan: 3 of 3 pages" in refusal(a_pdf(tmp_path / "a.pdf", draw=scan))


def test_one_scanned_page_among_others_is_counted(tmp_path):
    picture = ImageReader(Image.effect_noise((200, 280), 60))

    def mixed(canvas: Canvas, page: int) -> None:
        if page == 2:
            canvas.drawImage(picture, 0, 0, *A4)
        else:
            canvas.drawString(
                50, 700, f"Step {page}: give 500 mL of fluid, then reassess the patient and write it down."
            )

    (document,) = Guidelines().parse({"a.pdf": a_pdf(tmp_path / "a.pdf", draw=mixed)}, RELEASE)
    assert document.meta["dropped"] == {"pages that are only a picture": 1}


def test_a_pdf_without_any_text_is_refused(tmp_path):
    drawn = a_pdf(tmp_path / "a.pdf", draw=lambda canvas, page: canvas.rect(50, 50, 100, 100))
    assert "no text" in refusal(drawn)


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.pdf", b"<!DOCTYPE html><html><title>404 Not Found</title></html>", "is a web page, not a PDF"),
        ("a.pdf", b"\n<html><body>Please sign in</body></html>", "is a web page, not a PDF"),
        ("a.pdf", b"just some words", "is plain text, not a PDF"),
        ("a.docx", b"%PDF-1.7\n...", "is a PDF, not a Word document"),
        ("a.docx", b"{\\rtf1\\ansi Give fluid}", "rich text file"),
        ("a.html", b"%PDF-1.7\n...", "is a PDF, not a web page"),
        ("a.txt", b"PK\x03\x04rest", "is a zip"),
        ("a.txt", b"<?xml version='1.0'?><!-- x --><html></html>", "is a web page, not plain text"),
        ("a.md", b"\x89PNG\r\n\x1a\n\0\0", "is a picture, not Markdown"),
        ("a.txt", b"\x1f\x8b\x08\x00rest", "is a compressed file"),
        ("a.pptx", b"%PDF-1.7\n...", "is a PDF, not a set of slides"),
        ("a.xlsx", b"Drug,Dose\n", "is plain text, not a workbook"),
        ("a.csv", b"PK\x03\x04rest", "is a zip (such as DOCX), not a table (CSV)"),
        ("a.json", b"<html><title>Sign in</title></html>", "is a web page, not JSON"),
        ("a.xml", b"<?xml version='1.0'?><html></html>", "is a web page, not XML"),
        ("a.zip", b"%PDF-1.7\n...", "is a PDF, not a zip"),
    ],
)
def test_a_file_that_is_not_what_its_name_says_is_refused(tmp_path, name, data, said):
    (tmp_path / name).write_bytes(data)
    assert said in refusal(tmp_path / name)


@pytest.mark.parametrize("title", ["404 Not Found", "403 Forbidden", "Access Denied", "Error", "502 Bad Gateway"])
def test_an_error_page_is_refused_whatever_its_status_was(tmp_path, title):
    (tmp_path / "a.html").write_text(f"<html><head><title>{title}</title></head><body><p>Sorry.</p></body></html>")
    assert "error or sign-in page" in refusal(tmp_path / "a.html")


def test_a_guideline_on_errors_is_read(tmp_path):
    words = "Report every medication error and every near miss within a day to the safety lead. " * 40
    (tmp_path / "a.html").write_text(f"<html><title>Error reporting</title><body><p>{words}</p></body></html>")
    assert "near miss" in text_of(tmp_path / "a.html")


@pytest.mark.parametrize("name", ["a.txt", "a.md"])
def test_binary_data_in_a_text_file_is_refused(tmp_path, name):
    (tmp_path / name).write_bytes(b"Give fluid " + bytes(range(1, 32)) * 40)
    assert "binary" in refusal(tmp_path / name)
    (tmp_path / name).write_bytes(b"Give\0fluid")
    assert "binary" in refusal(tmp_path / name)


@pytest.mark.parametrize("tag", ["div", "span", "b", "sup"])
def test_html_nested_over_a_thousand_deep_is_refused_and_not_cut(tmp_path, tag):
    (tmp_path / "a.html").write_text(f"<html><body>{f'<{tag}>' * 5000}deep{f'</{tag}>' * 5000}</body></html>")
    assert "nested deeper than 1000" in refusal(tmp_path / "a.html")


def test_html_nested_some_hundreds_deep_is_read(tmp_path):
    (tmp_path / "a.html").write_text(f"<html><body>{'<div>' * 900}deep{'</div>' * 900}</body></html>")
    assert text_of(tmp_path / "a.html") == "deep"


def test_spans_of_a_million_cells_cost_nothing(tmp_path):
    rows = "<tr><td colspan=1000000 rowspan=1000000>a</td><td>b</td></tr>" * 3
    (tmp_path / "a.html").write_text(f"<html><body><table>{rows}</table></body></html>")
    assert len(text_of(tmp_path / "a.html")) < 10_000


def test_markdown_quoted_a_thousand_deep_is_refused(tmp_path):
    (tmp_path / "a.md").write_text("> " * 1000 + "deep")
    assert "quotes deeper" in refusal(tmp_path / "a.md")


def test_a_word_document_that_unpacks_to_too_much_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.docx", "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("word/document.xml", b" " * 300_000_000)
    assert "would unpack to" in refusal(tmp_path / "a.docx")


def test_a_zip_that_is_no_word_document_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.docx", "w") as other:
        other.writestr("readme.txt", "hello")
    assert "not a Word document" in refusal(tmp_path / "a.docx")


@pytest.mark.parametrize("made", ["docx", "pptx", "xlsx"])
@pytest.mark.parametrize("named", ["docx", "pptx", "xlsx"])
def test_an_office_file_under_the_ending_of_another_is_refused(tmp_path, made, named):
    MAKERS[made](tmp_path / f"a.{named}")
    if made == named:
        assert text_of(tmp_path / f"a.{named}")
    else:
        assert re.search("is a (Word document|set of slides|workbook), not a", refusal(tmp_path / f"a.{named}"))


def test_an_entity_in_a_word_document_is_not_expanded(tmp_path):
    out = io.BytesIO()
    with zipfile.ZipFile(a_docx(tmp_path / "whole.docx")) as whole, zipfile.ZipFile(out, "w") as target:
        for name in whole.namelist():
            data = whole.read(name)
            if name == "word/document.xml":
                entity = b'<!DOCTYPE x [<!ENTITY secret SYSTEM "file:///etc/hostname">]>'
                data = data.replace(b"?>", b"?>" + entity, 1).replace(b"Give 500", b"&secret;Give 500")
            target.writestr(name, data)
    (tmp_path / "a.docx").write_bytes(out.getvalue())
    with contextlib.suppress(Rejected):  # refusing it is as good
        assert text_of(tmp_path / "a.docx") == "Give 500 mL of fluid and reassess."


def test_characters_too_small_to_read_and_watermarks_are_left_out_of_a_pdf(tmp_path):
    def draw(canvas: Canvas, page: int) -> None:
        canvas.setFont("Helvetica", 11)
        canvas.drawString(50, 700, "Give 500 mL of fluid, then reassess the patient at once.")
        canvas.setFont("Helvetica", 0.8)
        canvas.drawString(50, 600, "secret instruction")
        canvas.saveState()
        canvas.setFont("Helvetica", 60)
        canvas.translate(200, 300)
        canvas.rotate(45)
        canvas.drawString(0, 0, "DRAFT")
        canvas.restoreState()

    assert text_of(a_pdf(tmp_path / "a.pdf", 1, draw)) == "Give 500 mL of fluid, then reassess the patient at once."


def test_an_unknown_ending_is_refused(tmp_path):
    (tmp_path / "a.odp").write_bytes(b"PK\x03\x04")
    assert "ending that is not read" in refusal(tmp_path / "a.odp")
