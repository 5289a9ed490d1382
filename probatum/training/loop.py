"""One training loop for both kinds of adapter, the same on a CPU and on a GPU.

    train(model, examples_of, loss_of, validate, folder, Budget(steps=300, batch=96, learning_rate=1e-3, minutes=30), data="9a1b…")
    ->  Trained(steps=260, best_step=240, best_loss=1.31, ended="patience", …)     the model holds its best weights

`examples_of(step)` gives the same examples for the same step, and the random generator is seeded anew at every step: a
training that was killed and resumed ends with the numbers of one that was not (P45). Only parameters that require a
gradient are trained and kept.

Where a batch does not fit into the GPU it is halved, and the gradient of the whole batch is still what is taken. A loss
that is a mean over examples is added up part by part. One whose examples depend on each other (negatives of the same
batch) is given as `OfWholeBatch`: every part is encoded twice, first without and then with gradients, and in between the
loss sees all vectors together, so there are as many negatives as before.
"""

import math
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

from probatum import digests
from probatum.errors import Rejected
from probatum.progress import bar
from probatum.training import checkpoints
from probatum.training.budget import Budget, Ended, Point, Trained
from probatum.training.checkpoints import State

_DIVERGED = 2.0  # an evaluation this many times the first: further steps only cost
_NOTHING = "No adapter was registered; what served before still serves."
_ANOTHER_SEED = 1_000_003  # a prime above any number of steps, so that no two steps of two seeds share one


@dataclass(frozen=True)
class OfWholeBatch:
    """A loss over all examples of a batch together.

    encode(model, examples) -> one row for each, shape (len(examples), …). loss(rows, examples) of the whole batch -> a scalar.
    """

    encode: Callable[[nn.Module, Sequence], torch.Tensor]
    loss: Callable[[torch.Tensor, Sequence], torch.Tensor]


Loss = Callable[[nn.Module, Sequence], torch.Tensor] | OfWholeBatch


def train(
    model: nn.Module,
    examples_of: Callable[[int], Sequence],
    loss_of: Loss,
    validate: Callable[[nn.Module], float],
    folder: Path,
    budget: Budget,
    *,
    data: str,
    what: str = "training",
    device: str | None = None,
) -> Trained:
    """Train until the budget or the patience is spent; resumes from a checkpoint in `folder`.

    data: digest of what is learnt from; a checkpoint of other data, another budget or another model is not resumed.
    Raises Rejected when the loss is no number or runs away or one example alone does not fit, Retryable when the disk is full.
    """
    return _Training(model, examples_of, loss_of, validate, folder, budget, data, what, device).run()


def best_device() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"


