"""python -m bench.behaviour [NAMES…] [--steps N]: trains the behaviours on a base that is made here, and prints what came of it.

The base is `bench.tiny_base`, the examples are `bench.invented_notes`, the codes are those of the embedded ICD-10-CM. With --real, and
where the publishers' dialogues are at hand (../shared/data/notes), the same is done with those (`bench.real_notes`).
Nothing here tells how a language model of clinical size would do: it shows that the flow does what it says, and what it costs.
"""

import argparse
import os
import platform
import random
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import torch

from bench.behaviour_sets import sets_from, sets_of
from bench.invented_notes import is_held_out
from bench.real_notes import heard, real_rows
from bench.tiny_base import ROOT, make_base
from probatum.adapters.registry import Adapters
from probatum.behaviours import Behaviour, Facts, Sets, read_behaviour
from probatum.phi import ClinicalNames
from probatum.thresholds import gate as numbers_of
from probatum.training.behaviour import retrain
from probatum.training.behaviour_report import BehaviourReport
from probatum.training.language_model import Base
from sources.icd10 import Icd10

EXPECTATIONS = ROOT / "expectations"
DATA = ROOT.parent / "shared" / "data"
_TINY = {"learning_rate": 3e-3, "steps": 240, "batch": 8, "evaluate_every": 20, "patience": 6, "minutes": 20}


def official() -> tuple[Facts, tuple[str, ...], ClinicalNames]:
    """(billable codes, a few titles, clinical names) of the ICD-10-CM that is embedded."""
    found = Icd10().find(None)
    documents = list(Icd10().parse({file.name: Path(file.location) for file in found.files}, found.release))
    codes = frozenset(document.id for document in documents if document.meta.get("billable"))
    titles = [document.title for document in documents]
    random.Random(4).shuffle(titles)
    return Facts(codes), tuple(titles[:2_000]), ClinicalNames.of_documents(documents)


def for_the_tiny_base(behaviour: Behaviour, *, steps: int | None = None) -> Behaviour:
    """A model of a million weights wants a higher rate than one of a billion; all else is as the file says."""
    budget = behaviour.budget.model_copy(update={**_TINY, **({"steps": steps} if steps else {})})
    return behaviour.model_copy(update={"budget": budget})


def measure(
    behaviour: Behaviour, sets: Sets, base: Base, facts: Facts, names: ClinicalNames, folder: Path
) -> BehaviourReport:
    """One retraining in a home of its own; prints its report and what it cost."""
    began = time.process_time()
    numbers = numbers_of(EXPECTATIONS, behaviour.name)
    report = retrain(behaviour, base, sets, facts, names, numbers, Adapters(folder), folder / "work", code="bench", actor="bench")  # fmt: skip
    print(report.as_markdown())
    print(f"{time.process_time() - began:.0f} seconds of processor for all of it\n", flush=True)
    return report


def on_real_dialogues(folder: Path, behaviour: Behaviour, facts: Facts, names: ClinicalNames, held: Path, steps: int) -> BehaviourReport:  # fmt: skip
    """The same with dialogues and sections of MTS-Dialog: trained on its training set, judged by its validation set."""
    learnt, judged = (real_rows(folder / f"MTS-Dialog-{kind}Set.csv", names) for kind in ("Training", "Validation"))
    for kind, rows in (("training", learnt), ("validation", judged)):
        print(f"MTS-Dialog {kind}: {len(rows.kept)} rows taken, {rows.refused} refused by the gate ({dict(rows.kinds)}), {rows.too_long} too long or empty")  # fmt: skip
    dice = random.Random(2)
    texts = [said for _, said in (*judged.kept, *learnt.kept)]
    made = make_base(held / "real-base", steps=steps, others=texts[len(judged.kept) :], some=heard(learnt.kept, dice))
    print(f"base: {made}\n", flush=True)
    ours, theirs = (v for v in heard(learnt.kept, dice) if not is_held_out(v)), (v for v in heard(judged.kept, dice) if is_held_out(v))  # fmt: skip
    sets = sets_from(behaviour, ours, theirs, (), train=480, held_out=160)
    sets = replace(sets, general=tuple(dict.fromkeys(said for _, said in judged.kept)), rehearsal=tuple(dict.fromkeys(said for _, said in learnt.kept)))  # fmt: skip
    return measure(behaviour, sets, Base.of(held / "real-base", made.sha256), facts, names, held / "real")


def main() -> int:
    given = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    given.add_argument("names", nargs="*", default=["soap-note", "triage-level"])
    given.add_argument("--steps", type=int, default=None, help="of the adapter")
    given.add_argument("--base-steps", type=int, default=500)
    given.add_argument("--real", action="store_true", help="also on the publishers' dialogues, where they are at hand")
    chosen = given.parse_args()
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__} with {torch.get_num_threads()} threads")  # fmt: skip
    facts, titles, names = official()
    print(f"{len(facts.codes):,} billable codes of the embedded ICD-10-CM")
    known = [for_the_tiny_base(read_behaviour(EXPECTATIONS, name), steps=chosen.steps) for name in chosen.names]
    reports = []
    with tempfile.TemporaryDirectory() as held:
        base = Path(held) / "base"
        made = make_base(base, steps=chosen.base_steps, others=titles[100:])
        print(f"base: {made}\n", flush=True)
        for behaviour in known:
            sets = sets_of(behaviour, titles, train=1_000 if behaviour.labels else 480)
            reports.append(
                measure(behaviour, sets, Base.of(base, made.sha256), facts, names, Path(held) / behaviour.name)
            )
        folder = DATA / "notes" / "mts_dialog"
        if chosen.real and folder.is_dir():
            soap = for_the_tiny_base(read_behaviour(EXPECTATIONS, "soap-note"), steps=chosen.steps)
            reports.append(on_real_dialogues(folder, soap, facts, names, Path(held), chosen.base_steps))
        elif chosen.real:
            print("real dialogues: skipped, the files are not at hand")
    return 0 if all(report.verdict.promoted for report in reports) else 1


if __name__ == "__main__":
    raise SystemExit(main())
