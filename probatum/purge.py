"""Purge: what should never have come in goes for good, byte for byte, and what serves goes on without it.

    purge(settings, "ngh-prot-045-delirium.md", actor="privacy officer", why="Names a patient; case 2026-114.")
    ->  Purged(documents=1, files=1, releases=("2026-11-20.1",), serving="2026-11-21.1", left=())

Given is the id of a document, a stretch of text, or the id of a case in quarantine. The release that serves is made anew without
it and passes the gate like any other; then every release that held it ends, and its rows (also those deleted long ago whose
bytes are still there), indexes, vectors, files, parsed results and waiting candidates are deleted. Files it came in are never
taken again. At the end the home is searched for its text: what still holds it is named. The journal says who and why, not what.

It does not reach what lies outside the home: a drop zone, backups (each is a home: purge it there as well), and it deletes a
publisher's whole file, because what is left of one is not what the publisher sent.
"""

import json
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import numpy as np
import orjson

from probatum import digests, pipeline
from probatum.ended import PURGED, end, ended
from probatum.errors import Misconfigured, Rejected
from probatum.files import read_json, write_atomically, write_json
from probatum.locks import one_refresh, one_upkeep
from probatum.maintenance import known_sources
from probatum.publish import TAGS, Publisher, release_tag
from probatum.quarantine import Quarantine
from probatum.release import Candidate, Manifest, Releases, SourceState, TableVersion
from probatum.seals import Seals
from probatum.seams import seam
from probatum.settings import Settings
from probatum.store import Store
from probatum.tables import open_table
from probatum.upkeep import TableCare
from probatum.vectorcache import keep_only

_SHORTEST_TEXT = 8  # characters; fewer stand in too much that is innocent
_MOST_DOCUMENTS = 50  # a text that stands in more is a turn of phrase, and whole sources are not purged
_MADE_AGAIN = ("work", "incoming", "audits/answers", "reports")  # folders that cost time only
_BEGUN = "purging.json"
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class Purged:
    """documents, files: how many went. releases: those that ended. left: files in which the text still stands."""

    documents: int
    files: int
    releases: tuple[str, ...]
    serving: str
    left: tuple[str, ...] = ()


@dataclass
class _Found:
    documents: set[str] = field(default_factory=set)
    rows: dict[str, set[str]] = field(default_factory=dict)  # {table: ids of rows}
    versions: set[tuple[str, int]] = field(default_factory=set)  # that hold bytes of it
    files: set[str] = field(default_factory=set)  # sha256
    texts: set[str] = field(default_factory=set)  # what to look for at the end


def purge(chosen: Settings, what: str, *, actor: str, why: str) -> Purged:
    """Raises Rejected when nothing is found, too much is, or what serves does not pass the gate without it; then nothing is deleted."""
    home = chosen.home
    if not why.strip():
        raise Misconfigured(
            "--why is empty.", safe="Nothing was deleted.", next="Say in one sentence why, without the content."
        )
    if what in why:
        raise Misconfigured(
            "--why holds what is to be purged.",
            safe="Nothing was deleted.",
            next="Say why without it: the journal stays for ever.",
        )
    with one_upkeep(home), one_refresh(home, known_sources(home)):
        found = _find(home, what)
        write_json(home / _BEGUN, {"actor": actor, "why": why, "at": datetime.now(UTC).isoformat()})
        seam("purge-begun")
        serving = _without(chosen, found, actor)
        held = _end_releases(home, found, serving, why)
        seam("purge-ended-releases")
        _forget_files(home, found, actor, why)
        seam("purge-forgot-files")
        _clean_tables(home)
        _forget_vectors(home)
        _forget_the_rest(home, found)
        left = tuple(_still_there(home, found))
        Publisher(home).journal().add(
            "purge", actor=actor, why=why, documents=str(len(found.documents)), files=str(len(found.files)),
            releases=", ".join(held), release=serving.id if serving else "", left=str(len(left)),
        )  # fmt: skip
        if not left:
            (home / _BEGUN).unlink()
    return Purged(len(found.documents), len(found.files), held, serving.id if serving else "", left)


def begun(home: Path) -> dict | None:
    """{"actor", "why", "at"} of a purge that did not end; None when there is none."""
    path = home / _BEGUN
    return read_json(path, what="The note of a purge", next="Run `probatum purge` again.") if path.exists() else None


