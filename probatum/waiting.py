"""What waits for a person: candidates that passed their audit and are published only by somebody who says why.

    home/waiting/<candidate>.json
    {"candidate": "c0de…", "parent": "2026-11-20.1", "releases": {"guidelines": "2026-10"}, "contents": {"guidelines": "9a1b…"},
     "since": "…", "run_by": "prefect", "decision": "", "actor": "", "why": "", "at": ""}

A candidate is news once: the same again goes on waiting. A newer one of the same source takes the place of an older.
What was declined is not offered again: the content of its sources is remembered, whatever else a candidate holds.
"""

from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from probatum import digests
from probatum.errors import Rejected
from probatum.files import read_json, write_json
from probatum.release import Candidate, Manifest, SourceState
from probatum.thresholds import needs_approval

APPROVED, DECLINED = "approved", "declined"
APPROVING = "approving"  # somebody approved it, and it is being published
REPLACED = "replaced"  # nobody decided it: a newer candidate of the same source waits instead
_LEAST_CHARACTERS = 4  # of a candidate's digest that somebody types


@dataclass(frozen=True)
class Waiting:
    candidate: str
    parent: str
    releases: dict[str, str]  # {source that changes: its release}
    contents: dict[str, str]  # {source that changes: digest of what it would serve}
    since: str  # ISO, UTC
    run_by: str
    decision: str = ""
    actor: str = ""
    why: str = ""
    at: str = ""

    @property
    def open(self) -> bool:
        return self.decision in ("", APPROVING)


def content_of(state: SourceState) -> str:
    """Of everything a reader would see of a source: the same again is the same decision."""
    return digests.of_json([state.release, state.snapshot, state.documents.digest, state.texts.digest])


def changes(candidate: Candidate, serving: Manifest | None) -> dict[str, SourceState]:
    """The sources that a candidate would serve otherwise than they serve now."""
    known = {
        (name, content_of(state)) for name in (serving.sources if serving else ()) for state in serving.of_source(name)
    }
    return {name: state for name, state in candidate.sources.items() if (name, content_of(state)) not in known}


def must_not_need_approval(expectations: Path, candidate: Candidate, serving: Manifest | None) -> None:
    """Raise Rejected when a source that would change is one whose changes a person has to approve."""
    changed = candidate.sources if _read_otherwise(candidate, serving) else changes(candidate, serving)
    needing = [source for source in changed if needs_approval(expectations, source)]
    if needing:
        raise Rejected(
            f"What changes in {' and '.join(needing)} has to be approved.",
            next=f"Run `probatum approve {candidate.digest()[:12]} --why …`; `probatum pending` shows what waits.",
        )


def _read_otherwise(candidate: Candidate, serving: Manifest | None) -> bool:
    """An adapter changes what is answered to every question, though no source changes."""
    return serving is not None and candidate.encoder.adapter != serving.encoder.adapter


class WaitingRoom:
    """The candidates of one home that wait, and what was decided."""

    def __init__(self, home: Path):
        self._folder = home / "waiting"

    def put(self, candidate: Candidate, serving: Manifest | None, *, run_by: str) -> tuple[Waiting, bool]:
        """Let a candidate wait. Returns (how it waits, whether that is news)."""
        digest, changed = candidate.digest(), changes(candidate, serving)
        known = next((w for w in self.ever() if w.candidate == digest and w.open), None)
        entry = Waiting(
            digest,
            candidate.parent,
            {name: state.release for name, state in changed.items()},
            {name: content_of(state) for name, state in changed.items()},
            known.since if known else _now(),
            run_by,
        )
        self._write(entry)
        for other in self.all():
            if other.candidate != digest and other.releases.keys() & changed.keys():
                self._write(replace(other, decision=REPLACED, at=_now()))
        return entry, known is None

    def all(self) -> list[Waiting]:
        """What waits now, oldest first."""
        return [each for each in self.ever() if each.open]

    def ever(self) -> list[Waiting]:
        """The same with what was decided."""
        found = [self._read(path) for path in self._folder.glob("*.json")]
        return sorted(found, key=lambda each: (each.since, each.candidate))

    def find(self, beginning: str) -> Waiting:
        """What waits, or was declined, by its candidate's digest or the beginning of it. Raises Rejected."""
        found = [w for w in self.ever() if w.open or w.decision == DECLINED]
        found = [w for w in found if len(beginning) >= _LEAST_CHARACTERS and w.candidate.startswith(beginning)]
        if len(found) != 1:
            raise Rejected(
                f"{len(found) or 'No'} candidate{'s' if len(found) > 1 else ''} called {beginning!r} wait{'' if len(found) > 1 else 's'}.",
                safe="Nothing was decided.",
                next="Run `probatum pending` for what waits.",
            )
        return found[0]

    def declined(self, source: str, state: SourceState) -> Waiting | None:
        """The decision by which exactly this content of a source stays out, or None."""
        content = content_of(state)
        return next((w for w in self.ever() if w.decision == DECLINED and w.contents.get(source) == content), None)

    def decide(self, entry: Waiting, decision: str, *, actor: str = "", why: str = "") -> Waiting:
        """Write a decision down; "" takes one back."""
        decided = replace(entry, decision=decision, actor=actor, why=why, at=_now())
        self._write(decided)
        return decided

    def settle(self, entry: Waiting, decision: str) -> None:
        """Write down what became of a decision that was cut short; who made it, and when, stays."""
        self._write(replace(entry, decision=decision) if decision else replace(entry, decision="", actor="", why=""))

    def reason(self, candidate: str) -> Waiting | None:
        """Who is approving this candidate, and why; None when nobody is."""
        return next((w for w in self.ever() if w.candidate == candidate and w.decision == APPROVING), None)

    def _write(self, entry: Waiting) -> None:
        write_json(self._folder / f"{entry.candidate}.json", asdict(entry))

    def _read(self, path: Path) -> Waiting:
        return Waiting(
            **read_json(path, what="A waiting candidate", next="Delete the file and run the same refresh again.")
        )


def _now() -> str:
    return datetime.now(UTC).isoformat()
