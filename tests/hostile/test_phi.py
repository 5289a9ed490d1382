"""Canaries in every format a publisher may send: each document is refused, and no message holds the canary.

Whom the canaries name is made up, from a seed. The files are written and read by the real writers and readers.
"""

import csv
import io
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import docx
import openpyxl
import pytest
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.platypus import Paragraph, SimpleDocTemplate, Table, TableStyle

from probatum.phi import KINDS, ClinicalNames, find_identifiers, gate, refusal
from probatum.records import Document, SourceRelease
from sources.formulary import Formulary
from sources.guidelines import Guidelines
from sources.icd10 import Icd10

RELEASE = SourceRelease("guidelines", "2026-07", date(2026, 7, 1), "invented", "test")
SAMPLES = Path(__file__).parents[2] / "sources" / "samples"
NAMES = ClinicalNames.of(["Parkinson's disease", "Wilson disease", "sepsis of an adult", "amlodipine", "Bell palsy"])
SEEDS = range(3)
_GIVEN = "Ngozi Siobhan Mateusz Aroha Dmitri Esperanza Kwabena Yuki Bartholomew Leilani".split()  # noqa: SIM905
_FAMILY = "Adeyemi O'Sullivan Kowalczyk Ngata Volkov Villanueva Asante Nakagawa Featherstone Wilson".split()  # noqa: SIM905


@dataclass(frozen=True)
class Canary:
    """words: what is planted. secret: the part of it nobody may ever read again."""

    kind: str
    label: str  # heads a column of a table
    secret: str

    @property
    def words(self) -> str:
        return f"{self.label}: {self.secret}"


def canaries(seed: int) -> list[Canary]:
    """One of each kind, with labels and forms drawn by lot."""
    lot = random.Random(seed)
    given, family = lot.choice(_GIVEN), lot.choice(_FAMILY)
    day, month, year = lot.randint(1, 28), lot.randint(1, 12), lot.randint(1930, 2020)
    number = str(lot.randint(10**7, 10**8 - 1))
    nine = [lot.randint(100, 665), lot.randint(10, 99), lot.randint(1000, 9999)]
    phone = f"604-555-01{lot.randint(10, 99)}"
    return [
        Canary("name", lot.choice(["Patient name", "Patient's name", "Name of patient"]), f"{given} {family}"),
        Canary("mrn", lot.choice(["MRN", "Medical record number", "Hospital number"]), number),
        Canary("ssn", lot.choice(["SSN", "Social security number"]), "{}-{}-{}".format(*nine)),
        Canary(
            "birth",
            lot.choice(["DOB", "Date of birth"]),
            lot.choice([f"{day:02}/{month:02}/{year}", f"{year}-{month:02}-{day:02}"]),
        ),
        Canary("phone", lot.choice(["Patient phone", "Home telephone"]), phone),
        Canary("email", "Patient e-mail", f"{given}.{family.replace(chr(39), '')}@mail.example".lower()),
        Canary("address", "Home address", f"{lot.randint(11, 999)} {lot.choice(_FAMILY)} Road"),
        Canary("nhs", "NHS number", "943 476 5919"),
    ]


PROSE = "Give 500 mL of crystalloid within 15 minutes and reassess. {} Repeat once if the lactate is above 2."
HEADER, ROWS = ["Drug", "{}", "Dose"], [["cefazolin", "{}", "2 g"], ["meropenem", "", "1 g"]]


def as_txt(path: Path, canary: Canary, in_table: bool) -> None:
    path.write_text(f"1 SEPSIS\n\n{PROSE.format(canary.words)}\n\n2 ANTIBIOTICS\n\nSee the formulary.\n", "utf-8")


def as_md(path: Path, canary: Canary, in_table: bool) -> None:
    table = ["| " + " | ".join(cells) + " |" for cells in [header(canary), ["---"] * 3, *rows(canary)]]
    body = "\n".join(table) if in_table else PROSE.format(canary.words)
    path.write_text(f"# Sepsis\n\nGive fluid.\n\n## First hour\n\n{body}\n", "utf-8")


def as_html(path: Path, canary: Canary, in_table: bool) -> None:
    cells = [("th", header(canary)), *(("td", row) for row in rows(canary))]
    table = "".join("<tr>" + "".join(f"<{tag}>{cell}</{tag}>" for cell in row) + "</tr>" for tag, row in cells)
    body = f"<table>{table}</table>" if in_table else f"<p>{PROSE.format(canary.words)}</p>"
    path.write_text(f"<html><body><h1>Sepsis</h1><p>Give fluid.</p><h2>First hour</h2>{body}</body></html>", "utf-8")


def as_docx(path: Path, canary: Canary, in_table: bool) -> None:
    word = docx.Document()
    word.add_heading("Sepsis", 1)
    word.add_paragraph("Give fluid.")
    if in_table:
        table = word.add_table(rows=0, cols=3)
        for row in [header(canary), *rows(canary)]:
            for cell, words in zip(table.add_row().cells, row, strict=True):
                cell.text = words
    else:
        word.add_paragraph(PROSE.format(canary.words))
    word.save(path)


def as_pdf(path: Path, canary: Canary, in_table: bool) -> None:
    style = getSampleStyleSheet()
    table = Table([header(canary), *rows(canary)], style=TableStyle([("GRID", (0, 0), (-1, -1), 0.5, "black")]))
    body = table if in_table else Paragraph(PROSE.format(canary.words), style["BodyText"])
    SimpleDocTemplate(str(path), pagesize=A4).build(
        [
            Paragraph("Sepsis", style["Heading1"]),
            Paragraph("Give fluid at once, and reassess.", style["BodyText"]),
            body,
        ]
    )


