"""The release: what consumers read, as one value.

Lance versions and tags belong to single tables, so what is served is a manifest that names a version of every table,
the encoder, the source releases and the audit that let it through. Manifests are immutable files; `current.json` is
the only thing that moves, by compare-and-swap on its release.

    home/releases/2026-11-20.1.json     {"id": "2026-11-20.1", "parent": "", "sources": {"icd10": {…}}, …}
    home/current.json                   {"release": "2026-11-20.1", "digest": "…"}

Reading only; what moves the pointer is in `probatum.publish`.
"""

import re
from datetime import date, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from probatum import digests
from probatum.errors import Damaged, Rejected
from probatum.files import read_json

_ID = re.compile(r"\d{4}-\d\d-\d\d\.\d{1,9}")
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


class Candidate(Frozen):
    """What could be published: everything of a release but its name, its parent's blessing and its audit."""

    parent: str
    sources: dict[str, SourceState]
    encoder: EncoderState

    def digest(self) -> str:
        """Of the content alone: independent of the parent, of Lance's version numbers and of the machine."""
        return digests.of_json(
            {
                "encoder": self.encoder.digest,
                "sources": {
                    name: [s.release, s.snapshot, s.documents.digest, s.texts.digest]
                    for name, s in self.sources.items()
                },
            }
        )


class Manifest(Frozen):
    id: str
    parent: str
    created: datetime
    candidate: str  # digest
    audit: str  # digest of the report
    sources: dict[str, SourceState]
    encoder: EncoderState

    def digest(self) -> str:
        return digests.of_json(self.model_dump(mode="json"))


class Releases:
    """The releases of one home."""

    def __init__(self, home: Path):
        self.home, self.folder, self.pointer = home, home / "releases", home / "current.json"

    def current(self) -> Manifest | None:
        """The release that serves, or None before the first. Raises Damaged when the pointer or manifest is not whole."""
        if not self.pointer.exists():
            return None
        pointer = read_json(self.pointer, what="The pointer", next=ROLL_BACK)
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
        try:
            return Manifest.model_validate(read_json(path, what="The manifest", next=ROLL_BACK))
        except ValidationError as error:
            raise Damaged(
                f"The manifest of release {release} is not whole ({error.error_count()} wrong fields).",
                safe="Nothing was searched.",
                next=ROLL_BACK,
            ) from None

    def all(self) -> list[Manifest]:
        """All releases, oldest first."""
        found = [self.read(path.stem) for path in self.folder.glob("*.json")] if self.folder.exists() else []
        return sorted(found, key=lambda m: (m.created, m.id))
