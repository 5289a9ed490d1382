"""Does a training end with the same numbers, whatever happens to the process, the GPU or the disk meanwhile?

The model is a small one that learns which of its rows belong together: a second of work, with dropout, so that the random
generator matters.
"""

import errno
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from torch import nn

from probatum.errors import Damaged, Misconfigured, Rejected, Retryable
from probatum.progress import watching
from probatum.seams import fault_at
from probatum.training.budget import Budget
from probatum.training.loop import OfWholeBatch, train

ROOT = Path(__file__).parents[2]
BUDGET = Budget(steps=24, batch=8, learning_rate=0.02, minutes=5, evaluate_every=4, patience=24, seed=3)


class Small(nn.Module):
    def __init__(self, dropout: float = 0.2):
        super().__init__()
        torch.manual_seed(0)
        self.frozen = nn.Linear(6, 6)
        self.trained = nn.Sequential(nn.Linear(6, 12), nn.Tanh(), nn.Dropout(dropout), nn.Linear(12, 4))
        self.frozen.requires_grad_(False)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return self.trained(self.frozen(rows))


def rows_of(seed: int, count: int = 8) -> list[tuple[torch.Tensor, int]]:
    """Rows and the class each is of: which of the first four numbers is largest."""
    rows = torch.randn(count, 6, generator=torch.Generator().manual_seed(seed))
    return [(row, int(row[:4].argmax())) for row in rows]


def class_loss(model: nn.Module, examples) -> torch.Tensor:
    rows, classes = zip(*examples, strict=True)
    return nn.functional.cross_entropy(model(torch.stack(rows)), torch.tensor(classes))


def held_out_loss(model: nn.Module) -> float:
    return float(class_loss(model, rows_of(10**6, 64)).detach())


def run(
    folder: Path, budget: Budget = BUDGET, *, loss=class_loss, validate=held_out_loss, model=None, examples=rows_of
):
    model = model or Small()
    return model, train(model, examples, loss, validate, folder, budget, data="rows")


def weights(model: nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in model.trained.parameters()])


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A training that nothing happened to."""
    return run(tmp_path_factory.mktemp("whole"))


def test_it_learns_and_keeps_the_best_weights_of_its_curve(whole):
    model, trained = whole
    assert trained.ended == "steps" and trained.steps == 24
    assert trained.best_loss < 0.9 * trained.curve[0].validated
    assert trained.best_loss == min(point.validated for point in trained.curve)
    assert held_out_loss(model.eval()) == pytest.approx(trained.best_loss, rel=1e-6)
    assert [point.step for point in trained.curve] == list(range(0, 25, 4))


def test_what_does_not_ask_for_a_gradient_stays_as_it_was(whole):
    assert torch.equal(whole[0].frozen.weight, Small().frozen.weight)


def test_a_killed_training_goes_on_to_the_same_numbers(whole, tmp_path):
    """P45: SIGKILL at random steps, and the weights and the curve at the end are those of a training nobody killed."""
    kills, dice = 0, random.Random(11)
    ends = (ROOT / "tests", ROOT / "tests" / "unit", ROOT)
    for _ in range(3):
        process = subprocess.Popen(
            [sys.executable, "-c", _CHILD, str(tmp_path)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, ends)), "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            text=True,
        )
        at = dice.randint(5, 10)
        for line in process.stdout:
            if line.startswith("step") and (at := at - 1) <= 0:
                os.kill(process.pid, signal.SIGKILL)
                kills += 1
                break
        process.wait(60)
        process.stdout.close()
    torch.set_num_threads(1)
    model, trained = run(tmp_path)
    assert kills == 3 and 1 <= trained.resumed <= 3
    assert trained.curve == whole[1].curve
    assert torch.equal(weights(model), weights(whole[0]))


_CHILD = """
import sys, time
from pathlib import Path
from probatum.progress import watching
from test_training_loop import run
def told(what, done, total):
    print("step", done, flush=True)
    time.sleep(0.05)
with watching(told):
    run(Path(sys.argv[1]))
