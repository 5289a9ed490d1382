"""python -m bench.adapter WORK [--index FOLDER] [--sides query|both] [--home HOME]: a retrieval adapter, trained and measured.

Learns from the official names of the embedded releases (and of the ICD-10-CM release in FOLDER, for its alphabetic index), nothing
of the lexicon and no question. Then asks, with the base and with the adapter:

- official names of categories that were split off before training, against all texts but themselves,
- the lay questions of bench/dev, against the official names alone, categories folded: the pipeline without its lexicon,
- with --home, the same lay questions through the whole search of the release that serves there.

Prints totals and a paired test. What was encoded and trained is kept in WORK, so that it can be interrupted.
"""

import argparse
import json
import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from scipy.stats import binomtest

from bench.real_sources import machine
from probatum import pipeline
from probatum.adapters.record import AdapterRecord
from probatum.adapters.registry import Adapters
from probatum.asking import answers
from probatum.encoder import Encoder, wear
from probatum.encoder_identity import base_of
from probatum.golden import GoldenQuestion
from probatum.records import Document
from probatum.release import Releases
from probatum.search import Searcher
from probatum.settings import Settings
from probatum.training.budget import Budget, Trained
from probatum.training.leaks import kept_questions
from probatum.training.pairs import Lessons, lessons_of
from probatum.training.ranking import ranks_of
from probatum.training.retrieval import Material, digests_of, train_retrieval, without_leaks
from probatum.training.retrieval_terms import retrieval_terms
from probatum.vectorcache import encode_cached
from sources.base import Source
from sources.formulary import Formulary
from sources.guidelines import Guidelines
from sources.icd10 import Icd10

ROOT = Path(__file__).parents[1]
LAY = ("icd10.jsonl", "icd10-more.jsonl")
BUDGETS = {
    "query": Budget(steps=240, batch=64, learning_rate=1e-3, minutes=30, evaluate_every=20, patience=4, seed=1),
    "both": Budget(steps=180, batch=48, learning_rate=6e-4, minutes=60, evaluate_every=20, patience=4, seed=1),
}
STRENGTH = retrieval_terms(ROOT / "expectations").strength
HELD_OUT_ASKED = 2000


def main() -> None:
    given = _arguments()
    print(f"{machine()}, load {os.getloadavg()[0]:.1f}, {time.strftime('%Y-%m-%d')}")
    chosen = Settings(home=given.work / "home", expectations=ROOT / "expectations")
    encoder = Encoder.load(chosen)
    lessons = lessons_of(_documents(given.index))
    cached = given.work / "vectors"

    def encode(texts: Sequence[str]) -> np.ndarray:
        return encode_cached(encoder, list(texts), cached)[0]

    kept = kept_questions(chosen.expectations)
    lessons, left_out = without_leaks(lessons, kept, encode)
    print(
        f"{len(lessons.queries):,} names to ask, {len(lessons.texts):,} texts; left out, too near a kept question: {left_out}"
    )
    known = encode([text.text for text in lessons.texts])
    folder = given.work / given.sides
    if not (folder / "reference.safetensors").exists():
        trained = train_retrieval(
            chosen,
            lessons,
            folder,
            sides=given.sides,
            budget=BUDGETS[given.sides],
            kept=kept,
            encode=encode,
            work=given.work / f"{given.sides}-checkpoints",
            strength=STRENGTH,
        )
        (folder.parent / f"{given.sides}.json").write_text(trained.model_dump_json(indent=1))
        print(trained.model_dump_json(exclude={"curve"}), [(p.step, round(p.validated, 3)) for p in trained.curve])
    measure(chosen, lessons, encoder, known, folder, given.sides)
    if given.home:
        through_search(given.home, folder, _record(chosen, lessons, given))