def _find(home: Path, what: str) -> _Found:
    found = _Found()
    cases = [case for case in Quarantine(home).ever() if case.id == what]
    if cases:
        found.files |= {s for case in cases for s in case.sha256s}
        return found
    tables = [(TableCare(home / "lance", name), name.endswith("-documents")) for name in Store(home / "lance").names()]
    by_id = any(
        care.holds(v, lambda row: row["id"] == what, ["id"]) for care, whole in tables if whole for v in care.versions()
    )
    if not by_id and len(what) < _SHORTEST_TEXT:
        raise _refused(
            f"No document has that id, and {len(what)} characters are too few to look for as text ({_SHORTEST_TEXT} at least)."
        )
    if not by_id:
        found.texts.add(what)
    for care, whole in sorted(tables, key=lambda pair: not pair[1]):  # documents first: their texts are found by them
        _find_in(care, whole, what, by_id, found)
    if len(found.documents) > _MOST_DOCUMENTS:
        raise _refused(f"That stands in {len(found.documents)} documents ({_MOST_DOCUMENTS} at most).")
    if not by_id:
        found.files |= {path.name for path in (home / "blobs").glob("*") if _holds(path, [what.encode()])}
    found.files &= {path.name for path in (home / "blobs").glob("*")}
    if not (found.documents or found.files or found.versions or list(_still_there(home, found)) or begun(home)):
        raise _refused("Nothing here has that id or holds that text.")
    return found


def _find_in(care: TableCare, whole: bool, what: str, by_id: bool, found: _Found) -> None:
    """Every row of every version of a table, deleted or not."""
    key = "id" if whole else "document_id"
    words = [f.name for f in care.schema() if str(f.type) == "string"]

    def told(row: dict) -> bool:
        return row[key] in found.documents or (
            row[key] == what if by_id else any(what in (row[c] or "") for c in words)
        )

    for version in care.versions():
        for row in care.rows(version, told, words):
            found.versions.add((care.name, version))
            found.rows.setdefault(care.name, set()).add(row["id"])
            found.documents.add(row[key])
            if whole:
                found.files.add(row["sha256"])
            if by_id and len(row["text"]) >= _SHORTEST_TEXT:
                found.texts.add(row["text"].splitlines()[0][:200] if whole else row["text"][:200])


def _refused(why: str) -> Rejected:
    return Rejected(
        why,
        safe="Nothing was deleted.",
        next="Give the id of a document (`probatum search` shows it), of a case in quarantine, or a longer stretch of its text.",
    )


def _without(chosen: Settings, found: _Found, actor: str) -> Manifest | None:
    """What serves, made anew without it; as it was when it does not hold it."""
    serving = Releases(chosen.home).current()
    if serving is None or not _held_by(serving, found):
        return serving
    made: dict[tuple[str, int], TableVersion] = {}
    states = {name: _state_without(chosen.home, state, found, made) for name, state in serving.sources.items()}
    editions = {
        name: tuple(_state_without(chosen.home, state, found, made) for state in others)
        for name, others in serving.editions.items()
    }
    candidate = Candidate(parent=serving.id, sources=states, editions=editions, encoder=serving.encoder)
    digest = candidate.digest()
    write_json(chosen.home / "candidates" / f"{digest}.json", candidate.model_dump(mode="json"))
    report = pipeline.audit(chosen, digest)
    if not report.passed:
        wrong = "; ".join(f"{source}: {words[0]}" for source, words in report.failures().items() if words)
        raise Rejected(
            f"Without it, what serves does not pass the gate: {wrong}.",
            safe="Nothing was deleted.",
            next="Let the questions' reviewers decide first (expectations/known_differences), or refresh the source without it, and purge again.",
        )
    return Publisher(chosen.home).publish(candidate, report, actor=actor)


def _held_by(manifest: Manifest, found: _Found) -> bool:
    return any(
        (t.name, t.version) in found.versions
        for _, state in manifest.all_states()
        for t in (state.documents, state.texts)
    )


def _state_without(home: Path, state: SourceState, found: _Found, made: dict) -> SourceState:
    changed = {}
    for key in ("documents", "texts"):
        table: TableVersion = getattr(state, key)
        at = (table.name, table.version)
        if at in found.versions and at not in made:
            version = TableCare(home / "lance", table.name).without(table.version, found.rows.get(table.name, ()))
            rows = open_table(home / "lance", table.name, version).read(["id", "hash"])
            digest = digests.of_pairs(zip(rows["id"].to_pylist(), rows["hash"].to_pylist(), strict=True))
            made[at] = TableVersion(name=table.name, version=version, rows=rows.num_rows, digest=digest)
        changed[key] = made.get(at, table)
    return state.model_copy(update=changed)


