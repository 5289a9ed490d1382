"""python -m bench.phi [DATA]: how often the gate for patients' identifiers cries wolf, and how fast it is.

False alarms are counted on documents that are clean by their nature: publishers' codes, formularies, guidelines and
answers, and the samples of this project. The clinical names come from the embedded ICD-10-CM and the sample formulary
alone. The last lines are of notes and examples about invented patients, which are expected to be found. What is not at hand is
skipped, and said to be. Which identifiers were found where is never printed: kinds and counts are.
"""

import csv
import io
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import orjson

from probatum.errors import ProbatumError
from probatum.phi import ClinicalNames, gate
from probatum.records import Document, SourceRelease
from probatum.safeio import Limits, xml_events
from sources.formulary import Formulary
from sources.guidelines import SUFFIXES, Guidelines
from sources.icd10 import Icd10

ROOT = Path(__file__).parents[1]
DATA = ROOT.parent / "shared" / "data"
SAMPLES = ROOT / "sources" / "samples"
_INVENTED_PATIENTS = ("davinci_fhir",)  # its examples have a Patient and a Coverage beside the drugs
_MOST_FALSE_ALARMS = 0.005  # of the clean documents: what was promised


@dataclass(frozen=True)
class Measured:
    documents: int
    flagged: int
    kinds: Counter
    megabytes: float
    seconds: float


def main(data: Path) -> int:
    began = time.perf_counter()
    names = ClinicalNames.of_documents([*_source(Icd10(), None), *_source(Formulary(), None)])
    print(
        f"clinical names: {len(names.ordinary):,} ordinary, {len(names.proper):,} proper, {len(names.pairs):,} pairs; ",
        end="",
    )
    print(f"{len(names.text()) / 1e6:.1f} MB, read and made in {time.perf_counter() - began:.1f} s")
    print(f"{'corpus':42} {'documents':>9} {'flagged':>7} {'share':>8} {'MB':>6} {'MB/s':>6}  kinds")
    clean = [measured for name, read in _clean(data) if (measured := _measure(name, read, names))]
    documents, flagged = sum(m.documents for m in clean), sum(m.flagged for m in clean)
    print(f"{'all clean documents':42} {documents:9,} {flagged:7,} {flagged / max(1, documents):8.3%}")
    print("about invented patients, to be found:")
    for name, read in _notes(data):
        _measure(name, read, names)
    return 0 if flagged <= _MOST_FALSE_ALARMS * documents else 1


def _measure(name: str, read: Callable[[], Iterable[Document]], names: ClinicalNames) -> Measured | None:
    try:
        documents = list(read())
    except (FileNotFoundError, ProbatumError) as error:
        print(f"{name:42} skipped: {type(error).__name__}, the files are not at hand or cannot be read")
        return None
    if not documents:
        print(f"{name:42} skipped: the files are not at hand")
        return None
    began = time.process_time()  # of this process: the machine has other work
    found = gate(documents, names)
    seconds = time.process_time() - began
    megabytes = sum(len(document.text) for document in documents) / 1e6
    kinds = sum((each.counts for each in found), Counter())
    told = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
    print(
        f"{name:42} {len(documents):9,} {len(found):7,} {len(found) / len(documents):8.3%} {megabytes:6.1f} {megabytes / seconds:6.1f}  {told}"
    )
    return Measured(len(documents), len(found), kinds, megabytes, seconds)


