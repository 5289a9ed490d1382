"""expectations/thresholds.toml: how far a release may move away from the one before; reviewed numbers, each with its reason."""

import tomllib
from pathlib import Path

from probatum.errors import Misconfigured


def largest_loss(expectations: Path, source: str) -> float:
    """The share of a source's documents that may vanish from one release to the next. Raises Misconfigured."""
    path = expectations / "thresholds.toml"
    try:
        value = tomllib.loads(path.read_text("utf-8"))[source]["largest_loss"]
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise Misconfigured(
            f"{path.name} gives no largest_loss for {source} ({type(error).__name__}).", next="Add it, with its reason."
        ) from None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1:
        raise Misconfigured(
            f"{path.name}: largest_loss of {source} is {value!r}, not a share from 0 to below 1.", next="Correct it."
        )
    return float(value)
