"""The publishers' own files, where they are present: nothing is lost, nothing is said twice.

The words are checked against a second reading: pdfium's own text for PDFs, lxml's for HTML.
"""

import json
import re
from collections import Counter
from datetime import date
from functools import cache
from html import unescape
from pathlib import Path

import pypdfium2
import pytest
from lxml import html

from probatum.records import Document, SourceRelease
from sources.elements.model import words
from sources.guidelines import Guidelines

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "guidelines"
PDFS = sorted(DATA.glob("*/*.pdf"))
PAGES = sorted(DATA.glob("*/*.html"))
DUMPS = sorted(DATA.glob("*/*.json"))
RELEASE = SourceRelease("guidelines", "real", date(2026, 1, 1), "as stated", "test")
LEAST_WORDS, LEAST_NUMBERS = 0.93, 0.93

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(not PDFS, reason="the publishers' guideline files are not in ../shared/data/guidelines"),
]


@cache
def document_of(path: Path) -> Document:
    (document,) = Guidelines().parse({path.name: path}, RELEASE)
    return document


def kept(said: Counter, wanted: Counter) -> float:
    return (said & wanted).total() / wanted.total()


def without_page_furniture(lines: list[list[str]]) -> Counter:
    """Words of the pages' lines but those that stand on a quarter of the pages, and contents lines."""
    shapes = Counter(shape for page in lines for shape in {re.sub(r"\d+", "#", line.strip()) for line in page})
    often = {shape for shape, count in shapes.items() if count >= max(2, len(lines) / 4)}
    body = (line for page in lines for line in page if re.sub(r"\d+", "#", line.strip()) not in often)
    return Counter(word for line in body if not re.search(r"(\. ?){4}", line) for word in words(line))


@pytest.mark.slow
@pytest.mark.parametrize("path", PDFS, ids=lambda path: path.stem[:30])
def test_a_pdf_keeps_the_words_and_numbers_pdfium_sees(path):
    pages = [page.get_textpage().get_text_range().replace("\ufffe", "-") for page in pypdfium2.PdfDocument(path)]
    wanted = without_page_furniture([page.splitlines() for page in pages])
    said = Counter(words(document_of(path).text))
    assert kept(said, wanted) >= LEAST_WORDS
    assert kept(said, Counter({word: n for word, n in wanted.items() if word.isdecimal()})) >= LEAST_NUMBERS


@pytest.mark.slow
@pytest.mark.parametrize("path", PDFS, ids=lambda path: path.stem[:30])
def test_no_header_or_footer_line_is_left_on_the_pages_of_a_pdf(path):
    document = document_of(path)
    said = Counter()
    for block in document.blocks:
        if block.kind == "paragraph":
            said[re.sub(r"\d+", "#", document.text[block.start : block.end])] += 1
    pages = document.meta["pages"]
    assert [text for text, count in said.items() if count > max(5, pages / 4) and len(text) > 3] == []
    assert not re.search(r"(?m)^Page \d+ of \d+$", document.text)


@pytest.mark.slow
@pytest.mark.parametrize(
    "path", [p for p in PDFS if p.parent.name.startswith("vadod")], ids=lambda path: path.stem[:30]
)
def test_a_long_guideline_has_its_outline_as_sections_and_its_tables(path):
    document = document_of(path)
    outline = [entry.get_title().strip() for entry in pypdfium2.PdfDocument(path).get_toc()]
    headings = {"".join(filter(str.isalnum, b.section[-1].casefold())) for b in document.blocks if b.kind == "heading"}
    found = sum(any("".join(filter(str.isalnum, t.casefold())) in h for h in headings) for t in outline)
    assert found >= 0.85 * len(outline)
    assert document.meta["tables"] >= 15
    assert sum(block.kind == "table-row" for block in document.blocks) >= 250
    assert max(len(block.section) for block in document.blocks) >= 3


