"""Recall: whether the vector index of a table finds what an exact scan finds.

    recall = recall_at_10(table, ids, vectors, questions)  ->  0.998      None: the table has no such index, and is scanned exactly

A row the index names counts when it lies at least as near as the tenth of the exact scan: many texts of different
documents are word for word the same, and which of them is named is of no consequence.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from probatum.audit_report import ANN, Finding
from probatum.tables import PinnedTable
from probatum.thresholds import Gate

_NEAREST = 10
_TOLERANCE = 1e-5  # of a cosine: the index works it out in another order than this
_AT_ONCE = 32  # questions compared with every text at once: bounds the memory


def recall_at_10(table: PinnedTable, ids: Sequence[str], vectors: np.ndarray, questions: np.ndarray) -> float | None:
    """ids, vectors: of every row of the table; questions: unit vectors to look for."""
    if not table.has_vector_index or not len(questions):
        return None
    row = {identity: n for n, identity in enumerate(ids)}
    wanted = min(_NEAREST, len(ids))
    shares = []
    for start in range(0, len(questions), _AT_ONCE):
        for question, cosines in _scanned(vectors, questions[start : start + _AT_ONCE]):
            tenth = np.partition(cosines, -wanted)[-wanted]
            found = [cosines[row[hit["id"]]] for hit in table.nearest(question, wanted)]
            shares.append(sum(cosine >= tenth - _TOLERANCE for cosine in found) / wanted)
    return float(np.mean(shares))


def ann_recall(recall: float | None, gate: Gate) -> Finding:
    if recall is None:
        return Finding(rule=ANN, passed=True, seen="no vector index: every search is exact")
    seen = (
        f"recall@{_NEAREST} of the vector index against an exact scan {recall:.4f}, at least {gate.ann_recall} needed"
    )
    return Finding(rule=ANN, passed=recall >= gate.ann_recall, seen=seen)


def _scanned(vectors: np.ndarray, questions: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(question, its cosine with every text)"""
    return zip(questions, (vectors @ questions.T).T, strict=True)
