"""How much of a ranking is left: 1.0 where the first ten are the same in the same order, 0.0 where none is.

    rank_overlap(("J45", "J30"), ("J45", "J98"))  ->  0.655…

Rank-biased overlap, extrapolated to the end of the list (Webber, Moffat and Zobel 2010, equation 32 for lists of one
length): what is at the top counts most, so that a swap of the ninth and the tenth is nearly nothing.
"""

from collections.abc import Sequence

PERSISTENCE = 0.8  # the first three ranks carry 73 % of the weight: they are what people read


def rank_overlap(before: Sequence[str], now: Sequence[str], *, persistence: float = PERSISTENCE) -> float:
    """From 0 to 1. Lists of unequal length are compared to the shorter one; two empty ones are the same."""
    depth = min(len(before), len(now))
    if not depth:
        return float(len(before) == len(now))
    then, here, shared, weighed = set(), set(), 0, 0.0
    for rank in range(1, depth + 1):
        one, other = before[rank - 1], now[rank - 1]
        shared += (one == other) + (one != other) * ((one in here) + (other in then))
        then.add(one)
        here.add(other)
        weighed += shared / rank * persistence**rank
    return (1 - persistence) / persistence * weighed + shared / depth * persistence**depth
