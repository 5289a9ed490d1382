"""Is the rank of a family what the slow definition says it is?"""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from probatum.training.ranking import MOST, ranks_of

FAMILIES = st.lists(st.sampled_from("abcdefghijklmnop"), min_size=1, max_size=40)


def slow_rank(cosines, families, right, hidden) -> int:
    """Families by their best text that may be seen, the first of equals first."""
    seen = [(-c, n) for n, c in enumerate(cosines) if n not in hidden]
    folded = list(dict.fromkeys(families[n] for _, n in sorted(seen)))
    return next((place for place, family in enumerate(folded[:MOST], 1) if family in right), 0)


@settings(max_examples=200, deadline=None)
@given(families=FAMILIES, seed=st.integers(0, 10_000), data=st.data())
def test_the_fast_rank_is_the_slow_one(families, seed, data):
    dice = np.random.default_rng(seed)
    known, asked = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (dice.normal(size=(len(families), 8)), dice.normal(size=(3, 8))))  # fmt: skip
    right = [set(data.draw(st.lists(st.sampled_from("abcdefghijklmnop"), max_size=3))) for _ in asked]
    hidden = [data.draw(st.lists(st.integers(0, len(families) - 1), max_size=3, unique=True)) for _ in asked]
    found = ranks_of(asked, known, families, right, hidden)
    assert found.tolist() == [
        slow_rank(q @ known.T, families, r, set(h)) for q, r, h in zip(asked, right, hidden, strict=True)
    ]
