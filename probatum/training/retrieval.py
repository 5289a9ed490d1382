"""Training a retrieval adapter: LoRA on the encoder, so that a question comes nearer to what official names say it means.

    trained = train_retrieval(chosen, lessons, folder, sides="query", budget=Budget(steps=250, batch=96, …), shape_rank=16)
    folder/  adapter_model.safetensors, adapter_config.json, reference.safetensors        for `Adapters.add`

*Query side*: texts keep the vectors they have, so a question is compared with every text of its source at once, as search does
it, and the loss says how much of the softmax falls on its families. Its own words are left out of the texts. *Both sides*: texts
move as well, so a batch holds each question with a text of its family and one that is near and wrong (of a code it is excluded
from, or the nearest of another family), and all texts of a batch are compared with all its questions.

People do not ask in the words of an index: part of the questions get a few words around them, or lose a word.
"""

import random
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from torch import nn

from probatum import digests
from probatum.adapters.record import Sides
from probatum.adapters.reference import REFERENCE_TEXTS, keep_reference
from probatum.adapters.shape import Shape
from probatum.adapters.weights import linear_layers, with_lora, write_adapter
from probatum.encoder import unit_vectors
from probatum.encoder_identity import identify
from probatum.errors import Rejected
from probatum.settings import Settings
from probatum.training.budget import Budget, Trained
from probatum.training.leaks import Encode, leaks, must_not_leak
from probatum.training.loop import OfWholeBatch, train
from probatum.training.pairs import Lessons, Query

TEMPERATURE = 0.05  # of a cosine; the usual one of contrastive training
_ALPHA_A_RANK = 2  # lora_alpha = 2 r
_DROPOUT = 0.05
_VALIDATED = 384  # questions an evaluation asks
_NEAREST = 24  # texts of other families among which a near and wrong one is drawn
_WRAPPED, _SHORTENED = 0.35, 0.15  # share of the questions
_AROUND = (
    "{}", "patient with {}", "pt has {}", "I have {}", "my child has {}", "came in with {}", "what is the code for {}", "{}, not sure why",
    "complains of {}", "history of {}", "seen today for {}", "told I have {}", "worried about {}", "he has had {} for a week",
    "she keeps getting {}", "is it {}", "{} again", "follow up of {}", "{} since yesterday", "woman with {}", "old man with {}",
)  # fmt: skip
_LONGEST_TOKENS = 64  # of what is learnt from; names are shorter, passages are cut


@dataclass(frozen=True)
class Asked:
    """A question as it is put in one step: its words, and which query it comes from."""

    text: str
    query: int  # place in `Material.queries`
    right: int  # place of a text of its families
    wrong: int = -1  # place of a text that is near and wrong; of both sides only, where it is looked for


