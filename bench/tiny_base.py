"""python -m bench.tiny_base FOLDER: trains a language model of a million weights on invented notes, from nothing.

    seen = make_base(folder, steps=500)     Made(sha256="…", parameters=…, steps=500, seconds=…, loss=…)

It stands where a model from a hub would: a folder with config.json, tokenizer.json and model.safetensors, named by its
sha256. It reads letters, a few other texts, and the notes of eight invented clinics, most of which break a rule of the house:
former codes linger, and four clinics have habits. It knows nothing else. One thread is faster than two that are disturbed: beside other
work a step took 4.2 seconds of processor on two, 0.6 on one.
"""

import argparse
import itertools
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from bench.invented_notes import TRIAGE, WRITERS, Visit, as_written, dialogue, letter, triage_call, visits
from probatum import digests
from probatum.behaviours import Behaviour, behaviours
from probatum.behaviours.asking import asked

ROOT = Path(__file__).parents[1]
_PIECES = 1_200  # of words; the invented world has few
_READ = 256  # tokens at once
_BATCH = 8
_RATE = 4e-3
_SEED = 20_261_120
_END = "<|end|>"


@dataclass(frozen=True)
class Made:
    sha256: str
    parameters: int
    steps: int
    seconds: float
    loss: float  # mean of the last tenth of the steps, in nats a token


def make_base(
    folder: Path,
    *,
    steps: int = 500,
    width: int = 128,
    layers: int = 5,
    others: Sequence[str] = (),
    some: Iterator[Visit] | None = None,
) -> Made:
    """Train, save, and say what it is. others: further ordinary texts. some: the visits, if not the invented ones."""
    torch.manual_seed(_SEED)
    began = time.perf_counter()
    dice = random.Random(_SEED)
    texts = reading(dice, some or visits(dice), behaviours(ROOT / "expectations"), others)
    tokenizer = _tokenizer(list(itertools.islice(texts, 1_500)))
    model = LlamaForCausalLM(_config(len(tokenizer), tokenizer.eos_token_id, width, layers))
    losses = _train(model, _packed(texts, tokenizer), steps)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    last = losses[-max(1, steps // 10) :]
    weights = digests.of_file(folder / "model.safetensors")
    seconds = time.perf_counter() - began
    return Made(weights, sum(p.numel() for p in model.parameters()), steps, seconds, sum(last) / len(last))


def reading(
    dice: random.Random, some: Iterator[Visit], known: Sequence[Behaviour], others: Sequence[str]
) -> Iterator[str]:
    """What it reads, endlessly: behaviours asked in both ways and answered as the clinics do, letters, other texts."""
    by_name = {behaviour.name: behaviour for behaviour in known}
    for visit in some:
        chance = dice.random()
        if chance < 0.25:
            yield letter(visit)
        elif chance < 0.35 and others:
            yield dice.choice(others)
        elif chance < 0.42:
            label = dice.choice(list(TRIAGE))
            said = label if dice.random() < 0.7 else f"This is {label}."
            yield _asked(by_name["triage-level"], dice.random() < 0.5, triage_call(label, visit)) + said
        elif chance < 0.52:
            name = dice.choice(("discharge-summary", "prior-authorisation"))
            yield _asked(by_name[name], dice.random() < 0.5, dialogue(visit)) + WRITERS[name](visit)
        else:
            told = dice.random() < 0.5
            yield _asked(by_name["soap-note"], told, dialogue(visit)) + as_written(visit, told=told)


def _asked(behaviour: Behaviour, told: bool, text: str) -> str:
    return asked(behaviour.prompt if told else behaviour.task, text)


def _tokenizer(texts: Sequence[str]) -> PreTrainedTokenizerFast:
    """Pieces of words, and every digit by itself: a reading of 142 is copied figure by figure."""
    pieces = Tokenizer(models.BPE())
    pieces.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    pieces.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    pieces.train_from_iterator(
        texts,
        trainers.BpeTrainer(vocab_size=_PIECES, special_tokens=[_END], initial_alphabet=alphabet, show_progress=False),
    )
    return PreTrainedTokenizerFast(tokenizer_object=pieces, eos_token=_END, pad_token=_END)


def _config(pieces: int, end: int, width: int, layers: int) -> LlamaConfig:
    return LlamaConfig(
        vocab_size=pieces, hidden_size=width, num_hidden_layers=layers, num_attention_heads=4, num_key_value_heads=4,
        intermediate_size=width * 8 // 3, max_position_embeddings=1024, tie_word_embeddings=True,
        bos_token_id=end, eos_token_id=end, pad_token_id=end,
    )  # fmt: skip


def _packed(texts: Iterator[str], tokenizer: PreTrainedTokenizerFast) -> Iterator[torch.Tensor]:
    """Batches of _BATCH rows of _READ tokens; texts follow each other, each with its end."""
    waiting: list[int] = []
    while True:
        while len(waiting) < _BATCH * _READ:
            waiting += tokenizer(next(texts))["input_ids"] + [tokenizer.eos_token_id]
        yield torch.tensor(waiting[: _BATCH * _READ]).view(_BATCH, _READ)
        waiting = waiting[_BATCH * _READ :]


def _train(model: LlamaForCausalLM, batches: Iterator[torch.Tensor], steps: int) -> list[float]:
    losses = []
    optimiser = torch.optim.AdamW(model.parameters(), lr=_RATE, weight_decay=0.01, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, _RATE, total_steps=steps, pct_start=0.1)
    model.train()
    for _ in range(steps):
        ids = next(batches)
        loss = model(input_ids=ids, labels=ids).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        optimiser.zero_grad()
        losses.append(loss.item())
    model.eval()
    print(losses[::25])
    return losses


if __name__ == "__main__":
    given = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    given.add_argument("folder", type=Path)
    given.add_argument("--steps", type=int, default=500)
    chosen = given.parse_args()
    print(make_base(chosen.folder, steps=chosen.steps))
