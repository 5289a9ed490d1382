"""Does a training of the real encoder change what it should, and nothing is trained on what it will be asked?

A few steps on two dozen drugs: enough to see that the loss falls, that a killed training goes on, and that what is left loads.
"""

from datetime import UTC, datetime

import numpy as np
import pytest
from small_adapters import record_of
from small_home import drugs, protocols

from probatum.adapters.registry import Adapters
from probatum.encoder import Encoder
from probatum.encoder_identity import base_of
from probatum.errors import Rejected
from probatum.settings import Settings
from probatum.training.budget import Budget
from probatum.training.pairs import lessons_of
from probatum.training.retrieval import train_retrieval

BUDGET = Budget(steps=4, batch=8, learning_rate=1e-3, minutes=5, evaluate_every=2, patience=4, seed=1)


@pytest.fixture(scope="module")
def lessons():
    return lessons_of([*drugs(), *protocols()])


@pytest.fixture(scope="module", params=["query", "both"])
def trained(request, tmp_path_factory, encoder, lessons):
    folder = tmp_path_factory.mktemp(request.param)
    done = train_retrieval(
        Settings(),
        lessons,
        folder / "adapter",
        sides=request.param,
        budget=BUDGET,
        kept={},
        encode=encoder.encode,
        work=folder,
    )
    return request.param, folder, done


def test_a_few_steps_make_the_held_out_names_nearer(trained):
    _, _, done = trained
    assert done.best_step > 0 and done.best_loss < done.curve[0].validated
    assert (done.device, done.precision) == ("cpu", "fp32")


def test_what_was_trained_is_registered_and_worn(trained, tmp_path, encoder):
    """P31: from the training to the encoder that wears it, by digest, and its vectors are those of the training."""
    sides, folder, _ = trained
    chosen = Settings(home=tmp_path)
    record = record_of(chosen, sides).model_copy(update={"rank": 16, "created": datetime.now(UTC)})
    identity = Adapters(tmp_path).add(folder / "adapter", record, base=base_of(chosen), actor="test")
    wearing = Encoder.load(chosen, adapter=identity)
    moved = float(wearing.encode_query("Lasix") @ encoder.encode_query("Lasix"))
    assert 0.5 < moved < 0.99999
    same = np.array_equal(wearing.encode(["Lasix"]), encoder.encode(["Lasix"]))
    assert same == (sides == "query")


def test_a_training_that_ended_is_not_done_again(trained, encoder, lessons):
    sides, folder, done = trained
    again = train_retrieval(
        Settings(), lessons, folder / "again", sides=sides, budget=BUDGET, kept={}, encode=encoder.encode, work=folder
    )
    assert again.curve == done.curve and again.resumed == 1
    name = "adapter_model.safetensors"
    assert (folder / "again" / name).read_bytes() == (folder / "adapter" / name).read_bytes()


def test_a_training_does_not_begin_on_what_it_will_be_judged_by(tmp_path, encoder, lessons):
    """P44: the gate stands inside the training: who calls it cannot forget it."""
    with pytest.raises(Rejected, match=r"q-9 \(the same but for case\)"):
        train_retrieval(
            Settings(),
            lessons,
            tmp_path / "adapter",
            sides="query",
            budget=BUDGET,
            kept={"q-9": "lasix 40 MG tablet"},
            encode=encoder.encode,
            work=tmp_path,
        )
    assert list(tmp_path.iterdir()) == []
