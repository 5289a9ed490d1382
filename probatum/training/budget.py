"""What a training may cost, and what became of it: plain values, without torch.

    Budget(steps=300, batch=96, learning_rate=1e-3, minutes=30, seed=0)
    Trained(steps=260, best_step=240, best_loss=1.31, ended="patience", curve=(Point(0, None, 1.92), Point(20, 2.1, 1.71), …), …)

An *evaluation* is what `validate` says after every `evaluate_every` steps; lower is better.
"""

from typing import Literal

from pydantic import Field

from probatum.release import Frozen

Ended = Literal["steps", "patience", "minutes"]


class Budget(Frozen):
    """steps and minutes end a training, whichever comes first; patience: evaluations without a better one."""

    steps: int = Field(gt=0)
    batch: int = Field(gt=0)  # examples a step; kept whatever the memory holds at once
    learning_rate: float = Field(gt=0)
    minutes: float = Field(gt=0)  # of training, over all the processes it took
    warm_up: float = Field(0.1, ge=0, lt=1)  # share of the steps in which the rate rises from nothing
    evaluate_every: int = Field(20, gt=0)  # steps; a checkpoint is left after each evaluation
    patience: int = Field(5, gt=0)
    seed: int = Field(0, ge=0)
    micro_batch: int = Field(0, ge=0)  # examples in memory at once; 0: the whole batch, until it does not fit
    most_gradient: float = Field(1.0, gt=0)  # a longer gradient is cut to this norm
    decay: float = Field(0.01, ge=0)  # of the weights, as in AdamW


class Point(Frozen):
    """One evaluation. trained: mean loss of the steps since the one before; None at the start."""

    step: int
    trained: float | None
    validated: float


class Trained(Frozen):
    steps: int
    best_step: int
    best_loss: float
    ended: Ended
    curve: tuple[Point, ...]
    minutes: float
    device: str  # "cpu" or the name of the GPU
    precision: str  # of the arithmetic: fp32, or bf16 under autocast
    micro_batch: int
    resumed: int  # how often it went on from a checkpoint
    memory_mb: int = 0  # most that the GPU held; 0 on a CPU

    def curve_as_markdown(self) -> list[str]:
        """The lines of a table, one an evaluation."""
        losses = [("" if p.trained is None else f"{p.trained:.3f}", p) for p in self.curve]
        head = ["| step | loss of training | of validation |", "|---|---|---|"]
        return head + [f"| {p.step} | {trained} | {p.validated:.3f} |" for trained, p in losses]
