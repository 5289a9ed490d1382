"""python -m bench.measure: how long an ICD-10-CM refresh takes, step by step, and how long a question.

In a home of its own, thrown away at the end: the full refresh (nothing cached), the same again (nothing to do), a release
in which one code in a hundred is worded anew, then the questions of bench/dev asked of what was published, and the vector
index compared with an exact scan. Times are of this machine under whatever else it is doing, so the line it prints first
says what it ran on, and the shares and ratios are what to compare.
"""

import json
import os
import platform
import re
import resource
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import numpy as np

from probatum import candidates, pipeline
from probatum.encoder import Encoder
from probatum.golden import GoldenQuestion
from probatum.release import Releases
from probatum.search import Searcher
from probatum.settings import Settings
from probatum.snapshots import Snapshots
from probatum.store import Store
from sources.icd10 import Icd10

ROOT = Path(__file__).parents[1]
QUESTIONS = ("icd10.jsonl", "icd10-more.jsonl")
REWORDED = re.compile(rb"<desc>([^<]{4,})</desc>")
ONE_IN = 100
_NEAREST = 10


class Clock:
    """Time by name. What is measured inside something measured counts there only, so the parts add up to the whole."""

    def __init__(self):
        self.took: Counter[str] = Counter()
        self._inside: list[float] = []

    @contextmanager
    def part(self, name: str):
        started = time.perf_counter()
        self._inside.append(0.0)
        try:
            yield
        finally:
            took = time.perf_counter() - started
            self.took[name] += took - self._inside.pop()
            if self._inside:
                self._inside[-1] += took

    def wrap(self, owner: object, function: str, name: str) -> None:
        inner: Callable = getattr(owner, function)

        def timed(*args, **kwargs):
            with self.part(name):
                return inner(*args, **kwargs)

        setattr(owner, function, timed)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="probatum-bench-") as folder:
        chosen = Settings(home=Path(folder), expectations=ROOT / "expectations")
        print(_machine())
        clock = Clock()
        for owner, function, name in (
            (Encoder, "load", "load the encoder"),
            (Encoder, "encode", "encode"),
            (candidates, "encode_cached", "vector cache"),
            (candidates, "chunk", "chunk"),
            (candidates, "text_rows", "rows and hashes"),
            (candidates, "document_rows", "rows and hashes"),
            (Store, "_index", "index"),
            (Store, "update", "write the tables"),
        ):
            clock.wrap(owner, function, name)
        full = _refresh(chosen, clock, None, "full refresh")
        again = _refresh(chosen, clock, None, "the same again")
        changed = _reworded(chosen, Path(folder) / "reworded")
        update = _refresh(chosen, clock, str(changed), f"one code in {ONE_IN} reworded")
        print(f"\nno-op: {again / full:.1%} of the full refresh; update: {update / full:.1%}")
        _ask(chosen)
        _peak()


def _refresh(chosen: Settings, clock: Clock, origin: str | None, title: str) -> float:
    """Refresh, and print what each step took; returns the seconds in all."""
    source = Icd10()
    clock.took.clear()
    started = time.perf_counter()
    with clock.part("fetch"):
        snapshot = pipeline.fetch(chosen, source, origin)
    with clock.part("look at what serves"):
        known = pipeline.already_serves(chosen, source, snapshot)
    if not known:
        with clock.part("parse"):
            parsed = pipeline.parse(chosen, source, snapshot)
        with clock.part("compare with what is there"):
            state = pipeline.write(chosen, source, snapshot, parsed, allowed_loss=0.05)
        with clock.part("assemble"):
            candidate = pipeline.assemble(chosen, [state])
        with clock.part("audit"):
            report = pipeline.audit(chosen, candidate)
        with clock.part("publish"):
            if report.passed:
                pipeline.publish(chosen, candidate, actor="bench")
    took = time.perf_counter() - started
    print(f"\n{title}: {took:.2f} s" + (" (nothing to do)" if known else ""))
    for name, seconds in clock.took.most_common():
        print(f"  {name:28s} {seconds:8.2f} s  {seconds / took:6.1%}")
    return took


def _reworded(chosen: Settings, folder: Path) -> Path:
    """The embedded release with every hundredth title changed."""
    source = Icd10()
    taken = Snapshots(chosen.home).read(source.name, pipeline.fetch(chosen, source, None))
    folder.mkdir()
    count = 0

    def reword(found: re.Match) -> bytes:
        nonlocal count
        count += 1
        return b"<desc>%s, as revised</desc>" % found[1] if count % ONE_IN == 0 else found[0]

    for file in taken.files:
        read = Snapshots(chosen.home).blob(file.sha256).read_bytes()
        (folder / file.name).write_bytes(REWORDED.sub(reword, read))
    return folder


def _ask(chosen: Settings) -> None:
    """Ask every tuning question end to end; compare the vector index with an exact scan."""
    lines = [line for name in QUESTIONS for line in (ROOT / "bench" / "dev" / name).read_text("utf-8").splitlines()]
    questions = [GoldenQuestion.model_validate(json.loads(line)).question for line in lines]
    manifest = Releases(chosen.home).current()
    if manifest is None:
        print("\nNothing was published: the questions are not asked.")
        return
    encoder = Encoder.load(chosen)
    started = time.perf_counter()
    searcher = Searcher.of(chosen.home, manifest, encoder)
    searcher.search(questions[0], source="icd10")
    first = time.perf_counter() - started
    took = [_timed(lambda q=q: searcher.search(q, source="icd10")) for q in questions]
    print(
        f"\n{len(questions)} questions, search end to end: {_spread(took)}; the first, opening included: {first:.2f} s"
    )
    texts = searcher._in_force(None)["icd10"]._texts
    vectors = [encoder.encode_query(question) for question in questions]
    near = [{r["id"] for r in texts.nearest(v, _NEAREST)} for v in vectors]
    exact = [{r["id"] for r in texts.nearest(v, _NEAREST, exact=True)} for v in vectors]
    recall = statistics.mean(len(a & b) / len(b) for a, b in zip(near, exact, strict=True))
    print(f"vector index against an exact scan of {texts.count():,} texts: recall@{_NEAREST} {recall:.4f}")


def _timed(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def _spread(seconds: Iterable[float]) -> str:
    p50, p99 = np.quantile(list(seconds), [0.5, 0.99]) * 1000
    return f"p50 {p50:.0f} ms, p99 {p99:.0f} ms"


def _machine() -> str:
    cpu = next((line.split(":")[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), "?")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    versions = ", ".join(f"{name} {version(name)}" for name in ("lancedb", "torch", "sentence-transformers"))
    return (
        f"{os.cpu_count()} cores of {cpu}, {memory:.0f} GB, load {os.getloadavg()[0]:.1f} at the start, "
        f"Python {platform.python_version()}, {versions}, {time.strftime('%Y-%m-%d')}"
    )


def _lines(path: str) -> list[str]:
    return Path(path).read_text("utf-8").splitlines() if Path(path).exists() else []


def _peak() -> None:
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"peak memory, questions included: {own:.2f} GB")


if __name__ == "__main__":
    main()