class _Training:
    def __init__(self, model, examples_of, loss_of, validate, folder, budget: Budget, data: str, what: str, device):
        self._device = device or best_device()
        self._model, self._examples_of, self._loss_of, self._validate = (
            model.to(self._device),
            examples_of,
            loss_of,
            validate,
        )
        self._folder, self._budget, self._what = folder, budget, what
        self._weights = {name: p for name, p in model.named_parameters() if p.requires_grad}
        if not self._weights:
            raise Rejected("The model has nothing to train.", safe=_NOTHING, next="Add an adapter to it first.")
        shapes = {name: list(p.shape) for name, p in self._weights.items()}
        self._of = digests.of_json([budget.model_dump(), data, shapes])
        self._optimizer = torch.optim.AdamW(self._weights.values(), lr=budget.learning_rate, weight_decay=budget.decay)
        self._best: dict[str, torch.Tensor] = {}

    def run(self) -> Trained:
        state = self._resume() or self._start()
        begun, before = time.monotonic(), state.seconds
        schedule = self._schedule(state.step)
        advance = bar(f"{self._what}: steps", self._budget.steps)
        advance(state.step)
        losses: list[float] = []
        while not (ended := self._ended(state)):
            loss, micro_batch = self._step(state.step, state.micro_batch)
            schedule.step()
            losses.append(loss)
            spent = before + time.monotonic() - begun
            state = replace(state, step=state.step + 1, micro_batch=micro_batch, seconds=spent)
            advance(1)
            if state.step % self._budget.evaluate_every == 0 or self._ended(state):
                state, losses = self._evaluated(state, losses), []
        self._put(self._best)
        return self._trained(state, ended)

    def _start(self) -> State:
        """The first evaluation is of the model as it came: what does not get better than that is not worth keeping."""
        first = self._validated(0)
        self._best = self._copy()
        start = State(
            of=self._of,
            step=0,
            best_step=0,
            best_loss=first,
            waited=0,
            seconds=0.0,
            micro_batch=min(self._budget.micro_batch or self._budget.batch, self._budget.batch),
            resumed=0,
            curve=(Point(step=0, trained=None, validated=first),),
        )
        self._keep(start)
        return start

    def _resume(self) -> State | None:
        found = checkpoints.read(self._folder, self._of)
        if found is None:
            return None
        state, tensors = found
        self._put({name: tensors[f"weights.{name}"] for name in self._weights})
        self._best = {name: tensors[f"best.{name}"].to(self._device) for name in self._weights}
        for name, parameter in self._weights.items():
            if f"first.{name}" in tensors:
                self._optimizer.state[parameter] = {
                    "step": torch.tensor(float(state.step)),
                    "exp_avg": tensors[f"first.{name}"].to(self._device),
                    "exp_avg_sq": tensors[f"second.{name}"].to(self._device),
                }
        return replace(state, resumed=state.resumed + 1)

    def _keep(self, state: State) -> None:
        tensors = {f"weights.{name}": p for name, p in self._weights.items()}
        tensors |= {f"best.{name}": p for name, p in self._best.items()}
        for name, parameter in self._weights.items():
            if moments := self._optimizer.state.get(parameter):
                tensors |= {f"first.{name}": moments["exp_avg"], f"second.{name}": moments["exp_avg_sq"]}
        checkpoints.keep(self._folder, state, tensors)

    def _schedule(self, done: int) -> LambdaLR:
        """Up in a straight line, then down along half a cosine."""
        warm, steps = max(1, round(self._budget.warm_up * self._budget.steps)), self._budget.steps

        def share(step: int) -> float:
            if step < warm:
                return (step + 1) / warm
            return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))

        for group in self._optimizer.param_groups:
            group["initial_lr"] = self._budget.learning_rate
        return LambdaLR(self._optimizer, share, last_epoch=done - 1)

    def _step(self, step: int, micro_batch: int) -> tuple[float, int]:
        """One step; (its loss, how many examples fit at once). Out of memory: the same step again in smaller parts."""
        examples = self._examples_of(step)
        while True:
            self._model.train()
            self._optimizer.zero_grad(set_to_none=True)
            try:
                loss = self._gradients(examples, micro_batch, step)
                break
            except torch.OutOfMemoryError:
                if micro_batch <= 1:
                    raise Rejected(
                        "One example alone does not fit into the memory of the GPU.",
                        safe=_NOTHING,
                        next="Use a GPU with more memory, a smaller base or shorter texts.",
                    ) from None
            micro_batch = max(1, min(micro_batch, len(examples)) // 2)
            torch.cuda.empty_cache()
        norm = nn.utils.clip_grad_norm_(self._weights.values(), self._budget.most_gradient)
        self._must_be_a_number(loss, "loss", step)
        self._must_be_a_number(float(norm), "gradient", step)
        self._optimizer.step()
        return loss, micro_batch

    def _gradients(self, examples: Sequence, micro_batch: int, step: int) -> float:
        """Add the gradient of the mean loss of all examples to the weights, in parts of `micro_batch`."""
        parts = [examples[i : i + micro_batch] for i in range(0, len(examples), micro_batch)]
        if isinstance(self._loss_of, OfWholeBatch) and len(parts) > 1:
            return self._gradients_of_the_whole(self._loss_of, parts, step)
        total = 0.0
        for number, part in enumerate(parts):
            self._seed(step, number)
            with self._autocast():
                if isinstance(self._loss_of, OfWholeBatch):
                    loss = self._loss_of.loss(self._loss_of.encode(self._model, part), part)
                else:
                    loss = self._loss_of(self._model, part) * (len(part) / len(examples))
            loss.backward()
            total += float(loss.detach())
        return total

    def _gradients_of_the_whole(self, of: OfWholeBatch, parts: Sequence[Sequence], step: int) -> float:
        """Both passes over a part are seeded alike, so that they drop the same units."""
        rows = []
        for number, part in enumerate(parts):
            self._seed(step, number)
            with torch.no_grad(), self._autocast():
                rows.append(of.encode(self._model, part))
        together = torch.cat(rows).detach().requires_grad_()
        with self._autocast():
            loss = of.loss(together, [example for part in parts for example in part])
        loss.backward()
        gradients = together.grad.split([len(part) for part in parts])
        for number, (part, gradient) in enumerate(zip(parts, gradients, strict=True)):
            self._seed(step, number)
            with self._autocast():
                again = of.encode(self._model, part)
            again.backward(gradient.to(again.dtype))
        return float(loss.detach())

    def _evaluated(self, state: State, losses: Sequence[float]) -> State:
        validated = self._validated(state.step)
        point = Point(step=state.step, trained=sum(losses) / len(losses) if losses else None, validated=validated)
        state = replace(state, curve=(*state.curve, point))
        if validated > _DIVERGED * max(state.curve[0].validated, 1e-6):
            raise Rejected(
                f"The training runs away: at step {state.step} its evaluation is {validated:.4g}, "
                f"it began at {state.curve[0].validated:.4g}.",
                safe=_NOTHING,
                next="Lower the learning rate of the budget.",
            )
        if validated < state.best_loss:
            self._best = self._copy()
            state = replace(state, best_step=state.step, best_loss=validated, waited=0)
        else:
            state = replace(state, waited=state.waited + 1)
        self._keep(state)
        return state

    def _validated(self, step: int) -> float:
        self._model.eval()
        self._seed(step, 0)
        with torch.inference_mode(), self._autocast():
            value = float(self._validate(self._model))
        self._must_be_a_number(value, "evaluation", step)
        return value

    def _ended(self, state: State) -> Ended | None:
        if state.step >= self._budget.steps:
            return "steps"
        if state.waited >= self._budget.patience:
            return "patience"
        return "minutes" if state.seconds >= 60 * self._budget.minutes else None

    def _must_be_a_number(self, value: float, of: str, step: int) -> None:
        if not math.isfinite(value):
            raise Rejected(
                f"The {of} of step {step} is no number ({value}).",
                safe=_NOTHING,
                next="Lower the learning rate of the budget, and look for empty examples in the data.",
            )

    def _seed(self, step: int, part: int) -> None:
        torch.manual_seed((self._budget.seed * _ANOTHER_SEED + step) * 4096 + part)

    def _autocast(self) -> AbstractContextManager:
        """bf16 has the range of fp32, so no loss needs scaling."""
        return torch.autocast("cuda", torch.bfloat16) if self._on_cuda else nullcontext()

    @property
    def _on_cuda(self) -> bool:
        return self._device.startswith("cuda")

    def _copy(self) -> dict[str, torch.Tensor]:
        return {name: p.detach().clone() for name, p in self._weights.items()}

    def _put(self, values: dict[str, torch.Tensor]) -> None:
        with torch.no_grad():
            for name, parameter in self._weights.items():
                parameter.copy_(values[name])

    def _trained(self, state: State, ended: Ended) -> Trained:
        return Trained(
            steps=state.step,
            best_step=state.best_step,
            best_loss=state.best_loss,
            ended=ended,
            curve=state.curve,
            minutes=round(state.seconds / 60, 2),
            device=torch.cuda.get_device_name() if self._on_cuda else "cpu",
            precision="bf16" if self._on_cuda else "fp32",
            micro_batch=state.micro_batch,
            resumed=state.resumed,
            memory_mb=torch.cuda.max_memory_allocated() >> 20 if self._on_cuda else 0,
        )
