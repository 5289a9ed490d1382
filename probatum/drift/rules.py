"""expectations/thresholds.toml, [drift]: when what serves counts as drifted; reviewed numbers, each with its reason.

    drift_rules(expectations)  ->  DriftRules(least_probes=60, chance=0.01, …)

How often these numbers raise a false alarm, and how late they find what is there, is replayed by `bench.drift`.
"""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from probatum.strict_toml import read_strictly


class DriftRules(BaseModel):
    """What each number is for stands beside it in thresholds.toml."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    least_probes: int = Field(ge=20)
    answered_share: float = Field(gt=0, le=1)
    chance: float = Field(gt=0, lt=0.5)
    tests_agreeing: int = Field(ge=2)
    step_loss: float = Field(gt=0, lt=1)
    firm: float = Field(gt=0)
    slide_allowance: float = Field(ge=0, lt=1)
    slide_bound: float = Field(gt=0, lt=1)
    tolerated_margin: float = Field(ge=0)
    tolerated_overlap: float = Field(ge=0, lt=1)
    hold_off_days: int = Field(ge=1)
    calm_windows: int = Field(ge=1)
    retrain_every_days: int = Field(ge=1)
    gpu_minutes: int = Field(ge=0)
    least_queries: int = Field(ge=50)
    query_days: int = Field(ge=1)
    query_auc: float = Field(gt=0.5, lt=1)
    permutations: int = Field(ge=200)


def drift_rules(expectations: Path) -> DriftRules:
    """Raises Misconfigured where the table is missing, misspelt or out of range."""
    return read_strictly(expectations / "thresholds.toml", DriftRules, table="drift", safe="Nothing was probed.")