def as_csv(path: Path, canary: Canary, in_table: bool) -> None:
    out = io.StringIO()
    csv.writer(out).writerows(drugs(canary, in_table))
    path.write_text(out.getvalue(), "utf-8")


def as_xlsx(path: Path, canary: Canary, in_table: bool) -> None:
    book = openpyxl.Workbook()
    for row in drugs(canary, in_table):
        book.active.append(row)
    book.save(path)


def header(canary: Canary) -> list[str]:
    return [words.format(canary.label) for words in HEADER]


def rows(canary: Canary) -> list[list[str]]:
    return [[words.format(canary.secret) for words in row] for row in ROWS]


def drugs(canary: Canary, in_table: bool) -> list[list[str]]:
    """A formulary with the canary in a column of its own, or somewhere in the notes."""
    extra, note = (canary.label, "") if in_table else ("Class", f"Approved by exception. {canary.words}.")
    listed = [["NGH-1", "amlodipine", "5 mg tablet", "", ""], ["NGH-2", "cefazolin", "1 g vial", "", ""]]
    listed[1][3:] = [canary.secret if in_table else "cephalosporin", note]
    return [["Item ID", "Generic name", "Strength", extra, "Notes"], *listed]


WRITERS: dict[str, Callable[[Path, Canary, bool], None]] = {
    "txt": as_txt, "md": as_md, "html": as_html, "docx": as_docx, "pdf": as_pdf, "csv": as_csv, "xlsx": as_xlsx,
}  # fmt: skip
WHERE = [(suffix, in_table) for suffix in WRITERS for in_table in (False, True) if (suffix, in_table) != ("txt", True)]


def read(path: Path) -> list[Document]:
    source = Formulary() if path.suffix in (".csv", ".xlsx") else Guidelines()
    return list(source.parse({path.name: path}, RELEASE))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("suffix", "in_table"), WHERE, ids=[f"{s}-{'table' if t else 'prose'}" for s, t in WHERE])
def test_a_planted_canary_is_refused_in_every_format_and_never_told(tmp_path, suffix, in_table, seed):
    """P34: one canary of each kind, in running text and in a table, read by the reader of its format."""
    for canary in canaries(seed):
        path = tmp_path / f"protocol-{canary.kind}.{suffix}"
        WRITERS[suffix](path, canary, in_table)
        documents = read(path)
        assert any(canary.secret in document.text for document in documents), "the reader dropped the canary"
        found = gate(documents, NAMES)
        assert canary.kind in {kind for each in found for kind in each.counts}, (suffix, canary.kind)
        error = refusal(found)
        for part in [canary.secret, *canary.secret.split()]:
            if len(part) > 3:
                assert part.lower() not in str(error).lower()
        assert path.name in error.happened and KINDS[canary.kind][0] in error.happened


@pytest.mark.parametrize("suffix", WRITERS)
def test_the_same_file_without_a_canary_passes(tmp_path, suffix):
    """P34: it is the canary that is refused, not the form."""
    nothing = Canary("", "Class", "first line")
    WRITERS[suffix](tmp_path / f"protocol.{suffix}", nothing, suffix != "txt")
    assert gate(read(tmp_path / f"protocol.{suffix}"), NAMES) == []


def test_a_canary_in_a_code_title_is_refused(tmp_path):
    """P34: codes pass the same gate."""
    order = tmp_path / "order.txt"
    order.write_text(
        f"00001 A00     0 {'Cholera':60} Cholera\n00002 A000    1 {'Cholera, MRN':60} Cholera MRN 00412345\n"
    )
    found = gate(Icd10().parse({order.name: order}, RELEASE), NAMES)
    assert [dict(each.counts) for each in found] == [{"mrn": 1}]


def test_the_samples_of_the_project_are_clean():
    """P34: no false alarm in what ships."""
    for folder in sorted((SAMPLES / "guidelines").iterdir()):
        for path in sorted(folder.iterdir()):
            if path.suffix in (".pdf", ".docx", ".html", ".md"):
                assert gate(read(path), NAMES) == [], path.name
    for path in sorted((SAMPLES / "formulary").iterdir()):
        assert gate(read(path), NAMES) == [], path.name


@pytest.mark.parametrize(
    "piece",
    ["patient: ", "1-", "a@a.", "1 ", "Patient\n", "123-45-", "mrn|", "name|mrn\n", "Mr. Abc Def ", "\u200b", "Aa ", "dob: 1",
     "12 Aa Aa ", "mrn 12345678 12 Aaaa Aaaaa ", "943 476 5919 ", "１", "e\u0301", "(((", "home address Aa Aa "],
)  # fmt: skip
def test_no_text_makes_the_search_slow(piece):
    """P34: one megabyte of what a regular expression might choke on; every step is bounded, so ten take ten times as long."""
    text = piece * (1_000_000 // len(piece))
    began = time.process_time()
    find_identifiers(text, NAMES)
    assert time.process_time() - began < 20  # seconds; at most 4 measured, beside other work


@pytest.mark.slow
@pytest.mark.parametrize("piece", ["1-", "a@", "Patient\n", "dob: 1", "12 Aa Aa "])
def test_ten_megabytes_take_seconds(piece):
    """P34: the same at full size."""
    began = time.process_time()
    assert find_identifiers(piece * (10_000_000 // len(piece)), NAMES) == []
    assert time.process_time() - began < 30


def test_a_name_in_running_text_without_a_label_is_not_found():
    """What the gate cannot do is known: this test fails the day it can, and the documentation has to change."""
    assert (
        find_identifiers("Ngozi came in again this morning with her daughter, and Kowalczyk wrote the note.", NAMES)
        == []
    )
