"""Leftovers: what killed and refused runs left in a home, and nothing needs any more.

Bytes that a published release was made from are never left over: they are the evidence, and everything else can be made
from them again. What quarantine names stays as well. The rest goes when it is older than the reviewed number of days.
"""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import orjson

from probatum.release import Releases

_HALF_WRITTEN_DAYS = 1  # a file of `write_atomically` is renamed within a second
_DAY_S = 86_400
_RETRAIN = "retrain-"  # folders of `probatum.training.retraining`


def remove_leftovers(home: Path, *, days: int, needed: frozenset[str], now: datetime) -> int:
    """Delete what nothing needs and is older than `days`; how many files. needed: candidates that may yet be published."""
    gone = 0
    for path in [*_half_written(home, now), *_left(home, days, needed, now)]:
        path.unlink(missing_ok=True)
        gone += 1
    for path in _unnamed_blobs(home, days, now):  # after the snapshots that named them
        path.unlink(missing_ok=True)
        gone += 1
    for folder in sorted((home / "reports").rglob("*"), reverse=True):  # what is inside comes before what it is in
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
    return gone


def _half_written(home: Path, now: datetime) -> Iterator[Path]:
    """What a killed process was writing; LanceDB's own are its clean-up's."""
    for path in home.rglob(".*"):
        if path.is_file() and "lance" not in path.relative_to(home).parts and _older(path, _HALF_WRITTEN_DAYS, now):
            yield path


def _left(home: Path, days: int, needed: frozenset[str], now: datetime) -> Iterator[Path]:
    released = {manifest.candidate for manifest in Releases(home).all()}
    for path in (home / "candidates").glob("*.json"):
        if path.stem not in needed and _older(path, days, now):
            yield path
    for path in (home / "audits").glob("*.json"):
        if path.stem not in needed | released and _older(path, days, now):
            yield path
    for path in (home / "reports").rglob("*"):  # of <candidate>.html, <candidate>.md and <candidate>/data-docs/…
        candidate = path.relative_to(home / "reports").parts[0].partition(".")[0]
        if path.is_file() and candidate not in needed | released and _older(path, days, now):
            yield path
    yield from (path for path in (home / "audits" / "answers").glob("*.json") if _older(path, days, now))
    yield from (path for path in (home / "incoming").rglob("*") if path.is_file() and _older(path, days, now))
    for path in (home / "work").rglob("*"):  # checkpoints and frozen data wait for the next retrain, which removes them
        if (
            path.is_file()
            and _older(path, days, now)
            and not path.relative_to(home / "work").parts[0].startswith(_RETRAIN)
        ):
            yield path
    yield from _unpublished_snapshots(home, days, needed, now)


def _unpublished_snapshots(home: Path, days: int, needed: frozenset[str], now: datetime) -> Iterator[Path]:
    named = {state.snapshot for manifest in Releases(home).all() for _, state in manifest.all_states()}
    for candidate in needed:
        states = orjson.loads((home / "candidates" / f"{candidate}.json").read_bytes())["sources"].values()
        named |= {state["snapshot"] for state in states}
    for path in (home / "snapshots").glob("*/*.json"):
        if path.stem not in named and _older(path, days, now):
            yield path


def _unnamed_blobs(home: Path, days: int, now: datetime) -> Iterator[Path]:
    named = set()
    for path in [*(home / "snapshots").glob("*/*.json"), *(home / "quarantine").glob("*/reason.json")]:
        named |= {file["sha256"] for file in orjson.loads(path.read_bytes())["files"]}
    for path in (home / "blobs").glob("*"):
        if path.name not in named and _older(path, days, now):
            yield path


def _older(path: Path, days: int, now: datetime) -> bool:
    return now.timestamp() - path.stat().st_mtime > days * _DAY_S
