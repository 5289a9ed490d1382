"""python -m bench.real_sources [DATA]: what the sources make of publishers' own files, as a table in Markdown.

Each folder under DATA/icd10cm, DATA/formulary and DATA/guidelines goes through its source's own `find` and `parse`. One that is
refused is a row with the reason, and is then read in smaller pieces (its folders, else its files): two issues side by side are
no release, but each of them may be.

    | guidelines/uspstf_pdf | 2 of 2 | 2 | – | – | 1,743 of 1,743, 100.0% | 4 | 0.71 | 0.97 |

Fields shown are the names of the lines of records; fields counted only are those a formulary's publisher fills and no document
shows. Words of PDFs are counted as `tests/contracts/test_real_guidelines.py` does, against pdfium's own text. Seconds are of the
processor, for finding and reading; megabytes are of the files as they were sent. No text of a document is printed.
"""

import os
import platform
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pypdfium2

from probatum.errors import ProbatumError
from probatum.records import Document
from sources.base import Source
from sources.elements.model import words
from sources.formulary import Formulary
from sources.guidelines import Guidelines
from sources.icd10 import Icd10

DATA = Path(__file__).parents[2] / "shared" / "data"
SOURCES: dict[str, type[Source]] = {"icd10cm": Icd10, "formulary": Formulary, "guidelines": Guidelines}
_NONE = "–"
_COLUMNS = (
    *("set", "files read", "documents", "fields shown", "fields counted only", "words of PDFs kept"),
    *("left aside", "seconds", "seconds per MB"),
)


@dataclass(frozen=True)
class Read:
    source: Source
    files: dict[str, Path]
    documents: list[Document]
    seconds: float


def main(data: Path) -> int:
    print(f"{machine()}, {time.strftime('%Y-%m-%d')}\n")
    print(_line(_COLUMNS), _line(["---"] * len(_COLUMNS)), sep="\n")
    for folder, kind in SOURCES.items():
        sets = sorted((data / folder).glob("*/"))
        for place in sets:
            for row in _rows(kind, place, data):
                print(_line(row), flush=True)
        if not sets:
            print(_line([folder, "skipped: no publishers' files are there", *[""] * (len(_COLUMNS) - 2)]))
    return 0


def machine() -> str:
    try:
        told = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text("utf-8"))
    except FileNotFoundError:  # not Linux
        told = None
    processor = told[1] if told else platform.processor()
    return f"{processor}, {os.cpu_count()} cores, Python {platform.python_version()}"


def _rows(kind: type[Source], place: Path, data: Path) -> Iterator[list[str]]:
    name = place.relative_to(data).as_posix()
    try:
        yield [name, *_cells(_read(kind(), place), place)]
    except ProbatumError as refused:
        yield [name, f"refused: {refused.happened}", *[""] * (len(_COLUMNS) - 2)]
        for piece in _pieces(place):
            yield from _rows(kind, piece, data)


def _pieces(place: Path) -> list[Path]:
    """The folders in a folder, else its files; nothing of a file."""
    inside = sorted(place.iterdir()) if place.is_dir() else []
    return [path for path in inside if path.is_dir()] or inside


def _read(source: Source, place: Path) -> Read:
    began = time.process_time()  # of this process: the machine has other work
    found = source.find(str(place))
    files = {file.name: Path(file.location) for file in found.files}
    documents = list(source.parse(files, found.release))
    return Read(source, files, documents, time.process_time() - began)


def _cells(read: Read, place: Path) -> list[str]:
    there = sum(path.is_file() for path in place.rglob("*")) if place.is_dir() else 1
    megabytes = sum(path.stat().st_size for path in read.files.values()) / 1e6
    return [
        f"{len(read.files)} of {there}",
        f"{len(read.documents):,}",
        _number(len(shown(read.documents))),
        _number(sum(map(is_field, read.source.dropped))) if isinstance(read.source, Formulary) else _NONE,
        _kept(read),
        f"{_left_aside(read):,}",
        f"{read.seconds:.2f}",
        f"{read.seconds / megabytes:.2f}",
    ]


def shown(documents: list[Document]) -> set[str]:
    """The names that stand before a value in records ("Tier: preferred"); ids and titles have none, the lexicon is not theirs."""
    names: set[str] = set()
    for document in documents:
        if document.layout != "record":
            continue
        for block in document.blocks:
            before = document.text[: block.start].rpartition("\n")[2]
            if block.kind != "lexicon" and before.endswith(": "):
                names.add(re.sub(r" of .*", "", before[:-2]))  # "Restriction of warfarin"
    return names


def is_field(name: str) -> bool:
    """Whether something counted in `dropped` is a field of the publisher's format, as in "plans.summary_url"."""
    return name.startswith("field") or ("." in name and " " not in name)


def _kept(read: Read) -> str:
    """How many of the words pdfium sees are in the documents, of all PDFs of the set together."""
    said_in = {document.file: document.text for document in read.documents}
    wanted, kept = 0, 0
    for name, path in read.files.items():
        if name.lower().endswith(".pdf"):
            seen = _words_of_pdfium(path)
            wanted += seen.total()
            kept += (seen & Counter(words(said_in[name]))).total()
    return f"{kept:,} of {wanted:,}, {kept / wanted:.1%}" if wanted else _NONE


def _words_of_pdfium(path: Path) -> Counter[str]:
    """The words of all lines but those that stand on a quarter of the pages, and lines of contents."""
    with pypdfium2.PdfDocument(path) as pdf:
        pages = [page.get_textpage().get_text_range().replace("\ufffe", "-").splitlines() for page in pdf]
    shapes = Counter(shape for page in pages for shape in set(map(_shape, page)))
    often = {shape for shape, count in shapes.items() if count >= max(2, len(pages) / 4)}
    body = (line for page in pages for line in page if _shape(line) not in often)
    return Counter(word for line in body if not re.search(r"(\. ?){4}", line) for word in words(line))


def _shape(line: str) -> str:
    return re.sub(r"\d+", "#", line.strip())


def _left_aside(read: Read) -> int:
    """Of the release, and of each document where its reader counts there."""
    return sum(read.source.dropped.values()) + sum(
        sum(document.meta.get("dropped", {}).values()) for document in read.documents
    )


def _number(count: int) -> str:
    return str(count) if count else _NONE


def _line(cells: list[str] | tuple[str, ...]) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else DATA))
