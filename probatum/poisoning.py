"""Poisoning: documents that would take over answers, however they got past the owners.

Three signs, each a finding of the audit; a document a person looked at is named in expectations/known_differences and passes:
- a *newcomer*: a document that does not serve yet among the first three of a critical question that does not expect it;
- a *hub*: one document among the first three of a large share of all questions that do not expect it;
- a *copy*: a text that repeats a golden question, or nearly, in a document that question does not expect. (Texts that are
  made to be found for a question contain it.) Short questions are left out: the name of a drug is asked for by its name.

What this does not find: a false statement in the right document.
"""

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from probatum.asking import expected_document
from probatum.audit_report import COPIES, HUBS, NEWCOMERS, Finding, QuestionResult
from probatum.golden import GoldenQuestion
from probatum.thresholds import Gate

_SHOWN = 5
_WORD = re.compile(r"\w+")
_SHINGLE = 3  # words in a row: fewer are common to any two texts of a subject
_TIMES_ITS_PART = 4  # of the three places, were they spread evenly: among 24 drugs the other strength is often near
_AT_ONCE = 20_000  # texts compared at once: bounds the memory


def newcomers(
    questions: Mapping[str, GoldenQuestion],
    results: Sequence[QuestionResult],
    serving: Collection[str] | None,
    reviewed: Collection[str],
) -> Finding:
    """serving: ids of the documents that serve; None when the source does not serve yet."""
    if serving is None:
        return Finding(rule=NEWCOMERS, passed=True, seen="the source does not serve yet")
    found: dict[str, list[str]] = {}
    for result in results:
        for document in result.top:
            new = document not in serving and not expected_document(questions[result.id], document)
            if result.critical and new:
                found.setdefault(document, []).append(result.id)
    unseen = {document: asked for document, asked in found.items() if document not in reviewed}
    told = [f"{document} (for {', '.join(asked[:_SHOWN])})" for document, asked in list(unseen.items())[:_SHOWN]]
    seen = (
        f"{len(found)} new documents among the first three of critical questions, {len(found) - len(unseen)} reviewed"
    )
    return Finding(rule=NEWCOMERS, passed=not unseen, seen="; ".join([seen, *told]), ids=tuple(unseen))


def hubs(
    questions: Mapping[str, GoldenQuestion],
    results: Sequence[QuestionResult],
    documents: int,
    reviewed: Collection[str],
    gate: Gate,
) -> Finding:
    """documents: how many there are. In a small source each is often among the first three, which is no sign of anything."""
    count = Counter(d for r in results for d in set(r.top) if not expected_document(questions[r.id], d))
    allowed = max(gate.hub_share, min(1.0, _TIMES_ITS_PART * 3 / max(documents, 1)))
    share = {d: n / len(results) for d, n in count.most_common(_SHOWN)}
    over = tuple(d for d, part in share.items() if part > allowed and d not in reviewed)
    most = next((f"{d} with {part:.1%}" for d, part in share.items()), "none")
    told = [f"{d} {share[d]:.1%}" for d in over]
    seen = f"most often among the first three unasked: {most}, {allowed:.1%} allowed"
    return Finding(rule=HUBS, passed=not over, seen="; ".join([seen, *told]), ids=over)


@dataclass(frozen=True)
class Texts:
    """The texts of a source, row by row."""

    documents: Sequence[str]  # whose each is
    words: Sequence[str]
    vectors: np.ndarray


def repeated(
    questions: Sequence[GoldenQuestion], vectors: np.ndarray, texts: Texts, gate: Gate
) -> dict[str, tuple[str, ...]]:
    """{document: ids of the questions a text of it repeats}. vectors: of the questions, in their order."""
    long = [n for n, q in enumerate(questions) if len(_words(q.question)) >= gate.copy_least_words]
    asked = [questions[n] for n in long]
    found: dict[str, set[str]] = {}
    near = _near(vectors[long], texts, gate.copy_cosine)
    for n, document in near | _in_words([q.question for q in asked], texts, gate.copy_share):
        found.setdefault(document, set()).add(asked[n].id)
    return {document: tuple(sorted(ids)) for document, ids in sorted(found.items())}


def copies(
    questions: Mapping[str, GoldenQuestion], repeated: Mapping[str, Sequence[str]], reviewed: Collection[str]
) -> Finding:
    """repeated: as above. A document may repeat a question that expects it: that takes nothing over, and is counted."""
    found, taught = {}, 0
    for document, ids in repeated.items():
        unasked = [i for i in ids if not expected_document(questions[i], document)]
        taught += len(unasked) < len(ids)
        if unasked:
            found[document] = unasked
    unseen = {d: ids for d, ids in found.items() if d not in reviewed}
    told = [f"{d} (of {', '.join(ids[:_SHOWN])})" for d, ids in list(unseen.items())[:_SHOWN]]
    seen = f"{len(found)} documents repeat a question that does not expect them, {len(found) - len(unseen)} reviewed; {taught} repeat one that does"
    return Finding(rule=COPIES, passed=not unseen, seen="; ".join([seen, *told]), ids=tuple(unseen))


def _near(vectors: np.ndarray, texts: Texts, cosine: float) -> set[tuple[int, str]]:
    """(question, document) where a text of the document lies as near."""
    found = set()
    for start in range(0, len(texts.vectors) if len(vectors) else 0, _AT_ONCE):
        with np.errstate(invalid="ignore", over="ignore"):
            rows, columns = np.nonzero(texts.vectors[start : start + _AT_ONCE] @ vectors.T > cosine)
        found |= {(int(n), texts.documents[start + int(row)]) for row, n in zip(rows, columns, strict=True)}
    return found


def _in_words(questions: Sequence[str], texts: Texts, share: float) -> set[tuple[int, str]]:
    """(question, document) where a text of the document holds that share of the question's runs of words."""
    shingles = [_shingles(question) for question in questions]
    having: dict[tuple[str, ...], set[int]] = {}
    for n, own in enumerate(shingles):
        for shingle in own:
            having.setdefault(shingle, set()).add(n)
    found = set()
    for document, text in zip(texts.documents, texts.words, strict=True):
        count = Counter(n for shingle in _shingles(text) if shingle in having for n in having[shingle])
        found |= {(n, document) for n, held in count.items() if held >= share * len(shingles[n])}
    return found


def _shingles(text: str) -> set[tuple[str, ...]]:
    words = _words(text)
    return set(zip(*(words[n:] for n in range(_SHINGLE)), strict=False))


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())