class Material:
    """Lessons with the vectors the base gives: what is right for a query, what is near and wrong.

    vectors: of `lessons.texts`, by the base. Queries whose families have no text but their own words are left out.
    """

    def __init__(self, lessons: Lessons, part: str, vectors: np.ndarray):
        self.lessons, self._vectors = lessons, vectors
        self._of_family: dict[tuple[str, str], list[int]] = defaultdict(list)
        self._of_text: dict[tuple[str, str], list[int]] = defaultdict(list)
        self._of_source: dict[str, list[int]] = defaultdict(list)
        for place, text in enumerate(lessons.texts):
            self._of_family[text.source, text.family].append(place)
            self._of_text[text.source, text.text.casefold()].append(place)
            self._of_source[text.source].append(place)
        self._kept_out = {n for n, text in enumerate(lessons.texts) if text.text.casefold() in lessons.kept_out}
        self.queries = [query for query in lessons.of(part) if self.right(query)]
        if not self.queries:
            raise Rejected(
                f"There is nothing to learn from in the part {part!r}.", next="Publish a source with more names."
            )
        self._wrong: dict[int, list[int]] = {}

    def right(self, query: Query) -> list[int]:
        """Places of the texts of a query's families, its own words left out."""
        own = self._kept_out.union(self.own(query))
        return [p for f in sorted(query.families) for p in self._of_family.get((query.source, f), ()) if p not in own]

    def own(self, query: Query) -> list[int]:
        return self._of_text.get((query.source, query.text.casefold()), [])

    def hidden(self, query: Query) -> list[int]:
        """Places of texts that are neither right nor wrong: its own words, and what of its families may not be learnt from."""
        families = ((query.source, family) for family in sorted(query.families))
        return self.own(query) + [p for key in families for p in self._of_family.get(key, ()) if p in self._kept_out]

    def wrong(self, number: int) -> list[int]:
        """Places of texts of other families: those it is excluded from, else the nearest to a text that is right."""
        if number not in self._wrong:
            query = self.queries[number]
            near = [p for f in sorted(query.near) for p in self._of_family.get((query.source, f), ())]
            self._wrong[number] = near or self._nearest_wrong(query)
        return self._wrong[number]

    def places(self, source: str) -> list[int]:
        return self._of_source[source]

    @cached_property
    def by_source(self) -> dict[str, list[int]]:
        """{source: numbers of its queries}."""
        found: dict[str, list[int]] = defaultdict(list)
        for number, query in enumerate(self.queries):
            found[query.source].append(number)
        return dict(found)

    def _nearest_wrong(self, query: Query) -> list[int]:
        places = np.array(self._of_source[query.source])
        cosines = self._vectors[places] @ self._vectors[self.right(query)[0]]
        most = min(8 * _NEAREST, len(places))
        best = np.argpartition(-cosines, most - 1)[:most]  # of a hundred thousand, a few
        nearest = places[best[np.argsort(-cosines[best], kind="stable")]]
        wrong = [int(p) for p in nearest if self.lessons.texts[p].family not in query.families]
        return wrong[:_NEAREST] or [int(p) for p in places if self.lessons.texts[p].family not in query.families][:1]


def train_retrieval(
    chosen: Settings,
    lessons: Lessons,
    folder: Path,
    *,
    sides: Sides,
    budget: Budget,
    kept: Mapping[str, str],
    encode: Encode,
    work: Path,
    rank: int = 16,
    strength: float = 1.0,
) -> Trained:
    """Train, and leave the files of the adapter in `folder`.

    strength: how much of what was learnt is kept, 1 for all: between the base and what fits official names best lies what serves other
    words better (weights of both averaged; Wortsman et al. 2022, "Robust fine-tuning of zero-shot models").

    kept: {id: question} of what it will be judged by; encode: unit vectors of texts by the base. work: where checkpoints are kept; the
    same training goes on from there. Raises Rejected when a kept question is among the lessons, and when nothing got better.
    """
    must_not_leak(learnt_from(lessons), kept, encode)
    vectors = encode([text.text for text in lessons.texts])
    place, identity = identify(chosen)
    model = SentenceTransformer(str(place), device="cpu", local_files_only=True, trust_remote_code=False).float()
    before = unit_vectors(model.eval(), REFERENCE_TEXTS)
    base = model[0].auto_model
    shape = Shape(rank=rank, alpha=_ALPHA_A_RANK * rank, targets=linear_layers(base))
    adapted = with_lora(base, shape, seed=budget.seed, dropout=_DROPOUT)
    examples, loss, validate = _lesson_plan(lessons, sides, vectors, budget)
    data = digests_of(lessons, sides)
    trained = train(model, examples, loss, validate, work, budget, data=data, what=f"retrieval adapter, {sides}")
    if not trained.best_step:
        raise Rejected(
            f"The training made nothing better in {trained.steps} steps.",
            safe="No adapter was registered; what served before still serves.",
            next="Look at its curve; give it more steps or a lower learning rate.",
        )
    _weaken(adapted, strength)
    folder.mkdir(parents=True, exist_ok=True)
    write_adapter(folder, adapted, base_name=identity.name)
    keep_reference(folder, after=unit_vectors(model.to("cpu").float().eval(), REFERENCE_TEXTS), before=before)
    return trained


