"""The registry of adapters in a home: what was trained, what each is worth, and which one is the champion.

    home/adapters/3f9c…/         adapter_model.safetensors, adapter_config.json, reference.safetensors, adapter.json
    home/adapters/lives.json     {"lives": {"3f9c…": {"kind": "retrieval", "name": "retrieval", "changes": [{"status": "trained", …}]}}}

A folder is put in place whole, under a name that is its own digest, and is never written again. The status is in one file, so
that a promotion retires the champion before in the same write. Every change is journalled; one that was made by a process
which died before it could say so is journalled by the next. No torch here: looking at weights imports it where it is done.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout
from pydantic import ValidationError

from probatum import digests
from probatum.adapters.kept import FILES, read_record, whole_folder
from probatum.adapters.record import RECORD, AdapterRecord
from probatum.adapters.shape import ANOTHER
from probatum.adapters.status import Change, Life, Status, must_be_able_to_follow
from probatum.errors import Damaged, Rejected, Retryable
from probatum.files import read_sealed, sync_folder, write_sealed
from probatum.journal import Journal
from probatum.seams import seam

ACTION = "adapter"  # of the journal
_BESIDE = ".new-"
_LOCK_WAIT_S = 60
_LOOK = "Run `probatum adapters list` for those there are."


class Adapters:
    """The adapters of one home."""

    def __init__(self, home: Path):
        self._home, self.root = home, home / "adapters"
        self._lives_file = self.root / "lives.json"

    def add(self, folder: Path, record: AdapterRecord, *, base: str, actor: str) -> str:
        """Take over what lies in `folder`, as trained; returns its identity. The same again changes nothing.

        base: sha256 of the weights of the base here. Raises Rejected for files that are not data, for another base or rank, and for
        weights that are not finite or change nothing; Damaged for files that are not whole.
        """
        kept = _looked_at(folder, record, base)
        identity = kept.identity()
        with self._lock():
            if identity not in self._lives():
                self._put(folder, kept)
                seam("adapter-put")
                self._write({identity: self._first(kept, actor)})
            self._tell()
        return identity

    def all(self) -> dict[str, Life]:
        """{identity: its life}, the one that changed last first."""
        lives = self._lives()
        return dict(sorted(lives.items(), key=lambda item: item[1].changes[-1].at, reverse=True))

    def life(self, identity: str) -> Life:
        if identity not in (lives := self._lives()):
            raise Rejected(f"There is no adapter {identity[:12]} here.", safe="Nothing changed.", next=_LOOK)
        return lives[identity]

    def find(self, beginning: str) -> str:
        """The identity that begins so. Raises Rejected when none does, or several."""
        found = [identity for identity in self._lives() if identity.startswith(beginning)]
        if len(found) != 1:
            raise Rejected(
                f"{len(found) or 'No'} adapters begin with {beginning}.", safe="Nothing changed.", next=_LOOK
            )
        return found[0]

    def champion(self, kind: str, name: str) -> str:
        """The identity of the champion, "" when there is none."""
        return next((i for i, life in self._lives().items() if _is(life, kind, name) and life.status == "champion"), "")

    def folder(self, identity: str) -> Path:
        """Where an adapter's files are, each compared with its sha256. Raises Damaged when one is not what was added."""
        self.life(identity)
        return whole_folder(self._home, identity)

    def record(self, identity: str) -> AdapterRecord:
        self.life(identity)
        return read_record(self.root / identity)

    def move(self, identity: str, status: Status, *, actor: str, why: str = "") -> None:
        """Change the status. "champion" is `promote`'s. Raises Rejected for one that cannot follow."""
        if status == "champion":
            self.promote(identity, actor=actor, why=why)
            return
        with self._lock():
            life = self.life(identity).with_change(identity, _change(status, actor, why))
            self._write({identity: life})
            self._tell()

    def promote(self, identity: str, *, actor: str, why: str = "") -> None:
        """Make it the champion of its kind and name, and retire the one before, in one write."""
        with self._lock():
            life, new = self.life(identity), {}
            must_be_able_to_follow(identity, life.status, "champion")
            whole_folder(self._home, identity)
            before = self.champion(life.kind, life.name)
            if before:
                change = _change("retired", actor, f"{identity[:12]} is the champion now")
                new[before] = self.life(before).with_change(before, change)
            new[identity] = life.with_change(identity, _change("champion", actor, why))
            self._write(new)
            seam("adapter-promoted")
            self._tell()

    def retire_champion(self, kind: str, name: str, *, actor: str, why: str = "") -> None:
        """Go back to no adapter at all."""
        if identity := self.champion(kind, name):
            self.move(identity, "retired", actor=actor, why=why)

    def settle(self) -> None:
        """Journal what was done by somebody who was killed before saying so."""
        if self._lives_file.exists():
            with self._lock():
                self._tell()

    def _put(self, folder: Path, record: AdapterRecord) -> None:
        """The whole folder beside, then renamed. What a killed process left there is overwritten."""
        self.root.mkdir(parents=True, exist_ok=True)
        target = self.root / record.identity()
        for left in self.root.glob(f"{_BESIDE}*"):  # of a process that died; nobody else adds while the lock is held
            shutil.rmtree(left, ignore_errors=True)
        beside = Path(tempfile.mkdtemp(prefix=_BESIDE, dir=self.root))
        try:
            for name in FILES:
                shutil.copyfile(folder / name, beside / name)
                _sync(beside / name)
            write_sealed(beside / RECORD, record.model_dump(mode="json"))
            shutil.rmtree(
                target, ignore_errors=True
            )  # put there, but not written down: the process died between the two
            os.replace(beside, target)
        except BaseException:
            shutil.rmtree(beside, ignore_errors=True)
            raise
        sync_folder(self.root)

    def _first(self, record: AdapterRecord, actor: str) -> Life:
        return Life(kind=record.kind, name=record.name, changes=(_change("trained", actor),))

    def _lives(self) -> dict[str, Life]:
        if not self._lives_file.exists():
            return {}
        next = "Take adapters/lives.json from a backup."
        raw = read_sealed(self._lives_file, what="The statuses of the adapters", next=next)
        try:
            return {identity: Life.model_validate(life) for identity, life in raw["lives"].items()}
        except (KeyError, AttributeError, ValidationError):
            raise Damaged("The statuses of the adapters are not whole.", next=next) from None

    def _write(self, changed: Mapping[str, Life]) -> None:
        lives = {identity: life.model_dump(mode="json") for identity, life in (self._lives() | changed).items()}
        write_sealed(self._lives_file, {"lives": lives})

    def _tell(self) -> None:
        """Journal every change that is not in the journal yet."""
        journal = Journal(self._home / "journal.jsonl")
        told: dict[str, int] = {}
        for record in journal.records():
            if record.get("action") == ACTION:
                told[record["adapter"]] = told.get(record["adapter"], 0) + 1
        untold = [
            (change.at, identity, life, change)
            for identity, life in self._lives().items()
            for change in life.changes[told.get(identity, 0) :]
        ]
        for _, identity, life, change in sorted(untold, key=lambda each: (each[0], each[3].status == "champion")):
            facts = {"adapter": identity, "status": change.status, "kind": life.kind, "name": life.name}
            journal.add(ACTION, actor=change.actor, **facts, **({"why": change.why} if change.why else {}))

    @contextmanager
    def _lock(self) -> Iterator[None]:
        self.root.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(self.root / "lives.lock", timeout=_LOCK_WAIT_S):
                yield
        except Timeout:
            raise Retryable(
                f"Somebody has been changing adapters for more than {_LOCK_WAIT_S} seconds.",
                safe="Nothing changed.",
                next="Look whether that process is stopped; then do the same again.",
            ) from None


