"""Objects in a bucket or files in a folder, seen the same way: what a data owner dropped, and the receipts they get.

    store = store_at("s3://dropzone/formulary/")            or store_at("/srv/dropzone")
    for object in store.list(): …                           Object(key="2026/list v2.csv", version="3HL4kqtJ…", size=18342, …)
    store.fetch(object, target, limit_bytes=200 << 20)      exactly that version, or Retryable
    store.put("receipts/list v2.csv.json", data, "application/json")

The listing is the truth; an event (`probatum.object_events`) is a hint to look. Credentials come from where boto3 looks for
them and nowhere else. An ETag names a version; it is no hash of the content (multipart uploads, KMS), and is not used as one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

OWN = ".probatum/"  # what is written under this is for ourselves, and not listed
SMALL_BYTES = 16 << 20  # the most that `get` reads: receipts and notes, not files


@dataclass(frozen=True)
class Object:
    key: str  # relative to the store, as it is written there: spaces, "+", "%", "//" and leading dots included
    version: str  # names these bytes: the bucket's VersionId, else made of what the listing says
    size: int
    modified: datetime  # in UTC
    etag: str  # without quotes; empty for files


class Objects(Protocol):
    def list(self) -> Iterator[Object]:
        """Everything that is there now, page by page, in no promised order. Folders, and what was deleted, are not."""

    def fetch(self, object: Object, target: Path, *, limit_bytes: int) -> None:
        """The bytes of exactly this version. Raises Retryable when it changed or went, Rejected when it is too large."""

    def tags(self, object: Object) -> dict[str, str]:
        """Its tags and user metadata; a tag wins over metadata of the same name. Files have none."""

    def put(self, key: str, data: bytes, content_type: str) -> None: ...

    def get(self, key: str) -> bytes | None: ...

    def delete(self, key: str) -> None: ...

    def conditional_put_works(self) -> bool:
        """Whether "write only if nothing is there" holds: a server that ignores it would lose commits without a word."""


def store_at(origin: str, *, endpoint: str = "", kms_key: str = "") -> Objects:
    """The store at `s3://bucket/prefix/`, or at a folder.

    endpoint: an S3-compatible server, https (http on loopback). kms_key: the key that what is put is encrypted with.
    """
    if origin.startswith("s3://"):
        from probatum.objects.s3 import BucketObjects

        return BucketObjects(origin, endpoint=endpoint, kms_key=kms_key)
    from probatum.objects.folder import FolderObjects

    return FolderObjects(Path(origin))


def is_version(object: Object) -> bool:
    """Whether its version is one the bucket keeps, not one made up from the listing."""
    return not object.version.startswith("~")


def made_version(*facts: object) -> str:
    """A version for where none are kept: "~" and what changes when the bytes do."""
    return "~" + "-".join(map(str, facts))
