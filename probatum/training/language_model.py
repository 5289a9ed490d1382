"""A causal language model from a folder, known by its digest: it writes greedily, and says how surprised it is by a text.

    base = Base.of(folder, sha256)                    checked, not loaded: the weights are the ones that were named
    model = LanguageModel.load(base)                  safetensors only, no code of the folder's, no network
    model.write(["Write a SOAP note …", …], most=256) [Written("Subjective:\\n…", tokens=141, cut=False), …]
    model.perplexity(texts)                           1.83, over all tokens of all texts

Any folder that transformers can read as a causal model does: `hf download` one, name it and its sha256. A folder in several
safetensors files has the digest of their names and digests together (`weights_digest`). Where the model has a chat
template it is asked through it. Decoding is greedy and bounded: the same weights give the same words.
"""

import contextlib
import io
import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from probatum import digests
from probatum.behaviours import Behaviour
from probatum.behaviours.asking import asked
from probatum.errors import Damaged, Misconfigured, Rejected
from probatum.settings import Settings

_WEIGHTS = "model.safetensors"
_SAID = ("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja")  # fmt: skip
_CODE = "auto_map"  # what makes transformers look for Python in the folder
_AT_ONCE = 64  # prompts in one batch
_TOKENS_AT_ONCE = (
    8_192  # of texts whose surprise is measured: the logits of a large vocabulary take half a megabyte a token
)
_SAFE = "Nothing was trained."


@dataclass(frozen=True)
class Base:
    """One language model by digest. digest: weights, tokenizer and configuration together."""

    folder: Path
    weights: str
    digest: str

    @classmethod
    def of(cls, folder: Path, sha256: str) -> "Base":
        """Raises Misconfigured, Rejected (it wants to run code) or Damaged (other weights than named)."""
        folder = folder.expanduser().absolute()  # a name that looks like the hub's is a folder all the same
        if not (folder / "config.json").is_file():
            raise Misconfigured(
                f"{folder.name or 'The folder'} has no config.json: it is no language model.",
                safe=_SAFE,
                next="Point PROBATUM_LANGUAGE_MODEL at a folder as `hf download` leaves it.",
            )
        if not sha256:
            raise Misconfigured(
                "PROBATUM_LANGUAGE_MODEL_SHA256 is empty.",
                safe=_SAFE,
                next="Set it to the sha256 of the folder's weights: what is not pinned is not loaded.",
            )
        weights = weights_digest(folder)
        if weights != sha256.lower():
            raise Damaged(
                f"The weights of {folder.name} are {weights[:12]}…, expected {sha256[:12].lower()}….",
                safe=_SAFE,
                next="Download the model again, or correct the sha256.",
            )
        for name in ("config.json", "tokenizer_config.json"):
            if (folder / name).is_file() and _CODE in orjson.loads((folder / name).read_bytes()):
                raise Rejected(
                    f"{name} of {folder.name} asks for code from the folder to be run ({_CODE}).",
                    safe=_SAFE,
                    next="Choose a model that transformers knows by itself.",
                )
        parts = {"weights": weights, **{n: digests.of_file(folder / n) for n in _SAID if (folder / n).is_file()}}
        return cls(folder, weights, digests.of_json(parts))


def base_of(behaviour: Behaviour, chosen: Settings) -> Base:
    """The base that the behaviour's own file names, or else the settings. Raises as `Base.of` does."""
    folder = behaviour.base.folder or chosen.language_model
    if not folder:
        raise Misconfigured(
            f"{behaviour.name} names no base model and PROBATUM_LANGUAGE_MODEL is empty.",
            safe=_SAFE,
            next="Download a causal language model once, and name its folder and the sha256 of its weights.",
        )
    return Base.of(Path(folder), behaviour.base.sha256 or chosen.language_model_sha256)


def weights_digest(folder: Path) -> str:
    """The sha256 of model.safetensors; of several files, that of their names and digests. Raises Misconfigured."""
    if (folder / _WEIGHTS).is_file():
        return digests.of_file(folder / _WEIGHTS)
    parts = sorted(folder.glob("model-*.safetensors"))
    if not parts:
        raise Misconfigured(
            f"{folder.name} has no weights as safetensors.", safe=_SAFE, next="Choose a model that is published so."
        )
    return digests.of_pairs((part.name, digests.of_file(part)) for part in parts)


@dataclass(frozen=True)
class Written:
    text: str
    tokens: int
    cut: bool  # the limit of tokens ended it


