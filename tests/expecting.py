"""A dozen of the sample guidelines, some of the sample drugs, and expectations so easy that they pass: for tests that are not about retrieval.

The suites, the thresholds and the gate are the real ones; only the golden questions are others.
"""

import csv
import json
import shutil
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
SAMPLES = ROOT / "sources" / "samples"
_FEW = (
    "011-anaphylaxis.html",
    "014-hyperkalaemia.pdf",
    "015-stroke-thrombolysis-alteplase.pdf",  # superseded in the second release
    "016-nstemi.docx",
    "020-pneumonia.md",
    "021-insulin-correction-scale.md",  # withdrawn in the second release
    "022-hypoglycaemia.docx",
    "025-warfarin-reversal.html",
    "034-paediatric-fever.html",
    "043-falls.docx",
    "045-delirium.md",
    "049-central-line-care.md",
)
_FEW_DRUGS = 30
_WAYS_OF_ASKING = ("{}", "{}?", "Find {}", "Where is {}?", "Show {}", "{} please", "Our {}", "The {}", "Open {}")


def few_guidelines(folder: Path, release: str) -> Path:
    """A folder with a dozen documents of a sample release ("2026-07" or "2026-10"); those it no longer has are left out."""
    folder = folder / release
    folder.mkdir(parents=True)
    for name in _FEW:
        file = SAMPLES / "guidelines" / release / f"ngh-prot-{name}"
        if file.exists():
            shutil.copy(file, folder)
    return folder


def few_drugs(folder: Path) -> Path:
    """A formulary file with the first drugs of the first sample release."""
    folder.mkdir(parents=True)
    path = folder / "2026-07.csv"
    path.write_text("\n".join(_rows()[: _FEW_DRUGS + 1]) + "\n", "utf-8")
    return path


def _rows() -> list[str]:
    return (SAMPLES / "formulary" / "2026-07.csv").read_text("utf-8-sig").splitlines()


def write_easy(folder: Path) -> Path:
    """Expectations with a hundred easy questions and more for `few_guidelines` and for `few_drugs`."""
    _copy_rules(folder)
    release = tomllib.loads((SAMPLES / "guidelines" / "2026-07" / "release.toml").read_text("utf-8"))
    titles = [(d["file"], d["title"]) for d in release["documents"] if d["file"].removeprefix("ngh-prot-") in _FEW]
    _write(folder, "guidelines", [(file, way.format(title)) for file, title in titles for way in _WAYS_OF_ASKING])
    drugs = list(csv.DictReader(_rows()[: _FEW_DRUGS + 1]))
    named = [(drug["item_id"], f"{drug['item_id']} {drug['generic_name']}") for drug in drugs]
    _write(folder, "formulary", [(item, way.format(name)) for item, name in named for way in _WAYS_OF_ASKING[:4]])
    return folder


def write_impossible(folder: Path) -> Path:
    """The same, and one critical question that expects a guideline which the second sample release supersedes."""
    write_easy(folder)
    path = folder / "golden" / "guidelines.jsonl"
    with path.open("a", encoding="utf-8") as lines:
        lines.write(
            _question(
                "guidelines",
                "critical",
                "ngh-prot-015-stroke-thrombolysis-alteplase.pdf",
                "alteplase in stroke",
                "critical",
            )
        )
    return folder


def _copy_rules(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("thresholds.toml", "canaries.txt"):
        shutil.copy(ROOT / "expectations" / name, folder)
    shutil.copytree(ROOT / "expectations" / "suites", folder / "suites")
    (folder / "golden").mkdir()


def _write(folder: Path, source: str, expected: list[tuple[str, str]]) -> None:
    lines = [
        _question(source, str(n), document, question, "routine") for n, (document, question) in enumerate(expected)
    ]
    (folder / "golden" / f"{source}.jsonl").write_text("".join(lines), "utf-8")


def _question(source: str, name: str, document: str, question: str, severity: str) -> str:
    asked = {
        "id": f"easy-{source}-{name}",
        "source": source,
        "slice": "easy",
        "question": question,
        "expects": [{"document": document}],
        "severity": severity,
        "rationale": "asked by its own name",
        "role": "test",
        "reviewed_on": "2026-11-20",
    }
    return json.dumps(asked) + "\n"