def _end_releases(home: Path, found: _Found, serving: Manifest | None, why: str) -> tuple[str, ...]:
    held = [m.id for m in Releases(home).all() if _held_by(m, found) and (serving is None or m.id != serving.id)]
    for release in held:
        if not ended(home, release):
            end(home, release, PURGED, why)
    return tuple(held)


def _forget_files(home: Path, found: _Found, actor: str, why: str) -> None:
    """The note that they are never taken again comes first."""
    for file in sorted(found.files):
        write_json(home / "purged" / f"{file}.json", {"actor": actor, "why": why, "at": datetime.now(UTC).isoformat()})
        (home / "blobs" / file).unlink(missing_ok=True)


def _clean_tables(home: Path) -> None:
    """Only what releases that have not ended need stays; a candidate that waits has to be made again."""
    releases = Releases(home)
    for path in (home / "candidates").glob("*.json"):
        path.unlink()
    tags = {release_tag(manifest.id) for manifest in releases.all() if not ended(home, manifest.id)}
    for name in Store(home / "lance").names():
        care = TableCare(home / "lance", name)
        care.untag(tag for tag in care.tags() if tag not in tags)
        newest = care.versions()[-1]
        if newest not in care.tags().values():  # what a refused candidate left is newest: it would stay
            _put_on_top(home, care)
        Seals(home).seal(name, again=[TAGS])
        with Seals(home).while_cleaning(name):
            care.clean()
        Seals(home).seal(name)


def _put_on_top(home: Path, care: TableCare) -> None:
    """The newest version becomes what serves of this table; a table no release needs goes."""
    if kept := care.tags():
        care.without(max(kept.values()), ())
        return
    Store(home / "lance").drop(care.name)
    Seals(home).forget(care.name)


def _forget_vectors(home: Path) -> None:
    """A vector tells much of its text: those that no table holds any more go too."""
    kept = _Vectors()
    for name in Store(home / "lance").names():
        care = TableCare(home / "lance", name)
        if "vector" in care.schema().names:
            for version in care.versions():
                kept.add(row["vector"] for row in care.rows(version, lambda _: True, ["vector"]))
    for path in (home / "vectors").glob("*.sqlite"):
        keep_only(path, kept)


class _Vectors:
    """A set of vectors by 16 bytes of their digests: a million fit into memory."""

    def __init__(self) -> None:
        self._digests: set[bytes] = set()

    def add(self, vectors: Iterable[list[float] | None]) -> None:
        self._digests |= {self._of(np.asarray(v, "<f4").tobytes()) for v in vectors if v is not None}

    def __contains__(self, vector: object) -> bool:
        return isinstance(vector, bytes) and self._of(vector) in self._digests

    @staticmethod
    def _of(vector: bytes) -> bytes:
        return sha256(vector).digest()[:16]


def _forget_the_rest(home: Path, found: _Found) -> None:
    """What is made again costs time; of what people proposed only the lines that hold it go."""
    for name in _MADE_AGAIN:
        shutil.rmtree(home / name, ignore_errors=True)
    needles = _needles(found)
    for path in (home / "proposals").glob("*.jsonl"):
        lines = path.read_bytes().splitlines(keepends=True)
        kept = [line for line in lines if not any(needle in line for needle in needles)]
        if len(kept) < len(lines):
            write_atomically(path, b"".join(kept))
    for path in [*(home / "drops").rglob("*.json"), *(home / "fetched").glob("*.json"), *home.rglob(".*")]:
        if path.is_file() and _holds(path, needles):
            path.unlink()


def _still_there(home: Path, found: _Found) -> Iterator[str]:
    """Files in which the text stands in plain bytes. What tables compress was dealt with row by row."""
    needles = _needles(found)
    for path in sorted(home.rglob("*")):
        if needles and path.is_file() and _holds(path, needles):
            yield path.relative_to(home).as_posix()


def _needles(found: _Found) -> list[bytes]:
    """A text as it is, and as JSON writes it."""
    said = {t for t in found.texts if len(t) >= _SHORTEST_TEXT}
    return sorted({form for t in said for form in (t.encode(), orjson.dumps(t)[1:-1], json.dumps(t).encode()[1:-1])})


def _holds(path: Path, needles: list[bytes]) -> bool:
    """In blocks that overlap, so that nothing is missed and no file is too large."""
    if not needles:
        return False
    overlap, before = max(map(len, needles)), b""
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK_BYTES):
            here = before + block
            if any(needle in here for needle in needles):
                return True
            before = here[-overlap:]
    return False
