"""Retraining of the retrieval adapter: from the documents of what serves to an adapter that was judged, and serves nobody yet.

    report = retrain_retrieval(chosen, documents, numbers, folder, code="b5d23fc", actor="retrain")
    report.verdict.promoted  True        report.adapter  "3f9c…", trained in the registry: a candidate that wears it is audited next

In this order, each of which can end it: the gates on the data (who is named in a reviewed question, what leaks); training through the
shared loop; loading what was written, compared with its reference; what serves against the challenger on names of categories that
were split off before training, by source, with known texts as the general set; the rule of promotion.

An official title that is a golden question word by word is left out knowingly, and named in the report; a reviewed question that is
one stops the training, because somebody chose it.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from probatum import digests
from probatum.adapters.judging import Standing, Terms, judge
from probatum.adapters.record import WEIGHTS, AdapterRecord
from probatum.adapters.registry import Adapters
from probatum.audit_report import QuestionResult
from probatum.encoder import Encoder, wear
from probatum.encoder_identity import base_of
from probatum.errors import Rejected
from probatum.golden import GoldenQuestion
from probatum.phi import KINDS, ClinicalNames, find_identifiers
from probatum.records import Document
from probatum.release import Releases
from probatum.settings import Settings
from probatum.thresholds import Gate
from probatum.training.budget import Trained
from probatum.training.leaks import kept_questions, must_not_leak
from probatum.training.pairs import Lessons, lessons_of, reviewed_lessons
from probatum.training.ranking import ranks_of
from probatum.training.retrieval import Material, digests_of, train_retrieval, without_leaks
from probatum.training.retrieval_report import Asked, RetrievalReport
from probatum.training.retrieval_terms import RetrievalTerms, retrieval_terms
from probatum.vectorcache import encode_cached

KIND = NAME = "retrieval"
_HELD_OUT, _GENERAL = 1500, 500  # asked of each source at most: enough for a point to be no chance
_ADAPTER, _CHECKPOINTS = "adapter", "training"
_SAFE = "Nothing was trained; what served before still serves."


def retrain_retrieval(
    chosen: Settings, documents: Iterable[Document], names: ClinicalNames, numbers: Gate, folder: Path, *, code: str, actor: str
) -> RetrievalReport:  # fmt: skip
    """See the module. documents: of what serves. numbers: the bounds of expectations/thresholds.toml.

    folder: where checkpoints and the new adapter lie until it is registered; the same folder resumes. Raises Rejected where a
    gate or the training refuses.
    """
    terms, reviewed = retrieval_terms(chosen.expectations), reviewed_lessons(chosen.expectations)
    _nobody_in(reviewed, names)
    encoder = Encoder.load(chosen)

    def encode(texts: Sequence[str]) -> np.ndarray:
        return encode_cached(encoder, list(texts), chosen.home / "vectors")[0]  # most were encoded to be served

    kept = kept_questions(chosen.expectations)
    must_not_leak([asked.question for asked in reviewed], kept, encode)
    lessons, left_out = without_leaks(lessons_of(documents, reviewed), kept, encode)
    examination = _Examination.of(lessons, encode)
    trained = train_retrieval(
        chosen, lessons, folder / _ADAPTER, sides=terms.sides, budget=terms.budget, kept=kept, encode=encode,
        work=folder / _CHECKPOINTS / _of_this(lessons, terms), rank=terms.rank, strength=terms.strength,
    )  # fmt: skip
    serving, adapters = Releases(chosen.home).current(), Adapters(chosen.home)
    before = serving.encoder.adapter if serving else ""
    of_base = examination.sat(encoder)
    champion = examination.sat(Encoder.load(chosen, adapter=before)) if before else of_base
    challenger = examination.sat(_wearing(chosen, folder / _ADAPTER), terms.sides == "both")
    record = _record(chosen, lessons, terms, trained, challenger, before, code)
    identity = adapters.add(folder / _ADAPTER, record, base=base_of(chosen), actor=actor)
    base, general_set = base_of(chosen), examination.general_set
    old, new = (
        Standing(
            adapter=adapter, base=base, asked=examination.asked, general_set=general_set,
            general=of_base.general / max(sat.general, 1e-9), results=sat.results,
        )
        for adapter, sat in ((before, champion), (identity, challenger))
    )  # fmt: skip
    verdict = judge(
        old,
        new,
        load_file(adapters.folder(identity) / WEIGHTS),
        Terms(
            base=base,
            rank=terms.rank,
            asked=examination.asked,
            general_set=general_set,
            general_loss=terms.general_loss,
        ),
        numbers,
    )
    if not verdict.promoted and adapters.life(identity).status == "trained":
        adapters.move(identity, "rejected", actor=actor, why="; ".join(verdict.reasons)[:500])
    return RetrievalReport(
        adapter=identity, before=before, sides=terms.sides, base=base, data=record.data, queries=len(lessons.queries),
        reviewed=sum(q.kind == "reviewed" for q in lessons.of("train")), of_reviewed=len(reviewed), texts=len(lessons.texts), left_out=tuple(left_out), held_out=examination.counts,
        of_base=of_base.as_asked(), champion=champion.as_asked(), challenger=challenger.as_asked(), trained=trained, verdict=verdict,
    )  # fmt: skip


@dataclass(frozen=True)
class _Sat:
    """How one encoder did. general: share of known texts that come back when asked for word by word."""

    results: tuple[QuestionResult, ...]
    general: float

    def as_asked(self) -> Asked:
        by_source: dict[str, list[bool]] = defaultdict(list)
        for result in self.results:
            by_source[result.slice].append(result.answered)
        return Asked(by_source={s: sum(each) / len(each) for s, each in by_source.items()}, general=self.general)


class _Examination:
    """What is asked of every encoder alike: names of categories nobody learnt from, and known texts word by word."""

    def __init__(self, material: Material, lessons: Lessons, known: np.ndarray):
        self._material, self._lessons, self._known = material, lessons, known
        self._queries = [q for source in sorted(material.by_source) for q in self._some(source)]
        self._general = {
            source: _first(material.places(source), _GENERAL, lambda p: lessons.texts[p].text)
            for source in sorted(material.by_source)
        }
        self.counts = {source: sum(q.source == source for q in self._queries) for source in sorted(material.by_source)}
        self.asked = digests.of_json([[q.source, q.text, sorted(q.families)] for q in self._queries])
        self.general_set = digests.of_json(
            [[source, lessons.texts[p].text] for source, places in self._general.items() for p in places]
        )

    @classmethod
    def of(cls, lessons: Lessons, encode) -> "_Examination":
        known = encode([text.text for text in lessons.texts])
        return cls(Material(lessons, "held-out", known), lessons, known)

    def sat(self, encoder: Encoder, texts_too: bool = False) -> _Sat:
        """texts_too: the encoder reads texts otherwise than the base does."""
        texts = self._lessons.texts
        known = encoder.encode([text.text for text in texts]) if texts_too else self._known
        results, back = [], []
        for source, general in self._general.items():
            places = self._material.places(source)
            row = {place: n for n, place in enumerate(places)}
            families, here = [texts[p].family for p in places], known[np.array(places)]
            asked = [q for q in self._queries if q.source == source]
            hidden = [[row[p] for p in self._material.own(q)] for q in asked]
            vectors = encoder.encode_questions([q.text for q in asked])
            ranks = ranks_of(vectors, here, families, [q.families for q in asked], hidden)
            results += [_result(q, int(rank)) for q, rank in zip(asked, ranks, strict=True)]
            vectors = encoder.encode_questions([texts[p].text for p in general])
            wanted = [{texts[p].family} for p in general]
            back += ranks_of(vectors, here, families, wanted, [[] for _ in general]).tolist()
        return _Sat(tuple(results), sum(0 < rank <= 3 for rank in back) / max(1, len(back)))

    def _some(self, source: str) -> list:
        queries = self._material.queries
        return [queries[n] for n in _first(self._material.by_source[source], _HELD_OUT, lambda n: queries[n].text)]


def _first(places: Sequence[int], count: int, text_of) -> list[int]:
    """As many, drawn by the digest of their text: the same from the same release."""
    return sorted(places, key=lambda place: (digests.of_text(text_of(place)), place))[:count]


def _result(query, rank: int) -> QuestionResult:
    told = digests.of_json([query.source, query.text, sorted(query.families)])
    return QuestionResult(
        id=f"{query.source}-{told[:12]}", slice=query.source, critical=False, rank=rank, strict_rank=rank, top=(), asked=told
    )  # fmt: skip


def _of_this(lessons: Lessons, terms: RetrievalTerms) -> str:
    """A folder of its own for what is learnt from and how: after another release was published, the training begins anew."""
    return digests.of_json([digests_of(lessons, terms.sides), terms.model_dump(mode="json")])[:16]


def _wearing(chosen: Settings, folder: Path) -> Encoder:
    """The encoder with what was just trained, compared with its reference; registered or not."""
    encoder = Encoder.load(chosen, precision="fp32")
    wear(encoder._model, folder)
    return encoder


def _record(
    chosen: Settings, lessons: Lessons, terms: RetrievalTerms, trained: Trained, sat: _Sat, before: str, code: str
) -> AdapterRecord:
    figures = {f"held_out_{source}": round(share, 4) for source, share in sat.as_asked().by_source.items()}
    return AdapterRecord(
        kind=KIND, name=NAME, base=base_of(chosen), base_name=Encoder.load(chosen).identity.name, rank=terms.rank,
        data=digests_of(lessons, terms.sides), code=code, created=datetime.now(UTC), parent=before, sides=terms.sides,
        figures=figures | {"general": round(sat.general, 4)}, budget=terms.budget, trained=trained,
    )  # fmt: skip


def _nobody_in(reviewed: Sequence[GoldenQuestion], names: ClinicalNames) -> None:
    found = {
        q.id: sorted({KINDS[i.kind][0] for i in find_identifiers(q.question, names, of_a_patient=True)})
        for q in reviewed
    }
    if named := [f"{identity} ({', '.join(kinds)})" for identity, kinds in found.items() if kinds]:
        raise Rejected(
            f"{len(named)} reviewed questions hold what says who a patient is: {', '.join(named[:10])}.",
            safe=_SAFE,
            next="Take them out of expectations/lessons; adapters remember what they are trained on.",
        )
