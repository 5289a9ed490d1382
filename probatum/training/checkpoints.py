"""Where a training stands, on disk: one file, so that it is whole or not there at all.

    folder/checkpoint.safetensors     weights.*, best.*, first.*, second.* (AdamW's moments); in its header {"step": 120, …}
    folder/curve.json                 the same figures, for people

The file is written beside, synced and renamed over the one before: a process that is killed, or a disk that is full, leaves
the last good one. There is no state of a random generator in it, because the loop seeds it anew at every step.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import orjson
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from probatum import digests
from probatum.errors import Damaged, Misconfigured, Retryable
from probatum.files import write_atomically, write_json
from probatum.seams import seam
from probatum.space import full
from probatum.training.budget import Point

_FILE, _STATE = "checkpoint.safetensors", "state"


@dataclass(frozen=True)
class State:
    """of: digest of what is trained, and how. waited: evaluations since the best one. seconds: spent so far."""

    of: str
    step: int
    best_step: int
    best_loss: float
    waited: int
    seconds: float
    micro_batch: int
    resumed: int
    curve: tuple[Point, ...]


def keep(folder: Path, state: State, tensors: Mapping[str, torch.Tensor]) -> None:
    """Leave a checkpoint. Raises Retryable when the disk is full; the one before is still there then."""
    described = {**vars(state), "curve": [point.model_dump() for point in state.curve]}
    held = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    # the digest of the tensors stands beside the state: a flipped bit would be trained on for hours
    data = save(held, {_STATE: orjson.dumps({**described, "tensors": _digest(held)}).decode()})
    try:
        seam("checkpoint")
        write_atomically(folder / _FILE, data)
        write_json(folder / "curve.json", described)
    except OSError as error:
        if not full(error):
            raise
        raise Retryable(
            f"The disk is full: the checkpoint of step {state.step} could not be written.",
            safe="The checkpoint before it is whole, and nothing was registered.",
            next="Make room and start the same training again; it goes on from that checkpoint.",
        ) from None


def read(folder: Path, of: str) -> tuple[State, dict[str, torch.Tensor]] | None:
    """The checkpoint in `folder`, or None. Raises Misconfigured when it is of another training, Damaged when it is not whole."""
    path = folder / _FILE
    if not path.is_file():
        return None
    anew = f"Delete {path.name} in that folder; the training then starts from its first step."
    try:
        with safe_open(path, framework="pt") as stored:
            raw = orjson.loads(stored.metadata()[_STATE])
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118 - no mapping
    except (SafetensorError, orjson.JSONDecodeError, KeyError, TypeError):
        raise Damaged(f"The checkpoint {path.name} is not whole.", next=anew) from None
    if raw.pop("tensors") != _digest(tensors):
        raise Damaged(f"The checkpoint {path.name} does not hold what was written.", next=anew)
    if raw["of"] != of:
        raise Misconfigured(
            "The folder holds a checkpoint of another training.", next=f"Name another folder. Or: {anew}"
        )
    return State(**{**raw, "curve": tuple(Point(**point) for point in raw["curve"])}), tensors


def _digest(tensors: Mapping[str, torch.Tensor]) -> str:
    return digests.of_json(
        {
            name: digests.of_bytes(tensor.contiguous().view(torch.uint8).numpy().tobytes())
            for name, tensor in tensors.items()
        }
    )
