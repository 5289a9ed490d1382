"""A retrain of one behaviour, from the question whether it is needed to what became of it.

    begun = begin(chosen, "retrieval", drift="5b1c…", actor="prefect")    Begun(go=True, key="5b1c…", why="drift 5b1c… was found on …")
    made = train(chosen, begun, served, actor="prefect", code="b5d23fc")  Made(adapter="3f9c…", promoted=True, minutes=12, report=…)
    end(chosen, begun, PROMOTED, minutes=made.minutes, actor="prefect")   the ledger knows; what was only needed on the way is gone

`begin` claims it in the ledger of drift before anything is spent; a retrain whose machine died is gone on with by the next run,
from its last checkpoint, with the data it had begun with: these are copied before they are read. `one_retrain` keeps two runs
of one behaviour apart. Nothing serves otherwise after `train`: search by a candidate that is audited and published,
another behaviour by `promote`.
"""

import math
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path

import orjson

from probatum.adapters.registry import Adapters
from probatum.behaviours import Behaviour, Facts, read_behaviour, read_sets
from probatum.behaviours.facts import facts_of
from probatum.drift.ledger import Ledger, Retrain
from probatum.drift.readings import RETRIEVAL, leave_figures
from probatum.drift.rules import drift_rules
from probatum.encoder_identity import of_questions
from probatum.errors import Misconfigured
from probatum.files import write_atomically
from probatum.locks import one_behaviour
from probatum.objects import store_at
from probatum.phi import ClinicalNames
from probatum.records import Document
from probatum.release import Releases, today
from probatum.screening import clinical_names
from probatum.settings import Settings
from probatum.thresholds import gate as numbers_of
from probatum.training.budget import Budget
from probatum.training.retrieval_terms import retrieval_terms

PROMOTED, HELD, KEPT = "promoted", "held", "kept"  # outcomes in the ledger, and REFUSED
_MOST_BYTES = 1 << 30  # of one file of training data
_SAFE = "Nothing was trained; what served before still serves."
_KEY = re.compile(r"[0-9a-z-]{1,80}")
_CODES = ("codes", "valid-codes")


@dataclass(frozen=True)
class Begun:
    """go: whether it may be trained. key: of its claim in the ledger. again: it goes on where one that died stopped."""

    behaviour: str
    go: bool
    why: str
    key: str = ""
    drift: str = ""
    again: bool = False
    at: str = ""  # ISO, UTC: when this run took it up


@dataclass(frozen=True)
class Made:
    """adapter: identity. promoted: it was judged not to be worse. minutes: of training. report: markdown, of figures and ids."""

    adapter: str
    promoted: bool
    reasons: tuple[str, ...]
    minutes: int
    report: str
    figures: dict


@contextmanager
def one_retrain(chosen: Settings, behaviour: str) -> Iterator[None]:
    """Raises Retryable, with who does it, while another process retrains this behaviour."""
    _must_be_known(chosen, behaviour)
    with one_behaviour(chosen.home, behaviour):
        yield


def begin(
    chosen: Settings, behaviour: str, *, drift: str = "", forced: bool = False, why: str = "", actor: str
) -> Begun:
    """Claim a retrain, or say why there is none. Call it inside `one_retrain`: then a claim without an end is of a process that died.

    forced: although nothing drifted, or the quarter is not over; the budget holds all the same.
    """
    ledger = Ledger(chosen.home, behaviour, drift_rules(chosen.expectations))
    if left := next((retrain for retrain in ledger.state().retrains if not retrain.outcome), None):
        if _has_ended(chosen, behaviour, left):
            ledger.settle(left.key, PROMOTED, minutes=left.minutes, actor=actor)
            said = f"the retrain that began on {left.started} had ended, and its process died before it could say so"
            return Begun(behaviour, False, said, left.key, left.drift)
        said = f"it goes on with the retrain that began on {left.started}"
        return Begun(behaviour, True, said, left.key, left.drift, again=True, at=_now())
    champion, minutes = champion_of(chosen, behaviour), minutes_of(chosen, behaviour)
    answer = ledger.may_retrain(today(), champion, forced=forced, minutes=minutes)
    if not answer.go:
        return Begun(behaviour, False, answer.why.removeprefix("not needed: "), drift=answer.drift)
    if drift and not forced and answer.drift != drift:
        return Begun(behaviour, False, f"drift {drift} is not open any more", drift=drift)
    key = f"{answer.drift or 'forced'}-{len(ledger.state().retrains) + 1}"
    ledger.claim(today(), champion, key=key, minutes=minutes, actor=actor, forced=forced, why=why)
    return Begun(behaviour, True, answer.why, key, answer.drift, at=_now())


