"""One small sound file of every format, for the tests that break them, and a way to read one in the sandbox."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import docx
import openpyxl
import pptx
from pptx.util import Inches
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from probatum.records import Document, read_documents
from probatum.safeio import Limits
from probatum.sandbox import Refusal, read_units

WORDS = "Give 500 mL of fluid, then reassess. Do not give more than 0.5 mg; platelets 10⁹/L."


def a_pdf(path: Path) -> None:
    canvas = Canvas(str(path), pagesize=A4)
    for line in range(5):
        canvas.drawString(50, 780 - 20 * line, f"Line {line}: give 500 mL of fluid and reassess.")
    canvas.grid([50, 150, 250], [500, 520, 540])
    for x, y, said in ((60, 525, "Drug"), (160, 525, "Dose"), (60, 505, "heparin"), (160, 505, "0.5 mg")):
        canvas.drawString(x, y, said)
    canvas.save()


def a_docx(path: Path) -> None:
    word = docx.Document()
    word.add_heading("Fluid", 1)
    word.add_paragraph(WORDS)
    table = word.add_table(2, 2)
    table.cell(0, 0).text, table.cell(1, 1).text = "Drug", "0.5 mg"
    word.save(path)


def a_pptx(path: Path) -> None:
    deck = pptx.Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[1])
    slide.shapes.title.text, slide.placeholders[1].text_frame.text = "Fluid", WORDS
    slide.shapes.add_table(2, 2, Inches(1), Inches(4), Inches(4), Inches(1)).table.cell(1, 1).text = "0.5 mg"
    slide.notes_slide.notes_text_frame.text = "Ask for help early."
    deck.save(path)


def an_xlsx(path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (["Drug", "Dose", ""], ["", "day", "night"], ["heparin", 0.5, "10⁹/L"]):
        book.active.append(row)
    book.active.merge_cells("B1:C1")
    book.save(path)


def a_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("first/a.md", f"# Fluid\n\n{WORDS}\n")
        archive.writestr("second.csv", "Drug,Dose\nheparin,0.5 mg\n")


def _text(words: str) -> Callable[[Path], None]:
    return lambda path: path.write_text(words, encoding="utf-8") and None


HTML = (
    f"<!DOCTYPE html><html><head><title>Fluid</title></head><body><h1>Fluid</h1><p>{WORDS}</p><ol><li>Stop</li></ol>"
    "<table><tr><th rowspan=2>Drug<th colspan=2>Dose</tr><tr><th>day<th>night</tr><tr><td>a<td>1<td>2</tr></table></body></html>"
)
XML = (
    f"<guideline><sec><label>1</label><title>Fluid</title><p>{WORDS} 10<sup>9</sup>/L</p><list><item>Stop</item></list></sec>"
    "<table><tr><th colspan='2'>Dose</th></tr><tr><td>1</td><td>2</td></tr></table></guideline>"
)
MAKERS: dict[str, Callable[[Path], None]] = {
    "pdf": a_pdf,
    "docx": a_docx,
    "pptx": a_pptx,
    "xlsx": an_xlsx,
    "html": _text(HTML),
    "md": _text(
        f"---\ntitle: Fluid\n---\n# Fluid\n\n{WORDS}\n\n1. Stop\n\n| Drug | Dose |\n|---|---|\n| a | 10^9^ |\n"
    ),
    "txt": _text(f"FLUID\n\n1.1 First\n\n{WORDS}\n\n- stop\n- call\n"),
    "csv": _text(f'Drug,Dose\nheparin,0.5 mg\n"amoxicillin, oral","{WORDS}"\n'),
    "tsv": _text("Drug\tDose\nheparin\t0.5 mg\n"),
    "json": _text(json.dumps({"title": "Fluid", "text": f"<p>{WORDS}</p>", "doses": [{"a": 1, "b": 2}, {"a": 3}]})),
    "xml": _text(XML),
    "zip": a_zip,
}


def read_in_sandbox(
    folder: Path, paths: list[Path], *, seconds: int = 60, memory_bytes: int = Limits().parse_memory_bytes
) -> list[list[Document] | Refusal]:
    """Each file as one unit of the guidelines source, as a refresh reads it: its documents, or why there are none."""
    release = {
        "source": "guidelines",
        "name": "2026-07",
        "valid_from": "2026-07-01",
        "licence": "none",
        "origin": "test",
    }
    (folder / "read").mkdir(exist_ok=True)
    units = [
        {
            "source": "guidelines",
            "release": release,
            "files": {path.name: str(path)},
            "output": str(folder / "read" / f"{path.name}.jsonl"),
        }
        for path in paths
    ]
    outcomes = read_units(
        "sources.registry:read_unit", units, folder / "sandbox", seconds=seconds, memory_bytes=memory_bytes
    )
    return [
        list(read_documents(Path(unit["output"]))) if outcome is None else outcome
        for unit, outcome in zip(units, outcomes, strict=True)
    ]
