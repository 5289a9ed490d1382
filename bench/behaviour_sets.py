"""Sets of invented examples for the behaviours: to train, to judge, to watch; and the files they would be in.

    sets = sets_of(soap)            480 visits to train on, 160 held out, of other pairs of condition and clinic
    write_sets(folder / "soap-note", sets)  train.jsonl, held-out.jsonl, probes.jsonl, general.jsonl, rehearsal.jsonl

They are signed off by whoever wrote the generator, who is no clinician, and say so.
"""

import itertools
import random
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

import orjson

from bench.invented_notes import TRIAGE, WRITERS, Visit, dialogue, is_held_out, letter, triage_call, visits
from probatum.behaviours import Behaviour, Example, Sets

SIGNED = {"reviewer": "author of the invented notes, no clinician", "reviewed_on": date(2026, 12, 1)}


def sets_of(
    behaviour: Behaviour, others: Sequence[str] = (), *, train: int = 480, held_out: int = 160, seed: int = 1
) -> Sets:
    """Invented sets. Held-out visits are of pairs of condition and clinic that no training example has."""
    some = visits(random.Random(seed))
    ours, theirs = (v for v in some if not is_held_out(v)), (v for v in some if is_held_out(v))
    return sets_from(behaviour, ours, theirs, others, train=train, held_out=held_out)


def sets_from(
    behaviour: Behaviour,
    ours: Iterator[Visit],
    theirs: Iterator[Visit],
    others: Sequence[str],
    *,
    train: int,
    held_out: int,
) -> Sets:
    """ours: visits to train on; theirs: to be judged by. others: ordinary texts, of which the first hundred are held out."""
    return Sets(
        train=tuple(_examples(behaviour, ours, train, "train")),
        held_out=tuple(_examples(behaviour, theirs, held_out, "held")),
        probes=tuple(_examples(behaviour, theirs, 40, "probe")),
        general=(*(letter(v) for v in itertools.islice(theirs, 100)), *others[:100]),
        rehearsal=(*(letter(v) for v in itertools.islice(ours, 300)), *others[100:400]),
    )


def _examples(behaviour: Behaviour, some: Iterator[Visit], count: int, kind: str) -> Iterator[Example]:
    labels = itertools.cycle(TRIAGE)
    for number, visit in enumerate(itertools.islice(some, count), 1):
        label = next(labels)
        text, answer = (triage_call(label, visit), label) if behaviour.labels else (dialogue(visit), WRITERS[behaviour.name](visit))  # fmt: skip
        yield Example(id=f"{kind}-{number:04}", input=text, output=answer, slice=visit.site, critical=number % 20 == 0, **SIGNED)  # fmt: skip


def write_sets(folder: Path, sets: Sets) -> None:
    """The same as the files that [data] of a behaviour names."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, examples in (("train", sets.train), ("held-out", sets.held_out), ("probes", sets.probes)):
        lines = (orjson.dumps(e.model_dump(mode="json")) for e in examples)
        (folder / f"{name}.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))
    for name, texts in (("general", sets.general), ("rehearsal", sets.rehearsal)):
        (folder / f"{name}.jsonl").write_bytes(b"".join(orjson.dumps({"text": t}) + b"\n" for t in texts))