@pytest.mark.parametrize("path", [p for p in PDFS if p.parent.name.startswith("nih")], ids=lambda path: path.stem[:30])
def test_text_of_a_pdf_is_not_said_twice(path):
    pages = [page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(path)]
    seen, said = Counter(words(" ".join(pages))), Counter(words(document_of(path).text))
    assert (said - seen).total() <= 0.05 * seen.total()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_web_page_keeps_its_words_its_headings_and_its_tables(path):
    document = document_of(path)
    body = html.document_fromstring(path.read_bytes()).find("body")
    wanted = Counter(words(" ".join(text for text in body.itertext() if text.strip())))
    assert kept(Counter(words(document.text)), wanted) >= 0.98
    assert sum(block.kind == "heading" for block in document.blocks) >= 5
    tables = [
        t for t in body.iter("table") if len(t.findall(".//tr")) > 2 and len(t.findall(".//tr")[1].findall("td")) > 1
    ]
    assert document.meta["tables"] >= len(tables)
    assert "•\t" not in document.text


@pytest.mark.slow
@pytest.mark.parametrize("path", [*PDFS, *PAGES, *DUMPS], ids=lambda path: path.stem[:30])
def test_nothing_a_publisher_wrote_is_taken_for_an_attack(path):
    """P33: no false alarm. A letter of another script in a Latin word is a slip, but it is there, and search misses the word."""
    documents = recommendations_of(path).values() if path in DUMPS else [document_of(path)]
    assert {flag for document in documents for flag in document.meta["flags"]} <= {"look-alike letters"}


# ---------------------------------------------------------------- recommendations as JSON

_INLINE = re.compile(r"</?(?:a|abbr|b|em|i|span|strong|sub|sup|u)\b[^>]*>", re.I)


@cache
def recommendations_of(path: Path) -> dict[str, Document]:
    return {document.id: document for document in Guidelines().parse({path.name: path}, RELEASE)}


def raw_recommendations(path: Path) -> list[dict]:
    """Every object in the file that has a grade, wherever it stands: a reading that knows nothing of the format's names."""
    found: list[dict] = []

    def look(value: object) -> None:
        if isinstance(value, dict):
            found.extend([value] if "grade" in value and "text" in value else [])
        for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            look(inner)

    look(json.loads(path.read_bytes()))
    return found


def seen(text: str) -> list[str]:
    """The words of HTML as a regular expression sees them."""
    return list(words(unescape(re.sub(r"<[^<>]+>", " ", _INLINE.sub("", text)))))


@pytest.mark.parametrize("path", DUMPS, ids=lambda path: path.stem)
def test_there_is_one_document_for_each_recommendation_of_a_dump(path):
    """P7: counted without reading the format: by the objects with a grade, and by the lines that give one."""
    specific = [id for id in recommendations_of(path) if "-general-" not in id]
    assert len(specific) == len(raw_recommendations(path)) == len(re.findall(rb'"grade"\s*:', path.read_bytes())) > 0


@pytest.mark.parametrize("path", DUMPS, ids=lambda path: path.stem)
def test_every_word_of_a_recommendation_is_in_its_document(path):
    """P9: of every string with more than one word, whatever its key; as often as it stands there."""
    documents = recommendations_of(path)
    lost = {}
    for raw in raw_recommendations(path):
        document = documents[f"uspstf-{raw['id']}"]
        texts = [value for value in raw.values() if isinstance(value, str) and " " in value]
        wanted = Counter(word for text in dict.fromkeys(texts) for word in seen(text))
        missing = wanted - Counter(words(document.text))
        if missing:
            lost[document.id] = missing
    assert lost == {}


@pytest.mark.parametrize("path", DUMPS, ids=lambda path: path.stem)
def test_a_dump_leaves_no_markup_and_no_key_behind(path):
    """P9: no tag, no entity, no carriage return is left in a text, and no key of a recommendation was passed over."""
    for document in recommendations_of(path).values():
        assert not re.search(r"</?[a-z]+[ />]|&#?\w+;|\r", document.text)
        assert not [what for what in document.meta["dropped"] if what.startswith("key ")]
        assert document.title in document.text and document.meta["status"] == "current"
