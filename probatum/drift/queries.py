"""Query records: where the questions people ask lie, without the questions. Off unless PROBATUM_QUERY_RECORDS is true.

    home/queries/2026-12-06.jsonl   {"key": "5b1c…", "source": "icd10", "score": 0.83, "enough": true, "place": "07f3a2…"}

What is kept, and why no more:
- `key`: an HMAC of the question with a key that never leaves the home. It tells that a question was asked twice; without the
  key nobody can try out guesses. With it somebody could, so the key is a file of its own, readable by its owner alone.
- `place`: sixteen coarse numbers of 4 bits, the question's vector turned by a secret rotation that is made from that key. A whole
  vector can be turned back into most of its words; 64 bits of a secret rotation cannot, and are enough to see that a crowd moved.
- the day, not the hour; the source asked; the best score and whether it was enough. No person, no address, no session.

At most `MOST_A_DAY` records a day and `KEPT_DAYS` days are kept. `forget` deletes records and key: what is left anywhere else,
as in a backup, is then linked to nothing. Search itself has no part in this: whoever asked it hands over what came back.
"""

import hashlib
import hmac
import os
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import orjson
from filelock import FileLock

from probatum.errors import Damaged
from probatum.files import write_atomically

MOST_A_DAY = 2000
KEPT_DAYS = 400  # a year to compare with, and a month
DIMENSIONS = 16
_LEVELS = 16  # 4 bits each
_RANGE = 3.0  # in spreads of a turned unit vector; what lies beyond is cut off
_KEY_BYTES = 32
_SAFE = "Search is not touched by it."


@dataclass(frozen=True)
class Asked:
    """What a caller of search hands over; the question and its vector go no further than `QueryRecords.note`."""

    question: str
    vector: np.ndarray
    source: str
    score: float
    enough: bool


class QueryRecords:
    def __init__(self, home: Path):
        self._folder = home / "queries"

    def note(self, asked: Iterable[Asked], day: date) -> int:
        """Add what was asked on a day; how many were kept. A record that was not written to its end goes with the next."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self._folder / ".lock"):
            key = self._key()
            path = self._folder / f"{day.isoformat()}.jsonl"
            lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
            new = [_record(key, each) for each in asked][: max(0, MOST_A_DAY - len(lines))]
            if new:
                with path.open("ab") as out:
                    os.fchmod(out.fileno(), 0o600)
                    out.truncate(sum(len(line) + 1 for line in lines))
                    out.writelines(line + b"\n" for line in new)
            self._drop_before(day - timedelta(days=KEPT_DAYS))
        return len(new)

    def places(self, first: date, last: date) -> np.ndarray:
        """Where the questions of these days lie, each question once; float, shape (questions, DIMENSIONS)."""
        found: dict[str, list[int]] = {}
        for record in self._records(first, last):
            found[record["key"]] = [int(digit, 16) for digit in record["place"]]
        return np.array(list(found.values()), np.float64).reshape(-1, DIMENSIONS)

    def counts(self, first: date, last: date) -> dict[str, float]:
        """Of these days: how many were asked, and the share that nothing was good enough for."""
        enough = [record["enough"] for record in self._records(first, last)]
        return {"asked": len(enough), "unanswered": 1 - sum(enough) / len(enough) if enough else 0.0}

    def forget(self) -> int:
        """Delete every record and the key; how many days that were."""
        if not self._folder.exists():
            return 0
        with FileLock(self._folder / ".lock"):
            days = sorted(self._folder.glob("*.jsonl"))
            for path in [*days, self._folder / "key"]:
                path.unlink(missing_ok=True)
        return len(days)

    def _records(self, first: date, last: date) -> Iterable[dict]:
        for path in sorted(self._folder.glob("*.jsonl")):
            if first.isoformat() <= path.stem <= last.isoformat():
                yield from _read(path)

    def _drop_before(self, oldest: date) -> None:
        for path in self._folder.glob("*.jsonl"):
            if path.stem < oldest.isoformat():
                path.unlink()

    def _key(self) -> bytes:
        path = self._folder / "key"
        if not path.exists():
            write_atomically(path, secrets.token_bytes(_KEY_BYTES))
        key = path.read_bytes()
        if len(key) != _KEY_BYTES:
            raise Damaged(
                "The key of the query records is not what was written.", safe=_SAFE, next="Run `probatum drift forget`."
            )
        return key


def place_of(key: bytes, vectors: Sequence[np.ndarray]) -> list[str]:
    """Each vector as sixteen hexadecimal digits: turned by the key's rotation, and cut coarse."""
    rows = np.asarray(vectors, np.float64)
    turned = rows @ _rotation(key, rows.shape[1]) * np.sqrt(rows.shape[1])  # of spread about 1, whatever the width
    levels = np.clip(np.floor((turned + _RANGE) / (2 * _RANGE) * _LEVELS), 0, _LEVELS - 1).astype(int)
    return ["".join(f"{level:x}" for level in row) for row in levels]


def _rotation(key: bytes, width: int) -> np.ndarray:
    """DIMENSIONS directions at right angles, drawn by the key alone; shape (width, DIMENSIONS)."""
    seed = int.from_bytes(hmac.digest(key, b"rotation", hashlib.sha256))
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(width, DIMENSIONS)))[0]


def _record(key: bytes, asked: Asked) -> bytes:
    said = " ".join(asked.question.split()).casefold().encode()
    return orjson.dumps(
        {
            "key": hmac.new(key, said, hashlib.sha256).hexdigest()[:32],
            "source": asked.source,
            "score": round(float(asked.score), 2),
            "enough": bool(asked.enough),
            "place": place_of(key, [asked.vector])[0],
        }
    )


def _read(path: Path) -> list[dict]:
    """The whole records of a day; a last one that was not written to its end is none."""
    try:
        return [orjson.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]
    except orjson.JSONDecodeError:
        raise Damaged(
            f"The query records of {path.stem} are not what was written.", safe=_SAFE, next=f"Remove {path.name}."
        ) from None