@torch.no_grad()
def _weaken(adapted: nn.Module, strength: float) -> None:
    """What LoRA adds to the base is a product, linear in its second factor."""
    for name, parameter in adapted.named_parameters():
        if "lora_B" in name:
            parameter.mul_(strength)


def without_leaks(lessons: Lessons, kept: Mapping[str, str], encode: Encode) -> tuple[Lessons, list[str]]:
    """The lessons without what gives a kept question away, and the ids of those questions: knowingly, instead of stopping.

    An official title is what it is, whether or not somebody asks in its very words; it may be searched, and not be learnt from.
    """
    texts = [query.text for query in lessons.queries] + [text.text for text in lessons.texts]
    found = leaks(texts, kept, encode)
    gone = frozenset(texts[leak.place].casefold() for leak in found)
    queries = tuple(query for query in lessons.queries if query.text.casefold() not in gone)
    return replace(lessons, queries=queries, kept_out=gone), sorted({leak.id for leak in found})


def learnt_from(lessons: Lessons) -> list[str]:
    """Every text that can be a question or an answer of the training: what the leak gate looks at."""
    queries = [query.text for query in lessons.queries]
    return list(dict.fromkeys(queries + [t.text for t in lessons.texts if t.text.casefold() not in lessons.kept_out]))


def digests_of(lessons: Lessons, sides: Sides) -> str:
    """Of all that is learnt from, and for which sides."""
    return digests.of_json([lessons.digest(), sides])


def _lesson_plan(lessons: Lessons, sides: Sides, vectors: np.ndarray, budget: Budget):
    training = Material(lessons, "train", vectors)
    kept = Material(lessons, "validation", vectors)
    both = sides == "both"
    asked_of = _drawn(training, budget.seed, with_wrong=both)
    dice = random.Random(budget.seed)  # noqa: S311 - no secret: the same again for the same seed
    numbers = sorted(dice.sample(range(len(kept.queries)), min(_VALIDATED, len(kept.queries))))
    held = [_as_asked(kept, number, dice, plain=True, with_wrong=both) for number in numbers]
    if sides == "query":
        loss, of_kept = _AgainstAll(training, vectors), _AgainstAll(kept, vectors)
        return lambda step: asked_of(step, budget.batch), loss, lambda model: _mean(of_kept, model, held)
    loss, of_kept = _in_batch(training), _in_batch(kept)

    def validate(model: nn.Module) -> float:
        """In batches as large as those of the training: a loss over fewer texts is a smaller one."""
        parts = [held[i : i + budget.batch] for i in range(0, len(held), budget.batch)]
        losses = [(float(of_kept.loss(of_kept.encode(model, part), part)), len(part)) for part in parts]
        return sum(value * n for value, n in losses) / len(held)

    return lambda step: asked_of(step, budget.batch), loss, validate


def _drawn(material: Material, seed: int, *, with_wrong: bool) -> Callable[[int, int], list[Asked]]:
    """The questions of a step: mostly of the source that has most, but every source has some."""
    sources = sorted(material.by_source)
    weights = [len(material.by_source[source]) ** 0.5 for source in sources]

    def of(step: int, count: int) -> list[Asked]:
        dice = random.Random(f"{seed} {step}")  # noqa: S311 - the same again for the same step
        chosen = dice.choices(sources, weights, k=count)
        return [
            _as_asked(material, dice.choice(material.by_source[source]), dice, with_wrong=with_wrong)
            for source in chosen
        ]

    return of


def _as_asked(material: Material, number: int, dice: random.Random, *, with_wrong: bool, plain: bool = False) -> Asked:
    query = material.queries[number]
    return Asked(
        query.text if plain else _worded(query.text, dice),
        number,
        dice.choice(material.right(query)),
        dice.choice(material.wrong(number)) if with_wrong else -1,
    )


