"""Is each test of drift the one its name says? Against definitions written out, sum by sum."""

import math
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binom, norm

from probatum.drift.evidence import Test as Drawn
from probatum.drift.evidence import compared, corrected, evidence_of
from probatum.drift.moved import classifier, mmd, moved
from probatum.drift.overlap import rank_overlap
from probatum.drift.readings import Reading, Window
from probatum.drift.rules import drift_rules

RULES = drift_rules(Path(__file__).parents[2] / "expectations")


def window(*readings: Reading, day: str = "2026-12-07") -> Window:
    return Window("retrieval", day, "champion", readings)


def of(marks: list[bool], **more) -> Window:
    return window(*(Reading(f"p{n:03d}", ok=ok, **{k: v[n] for k, v in more.items()}) for n, ok in enumerate(marks)))


def named(before: Window, now: Window) -> dict[str, Drawn]:
    return {test.name: test for test in evidence_of(compared(before, now, RULES), RULES)}


def slow_overlap(before, now, persistence=0.8):
    """Rank-biased overlap as the paper has it: agreement at each depth, and the last one carried on."""
    depth = len(before)
    agree = [len(set(before[:d]) & set(now[:d])) / d for d in range(1, depth + 1)]
    tail = agree[-1] * persistence**depth
    return tail + (1 - persistence) / persistence * sum(a * persistence ** (d + 1) for d, a in enumerate(agree))


def test_rank_overlap_is_the_one_of_the_paper():
    chance = np.random.default_rng(5)
    for _ in range(300):
        depth = int(chance.integers(1, 11))
        one, other = (list(chance.permutation(14)[:depth]) for _ in range(2))
        assert rank_overlap(one, other) == pytest.approx(slow_overlap(one, other))


def test_rank_overlap_is_one_of_the_same_and_none_of_what_shares_nothing():
    assert rank_overlap("abcdefghij", "abcdefghij") == pytest.approx(1.0)
    assert rank_overlap("abc", "xyz") == 0.0
    assert rank_overlap("bacdefghij", "abcdefghij") < rank_overlap("abcdefghji", "abcdefghij") < 1.0
    assert (rank_overlap("", ""), rank_overlap("", "a")) == (1.0, 0.0)


def test_pairs_are_tested_exactly():
    """Of eight that turned, seven lost: the chance of that is the tail of a fair coin."""
    before, now = [True] * 60 + [False] * 20, [False] * 7 + [True] * 54 + [False] * 19
    hits = named(of(before), of(now))["hits"]
    assert hits.chance == pytest.approx(binom.sf(6, 8, 0.5)) and hits.figure == pytest.approx(6 / 80)


def test_examples_drawn_anew_are_tested_as_two_samples():
    then = window(*(Reading(f"a{n}", ok=n >= 3) for n in range(200)))
    now = window(*(Reading(f"b{n}", ok=n >= 20) for n in range(200)))
    two = compared(then, now, RULES)
    assert not two.paired and two.loss == pytest.approx(17 / 200)
    hits = named(then, now)["hits"]
    tail = sum(math.comb(200, k) * math.comb(200, 23 - k) for k in range(20, 24)) / math.comb(400, 23)
    assert hits.chance == pytest.approx(tail)


def test_a_test_that_can_say_nothing_is_left_out():
    same = of([True] * 80)
    assert named(same, same) == {}


def test_every_figure_of_a_window_has_its_test():
    """Ranks, scores and refusals that are others each fire their own, while answers stay as right as they were."""
    chance = np.random.default_rng(1)
    size, marks = 100, [True] * 100
    scores = chance.normal(0.8, 0.05, size)
    told = {"quality": list(chance.normal(0.2, 0.02, size)), "unanswered": [False] * size}
    before = of(marks, top=[tuple("abcdefghij")] * size, level=list(scores), **told)
    later = {"quality": [q - 0.05 for q in told["quality"]], "unanswered": [n < 12 for n in range(size)]}
    now = of(marks, top=[tuple("klmnopqrst")] * size, level=list(scores - 0.1), **later)
    tests = named(before, now)
    assert {name for name, test in tests.items() if test.fires} == {"quality", "overlap", "level", "unanswered"}
    assert {name for name, test in named(before, before).items() if test.fires} == set()


