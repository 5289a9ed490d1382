"""Publishing: the one step that changes what consumers read.

`publish` checks the audit itself: a flow that forgets the gate still cannot publish. The manifest is written first, the
pointer is swapped last, under a lock and only if the candidate's parent still serves. `rollback` moves the pointer back
and touches nothing else, so it needs no network, no encoder and no Prefect.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime

from filelock import FileLock, Timeout

from probatum.audit_report import AuditReport
from probatum.errors import Conflict, Damaged, Rejected, Retryable
from probatum.files import write_json
from probatum.home_format import mark
from probatum.journal import Journal
from probatum.locks import still_our_turn
from probatum.release import Candidate, Manifest, Releases
from probatum.seals import Seals
from probatum.seams import seam
from probatum.store import Store
from probatum.verify import verify_table
from probatum.waiting import WaitingRoom
from probatum.wearing import follow, must_be_fit_to_serve

_LOCK_WAIT_S = 60
_MOVES_THE_POINTER = ("publish", "approve", "rollback", "found")
TAGS = "_refs/tags/"  # the part of a table's folder that we change ourselves


class Publisher(Releases):
    """The releases of one home, for those who may change which one serves."""

    def journal(self) -> Journal:
        return Journal(self.home / "journal.jsonl")

    def publish(self, candidate: Candidate, report: AuditReport, *, actor: str, why: str = "") -> Manifest:
        """Serve `candidate`, if `report` is a passing audit of exactly it and nobody published meanwhile.

        why: the words of whoever approved it; without them nobody did. Raises Rejected when the audit does not let it through, Conflict when the parent no longer serves, Damaged when
        the tables do not hold what was audited.
        """
        report.must_allow(candidate.digest(), candidate.sources.keys(), parent=candidate.parent)
        must_be_fit_to_serve(self.home, candidate.encoder)
        with self.lock():
            still_our_turn(self.home, candidate.sources)
            self._settle(actor)
            serving = self.current()
            if (serving.id if serving else "") != candidate.parent:
                raise Conflict(
                    f"The candidate was made from release {candidate.parent or 'none'}, but {serving.id if serving else 'none'} serves now.",
                    next="Run the refresh again: it starts from what serves now.",
                )
            now = datetime.now(UTC)
            manifest = Manifest(
                id=self._next_id(now.date()),
                parent=candidate.parent,
                created=now,
                candidate=candidate.digest(),
                audit=report.digest(),
                sources=candidate.sources,
                editions=candidate.editions,
                encoder=candidate.encoder,
            )
            self._verify_tables(manifest)
            mark(self.home)
            self._protect(manifest)
            write_json(self.folder / f"{manifest.id}.json", manifest.model_dump(mode="json"))
            seam("after-manifest")
            self._point_to(manifest)
            seam("after-pointer")
            self._tell("approve" if why else "publish", manifest, actor=actor, why=why)
            follow(self.home, manifest, actor=actor)
        return manifest

    def rollback(self, release: str | None, *, actor: str) -> Manifest:
        """Serve an earlier release again (by default the parent of what serves now)."""
        with self.lock():
            self._settle(actor)
            manifest = self.readable(self._before() if release is None else release)
            self._point_to(manifest)
            self.journal().add("rollback", actor=actor, release=manifest.id)
            follow(self.home, manifest, actor=actor)
        return manifest

    def _before(self) -> str:
        """The release that what serves was made from. A damaged pointer is no place to go back from by guess: name one."""
        serving = self.current()
        if serving is None:
            raise Rejected(
                "Nothing serves here, so there is nothing to go back from.",
                safe="Nothing was changed.",
                next="Run `probatum releases`.",
            )
        if not serving.parent:
            raise Rejected(
                "There is no release before the one that serves.", next="Run `probatum releases` and name one."
            )
        return serving.parent

    def settle(self, *, actor: str) -> None:
        """Journal a release that serves without a record: whoever pointed to it was killed before writing one."""
        if self.pointer.exists():
            with self.lock():
                self._settle(actor)

    def _settle(self, actor: str) -> None:
        try:
            serving = self.current()
            told = [record for record in self.journal().records() if record.get("action") in _MOVES_THE_POINTER]
            approving = WaitingRoom(self.home).reason(serving.candidate) if serving else None
        except Damaged:  # `verify` names what is damaged; going back must not wait for its repair
            return
        if serving and (not told or told[-1]["release"] != serving.id):
            if approving and approving.parent == serving.parent:
                self._tell("approve", serving, actor=approving.actor, why=approving.why)
            else:
                self._tell("found", serving, actor=actor)
        if serving:
            follow(
                self.home, serving, actor=actor
            )  # whoever pointed to it may have died before its adapter was champion

    def _tell(self, action: str, manifest: Manifest, *, actor: str, why: str = "") -> None:
        facts = {
            "release": manifest.id,
            "parent": manifest.parent,
            "candidate": manifest.candidate,
            "manifest": manifest.digest(),
        }
        self.journal().add(action, actor=actor, **facts, **({"why": why} if why else {}))

    def _verify_tables(self, manifest: Manifest) -> None:
        """What is served is what was audited: a digest names content, a table version only a place, a seal bytes."""
        Seals(self.home).must_hold(_tables_of(manifest))
        for _, state in manifest.all_states():
            verify_table(self.home, state.documents)
            verify_table(self.home, state.texts, encoder_digest=manifest.encoder.digest)

    def _protect(self, manifest: Manifest) -> None:
        """Tag the table versions, so that clean-up keeps what a release needs."""
        store = Store(self.home / "lance")
        for _, state in manifest.all_states():
            for table in (state.documents, state.texts):
                store.protect(table.name, table.version, release_tag(manifest.id))
        for name in _tables_of(manifest):
            Seals(self.home).seal(name, again=[TAGS])

    def _point_to(self, manifest: Manifest) -> None:
        write_json(self.pointer, {"release": manifest.id, "digest": manifest.digest()})

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Whoever holds it decides alone what serves. Raises Retryable when somebody does for too long."""
        self.home.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(self.home / "publish.lock", timeout=_LOCK_WAIT_S):
                yield
        except Timeout:
            raise Retryable(
                f"Somebody has been publishing for more than {_LOCK_WAIT_S} seconds.",
                next="Look whether that process is stopped; then do the same again.",
            ) from None

    def _next_id(self, day: date) -> str:
        """The day and a number that never repeats, even if a publish died between manifest and pointer."""
        taken = {path.stem for path in self.folder.glob(f"{day}.*.json")} if self.folder.exists() else set()
        number = 1
        while f"{day}.{number}" in taken:
            number += 1
        return f"{day}.{number}"


def release_tag(release: str) -> str:
    """The tag that keeps a release's table versions."""
    return f"release-{release}"


def _tables_of(manifest: Manifest) -> list[str]:
    return sorted({table.name for _, state in manifest.all_states() for table in (state.documents, state.texts)})
