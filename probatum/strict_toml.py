"""A reviewed TOML file, or one table of it, read strictly: an unknown name or a number out of range is said, with its place.

read_strictly(expectations / "thresholds.toml", DriftRules, table="drift", safe="Nothing was probed.")  ->  DriftRules(…)
"""

import tomllib
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from probatum.errors import Misconfigured

Model = TypeVar("Model", bound=BaseModel)


def read_strictly(path: Path, model: type[Model], *, table: str = "", safe: str) -> Model:
    """Raises Misconfigured where the file is missing, no TOML, misspelt or out of range. safe: what was not done."""
    try:
        read = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Misconfigured(
            f"{path.name} cannot be read ({type(error).__name__}).", safe=safe, next="Restore it from version control."
        ) from None
    try:
        return model.model_validate(read.get(table, {}) if table else read, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) + (f" of [{table}]" if table else "")
        raise Misconfigured(
            f"{path.name}: {place}: {first['msg']}.", safe=safe, next="Correct it, with its reason."
        ) from None