"""


@pytest.mark.parametrize("fits", [1, 3, 4])
def test_what_does_not_fit_into_the_gpu_is_halved_and_the_batch_stays_the_same(tmp_path, fits):
    """P45: out of memory halves what is in memory at once; the steps and their gradients are those of the whole batch."""
    seen = []

    def too_much(model, examples):
        seen.append(len(examples))
        if len(examples) > fits:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return class_loss(model, examples)

    budget = BUDGET.model_copy(update={"steps": 8})
    halved, trained = run(tmp_path / "halved", budget, loss=too_much, model=Small(dropout=0))
    same, _ = run(tmp_path / "same", budget, model=Small(dropout=0))
    assert trained.micro_batch <= fits and trained.steps == 8
    assert sum(n for n in seen if n <= fits) == 8 * 8
    assert torch.allclose(weights(halved), weights(same), atol=1e-5)


def test_a_loss_of_the_whole_batch_keeps_all_its_negatives_when_it_is_halved(tmp_path):
    """P45: in parts, a contrastive loss has the gradient it would have had in one piece."""

    def pairs(model, examples):
        rows = torch.stack([row for row, _ in examples])
        return torch.stack([model(rows), model(rows + 0.1)], dim=1)

    def contrast(rows, examples):
        left, right = nn.functional.normalize(rows, dim=-1).unbind(1)
        return nn.functional.cross_entropy(left @ right.T / 0.05, torch.arange(len(rows)))

    loss = OfWholeBatch(pairs, contrast)
    budget = BUDGET.model_copy(update={"steps": 6, "evaluate_every": 6})

    def ended(folder: str, micro: int) -> tuple[torch.Tensor, float]:
        model, trained = run(
            tmp_path / folder,
            budget.model_copy(update={"micro_batch": micro}),
            loss=loss,
            validate=lambda m: float(loss.loss(loss.encode(m, rows_of(5, 32)), ())),
            model=Small(dropout=0),
        )
        return weights(model), trained.curve[-1].trained

    (whole, whole_loss), (parts, parts_loss) = ended("whole", 0), ended("parts", 3)
    assert whole_loss == pytest.approx(parts_loss, rel=1e-4)
    assert torch.allclose(whole, parts, atol=1e-4)
    assert not torch.allclose(whole, weights(Small(dropout=0)), atol=1e-2)


def test_one_example_that_does_not_fit_is_refused(tmp_path):
    def never(model, examples):
        raise torch.OutOfMemoryError("CUDA out of memory.")

    with pytest.raises(Rejected, match="One example alone does not fit"):
        run(tmp_path, loss=never)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_stops_the_training(tmp_path, bad):
    """P45: NaN or infinity ends it as refused, and the last good checkpoint is from before."""
    calls = []

    def turns_bad(model, examples):
        calls.append(1)
        return class_loss(model, examples) * (bad if len(calls) > 10 else 1.0)

    with pytest.raises(Rejected, match="is no number"):
        run(tmp_path, loss=turns_bad)
    assert json.loads((tmp_path / "curve.json").read_bytes())["step"] == 8


def test_a_training_that_runs_away_is_stopped(tmp_path):
    """P45: an evaluation twice as bad as the first ends it as refused."""
    with pytest.raises(Rejected, match="runs away"):
        run(tmp_path, BUDGET.model_copy(update={"learning_rate": 80.0, "most_gradient": 1e6}))


def test_it_stops_when_it_gets_no_better(tmp_path):
    budget = BUDGET.model_copy(update={"steps": 400, "learning_rate": 0.2, "patience": 2})
    _, trained = run(tmp_path, budget)
    assert trained.ended == "patience"
    assert trained.steps == trained.best_step + 2 * 4


def test_it_stops_when_its_minutes_are_over(tmp_path):
    def slow(model, examples):
        time.sleep(0.05)
        return class_loss(model, examples)

    _, trained = run(tmp_path, BUDGET.model_copy(update={"minutes": 0.2 / 60}), loss=slow)
    assert trained.ended == "minutes"
    assert 4 <= trained.steps < 12


def test_a_full_disk_leaves_the_last_good_checkpoint(whole, tmp_path):
    """P45: no room for a checkpoint is to be tried again, and trying again ends with the same numbers."""
    full = fault_at("checkpoint", OSError(errno.ENOSPC, "No space left on device"))
    seen = []

    def validate(model):
        seen.append(1)
        if len(seen) == 3:
            full.__enter__()
        return held_out_loss(model)

    with pytest.raises(Retryable, match="disk is full"):
        run(tmp_path, validate=validate)
    full.__exit__(None, None, None)
    assert json.loads((tmp_path / "curve.json").read_bytes())["step"] == 4
    model, trained = run(tmp_path)
    assert trained.resumed == 1 and trained.curve == whole[1].curve
    assert torch.equal(weights(model), weights(whole[0]))


def test_a_checkpoint_of_another_training_is_not_taken_up(tmp_path):
    run(tmp_path)
    with pytest.raises(Misconfigured, match="another training"):
        train(Small(), rows_of, class_loss, held_out_loss, tmp_path, BUDGET, data="other rows")


def test_a_flipped_bit_in_a_checkpoint_is_noticed(tmp_path):
    run(tmp_path, BUDGET.model_copy(update={"steps": 4}))
    path = tmp_path / "checkpoint.safetensors"
    held = bytearray(path.read_bytes())
    held[-3] ^= 4
    path.write_bytes(held)
    with pytest.raises(Damaged, match="does not hold what was written"):
        run(tmp_path, BUDGET.model_copy(update={"steps": 4}))


def test_progress_is_told_step_by_step(tmp_path):
    told = []
    with watching(lambda what, done, total: told.append((done, total))):
        run(tmp_path, BUDGET.model_copy(update={"steps": 4}))
    assert told[-1] == (4, 4) and len(told) >= 5
