"""Maintenance: a home stays whole, small and restorable, without anybody losing something that still answers.

    maintain(settings, actor="prefect")  ->  Maintained(expired=("2026-06-01.1",), bytes=812_334_112, broken=(), …)

In this order: everything is looked at (`probatum.scrub`), and where something is damaged nothing is deleted, because
what looks superfluous may be the last whole copy. Releases expire by the reviewed numbers (`probatum.retention`): first they are
marked, then their tags go, then the versions that no tag and no candidate needs. Tables of refused candidates go, tables in
many pieces are compacted, leftovers are removed. Killed at any point it goes on where it was the next time.
"""

import re
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import orjson
from pydantic import ValidationError

from probatum.ended import EXPIRED, end
from probatum.errors import Damaged
from probatum.leftovers import remove_leftovers
from probatum.locks import one_refresh, one_upkeep
from probatum.publish import TAGS, Publisher, release_tag
from probatum.release import Candidate, Manifest, Releases
from probatum.retention import Policy, decide, read_policy
from probatum.scrub import Scrubbed, scrub
from probatum.seals import Broken, Seals
from probatum.seams import seam
from probatum.settings import Settings
from probatum.store import Store
from probatum.upkeep import Cleaned, TableCare

_CANDIDATE = "candidate-"  # tag of the versions of a candidate that may yet be published
_RELEASE = release_tag("")
_DAY_S = 86_400


@dataclass(frozen=True)
class Maintained:
    """What one pass did. kept: {release: why}. broken: what is damaged; then nothing was deleted."""

    kept: dict[str, str]
    expired: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()  # tables
    compacted: tuple[str, ...] = ()
    versions: int = 0
    bytes: int = 0
    leftovers: int = 0
    looked_at: dict[str, int] = field(default_factory=dict)
    unsealed: int = 0
    broken: tuple[Broken, ...] = ()

    def as_json(self) -> dict:
        return asdict(self)


def maintain(chosen: Settings, *, actor: str, now: datetime | None = None) -> Maintained:
    """One pass. now: for what is old. Raises Retryable while a refresh or a purge runs, Misconfigured without numbers."""
    home, policy, now = chosen.home, read_policy(chosen.expectations), now or datetime.now(UTC)
    with one_upkeep(home), one_refresh(home, known_sources(home)):
        Publisher(home).settle(actor=actor)
        looked = scrub(home)
        if looked.broken:
            return Maintained(
                _decided(home, policy, now), looked_at=looked.counts, unsealed=looked.unsealed, broken=looked.broken
            )
        return _maintain(home, policy, looked, actor, now)


def known_sources(home: Path) -> list[str]:
    """Every source this home has ever heard of."""
    tables = {re.split("-documents$|-texts-", name)[0] for name in Store(home / "lance").names()}
    return sorted(tables | {path.name for path in (home / "snapshots").glob("*") if path.is_dir()})


def _maintain(home: Path, policy: Policy, looked: Scrubbed, actor: str, now: datetime) -> Maintained:
    store = Store(home / "lance")
    with Publisher(home).lock():  # nobody goes back to a release while it ends, and no candidate is published
        decision = decide(home, policy, now)
        waiting = waiting_candidates(home, policy, now)
        for digest, candidate in waiting.items():
            _protect(home, digest, candidate)
        for release in decision.expired:
            end(
                home,
                release,
                EXPIRED,
                f"it was not one of the newest {policy.keep_last} and older than {policy.keep_days} days",
            )
            seam("after-mark")
        tags = {release_tag(release) for release in decision.kept} | {_tag_of(digest) for digest in waiting}
        for name in store.names():
            care = TableCare(home / "lance", name)
            care.untag(t for t in care.tags() if t not in tags and t.startswith((_RELEASE, _CANDIDATE)))
            Seals(home).seal(name, again=[TAGS])
            seam("after-untag")
    needed = _tables_of(home, decision.kept) | {t for c in waiting.values() for t in _names(c)}
    dropped = [name for name in store.names() if name not in needed and _untouched(home, name, policy, now)]
    for name in dropped:
        store.drop(name)
        Seals(home).forget(name)
    compacted, cleaned = [], Cleaned()
    for name in store.names():
        care = TableCare(home / "lance", name)
        if care.compact(most_fragments=policy.most_fragments, most_deleted=policy.most_deleted):
            compacted.append(name)
            seam("after-compact")
        with Seals(home).while_cleaning(name):
            cleaned += care.clean()
            seam("after-clean")
        Seals(home).seal(name)
    leftovers = remove_leftovers(home, days=policy.unfinished_days, needed=frozenset(waiting), now=now)
    done = Maintained(
        decision.kept, decision.expired, tuple(dropped), tuple(compacted), cleaned.versions, cleaned.bytes, leftovers,
        looked.counts, looked.unsealed,
    )  # fmt: skip
    if decision.expired or dropped:
        Publisher(home).journal().add(
            "maintain", actor=actor, expired=", ".join(decision.expired), dropped=", ".join(dropped)
        )
    return done


def waiting_candidates(home: Path, policy: Policy, now: datetime) -> dict[str, Candidate]:
    """Candidates that may yet be published: made from what serves, of what is there, and not left lying for too long."""
    serving = Releases(home).current()
    found = {}
    for path in sorted((home / "candidates").glob("*.json")):
        if path.name.startswith("state-") or now.timestamp() - path.stat().st_mtime > policy.unfinished_days * _DAY_S:
            continue
        try:
            candidate = Candidate.model_validate(orjson.loads(path.read_bytes()))
        except (orjson.JSONDecodeError, ValidationError):  # `scrub` names it
            continue
        published = serving is not None and serving.candidate == path.stem
        if candidate.parent == (serving.id if serving else "") and not published and _all_there(home, candidate):
            found[path.stem] = candidate
    return found


def _decided(home: Path, policy: Policy, now: datetime) -> dict[str, str]:
    """What would be kept, where the releases can be read at all."""
    try:
        return decide(home, policy, now).kept
    except Damaged:
        return {}


def _all_there(home: Path, candidate: Candidate) -> bool:
    names = set(Store(home / "lance").names())
    return all(
        table.name in names and table.version in TableCare(home / "lance", table.name).versions()
        for _, state in candidate.all_states()
        for table in (state.documents, state.texts)
    )


def _protect(home: Path, digest: str, candidate: Candidate) -> None:
    for _, state in candidate.all_states():
        for table in (state.documents, state.texts):
            TableCare(home / "lance", table.name).tag(_tag_of(digest), table.version)


def _tag_of(digest: str) -> str:
    return f"{_CANDIDATE}{digest[:32]}"


def _tables_of(home: Path, releases: dict[str, str]) -> set[str]:
    return {name for release in releases for name in _names(Releases(home).read(release))}


def _names(content: Manifest | Candidate) -> set[str]:
    return {table.name for _, state in content.all_states() for table in (state.documents, state.texts)}


def _untouched(home: Path, table: str, policy: Policy, now: datetime) -> bool:
    """Whether nobody wrote to a table for so long that nobody will."""
    files = [path for path in (home / "lance" / f"{table}.lance").rglob("*") if path.is_file()]
    newest = max((path.stat().st_mtime for path in files), default=0.0)
    return now.timestamp() - newest > policy.unfinished_days * _DAY_S
