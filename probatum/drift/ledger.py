"""The ledger of one behaviour: which drifts there were, what was retrained for them, and whether another retrain may start.

    ledger = Ledger(home, "retrieval", rules)
    ledger.note(verdict)                    -> "drifted", "recovered", "missing", "complete" or "": what is news
    ledger.may_retrain(day, champion)       -> Answer(go=False, why="not needed: nothing has drifted since …", drift="")
    ledger.claim(…)  /  ledger.settle(…)    a retrain begins, once for one drift; and what became of it

home/drift/<behaviour>/ledger.json is written whole, under its seal and a lock. What is noted again (the machine stopped
between writing and telling) is no second drift: news stay `untold` until somebody says they were told. A retrain is
claimed before it starts, by a key of its own, so that a run which is started again gets its claim back and no other gets one.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path

import orjson
from filelock import FileLock, Timeout

from probatum import digests
from probatum.drift.rules import DriftRules
from probatum.drift.verdict import BASELINE, DRIFTED, MISSING, STEADY, Verdict
from probatum.errors import Conflict, Damaged, Retryable
from probatum.files import read_sealed, write_sealed
from probatum.journal import Journal

RECOVERED, COMPLETE = "recovered", "complete"
REFUSED = "refused"  # of a retrain
_LOCK_WAIT_S = 60
_SAFE = "Nothing was trained; what served before still serves."


@dataclass(frozen=True)
class Drift:
    """One drift, from the window that found it until it is over. ended: ISO day; "" while it is open."""

    id: str
    champion: str
    found: str
    figures: dict = field(default_factory=dict)
    calm: int = 0
    ended: str = ""


@dataclass(frozen=True)
class Retrain:
    """minutes: of a GPU; planned ones until it ended.

    outcome: "" while it runs; then promoted, held (for a person to approve), kept (what serves is better) or refused (a gate on the
    data or the training said no: that is mended, and asked for again).
    """

    key: str
    drift: str
    champion: str
    started: str
    minutes: int
    forced: bool = False
    outcome: str = ""


@dataclass(frozen=True)
class State:
    """seen: the day of the newest window; older ones are no news. missing: whether probe data is missing. untold: (kind, drift's id)."""

    drifts: tuple[Drift, ...] = ()
    retrains: tuple[Retrain, ...] = ()
    seen: str = ""
    last: dict = field(default_factory=dict)
    missing: bool = False
    untold: tuple[tuple[str, str], ...] = ()

    @property
    def open(self) -> Drift | None:
        return next((drift for drift in self.drifts if not drift.ended), None)


@dataclass(frozen=True)
class Answer:
    """Whether a retrain may start. why: with figures. drift: what it would be for."""

    go: bool
    why: str
    drift: str = ""
    minutes_left: int = 0


def after(state: State, verdict: Verdict, rules: DriftRules) -> tuple[State, str]:
    """The state after a window, and what of it is news: a value, so that a replay needs no disk."""
    if verdict.day <= state.seen:
        return state, ""
    state = replace(state, seen=verdict.day, last=_figures(verdict))
    if verdict.state == MISSING:
        return (state, "") if state.missing else _telling(replace(state, missing=True), MISSING)
    news = ""
    if state.missing:
        state, news = _telling(replace(state, missing=False), COMPLETE)
    if drift := state.open:
        state, ended = _watched(state, drift, verdict, rules)
        return state, ended or news
    if verdict.state == DRIFTED and not _held_off(state, verdict.day, rules):
        identity = digests.of_json([verdict.behaviour, verdict.champion, verdict.day])[:16]
        found = Drift(identity, verdict.champion, verdict.day, _figures(verdict))
        return _telling(replace(state, drifts=(*state.drifts, found)), DRIFTED, identity)
    return state, news


class Ledger:
    """See the module. home: everything of one behaviour lies in home/drift/<behaviour>."""

    def __init__(self, home: Path, behaviour: str, rules: DriftRules):
        self._home, self.behaviour, self._rules = home, behaviour, rules
        self._path = home / "drift" / behaviour / "ledger.json"

    def state(self) -> State:
        return self._read()

    def note(self, verdict: Verdict, *, actor: str) -> str:
        """Take a window's verdict in; what is news. A drift that is found or over is journalled."""
        with self._writing() as state:
            later, news = after(state, verdict, self._rules)
            self._write(later)
        if news in (DRIFTED, RECOVERED):
            drift = later.drifts[-1]
            self._journal(f"drift-{'found' if news == DRIFTED else 'over'}", actor, drift=drift.id)
        return news

    def told(self) -> None:
        """Everything that was untold has been told."""
        with self._writing() as state:
            self._write(replace(state, untold=()))

    def may_retrain(self, day: date, champion: str, *, forced: bool = False, minutes: int = 0) -> Answer:
        """Has anything drifted since the champion was trained, and may it be retrained for that today?"""
        return self._answer(self._read(), day, champion, forced=forced, minutes=minutes)

    def claim(
        self, day: date, champion: str, *, key: str, minutes: int, actor: str, forced: bool = False, why: str = ""
    ) -> Retrain:
        """Begin a retrain. key: the run's own; the same one gets the same claim back. Raises Conflict with the reason."""
        with self._writing() as state:
            if known := next((retrain for retrain in state.retrains if retrain.key == key), None):
                return known
            answer = self._answer(state, day, champion, forced=forced, minutes=minutes)
            if not answer.go:
                raise Conflict(
                    f"{self.behaviour}: {answer.why}", safe=_SAFE, next=f"See `probatum drift status {self.behaviour}`."
                )
            claimed = Retrain(key, answer.drift, champion, day.isoformat(), minutes, forced)
            self._write(replace(state, retrains=(*state.retrains, claimed)))
        self._journal("retrain", actor, drift=answer.drift, forced=str(forced).lower(), why=why)
        return claimed

    def settle(self, key: str, outcome: str, *, minutes: int, actor: str) -> Retrain:
        """A retrain ended; minutes: those it really took. Its drift is over when the next window of the new champion says so."""
        with self._writing() as state:
            known = next((retrain for retrain in state.retrains if retrain.key == key), None)
            if known is None:
                raise Conflict(
                    f"{self.behaviour}: no retrain was claimed as {key}.", safe=_SAFE, next="Claim it before it starts."
                )
            ended = replace(known, outcome=outcome, minutes=minutes)
            self._write(replace(state, retrains=tuple(ended if r.key == key else r for r in state.retrains)))
        self._journal("retrained", actor, drift=ended.drift, outcome=outcome, minutes=str(minutes))
        return ended

    def _answer(self, state: State, day: date, champion: str, *, forced: bool, minutes: int) -> Answer:
        since = (day - timedelta(days=self._rules.retrain_every_days)).isoformat()
        left = self._rules.gpu_minutes - _minutes_since(self._home, since)
        drift = state.open if state.open and state.open.champion == champion else None
        told = {"drift": drift.id if drift else "", "minutes_left": left}
        recent = [r for r in state.retrains if r.started > since and r.outcome != REFUSED]
        if running := next((retrain for retrain in state.retrains if not retrain.outcome), None):
            return Answer(False, f"a retrain that began on {running.started} has not ended", **told)
        if minutes > left:
            return Answer(
                False,
                f"{minutes} minutes of a GPU are asked for, and {left} of {self._rules.gpu_minutes} are left in this quarter",
                **told,
            )
        if forced:
            return Answer(True, "somebody wants it", **told)
        if drift is None:
            return Answer(
                False, f"not needed: nothing has drifted since the champion was trained ({_said(state.last)})", **told
            )
        if any(retrain.drift == drift.id and retrain.outcome != REFUSED for retrain in state.retrains):
            return Answer(False, f"drift {drift.id} has been retrained for once, and is never twice", **told)
        if recent:
            return Answer(
                False,
                f"the last retrain began on {recent[-1].started}, and there is one in {self._rules.retrain_every_days} days",
                **told,
            )
        return Answer(True, f"drift {drift.id} was found on {drift.found} ({_said(drift.figures)})", **told)

    def _read(self) -> State:
        if not self._path.exists():
            return State()
        advice = "Restore it from a backup: without it a drift might be retrained for twice."
        return _state(read_sealed(self._path, what="The ledger of drift", next=advice), advice)

    def _write(self, state: State) -> None:
        write_sealed(self._path, orjson.loads(orjson.dumps(asdict(state))))

    @contextmanager
    def _writing(self) -> Iterator[State]:
        """The state, with nobody else changing it; of all behaviours, because they share one budget."""
        (self._home / "drift").mkdir(parents=True, exist_ok=True)
        lock = FileLock(self._home / "drift" / "ledgers.lock", timeout=_LOCK_WAIT_S)
        try:
            lock.acquire()
        except Timeout:
            raise Retryable(
                "Somebody else is writing to the ledger of drift.", safe=_SAFE, next="Try it again."
            ) from None
        try:
            yield self._read()
        finally:
            lock.release()

    def _journal(self, action: str, actor: str, **facts: str) -> None:
        Journal(self._home / "journal.jsonl").add(action, actor=actor, behaviour=self.behaviour, **facts)


def _watched(state: State, drift: Drift, verdict: Verdict, rules: DriftRules) -> tuple[State, str]:
    """A window while a drift is open: it ends by a new champion as good as the one before was at publication, or by enough steady windows."""
    well = verdict.state in (STEADY, BASELINE)
    calm = drift.calm + 1 if well else 0
    mended = verdict.champion != drift.champion and _as_good(verdict, drift, rules)
    over = well and (mended or calm >= rules.calm_windows)
    now = replace(drift, calm=calm, ended=verdict.day if over else "")
    state = replace(state, drifts=tuple(now if d.id == drift.id else d for d in state.drifts))
    return _telling(state, RECOVERED, drift.id) if over else (state, "")


def _as_good(verdict: Verdict, drift: Drift, rules: DriftRules) -> bool:
    """A new champion is steady by its own beginning, however bad that is: the drift it was trained for is what it is measured by."""
    before = drift.figures.get("before")
    return before is None or verdict.now is None or verdict.now > before - rules.step_loss


def _held_off(state: State, day: str, rules: DriftRules) -> bool:
    ended = max((drift.ended for drift in state.drifts if drift.ended), default="")
    return bool(ended) and date.fromisoformat(day) < date.fromisoformat(ended) + timedelta(days=rules.hold_off_days)


def _telling(state: State, news: str, drift: str = "") -> tuple[State, str]:
    return replace(state, untold=(*state.untold, (news, drift))), news


def _minutes_since(home: Path, since: str) -> int:
    """Minutes of a GPU that the retrains of all behaviours took, or were planned to take, since a day."""
    found = 0
    for path in (home / "drift").glob("*/ledger.json"):
        advice = "Restore it from a backup: without it the budget is not known."
        state = _state(read_sealed(path, what="The ledger of drift", next=advice), advice)
        found += sum(retrain.minutes for retrain in state.retrains if retrain.started > since)
    return found


def _figures(verdict: Verdict) -> dict:
    named = ("day", "release", "state", "before", "now", "loss", "slide", "size")
    return {name: getattr(verdict, name) for name in named} | {"reasons": list(verdict.reasons)}


def _said(figures: dict) -> str:
    if not figures:
        return "no window was judged yet"
    share = (
        f"{figures['now']:.3f} right, {figures['before']:.3f} at publication"
        if figures.get("before") is not None
        else "no figures"
    )
    return f"window of {figures['day']}: {figures['state']}, {share}"


def _state(value: dict, advice: str) -> State:
    try:
        value["drifts"] = tuple(Drift(**each) for each in value["drifts"])
        value["retrains"] = tuple(Retrain(**each) for each in value["retrains"])
        value["untold"] = tuple((kind, drift) for kind, drift in value["untold"])
        return State(**value)
    except (TypeError, KeyError, ValueError):
        raise Damaged(
            "The ledger of drift has another shape than this version writes.", safe=_SAFE, next=advice
        ) from None
