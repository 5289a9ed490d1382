"""Asking: one golden question through search, and where what it expects was found.

A hit answers when its document, or one of the family members it shows, is expected; with an anchor, when those words
stand in the text it returns. Both ranks are kept: with the members, and strictly by the hit's own document.
"""

from collections.abc import Callable, Sequence

from probatum.audit_report import QuestionResult
from probatum.golden import Expected, GoldenQuestion
from probatum.search import Hit, Searcher

_RANKS = 10


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
    )


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
