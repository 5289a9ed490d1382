"""The shape of an adapter: what its adapter_config.json may say, and nothing else.

    read_shape(folder / "adapter_config.json")  ->  Shape(rank=16, alpha=32, targets=("attention.self.query", …))

The file is peft's own, so that an adapter can be read elsewhere, but peft never reads it here. Its settings can import
modules (`megatron_core`, `auto_mapping`), change the base while loading (`init_lora_weights`, `layer_replication`) or run a
regular expression over every name (`target_modules` as text): what is not plain LoRA is refused (P30).
"""

import re
from pathlib import Path

import orjson
from pydantic import Field

from probatum.errors import Rejected
from probatum.files import read_json
from probatum.release import Frozen

_MOST_BYTES = 64 << 10
_TARGET = re.compile(r"[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*")
_SAYS_ONLY = ("base_model_name_or_path", "revision", "peft_version", "inference_mode", "task_type", "lora_dropout")
_SHAPE = ("r", "lora_alpha", "target_modules", "use_rslora", "fan_in_fan_out")
_EXPECTED: dict[str, tuple[object, ...]] = {  # whatever else peft writes, and the only values that change nothing
    "peft_type": ("LORA",),
    "bias": ("none",),
    "init_lora_weights": (True,),
    "megatron_core": (None, "megatron.core"),
    "qalora_group_size": (None, 16),
}
_NOTHING = (None, False, {}, [])
ANOTHER = "Train it again with this project, or leave it out."


class Shape(Frozen):
    rank: int = Field(gt=0, le=256)
    alpha: float = Field(gt=0)
    targets: tuple[str, ...] = Field(min_length=1)  # the ends of the names of the layers it stands beside
    fan_in_fan_out: bool = False  # of layers that keep their weights the other way round, as GPT-2's
    rank_stabilised: bool = False


def read_shape(path: Path) -> Shape:
    """Raises Rejected for anything but plain LoRA, Damaged for a file that is no JSON object."""
    if path.stat().st_size > _MOST_BYTES:
        raise _refused(f"it has {path.stat().st_size:,} bytes, {_MOST_BYTES:,} are allowed")
    raw = read_json(path, what="The configuration of an adapter", next=ANOTHER)
    if raw.get("peft_type") != "LORA":
        raise _refused("its peft_type is not LORA")
    for key, value in raw.items():
        if key not in _SAYS_ONLY + _SHAPE and value not in _EXPECTED.get(key, _NOTHING):
            raise _refused(f"it sets {key[:40]!r}")
    targets, rank, alpha = raw.get("target_modules"), raw.get("r"), raw.get("lora_alpha")
    if (
        not isinstance(targets, list)
        or not all(isinstance(t, str) and _TARGET.fullmatch(t) for t in targets)
        or not targets
    ):
        raise _refused("its target_modules are not a list of names of layers")
    if not isinstance(rank, int) or isinstance(rank, bool) or not 0 < rank <= 256:
        raise _refused("its rank r is not a whole number from 1 to 256")
    if not isinstance(alpha, int | float) or isinstance(alpha, bool) or not 0 < alpha < 1e6:
        raise _refused("its lora_alpha is no positive number")
    flags = {key: raw.get(key, False) for key in ("use_rslora", "fan_in_fan_out")}
    if not all(isinstance(value, bool) for value in flags.values()):
        raise _refused("one of its switches is neither true nor false")
    return Shape(
        rank=rank,
        alpha=alpha,
        targets=tuple(targets),
        fan_in_fan_out=flags["fan_in_fan_out"],
        rank_stabilised=flags["use_rslora"],
    )


def shape_bytes(shape: Shape, base_name: str) -> bytes:
    """The same as a file that peft can read too."""
    said = {
        "peft_type": "LORA",
        "auto_mapping": None,
        "base_model_name_or_path": base_name,
        "inference_mode": True,
        "r": shape.rank,
        "lora_alpha": shape.alpha,
        "lora_dropout": 0.0,
        "target_modules": list(shape.targets),
        "bias": "none",
        "use_rslora": shape.rank_stabilised,
        "fan_in_fan_out": shape.fan_in_fan_out,
        "task_type": None,
    }
    return orjson.dumps(said, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n"


def _refused(why: str) -> Rejected:
    return Rejected(
        f"The adapter's adapter_config.json is refused: {why}.", safe="Nothing of it was loaded.", next=ANOTHER
    )
