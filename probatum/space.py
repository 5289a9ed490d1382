"""Room on the disk: when there is none, one sentence with how much is needed, and nothing half done is trusted.

    @needs_room("writing")
    def write(chosen, source, …): …     ->  Retryable("The disk is full or may not be written (No space left on device) while writing icd10.
                                            It needs about 1,130 MiB where the home is; 12 MiB are free.", …)

The file system, LanceDB and SQLite each say it in a way of their own; here it is one error. Every file of a home is written beside
and renamed, and a table's version counts once it is committed, so what failed is as if it had not begun.
"""

import errno
import functools
import os
import re
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

from probatum.errors import Retryable

P = ParamSpec("P")
T = TypeVar("T")

_FULL = {errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.EROFS, errno.EIO}
_OF_LANCE = re.compile(r"\(os error (\d+)\)")
_OF_SQLITE = ("full", "disk I/O error", "readonly", "unable to open")
_LEAST_BYTES = 64 << 20  # a release of a few documents takes less than one MiB; logs and temporary files want the rest
_SNAPSHOTS_KEPT = 2  # the tables of a source are written beside those that serve


def needs_room(doing: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """For a step whose first argument is the settings: raises Retryable when the disk does not take what it writes."""

    def around(step: Callable[P, T]) -> Callable[P, T]:
        @functools.wraps(step)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> T:
            home = args[0].home
            before = _serves(home)
            try:
                return step(*args, **kwargs)
            except (OSError, RuntimeError, ValueError, sqlite3.Error) as error:
                if not (why := full(error)):
                    raise
                raise _no_room(home, f"{doing}{_of(args)}", why, before) from error

        return guarded

    return around


def full(error: BaseException) -> str:
    """Why the disk did not take it; "" for any other error."""
    if isinstance(error, OSError) and error.errno in _FULL:
        return error.strerror or "the disk did not take it"
    if isinstance(error, sqlite3.Error):
        return str(error) if any(words in str(error) for words in _OF_SQLITE) else ""
    told = _OF_LANCE.search(str(error))
    if told and int(told[1]) in _FULL:
        return os.strerror(int(told[1]))
    return ""


def needed_bytes(home: Path) -> int:
    """About how much a refresh of all that is here writes: as much again as the tables and the publishers' files take."""
    sizes = sum(p.stat().st_size for name in ("lance", "vectors") for p in (home / name).rglob("*") if p.is_file())
    files = sum(p.stat().st_size for p in (home / "blobs").glob("*"))
    return max(_LEAST_BYTES, sizes // _SNAPSHOTS_KEPT + files)


def _no_room(home: Path, doing: str, why: str, before: str | None) -> Retryable:
    needed, free = needed_bytes(home) >> 20, shutil.disk_usage(home).free >> 20
    now = _serves(home)
    safe = "Nothing was published; what served before still serves."
    if now != before:
        safe = "The release was published and serves; only what comes after it is missing."
    return Retryable(
        f"The disk is full or may not be written ({why}) while {doing}. It needs about {needed:,} MiB where the home is; "
        f"{free:,} MiB are free.",
        safe=safe,
        next=f"Free at least {needed:,} MiB (`probatum maintain` removes what has expired), then run the refresh again.",
    )


def _serves(home: Path) -> str | None:
    try:
        return (home / "current.json").read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def _of(args: tuple) -> str:
    """The name of the source, where a step has one."""
    name = getattr(args[1], "name", "") if len(args) > 1 else ""
    return f" {name}" if name else ""
