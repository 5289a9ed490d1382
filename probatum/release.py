"""The release: what consumers read, as one value.

Lance versions and tags belong to single tables, so what is served is a manifest that names a version of every table,
the encoder, the source releases and the audit that let it through. Manifests are immutable files; `current.json` is
the only thing that moves, by compare-and-swap on its release.

    home/releases/2026-11-20.1.json     {"id": "2026-11-20.1", "parent": "", "sources": {"icd10": {…}}, …}
    home/current.json                   {"release": "2026-11-20.1", "digest": "…"}

A release holds more than one *edition* of a source: what was refreshed last, what was in force before, and what is
staged for a day to come. Which of them answers is a matter of the day that is asked for (`in_force`).

Reading only; what moves the pointer is in `probatum.publish`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from operator import not_
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from probatum import digests
from probatum.ended import must_be_readable
from probatum.errors import Damaged, Rejected
from probatum.files import read_json
from probatum.home_format import must_be_ours

_ID = re.compile(r"\d{4}-\d\d-\d\d\.\d{1,9}")
_EDITIONS_KEPT = 8  # other editions of a source in one release: four years of a code set that changes twice a year
_NOT_SEARCHED = "Nothing was searched or changed."
ROLL_BACK = "Run `probatum releases` and `probatum rollback RELEASE` to serve a whole one."


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TableVersion(Frozen):
    name: str
    version: int
    rows: int
    digest: str  # over all (id, hash) pairs: same content, same digest, on any machine


class SourceState(Frozen):
    """One source inside a release: the publisher's issue, our snapshot of it, and the tables made from it."""

    release: str
    valid_from: date
    licence: str
    origin: str
    snapshot: str  # digest
    documents: TableVersion
    texts: TableVersion
    made_by: str  # fingerprint of snapshot, code, lexicon and encoder: the same again would give the same tables
    quarantined: tuple[
        str, ...
    ] = ()  # files of the publisher's release that are not in it, or are in it as they were before


class EncoderState(Frozen):
    name: str
    revision: str
    digest: str
    width: int
    precision: str
    adapter: str = Field("", exclude_if=not_)  # identity of the one it wears
    sides: str = Field("", exclude_if=not_)  # which texts are read with it: "query" or "both"


class _Editions(Frozen):
    """sources: each as it was refreshed last. editions: the others of each source, the newest first."""

    sources: dict[str, SourceState]
    editions: dict[str, tuple[SourceState, ...]] = Field({}, exclude_if=not_)

    def of_source(self, source: str) -> tuple[SourceState, ...]:
        """All editions of a source, the latest to take force first."""
        here = self.sources.get(source)
        return _newest_first([*([here] if here else []), *self.editions.get(source, ())])

    def all_states(self) -> Iterator[tuple[str, SourceState]]:
        """(source, edition) of everything that is here."""
        for source in self.sources:
            for state in self.of_source(source):
                yield source, state

    def in_force(self, day: date) -> dict[str, SourceState]:
        """The edition of each source in force on `day`; where none was yet, the first there is."""
        return {source: self.before(source, day) or self.of_source(source)[-1] for source in self.sources}

    def before(self, source: str, day: date) -> SourceState | None:
        """The edition of a source that is in force on `day`, or None where there is none."""
        return next((state for state in self.of_source(source) if state.valid_from <= day), None)


class Candidate(_Editions):
    """What could be published: everything of a release but its name, its parent's blessing and its audit."""

    parent: str
    encoder: EncoderState

    def digest(self) -> str:
        """Of the content alone: independent of the parent, of Lance's version numbers and of the machine."""
        content: dict[str, object] = {
            "encoder": self.encoder.digest,
            "sources": {name: _content(state) for name, state in self.sources.items()},
        }
        if self.encoder.adapter:
            content["adapter"] = [self.encoder.adapter, self.encoder.sides]
        if self.editions:
            content["editions"] = {name: [_content(s) for s in states] for name, states in self.editions.items()}
        return digests.of_json(content)


