"""Is a behaviour really learnt, on a base that was really trained, without forgetting the rest; and is a worse one kept out?

The base and the adapter are trained here, once: a language model of a million weights on invented notes.
"""

import json
import math
import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

from bench import invented_notes
from bench.behaviour import for_the_tiny_base
from bench.behaviour_sets import sets_of
from bench.tiny_base import make_base
from probatum import digests
from probatum.adapters.registry import Adapters
from probatum.behaviours import Facts, Sets, read_behaviour
from probatum.errors import Damaged, Misconfigured, Rejected
from probatum.phi import ClinicalNames
from probatum.settings import Settings
from probatum.thresholds import gate as numbers_of
from probatum.training.behaviour import Row, loss_of, retrain, train_adapter
from probatum.training.behaviour_report import BehaviourReport
from probatum.training.language_model import Base, LanguageModel, base_of, weights_digest
from probatum.training.writing import outputs_of, with_adapter

trains = pytest.mark.skipif(
    not os.environ.get("PROBATUM_TRAINING"), reason="trains a language model for minutes: with PROBATUM_TRAINING=1"
)
EXPECTATIONS = Path(__file__).parents[2] / "expectations"
SOAP = for_the_tiny_base(read_behaviour(EXPECTATIONS, "soap-note"), steps=120)
FACTS = Facts(frozenset(condition.code for condition in invented_notes.CONDITIONS))
NAMES = ClinicalNames.of(
    text for c in invented_notes.CONDITIONS for text in (c.title, c.title.lower(), c.finding.lower(), *c.plan)
)
SETS = sets_of(SOAP, train=480, held_out=80)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Matrices this small are slower on two, and the machine has other work."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@dataclass(frozen=True)
class Learnt:
    base: Base
    home: Path
    report: BehaviourReport


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Base:
    folder = tmp_path_factory.mktemp("base")
    return Base.of(folder, make_base(folder, steps=500).sha256)


@pytest.fixture(scope="module")
def learnt(base, tmp_path_factory) -> Learnt:
    """One retraining, from the gate to the verdict; the adapter is made the champion."""
    home = tmp_path_factory.mktemp("home")
    report = retrained(base, home, SOAP)
    Adapters(home).promote(report.adapter, actor="test")
    return Learnt(base, home, report)


def retrained(base: Base, home: Path, behaviour, sets: Sets = SETS) -> BehaviourReport:
    numbers = numbers_of(EXPECTATIONS, behaviour.name)
    folder = home / f"work-{behaviour.budget.steps}"
    return retrain(behaviour, base, sets, FACTS, NAMES, numbers, Adapters(home), folder, code="test", actor="test")


@trains
def test_an_adapter_lifts_the_form_of_notes_and_forgets_next_to_nothing(learnt):
    """P43: from below 72 % to at least 97 % of held-out notes that keep every rule; the general set within two per cent."""
    report = learnt.report
    for before in (report.zero_shot, report.detailed):
        assert 0.1 < before.compliance.compliance < 0.72
    assert report.challenger.compliance.compliance >= 0.97
    assert report.challenger.forgotten <= 0.02
    assert report.verdict.promoted and report.verdict.reasons == ()
    assert len(report.verdict.paired.won) > 20
    assert not report.would_a_prompt_do(SOAP.bounds.compliance)


@trains
def test_what_was_learnt_is_registered_with_where_it_comes_from(learnt):
    adapters = Adapters(learnt.home)
    record, life = adapters.record(learnt.report.adapter), adapters.life(learnt.report.adapter)
    assert [change.status for change in life.changes] == ["trained", "audited", "champion"]
    assert (record.base, record.data, record.rank) == (learnt.base.weights, learnt.report.checked["data"], 8)
    assert record.figures["compliance"] == learnt.report.challenger.compliance.compliance
    assert record.trained.curve[0].step == 0 and record.trained.best_loss < record.trained.curve[0].validated


@trains
def test_the_report_says_what_was_measured_and_quotes_nobody(learnt):
    told = learnt.report.as_markdown()
    assert "may be promoted" in told and "| vitals-line |" in told and "| slice harbour |" in told
    assert f"| {learnt.report.trained.curve[-1].step} |" in told
    assert "Vitals" not in told and "Subjective:" not in learnt.report.model_dump_json()


@trains
def test_the_registered_adapter_writes_the_same_notes_again(learnt):
    model = with_adapter(learnt.base, Adapters(learnt.home).folder(learnt.report.adapter))
    first = outputs_of(model, SOAP, SETS.probes[:12], SOAP.task)
    assert first == outputs_of(model, SOAP, SETS.probes[:12], SOAP.task)
    assert sum(not SOAP.broken(output.text, FACTS) for output in first) >= 11


