"""Text in, unit vectors out: one encoder, known by its digest.

    encoder = Encoder.load()                      # the embedded default, or the one in the settings
    vectors = encoder.encode(["chest pain", …])   # float32, (n, encoder.width), each of length 1

sentence-transformers is the reference. Which encoder it is, and its digest, is in `probatum.encoder_identity`.
`encode` encodes every distinct text once, in batches of equal token count (so there is no padding, and a vector does
not depend on its neighbours), with a bounded number of tokens at a time. Processors with bf16 instructions get bf16
weights, about three times as fast; without them bf16 is very slow, so it is detected, never assumed.

With an adapter that reads questions only, texts go through the base and questions through a copy that has the adapter merged
into it; with one for both sides there is one model. Either way it is merged in fp32, compared with its reference, then cast.

Measured on 1,000 ICD-10-CM titles, two batch sizes and two orders, bf16: not one vector differed in one bit.
"""

import contextlib
import copy
import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from sentence_transformers import SentenceTransformer

from probatum.adapters.kept import whole_folder
from probatum.adapters.reference import REFERENCE_TEXTS, must_match
from probatum.encoder_identity import EncoderIdentity, identify, prompts
from probatum.errors import Damaged
from probatum.settings import Settings, settings
from probatum.wording import check_question

_BEGINS_A_WORD = ("Ġ", "▁")


class Encoder:
    """See the module. Use `load`."""

    def __init__(
        self,
        model: SentenceTransformer,
        identity: EncoderIdentity,
        batch_tokens: int,
        said_before: Mapping[str, str] | None = None,
        *,
        of_questions: SentenceTransformer | None = None,
    ):
        self._model, self.identity, self._batch_tokens = model, identity, batch_tokens
        self._of_questions = of_questions or model
        self._tokenizer = model.tokenizer
        said = said_before or {}
        self._before_question, self._before_text = said.get("query", ""), said.get("document", "")
        self._room = int(model.max_seq_length)
        self.max_tokens = self._room - len(self.token_spans(self._before_text))  # of a text, special tokens included

    @classmethod
    def load(cls, given: Settings | None = None, *, precision: str | None = None, adapter: str = "") -> "Encoder":
        """Load and check the encoder of the settings. Raises Damaged when the weights are not the expected ones.

        precision: the one a release was made with, for a reader whose settings leave it open ("auto"). adapter: the one a release
        names; raises Damaged when what it gives is not what it gave at training.
        """
        chosen = given or settings()
        if precision and chosen.encoder_precision == "auto":
            chosen = chosen.model_copy(update={"encoder_precision": precision})
        folder, identity = identify(chosen, adapter=adapter)
        with contextlib.redirect_stderr(io.StringIO()):  # a progress bar for weights that load in a blink
            model = SentenceTransformer(str(folder), device="cpu", local_files_only=True, trust_remote_code=False)
        model.eval()
        model.default_prompt_name = None  # what is put before a text is put there by us, and shown in the digest
        asking = model
        if adapter:
            asking = copy.deepcopy(model) if identity.sides == "query" else model
            wear(asking, whole_folder(chosen.home, adapter))
        if identity.precision == "bf16":
            model, asking = model.to(torch.bfloat16), asking.to(torch.bfloat16)
        if int(model.get_embedding_dimension()) != identity.width:
            raise Damaged(
                f"{identity.name} gives vectors of another width than its files say.", next="Install the encoder again."
            )
        return cls(model, identity, chosen.encoder_batch_tokens, prompts(folder), of_questions=asking)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, the two special ones included, before any truncation."""
        if not texts:
            return []
        lengths = self._tokenizer(
            list(texts), add_special_tokens=True, truncation=False, return_attention_mask=False, verbose=False
        )
        return [len(ids) for ids in lengths["input_ids"]]

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        """(start, end) in characters of every token of `text`, special ones excluded."""
        return self._tokenizer(
            text, add_special_tokens=False, truncation=False, return_offsets_mapping=True, verbose=False
        )["offset_mapping"]

    def words(self) -> frozenset[str]:
        """The words it knows whole, in small letters: most of a language, and none of its slips.

        Pieces within a word are left out, however the tokenizer marks them: "##ing" in one kind, what lacks "Ġ" or "▁" in others.
        """
        pieces = self._tokenizer.get_vocab()
        if not any(piece.startswith("##") for piece in pieces):
            pieces = [piece[1:] for piece in pieces if piece.startswith(_BEGINS_A_WORD)]
        return frozenset(word.lower() for word in pieces if word.isalpha())

    def encode(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> np.ndarray:
        """Unit vectors, float32, shape (len(texts), width), in the order of `texts`.

        progress is called with the number of distinct texts just encoded.
        """
        return self._encode([self._before_text + text for text in texts], progress)

    def _encode(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> np.ndarray:
        return self._through(self._model, texts, progress)

    def _through(
        self, model: SentenceTransformer, texts: Sequence[str], progress: Callable[[int], None] | None = None
    ) -> np.ndarray:
        distinct = list(dict.fromkeys(texts))
        position = {text: i for i, text in enumerate(distinct)}
        vectors = np.empty((len(distinct), self.identity.width), np.float32)
        for batch in self._batches(distinct):
            vectors[batch] = unit_vectors(model, [distinct[i] for i in batch])
            if progress:
                progress(len(batch))
        return vectors[[position[text] for text in texts]] if len(texts) else vectors

    def encode_query(self, question: str) -> np.ndarray:
        """One unit vector, shape (width,). Raises Rejected for an empty or endless question, or one that is not text."""
        check_question(question)
        return self.encode_questions([question])[0]

    def encode_questions(self, questions: Sequence[str]) -> np.ndarray:
        """Unit vectors of questions, shape (n, width): with the adapter, where the encoder wears one."""
        asked = [self._before_question + question for question in questions]
        return self._encode(asked) if self._of_questions is self._model else self._through(self._of_questions, asked)

    def encode_plainly(self, question: str) -> np.ndarray:
        """A question as the base reads it, without an adapter that reads questions only; shape (width,)."""
        return self._encode([self._before_question + question])[0]

    def _batches(self, texts: list[str]) -> list[list[int]]:
        """Indices grouped by token count, in an order that does not depend on the order of the texts."""
        if not texts:
            return []
        lengths = [min(n, self._room) for n in self.count_tokens(texts)]
        order = sorted(range(len(texts)), key=lambda i: (lengths[i], texts[i]))
        batches: list[list[int]] = []
        for i in order:
            last = batches[-1] if batches else None
            if last and lengths[last[0]] == lengths[i] and (len(last) + 1) * lengths[i] <= self._batch_tokens:
                last.append(i)
            else:
                batches.append([i])
        return batches


def unit_vectors(model: SentenceTransformer, texts: Sequence[str]) -> np.ndarray:
    """Of texts that fit into one batch."""
    with torch.inference_mode():
        raw = model.encode(list(texts), batch_size=len(texts), convert_to_tensor=True, show_progress_bar=False)
    vectors = raw.to(torch.float32).cpu().numpy()
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def wear(model: SentenceTransformer, folder: Path) -> None:
    """Merge the adapter of `folder` into the model, in fp32, and compare what it gives with its reference."""
    from probatum.adapters.weights import merged  # peft takes seconds to import, and most encoders wear nothing

    merged(model[0].auto_model, folder)  # in place
    model.eval()
    must_match(folder, unit_vectors(model, REFERENCE_TEXTS))
