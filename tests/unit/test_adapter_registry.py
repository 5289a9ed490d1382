"""Is only data ever taken for an adapter, is it what it says, and is there one champion at a time, whoever is killed?"""

import json
import multiprocessing
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from probatum.adapters.record import AdapterRecord
from probatum.adapters.reference import keep_reference, must_match
from probatum.adapters.registry import Adapters
from probatum.adapters.shape import Shape
from probatum.adapters.status import AFTER
from probatum.adapters.weights import linear_layers, merged, with_lora, write_adapter
from probatum.errors import Damaged, Rejected
from probatum.journal import Journal
from probatum.seams import fault_at

BASE = "b" * 64


class Tiny(nn.Module):
    """Two layers named as a transformer's are."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(1)
        self.embed = nn.Linear(5, 8)
        self.layer = nn.ModuleList([nn.ModuleDict({"dense": nn.Linear(8, 8), "output": nn.Linear(8, 8)}) for _ in "ab"])
        self.pooler = nn.Linear(8, 8)

    def forward(self, rows):
        hidden = self.embed(rows)
        for layer in self.layer:
            hidden = torch.tanh(layer["output"](torch.tanh(layer["dense"](hidden))))
        return hidden


INPUTS = torch.randn(4, 5, generator=torch.Generator().manual_seed(2))


def seen(model: nn.Module) -> np.ndarray:
    with torch.inference_mode():
        return model(INPUTS).numpy()


def make(folder: Path, *, by: float = 0.3, rank: int = 2, seed: int = 5) -> Path:
    """An adapter of the tiny base whose B tensors are of size `by`."""
    folder.mkdir(parents=True)
    base = Tiny()
    model = with_lora(base, Shape(rank=rank, alpha=4, targets=linear_layers(base)), seed=seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.normal_(0, by) if by else parameter.zero_()
    write_adapter(folder, model, base_name="tiny")
    if by:
        keep_reference(folder, after=seen(model), before=seen(Tiny()))
    else:
        keep_reference(folder, after=seen(model) + 1, before=seen(Tiny()))
    return folder


def record(**changed) -> AdapterRecord:
    facts = {
        "kind": "retrieval",
        "name": "retrieval",
        "base": BASE,
        "base_name": "tiny",
        "rank": 2,
        "data": "d" * 64,
        "code": "c" * 40,
        "sides": "query",
        "created": datetime(2026, 11, 20, tzinfo=UTC),
    }
    return AdapterRecord(**(facts | changed))


def add(home: Path, folder: Path, **changed) -> str:
    return Adapters(home).add(folder, record(**changed), base=BASE, actor="test")


@pytest.fixture
def folder(tmp_path):
    return make(tmp_path / "made")


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


def test_an_adapter_that_is_added_loads_as_it_was_trained(home, folder):
    """P31: it is found by its digest, and what it gives is what it gave at training."""
    identity = add(home, folder)
    found = Adapters(home).folder(identity)
    model = merged(Tiny(), found)
    must_match(found, seen(model))
    assert np.abs(seen(model) - seen(Tiny())).max() > 0.01
    assert not any("lora" in name for name, _ in model.named_parameters())


def test_the_layers_of_a_transformer_are_found_without_embeddings_and_heads():
    assert linear_layers(Tiny()) == ("dense", "output")


def test_the_same_adapter_again_is_no_second_one(home, folder):
    assert add(home, folder) == add(home, folder)
    assert len(Adapters(home).all()) == 1
    assert len(Journal(home / "journal.jsonl").records()) == 1


def test_sides_make_another_adapter(home, folder):
    assert add(home, folder) != add(home, folder, sides="both")


def test_one_flipped_bit_is_noticed_before_loading(home, folder):
    """P31: one byte of the weights, the configuration or the reference is another: refused."""
    identity = add(home, folder)
    for name in ("adapter_model.safetensors", "adapter_config.json", "reference.safetensors"):
        path = home / "adapters" / identity / name
        whole = path.read_bytes()
        path.write_bytes(whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:])
        with pytest.raises(Damaged, match="not what was added"):
            Adapters(home).folder(identity)
        path.write_bytes(whole)
    assert Adapters(home).folder(identity)


class _Canary:
    """A pickle of this writes a file when it is loaded."""

    def __init__(self, path: str):
        self.path = path

    def __reduce__(self):
        return (os.system, (f"touch {self.path}",))


@pytest.mark.parametrize("name", ["adapter_model.bin", "adapter_model.pt", "adapter_model.pkl", "optimizer.pt", "x.py"])
def test_a_file_that_could_be_run_is_refused_unread(home, folder, tmp_path, name):
    """P30: a pickle beside the weights is refused, and what it would do is not done."""
    canary = tmp_path / "canary"
    torch.save(_Canary(str(canary)), folder / name)
    with pytest.raises(Rejected, match="no file of an adapter"):
        add(home, folder)
    assert not canary.exists() and Adapters(home).all() == {}


def test_a_pickle_under_the_name_of_the_weights_is_not_run(home, folder, tmp_path):
    """P30: what calls itself safetensors and is a pickle is damaged, and what it would do is not done."""
    canary = tmp_path / "canary"
    torch.save(_Canary(str(canary)), folder / "adapter_model.safetensors")
    with pytest.raises(Damaged, match="no safetensors file"):
        add(home, folder)
    torch.save(_Canary(str(canary)), folder / "reference.safetensors")
    with pytest.raises(Damaged):
        must_match(folder, np.zeros((4, 8), np.float32))
    assert not canary.exists()


def test_only_a_folder_of_its_own_files_is_taken(home, folder, tmp_path):
    """P30: a link to elsewhere is no file of an adapter."""
    path = folder / "adapter_model.safetensors"
    shutil.move(path, tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Rejected, match="no ordinary file"):
        add(home, folder)


@pytest.mark.parametrize(
    "said",
    [
        {"peft_type": "PREFIX_TUNING"},
        {"peft_type": None},
        {"auto_mapping": {"base_model_class": "Model", "parent_library": "somebody.else"}},
        {"megatron_config": {"a": 1}, "megatron_core": "somebody.else"},
        {"megatron_core": "somebody.else"},
        {"init_lora_weights": "pissa"},
        {"layer_replication": [[0, 4]]},
        {"modules_to_save": ["pooler"]},
        {"use_dora": True},
        {"trust_remote_code": True},
        {"auto_map": {"AutoModel": "modeling.Model"}},
        {"target_modules": "(a+)+$"},
        {"target_modules": ["dense", "(a+)+$"]},
        {"target_modules": []},
        {"r": 0},
        {"r": True},
        {"r": 100000},
        {"lora_alpha": float("1e300")},
        {"rank_pattern": {"dense": 400}},
    ],
    ids=lambda said: json.dumps(said)[:40],
)
def test_a_configuration_that_asks_for_more_than_plain_lora_is_refused(home, folder, said):
    """P30: remote code, modules to import, another kind of adapter, a regular expression: refused before it is read by peft."""
    path = folder / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | said))
    with pytest.raises(Rejected, match=r"adapter_config\.json is refused"):
        add(home, folder)
    assert Adapters(home).all() == {}


def test_a_configuration_as_peft_itself_writes_it_is_read(home, folder):
    """Everything that peft saves of a plain adapter says what it would say without."""
    from peft import LoraConfig

    config = LoraConfig(r=2, lora_alpha=4, target_modules=["dense", "output"])
    config.save_pretrained(folder)
    assert add(home, folder)


def test_an_adapter_of_another_base_is_refused(home, folder):
    """P30: the base it names by digest is not the one here."""
    with pytest.raises(Rejected, match="trained on base"):
        add(home, folder, base="a" * 64)


def test_an_adapter_whose_layers_the_base_has_not_is_refused(folder):
    """P43: a wrong base is noticed by its layers too."""
    with pytest.raises(Rejected, match="the base has no layer"):
        merged(nn.Sequential(nn.Linear(5, 8)), folder)


def changed_tensors(folder: Path, change) -> None:
    path = folder / "adapter_model.safetensors"
    tensors = load_file(path)
    save_file(change(tensors), path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda t: {n: torch.full_like(x, torch.nan) if "layer.1.dense.lora_A" in n else x for n, x in t.items()},
            "not finite",
        ),
        (lambda t: {n: torch.zeros_like(x) if "lora_B" in n else x for n, x in t.items()}, "change nothing"),
        (lambda t: {n: torch.ones(3, 8) if "lora_A" in n else torch.ones(8, 3) for n in t}, "of rank 3"),
        (lambda t: {n: x.to(torch.int8) for n, x in t.items()}, "int8"),
        (lambda t: dict(list(t.items())[:3]), "without its counterpart"),
        (lambda t: t | {"base_model.model.embed.weight": torch.ones(8, 5)}, "no tensor of LoRA"),
        (lambda t: {}, "there are none"),
    ],
    ids=["nan", "zero", "rank", "type", "half", "foreign", "empty"],
)
def test_weights_that_are_not_an_adapters_are_refused(home, folder, change, said):
    """P43: NaN weights, no change at all, a wrong rank: rejected with the reason, and nothing is registered."""
    changed_tensors(folder, change)
    with pytest.raises(Rejected, match=said):
        add(home, folder)
    assert Adapters(home).all() == {}


def test_an_adapter_of_another_rank_than_its_record_says_is_refused(home, folder):
    """P43: a wrong rank."""
    with pytest.raises(Rejected, match="its record says 4"):
        add(home, folder, rank=4)


def test_an_adapter_that_was_not_applied_is_noticed(folder):
    """Three usual ways of loading leave the base as it was, without a word."""
    with pytest.raises(Damaged, match="these are the base's own"):
        must_match(folder, seen(Tiny()))


def test_an_adapter_that_gives_other_numbers_is_noticed(folder, tmp_path):
    other = make(tmp_path / "other", seed=9)
    with pytest.raises(Damaged, match="not those of its training"):
        must_match(folder, seen(merged(Tiny(), other)))


def test_a_status_follows_only_what_it_may_follow(home, folder):
    adapters, identity = Adapters(home), add(home, folder)
    with pytest.raises(Rejected, match="is trained; it cannot become champion"):
        adapters.promote(identity, actor="test")
    adapters.move(identity, "audited", actor="test")
    adapters.move(identity, "rejected", actor="test", why="worse on icd10")
    assert AFTER["rejected"] == ()
    with pytest.raises(Rejected, match="nothing else: train another"):
        adapters.move(identity, "audited", actor="test")
    told = [r["status"] for r in Journal(home / "journal.jsonl").records()]
    assert told == ["trained", "audited", "rejected"]


def two_audited(home: Path, tmp_path: Path) -> tuple[str, str]:
    pair = tuple(add(home, make(tmp_path / f"made-{seed}", seed=seed)) for seed in (1, 2))
    for identity in pair:
        Adapters(home).move(identity, "audited", actor="test")
    return pair


def test_there_is_one_champion_and_going_back_makes_the_earlier_one_champion_again(home, tmp_path):
    adapters, (first, second) = Adapters(home), two_audited(home, tmp_path)
    adapters.promote(first, actor="test")
    adapters.promote(second, actor="test")
    assert adapters.champion("retrieval", "retrieval") == second
    assert adapters.life(first).status == "retired"
    adapters.promote(first, actor="test", why="rollback")
    assert adapters.champion("retrieval", "retrieval") == first
    assert adapters.life(second).status == "retired"
    assert Journal(home / "journal.jsonl").verify() == 9


def test_a_promotion_that_died_before_it_was_told_is_told_by_the_next(home, tmp_path):
    adapters, (first, second) = Adapters(home), two_audited(home, tmp_path)
    adapters.promote(first, actor="test")
    with fault_at("adapter-promoted", KeyboardInterrupt()), pytest.raises(KeyboardInterrupt):
        adapters.promote(second, actor="test")
    assert adapters.champion("retrieval", "retrieval") == second
    adapters.settle()
    last = [(r["adapter"], r["status"]) for r in Journal(home / "journal.jsonl").records()][-2:]
    assert last == [(first, "retired"), (second, "champion")]


def test_an_adapter_that_was_put_in_place_and_not_written_down_can_be_added_again(home, folder):
    with fault_at("adapter-put", KeyboardInterrupt()), pytest.raises(KeyboardInterrupt):
        add(home, folder)
    assert Adapters(home).all() == {}
    assert Adapters(home).folder(add(home, folder))


def _promote(home: Path, identity: str) -> None:
    Adapters(home).promote(identity, actor=identity[:4])


def test_of_two_promotions_at_once_one_champion_comes(home, tmp_path):
    pair = two_audited(home, tmp_path)
    spawn = multiprocessing.get_context("spawn")
    racing = [spawn.Process(target=_promote, args=(home, identity)) for identity in pair]
    for process in racing:
        process.start()
    for process in racing:
        process.join(60)
    statuses = sorted(life.status for life in Adapters(home).all().values())
    assert statuses == ["champion", "retired"]
    assert Journal(home / "journal.jsonl").verify() == 7


def test_statuses_that_somebody_edited_are_not_believed(home, folder):
    add(home, folder)
    path = home / "adapters" / "lives.json"
    path.write_text(path.read_text().replace('"trained"', '"champion"'))
    with pytest.raises(Damaged, match="not what was written"):
        Adapters(home).all()