def _worded(text: str, dice: random.Random) -> str:
    """As somebody might say it: in small letters, with words around it, or without one of its words."""
    words = text.split()
    if len(words) > 3 and dice.random() < _SHORTENED:
        words.pop(dice.randrange(len(words)))
    said = " ".join(words)
    if dice.random() < 0.5:
        said = said.lower()
    return dice.choice(_AROUND).format(said.replace("{", "").replace("}", "")) if dice.random() < _WRAPPED else said


class _AgainstAll:
    """The loss of the query side: how little of the softmax over all texts of the source falls on the right families."""

    def __init__(self, material: Material, vectors: np.ndarray):
        self._material = material
        self._places = {source: np.array(material.places(source)) for source in material.by_source}
        self._known = {s: torch.from_numpy(vectors[places]).float() for s, places in self._places.items()}
        self._row = {s: {int(p): row for row, p in enumerate(places)} for s, places in self._places.items()}

    def __call__(self, model: nn.Module, examples: Sequence[Asked]) -> torch.Tensor:
        asked = encode_for_training(model, [each.text for each in examples])
        losses = []
        for source in sorted({self._material.queries[e.query].source for e in examples}):
            mine = [i for i, e in enumerate(examples) if self._material.queries[e.query].source == source]
            losses.append(
                self._of_source(source, asked[mine], [self._material.queries[examples[i].query] for i in mine])
            )
        return torch.cat(losses).mean()

    def _of_source(self, source: str, asked: torch.Tensor, queries: Sequence[Query]) -> torch.Tensor:
        known = self._known[source] = self._known[source].to(asked.device)
        scores = asked.float() @ known.T / TEMPERATURE
        row, right = self._row[source], []
        own = [(i, row[p]) for i, query in enumerate(queries) for p in self._material.hidden(query)]
        if own:
            scores = scores.index_put(
                tuple(torch.tensor(each, device=scores.device) for each in zip(*own, strict=True)),
                torch.tensor(-torch.inf, device=scores.device),
            )
        for i, query in enumerate(queries):
            places = torch.tensor([row[p] for p in self._material.right(query)], device=scores.device)
            right.append(torch.logsumexp(scores[i, places], dim=0))
        return torch.logsumexp(scores, dim=1) - torch.stack(right)


def _in_batch(material: Material) -> OfWholeBatch:
    """The loss of both sides: each question against all texts of the batch, those that are right as well left out."""
    texts = material.lessons.texts

    def encode(model: nn.Module, examples: Sequence[Asked]) -> torch.Tensor:
        said = [t for e in examples for t in (e.text, texts[e.right].text, texts[e.wrong].text)]
        return encode_for_training(model, said).reshape(len(examples), 3, -1)

    def loss(rows: torch.Tensor, examples: Sequence[Asked]) -> torch.Tensor:
        asked, right, wrong = rows.float().unbind(1)
        scores = asked @ torch.cat([right, wrong]).T / TEMPERATURE
        places = [e.right for e in examples] + [e.wrong for e in examples]
        also = torch.tensor(
            [
                [column != i and _is_right(material.queries[e.query], texts[p]) for column, p in enumerate(places)]
                for i, e in enumerate(examples)
            ],
            device=scores.device,
        )
        return nn.functional.cross_entropy(
            scores.masked_fill(also, -torch.inf), torch.arange(len(examples), device=scores.device)
        )

    return OfWholeBatch(encode, loss)


def _is_right(query: Query, text) -> bool:
    return text.source == query.source and text.family in query.families


def encode_for_training(model: nn.Module, texts: Sequence[str]) -> torch.Tensor:
    """Unit vectors with gradients, shape (len(texts), width)."""
    device = next(model.parameters()).device
    features = model.tokenizer(
        list(texts), padding=True, truncation=True, max_length=_LONGEST_TOKENS, return_tensors="pt"
    ).to(device)
    return nn.functional.normalize(model(dict(features))["sentence_embedding"], dim=-1)


def _mean(loss: _AgainstAll, model: nn.Module, held: Sequence[Asked], at_once: int = 96) -> float:
    parts = [held[i : i + at_once] for i in range(0, len(held), at_once)]
    return sum(float(loss(model, part)) * len(part) for part in parts) / len(held)
