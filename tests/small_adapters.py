"""A real adapter of the embedded encoder, made without training: LoRA whose tensors are drawn at random.

It makes no answer better, but it loads, merges and moves vectors as a trained one does, which is all that its life needs.
"""

import importlib.metadata
from datetime import UTC, datetime
from pathlib import Path

import torch
from sentence_transformers import SentenceTransformer

from probatum.adapters.record import AdapterRecord, Sides
from probatum.adapters.reference import REFERENCE_TEXTS, keep_reference
from probatum.adapters.registry import Adapters
from probatum.adapters.shape import Shape
from probatum.adapters.weights import linear_layers, with_lora, write_adapter
from probatum.encoder import unit_vectors
from probatum.encoder_identity import base_of, identify
from probatum.settings import Settings

RANK = 2


def make_adapter(folder: Path, chosen: Settings, *, by: float = 0.05, seed: int = 1) -> Path:
    """The files of an adapter in `folder`. by: how large its tensors are, and so how far vectors move."""
    place, identity = identify(chosen)
    model = SentenceTransformer(str(place), device="cpu", local_files_only=True, trust_remote_code=False).float().eval()
    before = unit_vectors(model, REFERENCE_TEXTS)
    shape = Shape(rank=RANK, alpha=4, targets=linear_layers(model[0].auto_model))
    adapted = with_lora(model[0].auto_model, shape, seed=seed)
    with torch.no_grad():
        for name, parameter in adapted.named_parameters():
            if "lora_B" in name:
                parameter.normal_(0, by)
    folder.mkdir(parents=True)
    write_adapter(folder, adapted, base_name=identity.name)
    keep_reference(folder, after=unit_vectors(model.eval(), REFERENCE_TEXTS), before=before)
    return folder


def record_of(chosen: Settings, sides: Sides) -> AdapterRecord:
    return AdapterRecord(
        kind="retrieval",
        name="retrieval",
        base=base_of(chosen),
        base_name="all-MiniLM-L6-v2",
        rank=RANK,
        data="d" * 64,
        code=importlib.metadata.version("peft"),
        created=datetime(2026, 11, 20, tzinfo=UTC),
        sides=sides,
    )


def add_adapter(home: Path, folder: Path, sides: Sides) -> str:
    chosen = Settings(home=home)
    return Adapters(home).add(folder, record_of(chosen, sides), base=base_of(chosen), actor="test")