def test_worse_by_less_than_is_tolerated_is_not_worse():
    chance = np.random.default_rng(2)
    quality = chance.normal(0.3, 0.1, 200)
    for less, fires in ((RULES.tolerated_margin / 2, False), (RULES.tolerated_margin * 2, True)):
        now = quality - less + chance.normal(0, 0.01, 200)
        two = of([True] * 200, quality=list(quality)), of([True] * 200, quality=list(now))
        assert named(*two)["quality"].fires is fires


def test_holm_is_holm():
    """Against the definition: the k-th smallest fires when it and all smaller ones are below chance / (n - k + 1)."""
    chance = np.random.default_rng(3)
    for _ in range(200):
        values = chance.random(5) ** 3
        tests = corrected([Drawn(str(n), 0.0, float(v), "") for n, v in enumerate(values)], 0.05)
        ranked = sorted(values)
        passed = [all(ranked[i] <= 0.05 / (5 - i) for i in range(k + 1)) for k in range(5)]
        assert [test.fires for test in tests] == [passed[ranked.index(v)] for v in values]


def test_a_soft_loss_counts_a_probe_by_how_firmly_it_is_answered():
    before, now = [0.4, 0.1, -0.2], [0.2, -0.1, -0.2]
    two = compared(of([q > 0 for q in before], quality=before), of([q > 0 for q in now], quality=now), RULES)
    by_hand = np.mean([norm.cdf(a / 0.2) - norm.cdf(b / 0.2) for a, b in zip(before, now, strict=True)])
    assert two.soft_loss(0.2) == pytest.approx(by_hand) and two.loss == pytest.approx(1 / 3)


def test_a_quality_whose_sign_is_not_the_answer_gives_the_plain_loss():
    two = compared(of([True, True], quality=[1.0, 1.0]), of([True, False], quality=[1.0, 0.8]), RULES)
    assert two.soft_loss(0.2) == two.loss == 0.5


def slow_mmd(x, y):
    """Its definition: mean kernel within each sample less twice the mean across, pairs of a row with itself left out."""
    rows = np.vstack([x, y])
    width = np.median([((a - b) ** 2).sum() for a, b in combinations(rows, 2)])
    kernel = lambda a, b: math.exp(-((a - b) ** 2).sum() / width)  # noqa: E731
    within = lambda s: np.mean([kernel(a, b) for a, b in combinations(s, 2)])  # noqa: E731
    return within(x) + within(y) - 2 * np.mean([kernel(a, b) for a in x for b in y])


def test_mmd_is_its_definition():
    chance = np.random.default_rng(4)
    x, y = chance.normal(size=(23, 4)), chance.normal(0.5, 1.5, size=(31, 4))
    assert mmd(x, y, 200, seed=1)[0] == pytest.approx(slow_mmd(x, y))


def test_two_samples_of_one_place_are_seldom_told_apart():
    """Of forty trials at a chance of 0.05, about two may: a test that says so more often is broken."""
    chance = np.random.default_rng(6)
    trials = [(chance.normal(size=(120, 6)), chance.normal(size=(120, 6))) for _ in range(40)]
    assert sum(mmd(x, y, 200, seed=n)[1] <= 0.05 for n, (x, y) in enumerate(trials)) <= 6
    assert sum(classifier(x, y, seed=n)[1] <= 0.05 for n, (x, y) in enumerate(trials)) <= 6


def test_samples_of_two_places_are_told_apart_and_too_few_say_nothing():
    chance = np.random.default_rng(7)
    before, now = chance.normal(size=(300, 16)), chance.normal(0.4, 1, size=(300, 16))
    found = moved(before, now, RULES)
    assert found.chance < 0.01 and found.figure > RULES.query_auc
    assert moved(before, before[::-1], RULES).chance > 0.05
    assert moved(before, now[: RULES.least_queries - 1], RULES) is None