def _looked_at(folder: Path, record: AdapterRecord, base: str) -> AdapterRecord:
    """The record with the digests of the files, once each was found fit to be kept."""
    from probatum.adapters.reference import check_reference
    from probatum.adapters.weights import read_weights

    here = {path.name for path in folder.iterdir()}
    if foreign := sorted(here - {*FILES, RECORD}):
        raise _refused(f"{foreign[0][:60]} is no file of an adapter; only safetensors and JSON are read")
    if missing := sorted(set(FILES) - here):
        raise _refused(f"{missing[0]} is missing")
    if linked := sorted(name for name in here if (folder / name).is_symlink() or not (folder / name).is_file()):
        raise _refused(f"{linked[0]} is no ordinary file")
    if record.base != base:
        raise _refused(f"it was trained on base {record.base[:12]}…, the base here is {base[:12]}…")
    shape, _ = read_weights(folder)
    if shape.rank != record.rank:
        raise _refused(f"it is of rank {shape.rank}, its record says {record.rank}")
    check_reference(folder)
    return record.model_copy(update={"files": {name: digests.of_file(folder / name) for name in FILES}})


def _refused(why: str) -> Rejected:
    return Rejected(f"The adapter is refused: {why}.", safe="Nothing of it was loaded.", next=ANOTHER)


def _is(life: Life, kind: str, name: str) -> bool:
    return (life.kind, life.name) == (kind, name)


def _change(status: Status, actor: str, why: str = "") -> Change:
    return Change(status=status, at=datetime.now(UTC).isoformat(), actor=actor, why=why)


def _sync(path: Path) -> None:
    with path.open("rb") as written:
        os.fsync(written.fileno())
