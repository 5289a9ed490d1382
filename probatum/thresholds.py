"""expectations/thresholds.toml: how far a release may move away from the one before; reviewed numbers, each with its reason."""

import tomllib
from pathlib import Path

from probatum.errors import Misconfigured
from probatum.freshness import Lateness


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
        return path, tomllib.loads(path.read_text("utf-8"))[source][name]
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise Misconfigured(
            f"{path.name} gives no {name} for {source} ({type(error).__name__}).", next="Add it, with its reason."
        ) from None