def measure(chosen: Settings, lessons: Lessons, encoder: Encoder, known: np.ndarray, folder: Path, sides: str) -> None:
    adapted = Encoder.load(chosen)
    wear(adapted._model.float(), folder)
    as_adapted = known if sides == "query" else adapted.encode([text.text for text in lessons.texts])
    places = np.array([n for n, text in enumerate(lessons.texts) if text.source == "icd10"])
    families = np.array([lessons.texts[n].family for n in places])
    material = Material(lessons, "held-out", known)
    asked = [q for q in material.queries if q.source == "icd10"]
    asked = [asked[i] for i in np.random.default_rng(0).permutation(len(asked))[:HELD_OUT_ASKED]]
    position = {int(p): i for i, p in enumerate(places)}
    own = [[position[p] for p in material.own(q)] for q in asked]
    lay = [q for q in _questions() if q.slice == "lay"]
    for title, texts, right, hidden in (
        ("official names of held-out categories", [q.text for q in asked], [set(q.families) for q in asked], own),
        ("lay questions", [q.question for q in lay], [_families(q) for q in lay], [[] for _ in lay]),
    ):
        ranks = {}
        for name, model, vectors in (("base", encoder, known), (sides, adapted, as_adapted)):
            ranks[name] = ranks_of(model.encode_questions(texts), vectors[places], families, right, hidden)
        show(title, ranks["base"], ranks[sides], sides)


def through_search(home: Path, folder: Path, record: AdapterRecord) -> None:
    """The lay questions through the whole search of what serves in `home`, and through a candidate that wears the adapter. Publishes nothing."""
    chosen = Settings(home=home, expectations=ROOT / "expectations")
    identity = Adapters(home).add(folder, record, base=record.base, actor="bench")
    serving = Releases(home).current()
    candidate = pipeline.read_candidate(chosen, pipeline.wear(chosen, identity))
    lay = [q for q in _questions() if q.slice == "lay"]
    ranks = {}
    for name, content, adapter in (("base", serving, ""), (record.sides, candidate, identity)):
        searcher = Searcher.of(
            home, content, Encoder.load(chosen, precision=serving.encoder.precision, adapter=adapter)
        )
        hits = [searcher.search(q.question, source="icd10", k=10) for q in lay]
        found = [[answers(q.expects, hit) for hit in each] for q, each in zip(lay, hits, strict=True)]
        ranks[name] = np.array([each.index(True) + 1 if any(each) else 0 for each in found])
    print(f"adapter {identity}")
    show("lay questions, the whole search", ranks["base"], ranks[record.sides], record.sides)


def _record(chosen: Settings, lessons: Lessons, given: argparse.Namespace) -> AdapterRecord:
    trained = Trained.model_validate_json((given.work / f"{given.sides}.json").read_bytes())
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()
    return AdapterRecord(
        kind="retrieval", name="retrieval", base=base_of(chosen), base_name=Encoder.load(chosen).identity.name, rank=16,
        data=digests_of(lessons, given.sides), code=commit, created=datetime.now(UTC), sides=given.sides,
        budget=BUDGETS[given.sides], trained=trained,
    )  # fmt: skip


def show(title: str, before: np.ndarray, after: np.ndarray, name: str) -> None:
    old, new = ((ranks > 0) & (ranks <= 3) for ranks in (before, after))
    won, lost = int((new & ~old).sum()), int((old & ~new).sum())
    p = binomtest(won, won + lost).pvalue if won + lost else 1.0
    for label, ranks in (("base", before), (name, after)):
        print(
            f"  {title:40s} {label:6s} "
            + "  ".join(f"@{k} {np.mean((ranks > 0) & (ranks <= k)):.3f}" for k in (1, 3, 10))
        )
    print(f"  {title:40s} {len(before)} asked, @3 {won} won, {lost} lost, McNemar p {p:.2g}")


def _families(question: GoldenQuestion) -> set[str]:
    return {(expected.family or expected.document)[:3] for expected in question.expects}


def _questions() -> Iterator[GoldenQuestion]:
    for name in LAY:
        for line in (ROOT / "bench" / "dev" / name).read_text("utf-8").splitlines():
            yield GoldenQuestion.model_validate(json.loads(line))


def _documents(index: Path | None) -> Iterator[Document]:
    sources: list[tuple[Source, str | None]] = [(Icd10(), None), (Formulary(), None), (Guidelines(), None)]
    if index:
        sources.insert(1, (Icd10(), str(index)))
    for source, origin in sources:
        found = source.find(origin)
        yield from source.parse({file.name: Path(file.location) for file in found.files}, found.release)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", type=Path)
    parser.add_argument("--index", type=Path)
    parser.add_argument("--sides", choices=tuple(BUDGETS), default="query")
    parser.add_argument("--home", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
