"""python -m bench.behaviour [NAMES…] [--steps N]: trains the behaviours on a base that is made here, and prints what came of it.

The base is `bench.tiny_base`, the examples are `bench.invented_notes`, the codes are those of the embedded ICD-10-CM. Where the
publishers' notes are at hand (../shared/data/notes), the SOAP adapter is also asked about real dialogues it was not made for.
Nothing here tells how a language model of clinical size would do: it shows that the flow does what it says, and what it costs.
"""

import argparse
import os
import platform
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from bench.behaviour_sets import sets_of
from bench.tiny_base import ROOT, Made, make_base
from probatum.adapters.registry import Adapters
from probatum.behaviours import Behaviour, Facts, read_behaviour
from probatum.phi import ClinicalNames
from probatum.thresholds import gate as numbers_of
from probatum.training.behaviour import retrain
from probatum.training.behaviour_report import BehaviourReport
from probatum.training.language_model import Base
from sources.icd10 import Icd10

EXPECTATIONS = ROOT / "expectations"
_TINY = {"learning_rate": 3e-3, "steps": 240, "batch": 8, "evaluate_every": 20, "patience": 6, "minutes": 20}


def official() -> tuple[Facts, tuple[str, ...], ClinicalNames]:
    """(billable codes, titles, clinical names) of the ICD-10-CM that is embedded."""
    found = Icd10().find(None)
    documents = list(Icd10().parse({file.name: Path(file.location) for file in found.files}, found.release))
    codes = frozenset(document.id for document in documents if document.meta.get("billable"))
    titles = tuple(f"{document.id} {document.title}" for document in documents)
    return Facts(codes), titles, ClinicalNames.of_documents(documents)


def for_the_tiny_base(behaviour: Behaviour, *, steps: int | None = None) -> Behaviour:
    """A model of a million weights wants a higher rate than one of a billion; all else is as the file says."""
    budget = behaviour.budget.model_copy(update={**_TINY, **({"steps": steps} if steps else {})})
    return behaviour.model_copy(update={"budget": budget})


def measure(
    name: str,
    made: Made,
    base: Base,
    facts: Facts,
    titles: Sequence[str],
    names: ClinicalNames,
    folder: Path,
    steps: int | None = None,
) -> BehaviourReport:
    behaviour = for_the_tiny_base(read_behaviour(EXPECTATIONS, name), steps=steps)
    train = 1_000 if behaviour.labels else 480
    began = time.process_time()
    report = retrain(
        behaviour, base, sets_of(behaviour, titles, train=train), facts, names, numbers_of(EXPECTATIONS, name), Adapters(folder / "home"),
        folder / name, code="bench", actor="bench",
    )  # fmt: skip
    print(report.as_markdown())
    print(f"{time.process_time() - began:.0f} seconds of processor for all of {name}\n", flush=True)
    return report


def main() -> int:
    given = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    given.add_argument("names", nargs="*", default=["soap-note", "triage-level"])
    given.add_argument("--steps", type=int, default=None, help="of the adapter")
    given.add_argument("--base", type=Path, default=None, help="a folder with a base that was made before")
    given.add_argument("--base-steps", type=int, default=500)
    chosen = given.parse_args()
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__} with {torch.get_num_threads()} threads")  # fmt: skip
    facts, titles, names = official()
    print(f"{len(facts.codes):,} billable codes of the embedded ICD-10-CM")
    with tempfile.TemporaryDirectory() as held:
        where = chosen.base or Path(held) / "base"
        made = make_base(where, steps=chosen.base_steps, titles=titles[::10])
        print(f"base: {made}\n", flush=True)
        reports = [measure(name, made, Base.of(where, made.sha256), facts, titles, names, Path(held), chosen.steps) for name in chosen.names]  # fmt: skip
    return 0 if all(report.verdict.promoted for report in reports) else 1


if __name__ == "__main__":
    raise SystemExit(main())
