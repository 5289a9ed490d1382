"""Who may work on a home now: one refresh a source, one upkeep at a time, and nobody with a turn that is over.

    with one_refresh(home, ["icd10"]):       # locks/icd10.lock, locks/icd10.turn = {"turn": 7, "pid": 4711, …}
        …
        still_our_turn(home, ["icd10"])      # asked by `publish`; Conflict when somebody took turn 8

The lock is the operating system's: it is gone with the process that held it, so the lock of a dead process is taken over
at once. A stopped process keeps its lock, and others are told who has it. Only where the lock itself cannot be relied on (its
file was deleted, or lies on a network disk without locks) can two believe that it is theirs. For that there is the number of
the turn: it only grows, and what was begun in an earlier turn cannot be published. Comparing the parent alone would not do,
because a rollback makes an old parent serve again.
"""

import os
import socket
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from probatum.errors import Conflict, Damaged, Retryable
from probatum.files import read_json, write_json

UPKEEP = "upkeep"  # no source is called so: the one lock of what cleans, purges and copies
_WAIT_S = 5
_turns: dict[Path, int] = {}  # {file of the turn: its number} of what this process holds


@dataclass(frozen=True)
class Turn:
    """turn: 1, 2, 3 … for each holder of the lock. since: ISO, UTC."""

    turn: int = 0
    pid: int = 0
    host: str = ""
    since: str = ""

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}, since {self.since[:16].replace('T', ' ')} UTC"


@contextmanager
def one_refresh(home: Path, sources: Iterable[str]) -> Iterator[None]:
    """Hold the locks of these sources. Raises Retryable, with who holds it, when another refresh holds one."""
    home.mkdir(mode=0o750, parents=True, exist_ok=True)  # what is dropped and quarantined is nobody else's business
    with ExitStack() as held:
        for source in sorted(sources):
            held.enter_context(_held(home, source, f"A refresh of {source} is already running"))
        yield


@contextmanager
def one_behaviour(home: Path, behaviour: str) -> Iterator[None]:
    """Hold the lock of what trains a behaviour. Raises Retryable, with who holds it, when another run does."""
    home.mkdir(mode=0o750, parents=True, exist_ok=True)
    with _held(home, f"retrain-{behaviour}", f"{behaviour} is already being retrained"):
        yield


@contextmanager
def one_upkeep(home: Path) -> Iterator[None]:
    """Hold the lock of what cleans up, purges and copies. Raises Retryable when somebody else does one of these."""
    with _held(home, UPKEEP, "Maintenance, a purge or a backup is already running"):
        yield


def still_our_turn(home: Path, sources: Iterable[str]) -> None:
    """Raise Conflict when somebody took a later turn at a source that this process began a refresh of."""
    for source in sources:
        path = _turn_file(home, source)
        ours = _turns.get(path)
        if ours is not None and (now := read_turn(home, source)).turn != ours:
            raise Conflict(
                f"This refresh of {source} has turn {ours}, but turn {now.turn} was taken by {now}.",
                next="Leave it to that one. Should it have died, run the refresh again.",
            )


def read_turn(home: Path, source: str) -> Turn:
    """Who last took the lock of a source; turn 0 before the first."""
    path = _turn_file(home, source)
    if not path.exists():
        return Turn()
    try:
        return Turn(**read_json(path, what="The note of a turn", next="Delete it."))
    except (Damaged, TypeError):  # the next turn is written anew, above every other that is known
        return Turn()


def running(home: Path) -> dict[str, Turn]:
    """{source: who holds its lock now}. Looks by trying: a lock that is free is taken and given back."""
    found = {}
    for path in sorted((home / "locks").glob("*.lock")):
        lock = FileLock(path, timeout=0)
        try:
            with lock:
                continue
        except Timeout:
            found[path.stem] = read_turn(home, path.stem)
    return found


@contextmanager
def _held(home: Path, name: str, busy: str) -> Iterator[None]:
    folder = home / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as held:
        try:
            held.enter_context(FileLock(folder / f"{name}.lock", timeout=_WAIT_S))
        except Timeout:
            raise Retryable(
                f"{busy} ({read_turn(home, name)}).",
                next="Wait until it ends; it needs no help. If that process is stopped, end it: what it held is free at once.",
            ) from None
        path = _turn_file(home, name)
        turn = Turn(
            max(read_turn(home, name).turn, _turns.get(path, 0)) + 1,
            os.getpid(),
            socket.gethostname(),
            datetime.now(UTC).isoformat(),
        )
        write_json(path, asdict(turn))
        _turns[path] = turn.turn
        held.callback(_turns.pop, path, None)
        yield


def _turn_file(home: Path, name: str) -> Path:
    return home.absolute() / "locks" / f"{name}.turn"
