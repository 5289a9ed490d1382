"""Screening: no document that names a patient gets further than reading. In the sandbox, once for the same text.

What was read of each unit passes `probatum.phi`; a unit that holds identifiers is refused as a whole, with the kinds and
places, never the text. A person may release exactly these bytes from quarantine. The clinical names that are no
patient's are made from what serves: ICD-10-CM and the formulary, never from what is being judged. In the folder `work` of the home:

    names/<digest>.txt                                  the names
    guidelines/<fingerprint>.screened-<…>.json          {"reason": "", "advice": ""}: a result, kept
"""

from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

from probatum import digests
from probatum.errors import Rejected
from probatum.files import read_json, write_json
from probatum.phi import ClinicalNames, gate, refusal
from probatum.records import read_documents
from probatum.release import Manifest
from probatum.safeio import Limits
from probatum.sandbox import Refusal, read_units

_TRUSTED = ("icd10", "formulary")
_SAID_BY_PUBLISHERS = ("title", "synonym")
_PHI = Path(__file__).parent / "phi"


def clinical_names(home: Path, serving: Manifest | None) -> Path:
    """The file of the names that what serves is made of; an empty list before the first release."""
    trusted = [serving.sources[name] for name in _TRUSTED if serving and name in serving.sources]
    path = home / "work" / "names" / f"{digests.of_json([state.texts.digest for state in trusted])[:24]}.txt"
    if not path.exists():
        ClinicalNames.of(_names_in(home, trusted)).save(path)
    return path


def screen(home: Path, source: str, read: Sequence[Path], names: Path, limits: Limits) -> dict[Path, Refusal]:
    """The refusals among these files of documents, by file; each is screened once for the same names and code."""
    results = {path: path.with_suffix(f".screened-{gate_code()[:12]}-{names.stem[:12]}.json") for path in read}
    missing = [path for path in read if not results[path].exists()]
    jobs = [{"documents": str(path), "names": str(names), "output": str(results[path])} for path in missing]
    folder = home / "work" / "sandbox" / f"{source}-screening"
    outcomes = read_units(
        "probatum.screening:screen_unit",
        jobs,
        folder,
        seconds=limits.parse_seconds,
        memory_bytes=limits.parse_memory_bytes,
    )
    refused = {path: outcome for path, outcome in zip(missing, outcomes, strict=True) if outcome is not None}
    for path in read:
        if path not in refused and (said := _result(results[path]))["reason"]:
            refused[path] = Refusal("identifiers", said["reason"], said["advice"])
    return refused


def screen_unit(unit: dict) -> None:
    """One unit {"documents", "names", "output"}, in the sandbox: what it found goes to `output`."""
    found = gate(read_documents(Path(unit["documents"])), ClinicalNames.load(Path(unit["names"])))
    said = {"reason": "", "advice": ""}
    if found:
        error: Rejected = refusal(found)
        said = {"reason": error.happened, "advice": error.next}
    write_json(Path(unit["output"]), said)


def _result(path: Path) -> dict:
    return read_json(path, what="The result of a screening", next="Delete it and run the refresh again.")


def _names_in(home: Path, states: Iterable) -> Iterable[str]:
    from probatum.tables import open_table  # LanceDB is large, and no unit in the sandbox needs it

    for state in states:
        table = open_table(home / "lance", state.texts.name, state.texts.version)
        for row in table.where("kind", list(_SAID_BY_PUBLISHERS), columns=["text"]):
            yield row["text"]


@cache
def gate_code() -> str:
    """Of the code that screens: what other code let through is looked at again."""
    return digests.of_json([digests.of_file(path) for path in sorted(_PHI.glob("*.py"))])
