"""Asking: one golden question through search, and where what it expects was found, or whether what it forbids was.

A hit answers when its document, or one of the family members it shows, is expected; with an anchor, when those words
stand in the text it returns. Both ranks are kept: with the members, and strictly by the hit's own document.
"""

from collections.abc import Callable, Sequence

from probatum.audit_report import NEGATIVES, SAME_TWICE, Finding, NegativeResult, QuestionResult
from probatum.enough import calibrated
from probatum.golden import Expected, GoldenQuestion
from probatum.search import Hit, Searcher, nothing_good_enough
from probatum.thresholds import Gate

_RANKS = 10
_SHOWN = 5


def ask(searcher: Searcher, question: GoldenQuestion) -> QuestionResult:
    """One golden question through search, and where the expected was found."""
    hits = searcher.search(question.question, source=question.source, k=_RANKS)
    rank = _first(hits, lambda hit: answers(question.expects, hit))
    strict = _first(hits, lambda hit: answers(question.expects, hit, members=False))
    return QuestionResult(
        id=question.id,
        slice=question.slice,
        critical=question.critical,
        rank=rank,
        strict_rank=strict,
        top=tuple(h.document_id for h in hits[:3]),
        asked=question.digest(),
        scores=tuple(h.score for h in hits[:3]),
    )


def ask_negative(searcher: Searcher, question: GoldenQuestion) -> NegativeResult:
    """One negative question through search: nothing it forbids among the first ten, or told that nothing answers it."""
    hits = searcher.search(question.question, source=question.source, k=_RANKS)
    returned = [h.document_id for h in hits if question.forbids and answers(question.forbids, h)]
    return NegativeResult(
        id=question.id,
        slice=question.slice,
        kind="unanswerable" if question.unanswerable else "forbids",
        passed=nothing_good_enough(hits) if question.unanswerable else not returned,
        top=tuple(h.document_id for h in hits[:3]),
        returned=tuple(returned),
    )


def negatives_hold(results: Sequence[NegativeResult], encoder: str, gate: Gate) -> Finding:
    """Nothing forbidden came back, and enough of the unanswerable questions were told to be so.

    encoder: its name. Where nobody set its floors (`enough`), search says of no question that nothing answers it.
    """
    returned = [r for r in results if r.kind == "forbids" and not r.passed]
    hopeless = [r for r in results if r.kind == "unanswerable"]
    answered = [r for r in hopeless if not r.passed] if calibrated(encoder) else []
    told = 1 - len(answered) / len(hopeless) if hopeless else 1.0
    seen = f"{len(returned)} of {len(results) - len(hopeless)} found what they forbid; {told:.3f} of {len(hopeless)} unanswerable ones were told so, {gate.negatives_told} needed"
    if not calibrated(encoder):
        seen = f"{seen.partition(';')[0]}; {len(hopeless)} unanswerable ones are not judged: no floor is known for {encoder}"
    first = [f"{r.id} found {', '.join(r.returned)}" for r in returned[:_SHOWN]]
    return Finding(
        rule=NEGATIVES,
        passed=not returned and told >= gate.negatives_told,
        seen="; ".join([seen, *first]),
        ids=tuple(r.id for r in [*returned, *answered]),
    )


def same_twice(
    searcher: Searcher, questions: Sequence[GoldenQuestion], before: Sequence[QuestionResult], sample: int
) -> Finding:
    """Ask some of the questions again, the last first: the same documents with the same scores, to the last digit.

    before: their results, asked in their own order, mostly by another process.
    """
    known = {result.id: result for result in before}
    step = max(1, len(questions) // sample)
    again = [ask(searcher, question) for question in reversed(questions[::step][:sample])]
    off = tuple(r.id for r in again if (r.top, r.scores) != (known[r.id].top, known[r.id].scores))
    seen = f"{len(off)} of {len(again)} questions were answered otherwise the second time"
    return Finding(rule=SAME_TWICE, passed=not off, seen=seen + (f": {', '.join(off)}" if off else ""), ids=off)


def expected_document(question: GoldenQuestion, document_id: str) -> bool:
    """Whether a question expects this document, whatever its text."""
    return any(_belongs(document_id, e.family) if e.family else e.document == document_id for e in question.expects)


def answers(expects: Sequence[Expected], hit: Hit, *, members: bool = True) -> bool:
    """Whether a hit answers: its document, or one of the family members it shows, is expected, and its text holds the anchor."""
    ids = [hit.document_id, *(m.document_id for m in hit.members if members)]
    return any(
        (any(_belongs(i, e.family) for i in ids) if e.family else e.document in ids)
        and _squeezed(e.anchor) in _squeezed(hit.text)
        for e in expects
    )


def _belongs(document_id: str, family: str) -> bool:
    return document_id.startswith(family)


def _squeezed(text: str) -> str:
    return " ".join(text.split()).casefold()


def _first(hits: Sequence[Hit], right: Callable[[Hit], bool]) -> int:
    return next((hit.rank for hit in hits if right(hit)), 0)
