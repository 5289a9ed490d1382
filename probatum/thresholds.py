"""expectations/thresholds.toml: how far a release may move away from the one before; reviewed numbers, each with its reason.

gate(expectations, "icd10")  ->  Gate(hit_rate_above=0.9, least_questions=100, …)     [gate], and what [icd10] says otherwise
"""

import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from probatum.audit_report import LEAST_QUESTIONS, STRICTLY_ABOVE
from probatum.errors import Misconfigured
from probatum.freshness import Lateness


class Gate(BaseModel):
    """The numbers of the gate's rules; what each is for stands beside it in thresholds.toml."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    hit_rate_above: float = Field(ge=STRICTLY_ABOVE, lt=1)
    least_questions: int = Field(ge=LEAST_QUESTIONS)
    loss_is_chance_above: float = Field(gt=0, lt=1)
    slice_losses: int = Field(ge=0)
    slice_losses_share: float = Field(ge=0, lt=1)
    negatives_told: float = Field(gt=0, le=1)
    same_vector_cosine: float = Field(gt=0, lt=1)
    own_vectors_read: int = Field(gt=0)
    ann_recall: float = Field(gt=0, le=1)
    asked_twice: int = Field(gt=0)
    hub_share: float = Field(gt=0, lt=1)
    copy_cosine: float = Field(gt=0, lt=1)
    copy_share: float = Field(gt=0, le=1)
    copy_least_words: int = Field(gt=0)


def gate(expectations: Path, source: str) -> Gate:
    """The numbers a source is judged by: those of [gate], or its own where it has one. Raises Misconfigured."""
    path, read = expectations / "thresholds.toml", _read(expectations)
    own = {key: value for key, value in read.get(source, {}).items() if key in Gate.model_fields}
    try:
        return Gate.model_validate({**read.get("gate", {}), **own}, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        raise Misconfigured(
            f"{path.name}: {'.'.join(map(str, first['loc']))} of the gate for {source}: {first['msg']}.",
            next="Correct it, with its reason.",
        ) from None


def largest_loss(expectations: Path, source: str) -> float:
    """The share of a source's documents that may vanish from one release to the next. Raises Misconfigured."""
    path, value = _of(expectations, source, "largest_loss")
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1:
        raise Misconfigured(
            f"{path.name}: largest_loss of {source} is {value!r}, not a share from 0 to below 1.", next="Correct it."
        )
    return float(value)


def needs_approval(expectations: Path, source: str) -> bool:
    """Whether a person has to approve what changes in a source; not where nothing is said. Raises Misconfigured."""
    path = expectations / "thresholds.toml"
    try:
        value = tomllib.loads(path.read_text("utf-8")).get(source, {}).get("approval", False)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, AttributeError) as error:
        raise Misconfigured(f"{path.name} cannot be read ({type(error).__name__}).", next="Correct it.") from None
    if not isinstance(value, bool):
        raise Misconfigured(
            f"{path.name}: approval of {source} is {value!r}, neither true nor false.", next="Correct it."
        )
    return value


def lateness(expectations: Path, source: str) -> Lateness:
    """After how many days without a look, and without a release, a source is late. Raises Misconfigured."""
    return Lateness(
        *(_days(expectations, source, name) for name in ("look_late_after_days", "release_late_after_days"))
    )


def _days(expectations: Path, source: str, name: str) -> int:
    path, value = _of(expectations, source, name)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise Misconfigured(f"{path.name}: {name} of {source} is {value!r}, not a number of days.", next="Correct it.")
    return value


def _of(expectations: Path, source: str, name: str) -> tuple[Path, object]:
    path = expectations / "thresholds.toml"
    try:
        return path, _read(expectations)[source][name]
    except (KeyError, TypeError) as error:
        raise Misconfigured(
            f"{path.name} gives no {name} for {source} ({type(error).__name__}).", next="Add it, with its reason."
        ) from None


def _read(expectations: Path) -> dict:
    path = expectations / "thresholds.toml"
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Misconfigured(
            f"{path.name} cannot be read ({type(error).__name__}).", next="Restore it from version control."
        ) from None
