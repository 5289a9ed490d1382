"""Adapters as they are kept in a home, for those who only read: no status, no lock, and nothing that can write.

whole_folder(home, "3f9c…")   ->  home/adapters/3f9c…, after every file in it was compared with its sha256
read_record(folder)           ->  AdapterRecord(kind="retrieval", sides="query", …)
"""

import re
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from probatum import digests
from probatum.adapters.record import RECORD, REFERENCE, SHAPE, WEIGHTS, AdapterRecord
from probatum.errors import Damaged
from probatum.files import read_sealed

FILES = (WEIGHTS, SHAPE, REFERENCE)
_IDENTITY = re.compile(r"[0-9a-f]{64}")
_LOOK = "Run `probatum adapters list` for those there are."
_RESTORE = "Take the adapter from a backup, or go back: `probatum rollback`."


def whole_folder(home: Path, identity: str) -> Path:
    """Where an adapter lies. Raises Damaged unless its files are there and are, byte for byte, what goes by this identity."""
    folder = home / "adapters" / identity
    if not _IDENTITY.fullmatch(identity) or not folder.is_dir():
        raise Damaged(f"Adapter {identity[:12]} is not in this home.", safe="Nothing of it was loaded.", next=_RESTORE)
    must_be_whole(folder, identity)
    return folder


def read_record(folder: Path) -> AdapterRecord:
    raw = read_sealed(folder / RECORD, what="The record of an adapter", next=_LOOK)
    try:
        return AdapterRecord.model_validate(raw)
    except ValidationError as error:
        raise Damaged(
            f"The record of an adapter is not whole ({error.error_count()} wrong fields).", next=_LOOK
        ) from None


def must_be_whole(folder: Path, identity: str) -> None:
    """Raise Damaged unless the folder holds, byte for byte, the adapter that goes by this identity."""
    for name in wrong_files(folder, identity):
        if name == RECORD:
            raise Damaged(f"The record of adapter {identity[:12]} is of another one.", next=_LOOK)
        raise Damaged(
            f"{name} of adapter {identity[:12]} is missing or not what was added.",
            safe="Nothing of it was loaded.",
            next=_RESTORE,
        )


def wrong_files(folder: Path, identity: str) -> Iterator[str]:
    """The names of the files that are missing, or not what was added. Raises Damaged when the record cannot be read."""
    record = read_record(folder)
    for name in FILES:
        path = folder / name
        if not path.is_file() or digests.of_file(path) != record.files.get(name):
            yield name
    if record.identity() != identity:
        yield RECORD
