"""Do two samples come from the same place? A domain classifier and MMD, for vectors of few dimensions.

    classifier(before, now, seed=7)         -> (0.71, 3e-9)     how well one tells them apart (area under ROC), and its chance
    mmd(before, now, 500, seed=7)           -> (0.034, 0.002)   squared distance of the kernel means, and its chance

The classifier is a logistic regression that is fitted to one half of both and tried on the other, so its chance is a plain rank
test's. MMD (Gretton et al. 2012) is the unbiased estimate with a Gaussian kernel as wide as the median distance, and its chance
comes from dealing the rows out anew. Both are a dozen lines: the libraries that have them (alibi-detect, frouros) bring more
dependencies than that is worth. tests/unit/test_drift_evidence.py holds MMD against its definition, sum by sum.
"""

import numpy as np
from scipy.stats import mannwhitneyu

from probatum.drift.evidence import Test
from probatum.drift.rules import DriftRules

_SEED = 20261130  # the same rows always give the same verdict
_MOST_COMPARED = 400  # of each side: the kernel of all pairs grows with the square


def moved(before: np.ndarray, now: np.ndarray, rules: DriftRules) -> Test | None:
    """The test "queries": it can fire only where both say so. None where there are too few on a side."""
    if min(len(before), len(now)) < rules.least_queries:
        return None
    area, chance_of_area = classifier(before, now, seed=_SEED)
    distance, chance_of_distance = mmd(before, now, rules.permutations, seed=_SEED)
    chance = max(chance_of_area, chance_of_distance) if area >= rules.query_auc else 1.0
    seen = f"questions of then and now are told apart with an area of {area:.2f} (MMD {distance:.4f}; {len(before)} and {len(now)} of them)"
    return Test("queries", area, chance, seen)


def classifier(before: np.ndarray, now: np.ndarray, *, seed: int) -> tuple[float, float]:
    """(area under ROC on rows it was not fitted to, one-sided chance of that by rank test)."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rows = np.vstack([before, now]).astype(np.float64)
    is_now = np.repeat([False, True], [len(before), len(now)])
    fitted = np.random.default_rng(seed).random(len(rows)) < 0.5
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(rows[fitted], is_now[fitted])
    said, is_now = model.decision_function(rows[~fitted]), is_now[~fitted]
    found = mannwhitneyu(said[is_now], said[~is_now], alternative="greater")
    return float(found.statistic / (is_now.sum() * (~is_now).sum())), float(found.pvalue)


def mmd(before: np.ndarray, now: np.ndarray, permutations: int, *, seed: int) -> tuple[float, float]:
    """(unbiased squared MMD, its chance among permutations). Of large samples, so many rows as can be compared."""
    chance = np.random.default_rng(seed)
    x, y = (_some(rows, chance) for rows in (before, now))
    rows = np.vstack([x, y]).astype(np.float64)
    squares = (rows**2).sum(axis=1)
    distances = np.maximum(squares[:, None] + squares[None, :] - 2 * rows @ rows.T, 0.0)
    between = distances[np.triu_indices(len(rows), 1)]
    kernel = np.exp(-distances / (np.median(between) or 1.0))
    np.fill_diagonal(kernel, 0.0)
    found = _distance(kernel, np.arange(len(rows)), len(x))
    dealt = [_distance(kernel, chance.permutation(len(rows)), len(x)) for _ in range(permutations)]
    return found, (1 + sum(other >= found for other in dealt)) / (1 + permutations)


def _distance(kernel: np.ndarray, order: np.ndarray, first: int) -> float:
    """kernel: of all pairs, 0 on its diagonal. order: which rows are the first sample's `first`, then the other's."""
    is_first = np.zeros(len(order))
    is_first[order[:first]] = 1.0
    n, m = first, len(order) - first
    to_first = kernel @ is_first
    inside, across = float(is_first @ to_first), float((1 - is_first) @ to_first)
    outside = float(kernel.sum()) - inside - 2 * across
    return inside / (n * (n - 1)) + outside / (m * (m - 1)) - 2 * across / (n * m)


def _some(rows: np.ndarray, chance: np.random.Generator) -> np.ndarray:
    return rows if len(rows) <= _MOST_COMPARED else rows[chance.choice(len(rows), _MOST_COMPARED, replace=False)]
