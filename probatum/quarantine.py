"""Quarantine: what was refused, kept with its bytes and the reason, so that nothing is lost and somebody can look.

    home/quarantine/2026-11-20-icd10-3f9c0a12/reason.json     {"source", "release", "files": [{"name", "sha256"}], "kind", "reason", …}
    home/quarantine/2026-11-20-icd10-3f9c0a12/decision.json   {"decision": "released", "actor", "why", "at"}

The bytes stay in home/blobs; the reason names them by digest. A reason never holds content. Quarantining the same
thing for the same reason again changes nothing. What a check stopped (`RELEASABLE`) a person may let through: the
decision holds for exactly these bytes. What could not be read cannot be let through; it is sent again, or rejected.
The case of a file is over once a release holds these bytes no more, and open again should they come back.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from probatum import digests
from probatum.errors import Rejected
from probatum.files import read_json, write_json
from probatum.records import SnapshotFile, SourceRelease

UNREADABLE, UNFIT = "unreadable", "unfit"  # nothing, or nothing that can be stored, came out of it
IDENTIFIERS = "identifiers"  # it seems to name a patient
CHANGED = "silently changed"  # other bytes under the name of a release that was published
TOO_FEW = "too few"  # the mass-delete breaker; a loss that is right is recorded in expectations/known_differences
DISAGREES = "disagrees"  # what changed is not what the publisher says changed
RELEASABLE = (IDENTIFIERS, CHANGED, DISAGREES)
OF_FILES = (UNREADABLE, IDENTIFIERS)  # what a file is quarantined for; the other kinds are of a whole release
RELEASED, REJECTED = "released", "rejected"
OVER = "over"  # nobody decided it: the file was mended, or is gone


@dataclass(frozen=True)
class Quarantined:
    id: str
    source: str
    release: str
    files: tuple[str, ...]
    reason: str
    next: str
    kind: str = UNREADABLE
    since: str = ""  # ISO, UTC
    sha256s: tuple[str, ...] = ()  # of the files, in their order
    decision: str = ""  # "", RELEASED, REJECTED or OVER
    decided: str = ""  # who, when and why, for people

    @property
    def advice(self) -> str:
        """What to do, with how to let it through where a person may."""
        if self.decision == REJECTED:
            return f"It stays out: {self.decided}"
        if self.decision == OVER:
            return "Nothing is to be done."
        if self.kind not in RELEASABLE:
            return self.next
        return (
            f"{self.next} If it is right as it is, run `probatum quarantine release {self.id} --why …` "
            "and the same refresh again."
        )


class Quarantine:
    def __init__(self, home: Path):
        self._folder = home / "quarantine"

    def put(
        self, source: str, release: str, files: list[SnapshotFile], *, reason: str, next: str, kind: str = UNREADABLE
    ) -> Quarantined:
        """File a refusal, or find it where it was filed before."""
        named = [{"name": f.name, "sha256": f.sha256} for f in files]
        under = "" if kind in OF_FILES else release  # a file is the same under another day
        key = digests.of_json([source, under, named, reason])[:8]
        known = _known(self._folder, f"-{source}-{key}")
        now = datetime.now(UTC)
        identity = known or f"{now.date()}-{source}-{key}"
        if not known:
            value = {
                "source": source,
                "release": release,
                "files": named,
                "reason": reason,
                "next": next,
                "kind": kind,
                "since": now.isoformat(),
            }
            write_json(self._folder / identity / "reason.json", value)
        elif self._read(identity).decision == OVER:
            (self._folder / identity / "decision.json").unlink()
        return self._read(identity)

    def close(self, source: str, still: Iterable[str]) -> None:
        """Every open case of a file of a source is over, but for those `still` there (their ids)."""
        stay = set(still)
        for item in self.all():
            if item.source == source and item.kind in OF_FILES and item.id not in stay:
                self._write(item.id, OVER, "probatum", "The file was mended, or is no longer there.")

    def set_aside(
        self, release: SourceRelease, files: Sequence[SnapshotFile], refused: Rejected, kind: str
    ) -> Rejected:
        """Put a release aside; the refusal with the id of its case, and how to let it through where a person may."""
        kept = self.put(
            release.source, release.name, list(files), reason=refused.happened, next=refused.next, kind=kind
        )
        return Rejected(f"{refused.happened} It is in quarantine as {kept.id}.", safe=refused.safe, next=kept.advice)

    def all(self) -> list[Quarantined]:
        """Everything in quarantine that nobody decided on, oldest first."""
        return [item for item in self.ever() if not item.decision]

    def ever(self) -> list[Quarantined]:
        """The same with what was decided on."""
        return [self._read(path.parent.name) for path in sorted(self._folder.glob("*/reason.json"))]

    def find(self, identity: str) -> Quarantined:
        """One case by its id or the end of it. Raises Rejected when there is none, or several."""
        found = [i for i in self.ever() if i.id == identity or (len(identity) >= 4 and i.id.endswith(identity))]
        if len(found) != 1:
            raise Rejected(
                f"{len(found) or 'No'} case{'s' if len(found) > 1 else ''} in quarantine called {identity!r}.",
                safe="Nothing was changed.",
                next="Run `probatum quarantine list --all` and give the whole id.",
            )
        return found[0]

    def decide(self, identity: str, decision: str, *, actor: str, why: str) -> Quarantined:
        """Let a case through (RELEASED) or keep it out for good (REJECTED). Raises Rejected when that cannot be."""
        item = self.find(identity)
        if decision == RELEASED and item.kind not in RELEASABLE:
            raise Rejected(
                f"{item.id} cannot be released, because it is {item.kind}.",
                safe="It stays in quarantine, with its bytes.",
                next=f"{item.next} Or run `probatum quarantine reject` on it.",
            )
        self._write(item.id, decision, actor, why)
        return self._read(item.id)

    def _write(self, identity: str, decision: str, actor: str, why: str) -> None:
        value = {"decision": decision, "actor": actor, "why": why, "at": datetime.now(UTC).isoformat()}
        write_json(self._folder / identity / "decision.json", value)

    def decision_of(self, identity: str) -> dict[str, str]:
        """{"decision", "actor", "why", "at"} of a case that was decided on."""
        return read_json(
            self._folder / identity / "decision.json",
            what="A decision in quarantine",
            next="Delete it, and run `probatum quarantine release` or `probatum quarantine reject` again.",
        )

    def let_through(self, source: str, kind: str, sha256s: Iterable[str]) -> bool:
        """Whether somebody released exactly these files from a stop of this kind."""
        wanted = sorted(sha256s)
        return any(
            i.decision == RELEASED and i.source == source and i.kind == kind and sorted(i.sha256s) == wanted
            for i in self.ever()
        )

    def released(self, source: str) -> list[str]:
        """The ids of all cases of a source that were released: what is read and written depends on them."""
        return [item.id for item in self.ever() if item.source == source and item.decision == RELEASED]

    def _read(self, identity: str) -> Quarantined:
        folder = self._folder / identity
        raw = read_json(
            folder / "reason.json", what="A reason in quarantine", next="Delete the folder if it is not needed."
        )
        decided = {}
        if (folder / "decision.json").exists():
            decided = self.decision_of(identity)
        return Quarantined(
            identity,
            raw["source"],
            raw["release"],
            tuple(f["name"] for f in raw["files"]),
            raw["reason"],
            raw["next"],
            raw.get("kind", UNREADABLE),
            raw.get("since", ""),
            tuple(f["sha256"] for f in raw["files"]),
            decided.get("decision", ""),
            "{decision} by {actor} at {at}: {why}".format(**decided) if decided else "",
        )


def _known(folder: Path, ending: str) -> str:
    """The id of what is there already under another day, or "". A folder without a reason was not filed to its end."""
    return next((path.parent.name for path in folder.glob(f"*{ending}/reason.json")), "")
