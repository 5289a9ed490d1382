"""Publishing: the one step that changes what consumers read.

`publish` checks the audit itself: a flow that forgets the gate still cannot publish. The manifest is written first, the
pointer is swapped last, under a lock and only if the candidate's parent still serves. `rollback` moves the pointer back
and touches nothing else, so it needs no network, no encoder and no Prefect.
"""

from datetime import UTC, date, datetime

import orjson
from filelock import FileLock

from probatum.audit_report import AuditReport
from probatum.errors import Conflict, Damaged, Rejected
from probatum.files import write_json
from probatum.journal import Journal
from probatum.release import Candidate, Manifest, Releases
from probatum.seams import seam
from probatum.store import Store
from probatum.verify import verify_table

_LOCK_WAIT_S = 60
_MOVES_THE_POINTER = ("publish", "rollback", "found")


class Publisher(Releases):
    """The releases of one home, for those who may change which one serves."""

    def journal(self) -> Journal:
        return Journal(self.home / "journal.jsonl")

    def publish(self, candidate: Candidate, report: AuditReport, *, actor: str) -> Manifest:
        """Serve `candidate`, if `report` is a passing audit of exactly it and nobody published meanwhile.

        Raises Rejected when the audit does not let it through, Conflict when the parent no longer serves, Damaged when
        the tables do not hold what was audited.
        """
        report.must_allow(candidate.digest(), candidate.sources.keys(), parent=candidate.parent)
        with self._lock():
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
            self._protect(manifest)
            write_json(self.folder / f"{manifest.id}.json", manifest.model_dump(mode="json"))
            seam("after-manifest")
            self._point_to(manifest)
            seam("after-pointer")
            self.journal().add(
                "publish", actor=actor, release=manifest.id, parent=manifest.parent, candidate=manifest.candidate
            )
        return manifest

    def rollback(self, release: str | None, *, actor: str) -> Manifest:
        """Serve an earlier release again (by default the parent of what serves now)."""
        with self._lock():
            self._settle(actor)
            if release is None:
                serving = self.current()
                release = serving.parent if serving else ""
                if not release:
                    raise Rejected(
                        "There is no release before the one that serves.", next="Run `probatum releases` and name one."
                    )
            manifest = self.read(release)
            self._point_to(manifest)
            self.journal().add("rollback", actor=actor, release=manifest.id)
        return manifest

    def settle(self, *, actor: str) -> None:
        """Journal a release that serves without a record: whoever pointed to it was killed before writing one."""
        if self.pointer.exists():
            with self._lock():
                self._settle(actor)

    def _settle(self, actor: str) -> None:
        try:
            serving = self.current()
            told = [record for record in self.journal().records() if record.get("action") in _MOVES_THE_POINTER]
        except (
            Damaged,
            orjson.JSONDecodeError,
        ):  # `verify` names what is damaged; going back must not wait for its repair
            return
        if serving and (not told or told[-1]["release"] != serving.id):
            self.journal().add(
                "found", actor=actor, release=serving.id, parent=serving.parent, candidate=serving.candidate
            )

    def _verify_tables(self, manifest: Manifest) -> None:
        """What is served is what was audited: a digest names content, a table version only a place."""
        for _, state in manifest.all_states():
            verify_table(self.home, state.documents)
            verify_table(self.home, state.texts, encoder_digest=manifest.encoder.digest)

    def _protect(self, manifest: Manifest) -> None:
        """Tag the table versions, so that clean-up keeps what a release needs."""
        store = Store(self.home / "lance")
        for _, state in manifest.all_states():
            for table in (state.documents, state.texts):
                store.protect(table.name, table.version, f"release-{manifest.id}")

    def _point_to(self, manifest: Manifest) -> None:
        write_json(self.pointer, {"release": manifest.id, "digest": manifest.digest()})

    def _lock(self) -> FileLock:
        self.home.mkdir(parents=True, exist_ok=True)
        return FileLock(self.home / "publish.lock", timeout=_LOCK_WAIT_S)

    def _next_id(self, day: date) -> str:
        """The day and a number that never repeats, even if a publish died between manifest and pointer."""
        taken = {path.stem for path in self.folder.glob(f"{day}.*.json")} if self.folder.exists() else set()
        number = 1
        while f"{day}.{number}" in taken:
            number += 1
        return f"{day}.{number}"
