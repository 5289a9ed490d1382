"""Vectors already computed, by encoder digest and text digest: what has been encoded once is never encoded again.

One SQLite file an encoder, under `<home>/vectors/`. It holds digests and numbers, no text, and beside each vector a
checksum of both: a flipped bit would go into every release to come. Losing the file costs time only.
"""

import sqlite3
from collections.abc import Container, Iterator, Sequence
from contextlib import closing, contextmanager
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from probatum.errors import Damaged
from probatum.progress import bar
from probatum.seams import seam

if TYPE_CHECKING:  # torch is slow to import, and a run with nothing new needs none
    from probatum.encoder import Encoder

_WRITE_EVERY_TEXTS = 4096
_LOOK_UP_AT_ONCE = 900  # SQLite's oldest limit of variables is 999
_SUM_BYTES = 8  # against accidents, not against people


def encode_cached(
    encoder: "Encoder", texts: Sequence[str], folder: Path, *, what: str = "texts encoded"
) -> tuple[np.ndarray, int]:
    """(unit vectors in the order of `texts`, how many distinct texts had to be encoded).

    Interrupted work is kept: vectors are stored every few thousand texts.
    """
    folder.mkdir(parents=True, exist_ok=True)
    distinct = list(dict.fromkeys(texts))
    keys = [sha256(text.encode()).digest() for text in distinct]
    with _opened(_file(folder, encoder.identity.digest)) as cache:
        known = _look_up(cache, keys, encoder.identity.width)
        missing = sorted((i for i, key in enumerate(keys) if key not in known), key=lambda i: len(distinct[i]))
        advance = bar(what, len(missing))
        for start in range(0, len(missing), _WRITE_EVERY_TEXTS):
            part = missing[start : start + _WRITE_EVERY_TEXTS]
            vectors = encoder.encode([distinct[i] for i in part], advance)
            cache.executemany(
                "INSERT OR REPLACE INTO vectors (text, vector, sum) VALUES (?, ?, ?)",
                [_row(keys[i], vector.astype("<f4").tobytes()) for i, vector in zip(part, vectors, strict=True)],
            )
            cache.commit()
            seam("after-encode-part")
            known |= {keys[i]: vector for i, vector in zip(part, vectors, strict=True)}
    row = {text: known[key] for text, key in zip(distinct, keys, strict=True)}
    stacked = np.stack([row[text] for text in texts]) if texts else np.empty((0, encoder.identity.width), np.float32)
    return stacked, len(missing)


def missing_from_cache(encoder_digest: str, texts: Sequence[str], folder: Path) -> int:
    """How many distinct texts would have to be encoded."""
    keys = {sha256(text.encode()).digest() for text in texts}
    path = _file(folder, encoder_digest)
    if not path.exists():
        return len(keys)
    with _opened(path) as cache:
        known = {key for (key,) in cache.execute("SELECT text FROM vectors")}
    return len(keys - known)


def broken_vectors(path: Path) -> int:
    """How many rows of a cache are not what was written. Raises sqlite3.DatabaseError when it is no whole database."""
    with _opened(path) as cache:
        if cache.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            raise sqlite3.DatabaseError
        return sum(not _holds(*row) for row in cache.execute("SELECT text, vector, sum FROM vectors"))


def keep_only(path: Path, wanted: Container[bytes]) -> int:
    """Delete, bytes and all, every vector that is not one of `wanted` (float32, little-endian); how many went."""
    with _opened(path) as cache:
        cache.execute("PRAGMA secure_delete=ON")
        gone = [(key,) for key, vector in cache.execute("SELECT text, vector FROM vectors") if vector not in wanted]
        cache.executemany("DELETE FROM vectors WHERE text = ?", gone)
        cache.commit()
        cache.execute("VACUUM")
        cache.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return len(gone)


def copy_cache(origin: Path, target: Path) -> None:
    """A consistent copy, whoever writes meanwhile."""
    with _opened(origin) as cache, closing(sqlite3.connect(target)) as copy:
        cache.backup(copy)


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path, timeout=60)) as cache:
        cache.execute("PRAGMA journal_mode=WAL")
        cache.execute(
            "CREATE TABLE IF NOT EXISTS vectors (text BLOB PRIMARY KEY, vector BLOB NOT NULL, sum BLOB) WITHOUT ROWID"
        )
        if "sum" not in {column[1] for column in cache.execute("PRAGMA table_info(vectors)")}:  # an earlier version's
            cache.execute("ALTER TABLE vectors ADD COLUMN sum BLOB")
        yield cache
        cache.commit()


def _row(key: bytes, vector: bytes) -> tuple[bytes, bytes, bytes]:
    return key, vector, _sum(key, vector)


def _sum(key: bytes, vector: bytes) -> bytes:
    return sha256(key + vector).digest()[:_SUM_BYTES]


def _holds(key: bytes, vector: bytes, checked: bytes | None) -> bool:
    return checked is None or checked == _sum(key, vector)


def _file(folder: Path, encoder_digest: str) -> Path:
    return folder / f"{encoder_digest[:16]}.sqlite"


def _look_up(cache: sqlite3.Connection, keys: list[bytes], width: int) -> dict[bytes, np.ndarray]:
    found: dict[bytes, np.ndarray] = {}
    for start in range(0, len(keys), _LOOK_UP_AT_ONCE):
        part = keys[start : start + _LOOK_UP_AT_ONCE]
        marks = ",".join("?" * len(part))
        query = f"SELECT text, vector, sum FROM vectors WHERE text IN ({marks})"  # noqa: S608 - only question marks
        for key, raw, checked in cache.execute(query, part):
            found[key] = _vector(raw, width, whole=_holds(key, raw, checked))
    return found


def _vector(raw: bytes, width: int, *, whole: bool) -> np.ndarray:
    vector = np.frombuffer(raw, "<f4") if len(raw) % 4 == 0 else np.empty(0, np.float32)
    if not whole or vector.shape != (width,) or not abs(float(vector @ vector) - 1.0) < 1e-3:
        raise Damaged(
            "The vector cache holds a vector that is not one.",
            next="Delete the folder `vectors` in the home and run the refresh again.",
        )
    return vector