def _clean(data: Path) -> Iterator[tuple[str, Callable[[], Iterable[Document]]]]:
    yield "sample formularies", lambda: _formularies(sorted((SAMPLES / "formulary").iterdir()))
    for folder in sorted((SAMPLES / "guidelines").iterdir()):
        yield f"sample guidelines {folder.name}", lambda folder=folder: _guidelines(folder)
    yield "ICD-10-CM, embedded", lambda: _source(Icd10(), None)
    for folder in _folders(data / "icd10cm"):
        yield f"ICD-10-CM {folder.name}", lambda folder=folder: _source(Icd10(), str(folder))
        yield f"papers beside ICD-10-CM {folder.name}", lambda folder=folder: _guidelines(folder)
    for folder in (each for each in _folders(data / "guidelines") if each.name != "uspstf_json"):
        yield f"guidelines {folder.name}", lambda folder=folder: _guidelines(folder)
    yield "guidelines uspstf_json, fields of text", lambda: _json_texts(data / "guidelines" / "uspstf_json")
    for folder in _folders(data / "formulary"):
        if lists := sorted(folder.rglob("*.csv")):
            yield f"formulary {folder.name}, as read", lambda lists=lists: _formularies(lists)
        if folder.name not in _INVENTED_PATIENTS:
            yield f"formulary {folder.name}, lines", lambda folder=folder: _lines(folder)
    for folder in _folders(data / "retrieval" / "medquad"):
        yield f"MedQuAD {folder.name}, answers", lambda folder=folder: _medquad(folder)
    yield "abbreviations, lines", lambda: _lines(data / "retrieval" / "abbreviations")


def _notes(data: Path) -> Iterator[tuple[str, Callable[[], Iterable[Document]]]]:
    for name in _INVENTED_PATIENTS:
        yield f"formulary {name}, lines", lambda name=name: _lines(data / "formulary" / name)
    for path in sorted((data / "notes").glob("*/*.csv")):
        if "metadata" not in path.name:
            for column in _columns(path):
                yield (
                    f"{path.parent.name} {path.stem}, {column}",
                    lambda path=path, column=column: _column(path, column),
                )


def _source(source, origin: str | None) -> Iterator[Document]:
    found = source.find(origin)
    return source.parse({file.name: Path(file.location) for file in found.files}, found.release)


def _guidelines(folder: Path) -> Iterator[Document]:
    """Each file on its own, whatever `release.toml` says of it; those that cannot be read are left out."""
    release = SourceRelease("guidelines", folder.name, date(2026, 1, 1), "as stated", "bench")
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in SUFFIXES:
            try:
                yield from Guidelines().parse({path.name: path}, release)
            except ProbatumError:
                continue


def _formularies(paths: Iterable[Path]) -> Iterator[Document]:
    """Each list on its own; a file that is no list of drugs is left out."""
    for path in paths:
        try:
            yield from _source(Formulary(), str(path))
        except ProbatumError:
            continue


def _lines(folder: Path) -> Iterator[Document]:
    """Every file of text there, forty lines a document: rows as they stand, tags and all."""
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in (".csv", ".json", ".xml", ".txt") and path.name not in ("LICENSE.txt",):
            lines = path.read_bytes().decode("utf-8", "replace").splitlines()
            for at in range(0, len(lines), 40):
                yield _plain(f"{path.name}-{at}", "\n".join(lines[at : at + 40]))


def _json_texts(folder: Path) -> Iterator[Document]:
    for path in sorted(folder.glob("*.json")):
        for number, text in enumerate(_strings(orjson.loads(path.read_bytes().decode("utf-8-sig")))):
            yield _plain(f"{path.name}-{number}", text)


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str) and len(value) > 40:
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _strings(each)


def _medquad(folder: Path) -> Iterator[Document]:
    for path in sorted(folder.glob("*.xml")):
        for event, element in xml_events(path.open("rb"), Limits(), what=path.name):
            if event == "end" and element.tag == "Answer" and element.text:
                yield _plain(path.name, element.text)


def _columns(path: Path) -> list[str]:
    with path.open(encoding="utf-8-sig", newline="") as lines:
        return [column for column in next(csv.reader(lines)) if column in ("dialogue", "note", "section_text")]


def _column(path: Path, column: str) -> Iterator[Document]:
    rows = csv.DictReader(io.StringIO(path.read_text("utf-8-sig"), newline=""))
    return (_plain(str(number), row[column]) for number, row in enumerate(rows) if row.get(column))


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*") if path.is_dir())


def _plain(identity: str, text: str) -> Document:
    return Document(identity, "bench", "", text, (), identity, "2026-01-01", "bench", "", layout="sections")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else DATA))
