"""What is known of an adapter, beside its weights.

    adapters/3f9c…/adapter.json    {"kind": "retrieval", "name": "retrieval", "sides": "query", "base": "53aa…", "parent": "",
                                    "data": "9a1b…", "code": "b5d23fc…", "rank": 16, "figures": {"hit_rate_3": 0.81}, "files": {…}}

base: sha256 of the base's model.safetensors. data: digest of what it learnt from. code: the commit it was trained with.
The identity of an adapter is the digest of what changes an answer: its weights, its shape, its base and its sides.
"""

from datetime import datetime
from typing import Literal

from pydantic import Field

from probatum import digests
from probatum.release import Frozen
from probatum.training.budget import Budget, Trained

Kind = Literal["retrieval", "behaviour"]
Sides = Literal["query", "both"]
WEIGHTS, SHAPE, REFERENCE, RECORD = (
    "adapter_model.safetensors",
    "adapter_config.json",
    "reference.safetensors",
    "adapter.json",
)


class AdapterRecord(Frozen):
    """See the module. sides: of a retrieval adapter, which texts it reads: only the question, or documents too."""

    kind: Kind
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")
    base: str = Field(pattern=r"^[0-9a-f]{64}$")
    base_name: str
    rank: int = Field(gt=0, le=256)
    data: str
    code: str
    created: datetime
    parent: str = ""  # the adapter that served when this one was trained
    sides: Sides | Literal[""] = ""
    figures: dict[str, float | int | str | None] = Field(default_factory=dict)
    budget: Budget | None = None
    trained: Trained | None = None
    files: dict[str, str] = Field(default_factory=dict)  # {file: sha256}; filled in when it is added

    def identity(self) -> str:
        return digests.of_json([self.files[WEIGHTS], self.files[SHAPE], self.base, self.sides])
