"""Approval: where a source asks for it, a person publishes what passed its audit, and says why.

    thresholds.toml     [guidelines] approval = true
    home/waiting/       what waits (see `probatum.waiting`)

`approve` audits the candidate again, against the questions and thresholds of today, and publishes it by the same
`publish()` as ever; a candidate that was made from a release which no longer serves is a Conflict. `decline` keeps
exactly this content of its sources out until somebody approves it after all. Each leaves one record in the journal.
"""

from probatum import pipeline
from probatum.decisions import decisions_of, record
from probatum.errors import Conflict, Misconfigured, ProbatumError, Rejected
from probatum.publish import Publisher
from probatum.release import Manifest, Releases
from probatum.settings import Settings
from probatum.waiting import APPROVED, APPROVING, DECLINED, Waiting, WaitingRoom


def wait(chosen: Settings, candidate: str, *, actor: str) -> tuple[Waiting, bool]:
    """Let a candidate that passed its audit wait. Returns (how it waits, whether that is news)."""
    serving = Releases(chosen.home).current()
    with decisions_of(chosen.home):
        return WaitingRoom(chosen.home).put(pipeline.read_candidate(chosen, candidate), serving, run_by=actor)


def must_not_be_declined(chosen: Settings, source: str, state: str) -> None:
    """Raise Rejected when somebody declined exactly this content of a source."""
    entry = WaitingRoom(chosen.home).declined(source, pipeline.read_state(chosen, state))
    if entry:
        raise Rejected(
            f"{source} {entry.releases[source]} was declined by {entry.actor} on {entry.at[:10]}: {entry.why}",
            next=f"Wait for a newer one; or take it after all with `probatum approve {entry.candidate[:12]} --why …`.",
        )


def pending(chosen: Settings) -> list[tuple[Waiting, bool]]:
    """What waits, oldest first, each with whether what it was made from still serves."""
    serving = _serving(chosen)
    return [(entry, entry.parent == serving) for entry in WaitingRoom(chosen.home).all()]


def approve(chosen: Settings, beginning: str, *, actor: str, why: str) -> Manifest:
    """Publish what waits. Raises Rejected when its audit does not pass any more, Conflict when another release serves."""
    _need(why)
    room = WaitingRoom(chosen.home)
    with decisions_of(chosen.home):
        entry = room.find(beginning)
        if entry.decision == DECLINED:
            entry = room.decide(entry, "")
            record(chosen.home, "decline-taken-back", actor=actor, candidate=entry.candidate, why=why, at=entry.at)
    _must_follow_what_serves(chosen, entry)
    report = pipeline.audit(chosen, entry.candidate)
    report.must_allow(entry.candidate, report.sources, parent=entry.parent)
    with decisions_of(chosen.home):
        room.decide(entry, APPROVING, actor=actor, why=why)
        try:
            manifest = pipeline.publish(chosen, entry.candidate, actor=actor, why=why)
        except ProbatumError:
            room.decide(entry, "")
            _must_follow_what_serves(chosen, entry)
            raise
        room.decide(entry, APPROVED, actor=actor, why=why)
    return manifest


def decline(chosen: Settings, beginning: str, *, actor: str, why: str) -> Waiting:
    """Keep what waits out. What serves goes on serving."""
    _need(why)
    room = WaitingRoom(chosen.home)
    with decisions_of(chosen.home):
        entry = room.find(beginning)
        if entry.decision == DECLINED:
            raise Rejected(
                f"Candidate {entry.candidate[:12]} was declined already, by {entry.actor}.",
                safe="Nothing was changed.",
                next="Nothing is to be done.",
            )
        entry = room.decide(entry, DECLINED, actor=actor, why=why)
        record(chosen.home, "decline", actor=actor, candidate=entry.candidate, why=why, at=entry.at)
    return entry


def _must_follow_what_serves(chosen: Settings, entry: Waiting) -> None:
    if entry.parent != (serving := _serving(chosen)):
        again = " and ".join(f"`probatum refresh {source}`" for source in entry.releases)
        raise Conflict(
            f"Candidate {entry.candidate[:12]} was made from release {entry.parent or 'none'}, but {serving or 'none'} serves now.",
            next=f"Run {again} again, from where it came: it makes a candidate of what serves now. Then approve that one.",
        )


def _serving(chosen: Settings) -> str:
    serving = Publisher(chosen.home).current()
    return serving.id if serving else ""


def _need(why: str) -> None:
    if not why.strip():
        raise Misconfigured("--why is empty.", safe="Nothing was decided.", next="Say in one sentence why.")