class LanguageModel:
    """See the module. `model` may be a peft model around the base."""

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, base: Base):
        self.model, self.tokenizer, self.base = model, tokenizer, base

    @classmethod
    def load(cls, base: Base, *, device: str = "cpu", dtype: torch.dtype = torch.float32) -> "LanguageModel":
        try:
            with contextlib.redirect_stderr(io.StringIO()):  # a progress bar
                tokenizer = AutoTokenizer.from_pretrained(
                    base.folder, local_files_only=True, trust_remote_code=False, padding_side="left"
                )
                model = AutoModelForCausalLM.from_pretrained(
                    base.folder, local_files_only=True, trust_remote_code=False, use_safetensors=True, dtype=dtype
                )
        except (OSError, ValueError, KeyError) as error:
            raise Misconfigured(
                f"{base.folder.name} cannot be loaded as a causal language model ({type(error).__name__}).",
                safe=_SAFE,
                next="Check that its config.json names a causal architecture and that the tokenizer is there.",
            ) from None
        if tokenizer.pad_token_id is None:
            tokenizer.pad_token = tokenizer.eos_token
        return cls(model.to(device).eval(), tokenizer, base)

    def prompt(self, words: str, text: str) -> str:
        """What the model is given to go on from."""
        if not self.tokenizer.chat_template:
            return asked(words, text)
        turn = [{"role": "user", "content": f"{words}\n\n{text}"}]
        return self.tokenizer.apply_chat_template(turn, tokenize=False, add_generation_prompt=True)

    def tokens(self, text: str) -> list[int]:
        return self.tokenizer(text, add_special_tokens=not self.tokenizer.chat_template)["input_ids"]

    @property
    def end(self) -> int:
        return int(self.tokenizer.eos_token_id)

    def _ends(self) -> frozenset[int]:
        """Chat models have several: the end of a turn beside the end of a text."""
        also = self.model.generation_config.eos_token_id
        return frozenset([self.end, *(also if isinstance(also, list) else [also] if also is not None else [])])

    @torch.inference_mode()
    def write(self, prompts: Sequence[str], *, most: int) -> list[Written]:
        """What it goes on with, greedily, at most `most` tokens each; in the order of `prompts`."""
        ids, ends = [self.tokens(prompt) for prompt in prompts], self._ends()
        written: list[Written | None] = [None] * len(ids)
        order = sorted(range(len(ids)), key=lambda i: (len(ids[i]), i))
        for at in range(0, len(order), _AT_ONCE):
            batch = order[at : at + _AT_ONCE]
            padded = self.tokenizer.pad({"input_ids": [ids[i] for i in batch]}, return_tensors="pt")
            padded = {name: value.to(self.model.device) for name, value in padded.items()}
            out = self.model.generate(
                **padded, max_new_tokens=most, do_sample=False, num_beams=1, pad_token_id=self.tokenizer.pad_token_id
            )
            for i, row in zip(batch, out[:, padded["input_ids"].shape[1] :].tolist(), strict=True):
                kept = list(itertools.takewhile(lambda token: token not in ends, row))
                text = self.tokenizer.decode(kept, skip_special_tokens=True)
                written[i] = Written(text, len(kept), cut=len(kept) == len(row))
        return [each for each in written if each is not None]

    @torch.inference_mode()
    def perplexity(self, texts: Sequence[str]) -> float:
        """exp of the mean surprise over every token but the first of each text; the end of a text counts too."""
        total, count = 0.0, 0
        rows = sorted(([*self.tokens(text), self.end] for text in texts), key=len)
        for batch in in_batches(rows, _TOKENS_AT_ONCE):
            ids, wanted = padded_right(batch, self.tokenizer.pad_token_id)
            mask = (wanted != IGNORED).long()
            logits = self.model(input_ids=ids.to(self.model.device), attention_mask=mask.to(self.model.device)).logits
            surprise = torch.nn.functional.cross_entropy(
                logits[:, :-1].flatten(0, 1).float(), wanted[:, 1:].flatten().to(logits.device), ignore_index=IGNORED, reduction="sum"
            )  # fmt: skip
            total += float(surprise)
            count += int((wanted[:, 1:] != IGNORED).sum())
        return math.exp(total / count) if count else math.nan


IGNORED = -100  # a token whose surprise does not count


def in_batches(rows: Sequence[Sequence[int]], tokens: int) -> Iterator[list[Sequence[int]]]:
    """The rows in their order, sorted by length before, so many at once that they have at most `tokens` with their padding."""
    batch: list[Sequence[int]] = []
    for row in rows:
        if batch and (len(batch) + 1) * len(row) > tokens:
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def padded_right(rows: Sequence[Sequence[int]], pad: int) -> tuple[torch.Tensor, torch.Tensor]:
    """(tokens, the same with IGNORED where there is padding)."""
    longest = max(map(len, rows))
    ids = torch.tensor([[*row, *[pad] * (longest - len(row))] for row in rows])
    wanted = torch.tensor([[*row, *[IGNORED] * (longest - len(row))] for row in rows])
    return ids, wanted