def train(chosen: Settings, begun: Begun, served: Callable[[], Iterable[Document]], *, actor: str, code: str) -> Made:
    """Train and judge. served: the documents of what serves, for who learns from them. Raises Rejected where a gate or the training refuses, Misconfigured where something is missing."""
    folder = work_of(chosen, begun)
    folder.mkdir(parents=True, exist_ok=True)
    names = ClinicalNames.load(clinical_names(chosen.home, Releases(chosen.home).current()))
    if begun.behaviour == RETRIEVAL:
        made = _of_retrieval(chosen, served(), names, folder, actor, code)
    else:
        definition = read_behaviour(chosen.expectations, begun.behaviour)
        made = _of_behaviour(chosen, definition, folder, names, actor, code)
    return _unless_rejected_before(chosen, made)


def promote(chosen: Settings, behaviour: str, adapter: str, *, actor: str, why: str) -> None:
    """Make it the champion of a behaviour that no release names; nothing where it is already."""
    adapters = Adapters(chosen.home)
    if adapters.champion("behaviour", behaviour) != adapter:
        adapters.promote(adapter, actor=actor, why=why)


def leave_probes(chosen: Settings, behaviour: str, *, day: date | None = None) -> Path:
    """Ask the champion, or the base alone, the probes of a behaviour, and leave its figures for the next watch."""
    from probatum.training.language_model import LanguageModel, base_of
    from probatum.training.loop import best_device
    from probatum.training.writing import outputs_of, with_adapter

    definition = read_behaviour(chosen.expectations, behaviour)
    base, adapters = base_of(definition, chosen), Adapters(chosen.home)
    champion = adapters.champion("behaviour", behaviour)
    folder = chosen.home / "work" / f"probes-{behaviour}"
    try:
        examples = read_sets(frozen(chosen, behaviour, folder), definition).probes
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    device = best_device()
    model = (
        with_adapter(base, adapters.folder(champion), device=device)
        if champion
        else LanguageModel.load(base, device=device)
    )
    words, facts = definition.task, _facts(chosen, definition)
    readings = []
    for output in outputs_of(model, definition, examples, words):
        broken = definition.broken(output.text, facts)
        right = not definition.labels or output.text.strip() == output.label
        quality = 1 - len(broken) / len(definition.rule)
        ok = not broken and right
        readings.append(
            {"id": output.id, "part": output.slice, "ok": ok, "quality": quality if right else quality - 1, "level": float(len(output.text.split()))}
        )  # fmt: skip
    told = {"champion": champion or base.weights, "day": (day or today()).isoformat(), "readings": readings}
    return leave_figures(chosen.home, behaviour, orjson.dumps(told))


def end(
    chosen: Settings, begun: Begun, outcome: str, *, actor: str, minutes: int | None = None, report: str = ""
) -> Path | None:
    """Note what became of it, keep the report, and remove what was needed on the way. Returns where the report lies.

    minutes: of training; None where it came to no end: those since it was taken up.
    """
    path = None
    if report:
        path = chosen.home / "drift" / begun.behaviour / "retrains" / f"{begun.key}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, report.encode())
    if minutes is None:
        minutes = math.ceil((datetime.now(UTC) - datetime.fromisoformat(begun.at)).total_seconds() / 60)
    rules = drift_rules(chosen.expectations)
    Ledger(chosen.home, begun.behaviour, rules).settle(begun.key, outcome, minutes=minutes, actor=actor)
    shutil.rmtree(work_of(chosen, begun), ignore_errors=True)
    return path


def champion_of(chosen: Settings, behaviour: str) -> str:
    """What a window of the behaviour calls its champion: of search what questions are read with, else the adapter or the base."""
    if behaviour == RETRIEVAL:
        serving = Releases(chosen.home).current()
        return of_questions(serving.encoder) if serving else ""
    from probatum.training.language_model import base_of

    found = Adapters(chosen.home).champion("behaviour", behaviour)
    return found or base_of(read_behaviour(chosen.expectations, behaviour), chosen).weights


def minutes_of(chosen: Settings, behaviour: str) -> int:
    """What a retrain of it may take. Raises Misconfigured where its file is missing or wrong."""
    return math.ceil(_budget(chosen, behaviour).minutes)


