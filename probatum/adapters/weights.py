"""The weights of an adapter: read as safetensors, looked at tensor by tensor, and put into a base.

    model = with_lora(base, Shape(rank=16, alpha=32, targets=linear_layers(base)), seed=0)     to be trained
    write_adapter(folder, model, base_name="all-MiniLM-L6-v2")
    merged(base, folder)                                                                       the base, changed in place

Trap: peft 0.21 has three ways to load an adapter that silently leave the base as it was. Here the layers are made from a
`Shape`, the tensors are put in by name, every name must be used and every layer filled, and whoever loads compares with the
reference (`probatum.adapters.reference`). Merging is in fp32; cast afterwards.
"""

import re
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn

from probatum.adapters.record import SHAPE, WEIGHTS
from probatum.adapters.shape import ANOTHER, Shape, read_shape, shape_bytes
from probatum.errors import Damaged, Rejected
from probatum.files import write_atomically

MOST_BYTES = 512 << 20  # an adapter of rank 64 on all layers of a 7B model has about 320 MB in bf16
_PAIR = re.compile(r"base_model\.model\.(.+)\.lora_([AB])\.weight")
_IN_A_LAYER = re.compile(r"(?:.*\.)?(?:layers?|h|blocks?)\.\d+\.(.+)")
_FLOATS = (torch.float32, torch.float16, torch.bfloat16)


def linear_layers(model: nn.Module) -> tuple[str, ...]:
    """The ends of the names of all linear layers inside the blocks of a transformer, without embeddings and heads."""
    names = (_IN_A_LAYER.fullmatch(name) for name, module in model.named_modules() if isinstance(module, nn.Linear))
    return tuple(sorted({match[1] for match in names if match}))


def with_lora(base: nn.Module, shape: Shape, *, seed: int, dropout: float = 0.0) -> PeftModel:
    """The base, frozen, with new layers beside it that change nothing yet."""
    torch.manual_seed(seed)
    return get_peft_model(base, _config(shape, dropout))


def write_adapter(folder: Path, model: PeftModel, *, base_name: str) -> None:
    """Leave the two files an adapter is loaded from."""
    config = model.peft_config["default"]
    shape = Shape(
        rank=config.r,
        alpha=config.lora_alpha,
        targets=tuple(sorted(config.target_modules)),
        fan_in_fan_out=config.fan_in_fan_out,
        rank_stabilised=config.use_rslora,
    )
    tensors = {
        name: tensor.detach().to("cpu", torch.float32).contiguous()
        for name, tensor in get_peft_model_state_dict(model).items()
    }
    write_atomically(folder / WEIGHTS, save(tensors, {"format": "pt"}))
    write_atomically(folder / SHAPE, shape_bytes(shape, base_name))


def read_weights(folder: Path) -> tuple[Shape, dict[str, torch.Tensor]]:
    """The checked shape and tensors in a folder.

    Raises Damaged when the file is not whole, Rejected for tensors that are not LoRA's, of another rank than the shape says, not
    finite, or that change nothing.
    """
    shape, path = read_shape(folder / SHAPE), folder / WEIGHTS
    if path.stat().st_size > MOST_BYTES:
        raise _refused(f"they have {path.stat().st_size:,} bytes, {MOST_BYTES:,} are allowed")
    try:
        with safe_open(path, framework="pt") as stored:
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118 - no mapping
    except SafetensorError as error:
        raise Damaged(f"The weights of an adapter are no safetensors file ({error}).", next=ANOTHER) from None
    _must_be_lora(tensors, shape)
    return shape, tensors


def merged(base: nn.Module, folder: Path) -> nn.Module:
    """The base with the adapter of `folder` added into its weights, in fp32. `base` itself is changed.

    Raises Rejected when the adapter's layers are not those of this base.
    """
    shape, tensors = read_weights(folder)
    missing = {_PAIR.fullmatch(name)[1] for name in tensors} - {name for name, _ in base.named_modules()}
    if missing:
        raise _refused(f"the base has no layer {sorted(missing)[0]}")
    model = get_peft_model(base.float(), _config(shape))
    expected = {name: tensor.shape for name, tensor in get_peft_model_state_dict(model).items()}
    if wrong := sorted(
        n for n in expected.keys() | tensors.keys() if expected.get(n) != getattr(tensors.get(n), "shape", None)
    ):
        raise _refused(f"{len(wrong)} of its tensors do not fit this base, first {wrong[0]}")
    set_peft_model_state_dict(model, tensors)
    return model.merge_and_unload(safe_merge=True)


def _config(shape: Shape, dropout: float = 0.0) -> LoraConfig:
    return LoraConfig(
        r=shape.rank,
        lora_alpha=shape.alpha,
        lora_dropout=dropout,
        target_modules=list(shape.targets),
        use_rslora=shape.rank_stabilised,
        fan_in_fan_out=shape.fan_in_fan_out,
        bias="none",
    )


def _must_be_lora(tensors: dict[str, torch.Tensor], shape: Shape) -> None:
    if not tensors:
        raise _refused("there are none")
    moved = False
    for name, tensor in tensors.items():
        match = _PAIR.fullmatch(name)
        if not match:
            raise _refused(f"{name[:80]} is no tensor of LoRA")
        if tensor.dtype not in _FLOATS or tensor.ndim != 2:
            raise _refused(f"{name} is {tensor.dtype} of shape {tuple(tensor.shape)}")
        if (rank := tensor.shape[0 if match[2] == "A" else 1]) != shape.rank:
            raise _refused(f"{name} is of rank {rank}, adapter_config.json says {shape.rank}")
        if not torch.isfinite(tensor).all():
            raise _refused(f"{name} holds numbers that are not finite")
        if f"base_model.model.{match[1]}.lora_{'B' if match[2] == 'A' else 'A'}.weight" not in tensors:
            raise _refused(f"{name} stands without its counterpart")
        moved |= match[2] == "B" and bool(tensor.any())
    if not moved:
        raise _refused("they change nothing: every B is zero")


def _refused(why: str) -> Rejected:
    return Rejected(f"The weights of an adapter are refused: {why}.", safe="Nothing of it was loaded.", next=ANOTHER)
