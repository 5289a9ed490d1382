"""What a window saw: one reading a probe, as plain numbers and ids; no question and no text.

    Reading(id="icd10-probe-004", part="icd10", ok=True, quality=0.21, top=("J45", "J30"), level=0.83, unanswered=False)

The same shape serves both kinds of behaviour:

    |            | of retrieval                                      | of a behaviour adapter                        |
    | ok         | the answer is among the first three               | the example keeps every rule                  |
    | quality    | how far its score is above the fourth place's edge | share of the rules it keeps                   |
    | top        | the first ten documents, by their ids             | the label it gave, where it gives one         |
    | level      | score of the first hit                            | length of what it wrote                       |
    | unanswered | told that nothing is good enough                  | refused                                       |

A behaviour's numbers come from whoever runs its probes, as JSON; `leave_figures` puts them where the next watch finds them:

    home/drift/<behaviour>/figures.json   {"champion": "9c1e…", "day": "2026-12-06", "readings": [{"id": "soap-001", "ok": true, "quality": 1.0, …}]}
"""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from probatum.errors import Damaged, Misconfigured
from probatum.files import read_sealed, write_atomically, write_sealed

RETRIEVAL = "retrieval"
_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")


@dataclass(frozen=True)
class Reading:
    """See the module. missing: why there is none; "" when it is one."""

    id: str
    part: str = ""
    ok: bool = False
    quality: float = 0.0
    top: tuple[str, ...] = ()
    level: float = 0.0
    unanswered: bool = False
    missing: str = ""


@dataclass(frozen=True)
class Window:
    """All readings of one look. day: ISO. champion: digest of what served. release: "" for what is of none."""

    behaviour: str
    day: str
    champion: str
    readings: tuple[Reading, ...]
    release: str = ""

    def seen(self) -> dict[str, Reading]:
        return {reading.id: reading for reading in self.readings if not reading.missing}

    def missing(self) -> dict[str, str]:
        return {reading.id: reading.missing for reading in self.readings if reading.missing}


class _Told(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(min_length=1, max_length=200)
    part: str = Field("", max_length=100)
    ok: bool
    quality: float = Field(allow_inf_nan=False)
    top: tuple[str, ...] = Field((), max_length=10)
    level: float = Field(0.0, allow_inf_nan=False)
    unanswered: bool = False


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    champion: str = Field(min_length=8, max_length=64, pattern="^[0-9a-f]+$")
    day: date
    readings: tuple[_Told, ...] = Field(min_length=1)


def leave_figures(home: Path, behaviour: str, window: bytes) -> Path:
    """Put a behaviour's numbers where the next watch finds them; raises Misconfigured when they are none."""
    if not _NAME.fullmatch(behaviour) or behaviour == RETRIEVAL:
        raise Misconfigured(
            f"{behaviour[:60]!r} is no behaviour with numbers of its own.",
            safe="Nothing was kept.",
            next=f"Name one as in expectations/behaviours: small letters, digits and hyphens, and not {RETRIEVAL}.",
        )
    path = figures_of(home, behaviour)
    _parsed(window, path)
    write_atomically(path, window)
    return path


def figures_of(home: Path, behaviour: str) -> Path:
    return home / "drift" / behaviour / "figures.json"


def read_figures(path: Path, behaviour: str) -> Window:
    """The window of a behaviour's numbers. Raises Misconfigured: a number that is none is no number of ours."""
    try:
        return replace(_parsed(path.read_bytes(), path), behaviour=behaviour)
    except OSError as error:
        raise _wrong(path, f"cannot be read ({error.strerror})") from None


def _parsed(content: bytes, path: Path) -> Window:
    try:
        told = _File.model_validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        raise _wrong(path, f"{'.'.join(map(str, first['loc'])) or 'the file'}: {first['msg']}") from None
    ids = [each.id for each in told.readings]
    if len(set(ids)) < len(ids):
        raise _wrong(path, "an id is there twice")
    readings = tuple(Reading(**each.model_dump()) for each in told.readings)
    return Window("", told.day.isoformat(), told.champion, readings)


class Windows:
    """The windows of one behaviour: home/drift/<behaviour>/windows/<day>.json, and the baselines they are compared with.

    Each is written whole, under its seal; a second look on the same day takes the place of the first.
    """

    def __init__(self, home: Path, behaviour: str):
        self.behaviour, self._folder = behaviour, home / "drift" / behaviour

    def keep(self, window: Window) -> None:
        date.fromisoformat(window.day)  # it becomes the name of a file
        write_sealed(self._folder / "windows" / f"{window.day}.json", as_json(window))

    def all(self, champion: str = "") -> list[Window]:
        """Oldest first; of one champion where it is named."""
        found = (self._read(path) for path in sorted((self._folder / "windows").glob("*.json")))
        return [window for window in found if champion in ("", window.champion)]

    def baseline(self, champion: str) -> Window | None:
        path = self._folder / "baselines" / f"{champion}.json"
        return self._read(path) if path.exists() else None

    def set_baseline(self, window: Window) -> None:
        write_sealed(self._folder / "baselines" / f"{window.champion}.json", as_json(window))

    def _read(self, path: Path) -> Window:
        value = read_sealed(path, what="The window", next=_AGAIN.format(self.behaviour))
        try:
            readings = tuple(Reading(**{**each, "top": tuple(each["top"])}) for each in value.pop("readings"))
            return Window(**value, readings=readings)
        except (TypeError, KeyError):
            raise Damaged(f"The window {path.name} has another shape.", next=_AGAIN.format(self.behaviour)) from None


_AGAIN = "Remove the file and run `probatum drift watch` again (it was of {}): what serves can be asked anew."


def as_json(window: Window) -> dict:
    """What is kept and hashed, in the very types JSON gives back."""
    return orjson.loads(orjson.dumps(asdict(window)))


def pairs(before: Window, now: Window) -> list[tuple[Reading, Reading]]:
    """(then, now) for every probe that both have, in the order of their ids."""
    then, here = before.seen(), now.seen()
    return [(then[i], here[i]) for i in sorted(then.keys() & here.keys())]


def rate(readings: Iterable[Reading]) -> float:
    """Share that are ok; NaN of none."""
    marks: Sequence[bool] = [reading.ok for reading in readings]
    return sum(marks) / len(marks) if marks else math.nan


def _wrong(path: Path, what: str) -> Misconfigured:
    return Misconfigured(
        f"{path.name}: {what}.",
        safe="No window was kept, and nothing was decided.",
        next='Give {"champion": …, "day": …, "readings": [{"id": …, "ok": …, "quality": …}]}; see probatum/drift/readings.py.',
    )
