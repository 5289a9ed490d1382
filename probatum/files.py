"""Writing files so that a reader sees the whole new one or the whole old one, whenever the machine stops."""

import os
import tempfile
from pathlib import Path

import orjson

from probatum import digests
from probatum.errors import STILL_SERVES, Damaged

_SEAL = "seal"  # the digest of all else in a file


def write_atomically(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Write beside, fsync, rename over, fsync the folder. mode: who may read it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(data)
            out.flush()
            os.fchmod(out.fileno(), mode)
            os.fsync(out.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_json(path: Path, value: object) -> None:
    write_atomically(path, orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n")


def read_json(path: Path, *, what: str, next: str, safe: str = STILL_SERVES) -> dict:
    """The JSON object in `path`; a missing or unreadable one is Damaged, with `next` as the advice."""
    try:
        value = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        raise Damaged(f"{what} {path.name} is missing.", safe=safe, next=next) from None
    except orjson.JSONDecodeError as error:
        raise Damaged(f"{what} {path.name} is not readable ({error}).", safe=safe, next=next) from None
    if not isinstance(value, dict):
        raise Damaged(f"{what} {path.name} is not an object.", safe=safe, next=next)
    return value


def write_sealed(path: Path, value: dict) -> None:
    """The same with the digest of the value beside it, for a file that decides something and that no name vouches for."""
    write_json(path, {**value, _SEAL: digests.of_json(value)})


def read_sealed(path: Path, *, what: str, next: str) -> dict:
    """What `write_sealed` wrote; other content than was written is Damaged. One without a seal was written by an earlier version."""
    value = read_json(path, what=what, next=next)
    seal = value.pop(_SEAL, None)
    if seal is not None and digests.of_json(value) != seal:
        raise Damaged(f"{what} {path.name} is not what was written.", next=next)
    return value
