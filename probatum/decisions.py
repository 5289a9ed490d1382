"""Decisions of people, each with exactly one record in the journal, whenever the machine stops.

A decision is written first, into the file it is about, with who, why and when; its record follows. `settle` adds the
records of decisions that were written and never told (their process was killed between the two), in their makers'
names. What published a release is settled by the `Publisher`.

    decide_case(home, "2026-11-20-icd10-3f9c0a12", "released", actor="coding lead", why="An erratum.")
    {"action": "quarantine-released", "actor": "coding lead", "case": "2026-11-20-icd10-3f9c0a12", "why": …, "at": …}
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from probatum.drafts import Drafts
from probatum.errors import Damaged
from probatum.journal import Journal
from probatum.proposals import DECLINED as DECLINED_PROPOSAL
from probatum.proposals import all_proposals
from probatum.quarantine import REJECTED, RELEASED, Quarantine, Quarantined
from probatum.seams import seam
from probatum.waiting import APPROVED, APPROVING, DECLINED, WaitingRoom

_LOCK_WAIT_S = 60


@contextmanager
def decisions_of(home: Path) -> Iterator[None]:
    """One decision at a time on one home, so that nobody takes one that is being written for one that was cut short."""
    home.mkdir(parents=True, exist_ok=True)
    with FileLock(home / "decisions.lock", timeout=_LOCK_WAIT_S):
        yield


def decide_case(home: Path, case: str, decision: str, *, actor: str, why: str) -> Quarantined:
    """Let a case in quarantine through, or keep it out. Raises Rejected when that cannot be."""
    with decisions_of(home):
        item = Quarantine(home).decide(case, decision, actor=actor, why=why)
        at = Quarantine(home).decision_of(item.id)["at"]
        record(home, f"quarantine-{decision}", actor=actor, case=item.id, why=why, at=at)
    return item


def record(home: Path, action: str, *, actor: str, at: str, **facts: str) -> None:
    """Write down a decision that was made at `at`."""
    seam("before-record")
    Journal(home / "journal.jsonl").add(action, actor=actor, at=at, **facts)


def settle(home: Path) -> None:
    """Add what was decided and never told to the journal."""
    if not any((home / name).exists() for name in ("quarantine", "waiting", "drafts", "proposals")):
        return
    journal = Journal(home / "journal.jsonl")
    with decisions_of(home):
        try:
            told = journal.records()
        except Damaged:  # `verify` names the place; a refresh must not wait for its repair
            return
        _settle_approvals(home, told)
        for action, decided in (*_cases(home), *_declined(home), *_declined_questions(home)):
            if not any(_tells(each, action, decided) for each in told):
                journal.add(action, **decided)


def _cases(home: Path) -> Iterator[tuple[str, dict[str, str]]]:
    kept = Quarantine(home)
    for item in kept.ever():
        if item.decision in (RELEASED, REJECTED):
            made = kept.decision_of(item.id)
            yield f"quarantine-{item.decision}", {"case": item.id, **{key: made[key] for key in ("actor", "why", "at")}}


def _declined(home: Path) -> Iterator[tuple[str, dict[str, str]]]:
    for each in WaitingRoom(home).ever():
        if each.decision == DECLINED:
            yield "decline", {"candidate": each.candidate, "actor": each.actor, "why": each.why, "at": each.at}


def _declined_questions(home: Path) -> Iterator[tuple[str, dict[str, str]]]:
    for item, made in Drafts(home).declined():
        yield "golden-decline", {"item": item, **made}
    for each in all_proposals(home):
        if each.status == DECLINED_PROPOSAL:
            yield "golden-decline", {"item": each.id, "actor": each.actor, "why": each.why, "at": each.at}


def _tells(told: dict, action: str, decided: dict[str, str]) -> bool:
    """Whether a record is of this decision; the first ones did not say when it was made."""
    about = next(key for key in ("case", "candidate", "item") if key in decided)
    same = told.get("action") == action and told.get(about) == decided[about]
    return same and told.get("at", decided["at"]) == decided["at"]


def _settle_approvals(home: Path, told: list[dict]) -> None:
    """What was being approved when the machine stopped: it was published, or it waits again."""
    room = WaitingRoom(home)
    for entry in room.all():
        if entry.decision == APPROVING:
            about = (entry.candidate, entry.parent)
            published = any((r.get("candidate"), r.get("parent")) == about and r["time"] > entry.at for r in told)
            room.settle(entry, APPROVED if published else "")