class Manifest(_Editions):
    id: str
    parent: str
    created: datetime
    candidate: str  # digest
    audit: str  # digest of the report
    encoder: EncoderState

    def digest(self) -> str:
        return digests.of_json(self.model_dump(mode="json"))


def today() -> date:
    """The day here: a code set takes force at midnight where it is used."""
    return date.today()


def with_edition(
    known: Mapping[str, tuple[SourceState, ...]], source: str, new: SourceState
) -> tuple[SourceState, ...]:
    """The other editions of a source beside `new`: one of the same name, or for the same day, gives way to it."""
    return _newest_first(
        s for s in known.get(source, ()) if s.release != new.release and s.valid_from != new.valid_from
    )[:_EDITIONS_KEPT]


def _newest_first(states: Iterable[SourceState]) -> tuple[SourceState, ...]:
    return tuple(sorted(states, key=lambda state: state.valid_from, reverse=True))


def _content(state: SourceState) -> list[str]:
    return [state.release, state.snapshot, state.documents.digest, state.texts.digest]


class Releases:
    """The releases of one home."""

    def __init__(self, home: Path):
        self.home, self.folder, self.pointer = home, home / "releases", home / "current.json"

    def current(self) -> Manifest | None:
        """The release that serves, or None before the first. Raises Damaged when the pointer or manifest is not whole."""
        if not self.pointer.exists():
            return None
        must_be_ours(self.home)
        pointer = read_json(self.pointer, what="The pointer", safe=_NOT_SEARCHED, next=ROLL_BACK)
        if not isinstance(pointer.get("release"), str):
            raise Damaged("The pointer current.json names no release.", safe="Nothing was searched.", next=ROLL_BACK)
        try:
            manifest = self.read(pointer["release"])
        except Rejected:
            raise Damaged(
                "The pointer current.json names a release that is not there.",
                safe="Nothing was searched.",
                next=ROLL_BACK,
            ) from None
        if manifest.digest() != pointer.get("digest"):
            raise Damaged(
                f"The manifest of release {manifest.id} is not the one that was published.",
                safe="Nothing was searched.",
                next=ROLL_BACK,
            )
        return manifest

    def read(self, release: str) -> Manifest:
        """A release by its id. Raises Rejected for an unknown one, Damaged for an unreadable one."""
        path = self.folder / f"{release}.json"
        if not _ID.fullmatch(release) or not path.is_file():
            raise Rejected(f"There is no release {release}.", next="Run `probatum releases` for those there are.")
        must_be_ours(self.home)
        try:
            return Manifest.model_validate(read_json(path, what="The manifest", safe=_NOT_SEARCHED, next=ROLL_BACK))
        except ValidationError as error:
            raise Damaged(
                f"The manifest of release {release} is not whole ({error.error_count()} wrong fields).",
                safe="Nothing was searched.",
                next=ROLL_BACK,
            ) from None

    def readable(self, release: str) -> Manifest:
        """The same, for those who read its content. Raises Rejected also for one that has expired or was purged."""
        manifest = self.read(release)
        must_be_readable(self.home, manifest.id)
        return manifest

    def all(self) -> list[Manifest]:
        """All releases, every one after its parent; side by side, the one that was made first. A clock may run backwards."""
        found = [self.read(path.stem) for path in self.folder.glob("*.json")] if self.folder.exists() else []
        return _parents_first(sorted(found, key=lambda m: (m.created, m.id)))


def _parents_first(manifests: list[Manifest]) -> list[Manifest]:
    by_id, placed, ordered = {m.id: m for m in manifests}, set[str](), list[Manifest]()
    for manifest in manifests:
        line = []
        while manifest and manifest.id not in placed:
            placed.add(manifest.id)
            line.append(manifest)
            manifest = by_id.get(manifest.parent)
        ordered += reversed(line)
    return ordered
