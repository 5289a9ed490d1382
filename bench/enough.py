"""python -m bench.enough [HOME]: how well search tells that nothing is good enough, on the tuning questions.

Of the release that serves in HOME (by default that of `make demo`): for each source the questions of bench/dev that it
answers, and the unanswerable ones beside them, half for tuning and half held out. Prints what would be told wrongly of
answerable questions, and what share of the unanswerable ones is told, by how far off they are.
"""

import json
import sys
from collections import defaultdict
from pathlib import Path

from probatum.encoder import Encoder
from probatum.release import Releases
from probatum.search import Searcher, nothing_good_enough

ROOT = Path(__file__).parents[1]
HOME = ROOT / ".demo" / "home"
DEV = ROOT / "bench" / "dev"
ANSWERABLE = {
    "formulary": ("formulary",),
    "guidelines": ("guidelines", "guidelines-more", "guidelines-hard"),
    "icd10": ("icd10", "icd10-more"),
}


def main() -> None:
    home = Path(sys.argv[1]) if len(sys.argv) > 1 else HOME
    manifest = Releases(home).current()
    if manifest is None:
        sys.exit(f"No release serves in {home}. Run `make demo` first, or name a home.")
    searcher = Searcher.of(
        home, manifest, Encoder.load(precision=manifest.encoder.precision, adapter=manifest.encoder.adapter)
    )
    for source, state in manifest.sources.items():
        told: dict[str, list[bool]] = defaultdict(list)
        for kind, question in _asked(source, state.release):
            told[kind].append(nothing_good_enough(searcher.search(question, source=source, k=10)))
        for kind, each in told.items():
            print(f"{source:10s} {kind:28s} {sum(each):4d} of {len(each):4d} told to have no answer")
        held = [t for kind, each in told.items() if "held out" in kind for t in each]
        wrong = told["answerable"]
        alarms = sum(held) + sum(wrong)
        print(
            f"{source:10s} held out: recall {sum(held) / len(held):.2f}; "
            f"precision {sum(held) / alarms if alarms else 1:.2f} beside all {len(wrong)} answerable ones"
        )


def _asked(source: str, release: str):
    for name in ANSWERABLE[source]:
        for question in _lines(name):
            if question.get("release", "") in ("", release):
                yield "answerable", question["question"]
    for question in _lines(f"unanswerable-{source}"):
        yield f"{question['slice']}, {question['half']}", question["question"]


def _lines(name: str) -> list[dict]:
    return [json.loads(line) for line in (DEV / f"{name}.jsonl").read_text("utf-8").splitlines()]


if __name__ == "__main__":
    main()
