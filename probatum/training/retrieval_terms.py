"""expectations/retrieval.toml: how the retrieval adapter is trained, and what it has to hold beside the rules of promotion.

retrieval_terms(expectations)  ->  RetrievalTerms(sides="query", rank=16, general_loss=0.02, budget=Budget(steps=240, …))
"""

from pathlib import Path

from pydantic import Field

from probatum.adapters.record import Sides
from probatum.release import Frozen
from probatum.strict_toml import read_strictly
from probatum.training.budget import Budget


class RetrievalTerms(Frozen):
    """strength: how much of what was learnt is kept (`probatum.training.retrieval`). general_loss: how much worse known texts may come back when they are asked for word by word; .02 is two per cent."""

    sides: Sides
    rank: int = Field(gt=0, le=256)
    strength: float = Field(1.0, gt=0, le=1)
    general_loss: float = Field(ge=0, le=0.1)
    budget: Budget


def retrieval_terms(expectations: Path) -> RetrievalTerms:
    """Raises Misconfigured where the file is missing, misspelt or out of range."""
    return read_strictly(expectations / "retrieval.toml", RetrievalTerms, safe="Nothing was trained.")