@trains
def test_a_worse_challenger_is_rejected_and_the_champion_stays(learnt, tmp_path):
    """P43: trained for two steps only; the reasons are in its life, and it cannot be promoted after."""
    home = shutil.copytree(learnt.home, tmp_path / "home")
    worse = SOAP.model_copy(update={"budget": SOAP.budget.model_copy(update={"steps": 2, "evaluate_every": 2})})
    report = retrained(learnt.base, home, worse)
    assert report.before == learnt.report.adapter != report.adapter
    assert {reason.split(":")[0] for reason in report.verdict.reasons} >= {"no-regression", "good-enough"}
    adapters = Adapters(home)
    assert adapters.champion("behaviour", "soap-note") == learnt.report.adapter
    assert adapters.life(report.adapter).status == "rejected"
    assert "losses beyond chance" in adapters.life(report.adapter).changes[-1].why
    with pytest.raises(Rejected):
        adapters.promote(report.adapter, actor="test")


@trains
def test_an_adapter_is_not_served_on_a_base_it_was_not_trained_on(learnt, tmp_path):
    """P43: other weights under the same names are noticed by what they answer, and by their digest."""
    folder = shutil.copytree(learnt.base.folder, tmp_path / "other")
    weights = load_file(folder / "model.safetensors")
    weights["model.layers.0.self_attn.q_proj.weight"] *= 1.5
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(Damaged, match="expected"):
        Base.of(folder, learnt.base.weights)
    with pytest.raises(Damaged, match="loads wrongly"):
        with_adapter(Base.of(folder, weights_digest(folder)), Adapters(learnt.home).folder(learnt.report.adapter))


def test_data_that_the_gate_refuses_is_not_trained_on(untrained, tmp_path):
    """P44: a probe among the training examples; nothing is loaded, written or registered."""
    leaked = replace(SETS, train=(*SETS.train, SETS.probes[3].model_copy(update={"id": "train-9999"})))
    with pytest.raises(Rejected, match="train-9999 is probe probe-0004"):
        retrained(untrained, tmp_path, SOAP, leaked)
    assert list(tmp_path.glob("adapters*")) == [] and list(tmp_path.glob("work*")) == []


def test_an_example_longer_than_the_limits_is_refused_by_its_id(untrained, tmp_path):
    short = SOAP.model_copy(update={"limits": SOAP.limits.model_copy(update={"prompt_tokens": 20})})
    with pytest.raises(Rejected, match=r"480 training examples .* \(20 tokens of prompt"):
        train_adapter(short, LanguageModel.load(untrained), SETS, tmp_path, data="d")


@pytest.fixture(scope="module")
def untrained(tmp_path_factory) -> Base:
    """Two steps of training: a base that knows nothing, in the layout of any other."""
    folder = tmp_path_factory.mktemp("untrained")
    return Base.of(folder, make_base(folder, steps=2, width=32, layers=1).sha256)


@pytest.fixture
def as_from_a_hub(untrained, tmp_path) -> Path:
    """Another architecture, with a chat template, saved as `hf download` would leave it."""
    torch.manual_seed(3)
    folder = tmp_path / "gpt2-of-somebody"
    tokenizer = PreTrainedTokenizerFast.from_pretrained(untrained.folder)
    tokenizer.chat_template = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}{% if add_generation_prompt %}<answer>{% endif %}"
    config = GPT2Config(vocab_size=len(tokenizer), n_embd=16, n_layer=1, n_head=2, n_positions=128, bos_token_id=0, eos_token_id=0)  # fmt: skip
    GPT2LMHeadModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def test_another_model_is_one_setting_its_folder_and_its_sha256(as_from_a_hub):
    """P31: the same calls with a folder of another maker: by digest, without a network, asked through its own template."""
    sha256 = digests.of_file(as_from_a_hub / "model.safetensors")
    base = base_of(SOAP, Settings(language_model=str(as_from_a_hub), language_model_sha256=sha256))
    model = LanguageModel.load(base)
    assert model.prompt("Triage.", "Caller: …") == "<user>Triage.\n\nCaller: …<answer>"
    written = model.write(["<user>One.<answer>", "<user>Another, longer one.<answer>"], most=5)
    assert [w.tokens <= 5 for w in written] == [True, True] and written == model.write(
        ["<user>One.<answer>", "<user>Another, longer one.<answer>"], most=5
    )
    assert model.perplexity(["Fine weather today."]) > 1


