"""What a language model makes of the examples of a behaviour, with and without an adapter, and how it stands.

model = with_adapter(base, adapters.folder(identity))        loaded, merged, and compared with its reference (P30)
outputs = outputs_of(model, soap, examples, soap.task)       one each, greedily, bounded
standing = standing_of(soap, figures, examples, …)           what `probatum.adapters.judging` compares
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from probatum import digests
from probatum.adapters.judging import Standing
from probatum.adapters.reference import REFERENCE_TEXTS, must_match
from probatum.adapters.weights import merged
from probatum.audit_report import QuestionResult
from probatum.behaviours import Behaviour, Compliance, Example, Output, examples_digest
from probatum.training.language_model import Base, LanguageModel

_LOGITS_KEPT = 4_096  # of each reference text: the first of the vocabulary; all of a large one would be megabytes


def with_adapter(base: Base, folder: Path, *, device: str = "cpu", dtype: torch.dtype = torch.float32) -> LanguageModel:
    """The base with the adapter of `folder` merged into it. Raises Damaged when it does not give what it gave at training."""
    plain = LanguageModel.load(base)
    model = LanguageModel(merged(plain.model, folder).eval(), plain.tokenizer, base)
    must_match(folder, reference_of(model))
    model.model.to(device, dtype)
    return model


@torch.inference_mode()
def reference_of(model: LanguageModel) -> np.ndarray:
    """Logits after the last token of each reference text, float32, shape (texts, numbers)."""
    rows = []
    for text in REFERENCE_TEXTS:
        ids = torch.tensor([model.tokens(text)], device=model.model.device)
        rows.append(model.model(input_ids=ids).logits[0, -1, :_LOGITS_KEPT].float().cpu().numpy())
    return np.stack(rows)


def outputs_of(model: LanguageModel, behaviour: Behaviour, examples: Sequence[Example], words: str) -> list[Output]:
    """words: what it is asked with, the plain task or the detailed prompt."""
    prompts = [model.prompt(words, example.input) for example in examples]
    written = model.write(prompts, most=behaviour.limits.new_tokens)
    return [
        Output(
            e.id, e.slice, w.text, label=e.output.strip() if behaviour.labels else "", critical=e.critical, cut=w.cut
        )
        for e, w in zip(examples, written, strict=True)
    ]


def standing_of(
    figures: Compliance, examples: Sequence[Example], *, adapter: str, base: Base, general: float, general_set: str
) -> Standing:
    """general: perplexity on the general set over that of the base alone."""
    kept = set(figures.kept)
    results = tuple(
        QuestionResult(
            id=e.id, slice=e.slice, critical=e.critical, rank=int(e.id in kept), strict_rank=int(e.id in kept), top=(),
            asked=digests.of_json([e.input, e.output]),
        )
        for e in examples
    )  # fmt: skip
    return Standing(
        adapter=adapter,
        base=base.weights,
        asked=examples_digest(examples),
        general_set=general_set,
        general=general,
        results=results,
    )
