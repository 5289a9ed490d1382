"""Training a behaviour: from signed-off examples to an adapter that was judged, and is promoted by nobody yet.

    report = retrain(soap, base, sets, facts, names, numbers, Adapters(home), folder, code="b5d23fc", actor="retrain")
    report.verdict.promoted  True        report.adapter  "3f9c…", audited in the registry; or rejected, with its reasons

In this order, each of which can end it: the gate on the data; the question whether better words would do (zero-shot against
the detailed prompt, on the base alone); training through the shared loop; loading what was written, compared with its
reference; champion against challenger on the held-out set, by slice, with the general set; the rule of promotion.
The loss is of the answer only, and of ordinary text that is mixed in, so that less is forgotten. What validates while
training is taken off the training set: the held-out set is seen once, at the end.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import torch
from safetensors.numpy import load_file
from torch import nn

from probatum import digests
from probatum.adapters.judging import Terms, judge
from probatum.adapters.record import WEIGHTS, AdapterRecord
from probatum.adapters.reference import keep_reference
from probatum.adapters.registry import Adapters
from probatum.adapters.shape import Shape
from probatum.adapters.weights import linear_layers, with_lora, write_adapter
from probatum.behaviours import Behaviour, Checked, Facts, Sets, gate, measured
from probatum.behaviours.examples import Example, texts_digest
from probatum.behaviours.gate import Near
from probatum.errors import Misconfigured, Rejected
from probatum.phi import ClinicalNames
from probatum.thresholds import Gate
from probatum.training.behaviour_report import BehaviourReport, Figures
from probatum.training.budget import Trained
from probatum.training.language_model import IGNORED, Base, LanguageModel, padded_right
from probatum.training.leaks import Encode, leaks
from probatum.training.loop import best_device, train
from probatum.training.writing import outputs_of, reference_of, standing_of, with_adapter

KIND = "behaviour"
_VALIDATED = 0.1  # share of the training examples, and of the rehearsal, that validates
_MOST_VALIDATED = 64  # of each: an evaluation is not to take longer than the steps between two
_VALIDATED_AT_ONCE = 8
_ADAPTER, _CHECKPOINTS = "adapter", "training"
_SAFE = "Nothing was trained; the adapter that serves still serves."


@dataclass(frozen=True)
class Row:
    """One text to learn from: its tokens, and how many at its beginning are only read."""

    ids: tuple[int, ...]
    read: int


def retrain(
    behaviour: Behaviour,
    base: Base,
    sets: Sets,
    facts: Facts,
    names: ClinicalNames,
    numbers: Gate,
    adapters: Adapters,
    folder: Path,
    *,
    code: str,
    actor: str,
    near: Near | None = None,
    device: str | None = None,
) -> BehaviourReport:
    """See the module. folder: where checkpoints and the new adapter lie until they are registered; the same folder resumes.

    numbers: the bounds of expectations/thresholds.toml. Raises Rejected where the gate or the training refuses.
    """
    checked = gate(behaviour, sets, names, near=near)
    device = device or best_device()
    plain = LanguageModel.load(base, device=device)
    of_base = plain.perplexity(sets.general)
    words = (behaviour.task, behaviour.prompt)
    zero_shot, detailed = (_figures(plain, behaviour, sets, facts, asked, of_base) for asked in words)
    before = adapters.champion(KIND, behaviour.name)
    champion = _serving(adapters, before, behaviour, base, sets, facts, of_base, device) or max(
        detailed, zero_shot, key=lambda figures: figures.compliance.compliance
    )
    trained = train_adapter(behaviour, plain, sets, folder, data=checked.data, device=device)
    written = folder / _ADAPTER
    challenger = _figures(with_adapter(base, written, device=device), behaviour, sets, facts, behaviour.task, of_base)
    identity = adapters.add(
        written, _record(behaviour, base, checked, trained, challenger, before, code), base=base.weights, actor=actor
    )
    general_set = texts_digest(sets.general)
    terms = Terms(
        base=base.weights,
        rank=behaviour.lora.rank,
        asked=checked.held_out,
        general_set=general_set,
        general_loss=behaviour.bounds.general_loss,
        least=behaviour.bounds.compliance,
    )
    old, new = (
        standing_of(
            each.compliance, sets.held_out, adapter=adapter, base=base, general=each.perplexity / of_base, general_set=general_set
        )
        for each, adapter in ((champion, before), (challenger, identity))
    )  # fmt: skip
    verdict = judge(old, new, load_file(adapters.folder(identity) / WEIGHTS), terms, numbers)
    _tell_registry(adapters, identity, verdict.promoted, verdict.reasons, actor)
    return BehaviourReport(
        behaviour=behaviour.name, digest=behaviour.digest(), base=base.weights, adapter=identity, before=before,
        checked=checked.as_dict(), general_set=general_set, zero_shot=zero_shot, detailed=detailed, champion=champion,
        challenger=challenger, trained=trained, verdict=verdict,
    )  # fmt: skip


def near_by(encode: Encode, golden: Mapping[str, str] | None = None) -> Near:
    """What the gate asks for near duplicates: by the cosine of an encoder, golden questions included where they are given."""

    def near(learnt: Mapping[str, str], kept: Mapping[str, str]) -> list[tuple[str, str]]:
        ids = list(learnt)
        return [(ids[leak.place], leak.id) for leak in leaks(list(learnt.values()), {**(golden or {}), **kept}, encode)]

    return near


def train_adapter(
    behaviour: Behaviour, plain: LanguageModel, sets: Sets, folder: Path, *, data: str, device: str | None = None
) -> Trained:
    """Train, and leave the adapter and its reference in folder/adapter. `plain` has the new layers in it afterwards."""
    answers, kept_answers = _split([_row(plain, behaviour, e) for e in _not_too_long(plain, behaviour, sets.train)])
    ordinary, kept_ordinary = _split([_text_row(plain, text) for text in sets.rehearsal])
    share = behaviour.lora.rehearsal if kept_ordinary else 0.0
    before = reference_of(plain)
    targets = _targets(plain)
    shape = Shape(rank=behaviour.lora.rank, alpha=behaviour.lora.alpha, targets=targets)
    model = with_lora(plain.model, shape, seed=behaviour.budget.seed)
    pad = int(plain.tokenizer.pad_token_id)

    def examples_of(step: int) -> list[Row]:
        dice = random.Random(behaviour.budget.seed * 1_000_003 + step)  # noqa: S311 - which examples, not a secret
        of_text = round(behaviour.budget.batch * share)
        return [
            *dice.choices(answers, k=behaviour.budget.batch - of_text),
            *dice.choices(ordinary or answers, k=of_text),
        ]

    def validate(under: nn.Module) -> float:
        task = _mean_loss(under, kept_answers, pad)
        return (1 - share) * task + share * _mean_loss(under, kept_ordinary, pad) if share else task

    trained = train(
        model,
        examples_of,
        lambda under, rows: loss_of(under, rows, pad),
        validate,
        folder / _CHECKPOINTS,
        behaviour.budget,
        data=digests.of_json([data, behaviour.digest(), texts_digest(sets.rehearsal), plain.base.digest]),
        what=behaviour.name,
        device=device,
    )
    model.eval()
    (folder / _ADAPTER).mkdir(parents=True, exist_ok=True)
    write_adapter(folder / _ADAPTER, model, base_name=plain.base.folder.name)
    keep_reference(
        folder / _ADAPTER, after=reference_of(LanguageModel(model, plain.tokenizer, plain.base)), before=before
    )
    return trained


def loss_of(model: nn.Module, rows: Sequence[Row], pad: int) -> torch.Tensor:
    """Mean over the rows of the mean surprise at each token that is not only read: a long note weighs as much as a short one."""
    ids, wanted = padded_right([row.ids for row in rows], pad)
    mask = (wanted != IGNORED).long()
    for row, line in zip(rows, wanted, strict=True):
        line[: row.read] = IGNORED
    device = next(model.parameters()).device
    ids, mask, wanted = ids.to(device), mask.to(device), wanted.to(device)
    logits = model(input_ids=ids, attention_mask=mask).logits[:, :-1].float()
    surprise = nn.functional.cross_entropy(
        logits.transpose(1, 2), wanted[:, 1:], ignore_index=IGNORED, reduction="none"
    )
    return (surprise.sum(1) / (wanted[:, 1:] != IGNORED).sum(1).clamp(min=1)).mean()


def _mean_loss(model: nn.Module, rows: Sequence[Row], pad: int) -> float:
    """The same over many rows, few at a time: what validates is to need no more memory than what trains."""
    parts = [rows[at : at + _VALIDATED_AT_ONCE] for at in range(0, len(rows), _VALIDATED_AT_ONCE)]
    return sum(float(loss_of(model, part, pad)) * len(part) for part in parts) / len(rows)


def _targets(plain: LanguageModel) -> tuple[str, ...]:
    if not (targets := linear_layers(plain.model)):
        raise Misconfigured(
            f"{plain.base.folder.name} has no linear layers in its blocks that an adapter could stand beside.",
            safe=_SAFE,
            next="Choose a base of another architecture (Llama, Qwen, Mistral, Gemma and their like).",
        )
    return targets


def _figures(
    model: LanguageModel, behaviour: Behaviour, sets: Sets, facts: Facts, words: str, of_base: float
) -> Figures:
    compliance = measured(behaviour, outputs_of(model, behaviour, sets.held_out, words), facts)
    return Figures(compliance=compliance, perplexity=model.perplexity(sets.general), of_base=of_base)


def _serving(
    adapters: Adapters,
    champion: str,
    behaviour: Behaviour,
    base: Base,
    sets: Sets,
    facts: Facts,
    of_base: float,
    device,
) -> Figures | None:
    if not champion:
        return None
    model = with_adapter(base, adapters.folder(champion), device=device)
    return _figures(model, behaviour, sets, facts, behaviour.task, of_base)


def _tell_registry(adapters: Adapters, identity: str, promoted: bool, reasons: Sequence[str], actor: str) -> None:
    """The same adapter trained again has its status already."""
    if adapters.life(identity).status == "trained":
        adapters.move(identity, "audited" if promoted else "rejected", actor=actor, why="; ".join(reasons)[:500])


def _record(
    behaviour: Behaviour, base: Base, checked: Checked, trained: Trained, figures: Figures, parent: str, code: str
) -> AdapterRecord:
    return AdapterRecord(
        kind=KIND,
        name=behaviour.name,
        base=base.weights,
        base_name=base.folder.name,
        rank=behaviour.lora.rank,
        data=checked.data,
        code=code,
        created=datetime.now(UTC),
        parent=parent,
        figures={
            "compliance": figures.compliance.compliance,
            "agreement": figures.compliance.agreement,
            "general": figures.perplexity / figures.of_base,
            "held_out": checked.held_out,
        },
        budget=behaviour.budget,
        trained=trained,
    )


def _not_too_long(model: LanguageModel, behaviour: Behaviour, examples: Sequence[Example]) -> Sequence[Example]:
    limits = behaviour.limits
    long = [
        e.id
        for e in examples
        if len(model.tokens(model.prompt(behaviour.task, e.input))) > limits.prompt_tokens
        or len(model.tokens(e.output)) + 1 > limits.new_tokens
    ]
    if long:
        raise Rejected(
            f"{len(long)} training examples of {behaviour.name} are longer than its limits "
            f"({limits.prompt_tokens} tokens of prompt, {limits.new_tokens} of output): {', '.join(long[:10])}.",
            safe=_SAFE,
            next="Shorten them, or raise [limits] in the behaviour's file if the model can read so much.",
        )
    return examples


def _row(model: LanguageModel, behaviour: Behaviour, example: Example) -> Row:
    """Prompt and answer are made into tokens apart, as they are when the model writes."""
    prompt = model.tokens(model.prompt(behaviour.task, example.input))
    answer = model.tokenizer(example.output, add_special_tokens=False)["input_ids"]
    return Row((*prompt, *answer, model.end), len(prompt))


def _text_row(model: LanguageModel, text: str) -> Row:
    return Row((*model.tokens(text), model.end), 0)


def _split(rows: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """(to learn from, to validate with), the same for the same rows in any order."""
    ordered = sorted(rows, key=lambda row: digests.of_json(list(row.ids)))
    kept = min(_MOST_VALIDATED, round(len(ordered) * _VALIDATED))
    return ordered[kept:], ordered[:kept]
