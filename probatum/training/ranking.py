"""How near a question lies to what answers it, by vectors alone: the measure of a retrieval adapter before anything is published.

ranks_of(asked, known, families, right, hidden)     array([1, 3, 0, …]): the rank of the first family that is right, 0 beyond ten
"""

from collections.abc import Sequence

import numpy as np

MOST = 10
_AT_ONCE = 256
_NOT_SEEN = -2.0  # below any cosine
_LOOKED_AT = 2000  # texts of a question, the nearest; ten families are among them unless one has hundreds of names


def ranks_of(
    asked: np.ndarray,
    known: np.ndarray,
    families: Sequence[str],
    right: Sequence[frozenset[str] | set[str]],
    hidden: Sequence[Sequence[int]],
) -> np.ndarray:
    """Families folded, as search folds them. asked: unit vectors, shape (questions, width); known: of all texts, (texts, width).

    families: of each text. right: of each question. hidden: rows of `known` that a question is not to see, as its own words.
    """
    families, ranks = np.asarray(families), np.zeros(len(asked), int)
    for start in range(0, len(asked), _AT_ONCE):
        for i, row in enumerate(asked[start : start + _AT_ONCE] @ known.T, start):
            row[list(hidden[i])] = _NOT_SEEN
            ranks[i] = _rank(row, families, right[i])
    return ranks


def _rank(cosines: np.ndarray, families: np.ndarray, right: frozenset[str] | set[str]) -> int:
    most = min(_LOOKED_AT, len(cosines))
    best = np.sort(np.argpartition(-cosines, most - 1)[:most])  # of equals the first
    best = best[cosines[best] > _NOT_SEEN]
    folded = dict.fromkeys(families[best[np.argsort(-cosines[best], kind="stable")]].tolist())
    return next((n for n, family in enumerate(list(folded)[:MOST], 1) if family in right), 0)