def test_a_base_without_layers_for_an_adapter_is_told(as_from_a_hub, tmp_path):
    """GPT-2 keeps its weights in layers of its own kind."""
    model = LanguageModel.load(Base.of(as_from_a_hub, weights_digest(as_from_a_hub)))
    roomy = SOAP.model_copy(
        update={"limits": SOAP.limits.model_copy(update={"prompt_tokens": 4_000, "new_tokens": 4_000})}
    )
    with pytest.raises(Misconfigured, match="no linear layers"):
        train_adapter(roomy, model, SETS, tmp_path, data="d")


def test_the_file_of_a_behaviour_may_name_its_own_base(as_from_a_hub, untrained):
    named = SOAP.base.model_copy(update={"folder": str(as_from_a_hub), "sha256": weights_digest(as_from_a_hub)})
    chosen = Settings(language_model=str(untrained.folder), language_model_sha256=untrained.weights)
    assert base_of(SOAP.model_copy(update={"base": named}), chosen).folder == as_from_a_hub
    assert base_of(SOAP, chosen) == untrained


def test_a_base_in_several_files_has_one_digest(untrained, tmp_path):
    """Larger models come in parts, with an index; a changed byte of any part is another base."""
    model = LanguageModel.load(untrained)
    model.model.save_pretrained(tmp_path, max_shard_size="20KB")
    model.tokenizer.save_pretrained(tmp_path)
    parts = sorted(tmp_path.glob("model-*.safetensors"))
    assert len(parts) > 1 and not (tmp_path / "model.safetensors").exists()
    sha256 = weights_digest(tmp_path)
    again = LanguageModel.load(Base.of(tmp_path, sha256))
    assert again.perplexity(SETS.general[:3]) == pytest.approx(model.perplexity(SETS.general[:3]))
    data = bytearray(parts[0].read_bytes())
    data[-1] ^= 1
    parts[0].write_bytes(data)
    with pytest.raises(Damaged):
        Base.of(tmp_path, sha256)


def test_a_base_that_is_not_pinned_or_not_there_is_not_loaded(as_from_a_hub, tmp_path):
    """P31: no sha256, another sha256, no folder, nothing named."""
    with pytest.raises(Misconfigured, match="not pinned"):
        base_of(SOAP, Settings(language_model=str(as_from_a_hub)))
    with pytest.raises(Damaged, match="expected 000000000000"):
        Base.of(as_from_a_hub, "0" * 64)
    with pytest.raises(Misconfigured, match="no language model"):
        Base.of(tmp_path / "nowhere", "0" * 64)
    with pytest.raises(Misconfigured, match="PROBATUM_LANGUAGE_MODEL is empty"):
        base_of(SOAP, Settings())


def test_a_base_that_brings_code_is_refused(as_from_a_hub):
    """P30: a configuration that names Python of its own is refused before anything is loaded."""
    config = json.loads((as_from_a_hub / "config.json").read_text())
    config["auto_map"] = {"AutoModelForCausalLM": "modeling_evil.Evil"}
    (as_from_a_hub / "config.json").write_text(json.dumps(config))
    (as_from_a_hub / "modeling_evil.py").write_text("raise SystemExit('it ran')")
    with pytest.raises(Rejected, match="asks for code"):
        Base.of(as_from_a_hub, weights_digest(as_from_a_hub))


def test_weights_that_are_a_pickle_are_not_read(as_from_a_hub):
    """P30: a folder with pytorch_model.bin and no safetensors is no base."""
    (as_from_a_hub / "model.safetensors").rename(as_from_a_hub / "pytorch_model.bin")
    with pytest.raises(Misconfigured, match="no weights as safetensors"):
        Base.of(as_from_a_hub, "0" * 64)


def test_only_the_answer_counts_and_every_row_counts_alike(untrained):
    model = LanguageModel.load(untrained)
    rows = [Row((5, 6, 7, 8, 9, 10), 3), Row((5, 6, 7), 1)]
    with torch.inference_mode():
        seen = float(loss_of(model.model, rows, pad=0))
        by_hand = []
        for row in rows:
            logits = model.model(input_ids=torch.tensor([row.ids])).logits[0].log_softmax(-1).numpy()
            told = [logits[at - 1, row.ids[at]] for at in range(max(row.read, 1), len(row.ids))]
            by_hand.append(-np.mean(told))
    assert seen == pytest.approx(np.mean(by_hand), rel=1e-5)


def test_perplexity_is_the_same_in_any_batch(untrained):
    model = LanguageModel.load(untrained)
    texts = ["Short.", "A somewhat longer text about nothing.", "Another one."]
    total, count = 0.0, 0
    for text in texts:
        tokens = len(model.tokens(text))
        total += math.log(model.perplexity([text])) * tokens
        count += tokens
    assert model.perplexity(texts) == pytest.approx(math.exp(total / count), rel=1e-5)