def work_of(chosen: Settings, begun: Begun) -> Path:
    """Where checkpoints and the frozen data of a retrain lie until it ended."""
    if not _KEY.fullmatch(begun.key):
        raise Misconfigured("The retrain has no key of ours.", safe=_SAFE, next="Begin it with `begin`.")
    return chosen.home / "work" / f"retrain-{begun.behaviour}-{begun.key}"


def frozen(chosen: Settings, behaviour: str, folder: Path) -> Path:
    """A copy of the training data of a behaviour, from a folder or a bucket; the same one when it goes on. Raises Misconfigured."""
    copied = folder / "data"
    if copied.exists():
        return copied
    if not chosen.training_data:
        raise Misconfigured(
            "PROBATUM_TRAINING_DATA is empty.",
            safe=_SAFE,
            next=f"Name the folder or bucket that has {behaviour}/train.jsonl and the other sets.",
        )
    where = f"{chosen.training_data.rstrip('/')}/{behaviour}/"
    store = store_at(where, endpoint=chosen.object_endpoint, kms_key=chosen.object_kms_key)
    beside = folder / "data.part" / behaviour
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    for each in store.list():
        if "/" not in each.key and each.key.endswith(".jsonl"):
            store.fetch(each, beside / each.key, limit_bytes=_MOST_BYTES)
    beside.parent.rename(copied)
    return copied


def _of_retrieval(
    chosen: Settings, documents: Iterable[Document], names: ClinicalNames, folder: Path, actor: str, code: str
) -> Made:
    from probatum.training.retrieval_retraining import retrain_retrieval

    numbers = numbers_of(chosen.expectations, RETRIEVAL)
    report = retrain_retrieval(chosen, documents, names, numbers, folder, code=code, actor=actor)
    figures = {"before": report.champion.by_source, "now": report.challenger.by_source}
    minutes = math.ceil(report.trained.minutes)
    return Made(report.adapter, report.verdict.promoted, report.verdict.reasons, minutes, report.as_markdown(), figures)


def _of_behaviour(
    chosen: Settings, behaviour: Behaviour, folder: Path, names: ClinicalNames, actor: str, code: str
) -> Made:
    from probatum.encoder import Encoder
    from probatum.training.behaviour import near_by, retrain
    from probatum.training.language_model import base_of
    from probatum.training.leaks import kept_questions

    sets = read_sets(frozen(chosen, behaviour.name, folder), behaviour)
    encoder = Encoder.load(chosen)
    report = retrain(
        behaviour, base_of(behaviour, chosen), sets, _facts(chosen, behaviour), names,
        numbers_of(chosen.expectations, behaviour.name), Adapters(chosen.home), folder, code=code, actor=actor,
        near=near_by(encoder.encode, kept_questions(chosen.expectations)),
    )  # fmt: skip
    figures = {"before": report.champion.compliance.compliance, "now": report.challenger.compliance.compliance}
    minutes = math.ceil(report.trained.minutes)
    return Made(report.adapter, report.verdict.promoted, report.verdict.reasons, minutes, report.as_markdown(), figures)


def _facts(chosen: Settings, behaviour: Behaviour) -> Facts:
    """Codes are looked up only for a behaviour that names some."""
    needed = any(rule.kind in _CODES for rule in behaviour.rule)
    return facts_of(chosen.home) if needed else Facts(frozenset())


def _budget(chosen: Settings, behaviour: str) -> Budget:
    if behaviour == RETRIEVAL:
        return retrieval_terms(chosen.expectations).budget
    return read_behaviour(chosen.expectations, behaviour).budget


def _unless_rejected_before(chosen: Settings, made: Made) -> Made:
    """The same training gives the same adapter, and one that was rejected stays so, whoever judges it now."""
    life = Adapters(chosen.home).life(made.adapter)
    if not made.promoted or life.status != "rejected":
        return made
    why = f"the same adapter was rejected before ({life.changes[-1].why or 'no reason was given'}); train with other data or another budget"
    return replace(made, promoted=False, reasons=(why,))


def _has_ended(chosen: Settings, behaviour: str, left: Retrain) -> bool:
    """Whether there is another champion, registered since: by the retrain that began then, for there is one at a time."""
    if champion_of(chosen, behaviour) == left.champion:
        return False
    adapters = Adapters(chosen.home)
    champion = adapters.champion("retrieval" if behaviour == RETRIEVAL else "behaviour", behaviour)
    return bool(champion) and adapters.life(champion).changes[0].at >= left.started


def _now() -> str:
    return datetime.now(UTC).isoformat()


def _must_be_known(chosen: Settings, behaviour: str) -> None:
    _budget(chosen, behaviour)
