"""Is what a candidate loses against the release that serves counted pair by pair, and held within its bounds?"""

from math import comb
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probatum.audit_report import QuestionResult
from probatum.regression import no_regression, pair
from probatum.thresholds import gate

GATE = gate(Path(__file__).parents[2] / "expectations", "guidelines")


def results(answered, part="dose", asked="same"):
    return [
        QuestionResult(
            id=f"q{n}", slice=part, critical=False, rank=int(yes), strict_rank=int(yes), top=("d",), asked=asked
        )
        for n, yes in enumerate(answered)
    ]


def found(before, after, **kind):
    paired = pair(results(before, **kind), results(after, **kind), against="c")
    return paired, no_regression(paired, results(after, **kind), GATE)


def test_won_and_lost_are_named_and_the_rest_is_not():
    paired, finding = found([1, 1, 0, 0], [1, 0, 1, 0])
    assert (paired.won, paired.lost, paired.pairs) == (("q2",), ("q1",), 4)
    assert finding.passed and "lost: q1" in finding.seen and finding.ids == ("q1",)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=40))
def test_the_chance_is_the_sum_of_the_binomial_by_hand(pairs):
    """McNemar, exact and one-sided: at least so many losses among those that differ, each a toss of a coin."""
    before, after = [a for a, _ in pairs], [b for _, b in pairs]
    lost, differ = sum(a and not b for a, b in pairs), sum(a != b for a, b in pairs)
    by_hand = sum(comb(differ, k) for k in range(lost, differ + 1)) / 2**differ
    assert found(before, after)[0].p == pytest.approx(by_hand)


@pytest.mark.parametrize(
    ("lost", "won", "passes"), [(0, 0, True), (4, 0, True), (5, 0, False), (9, 1, False), (9, 5, True)]
)
def test_losses_that_outweigh_wins_beyond_chance_are_a_regression(lost, won, passes):
    """P3: the mean may still be above the bar; what serves was better."""
    before = [1] * lost + [0] * won + [1] * 200
    after = [0] * lost + [1] * won + [1] * 200
    finding = found(before, after)[1]
    assert finding.passed is passes and (passes or "beyond chance" in finding.seen)


@pytest.mark.parametrize(
    ("asked", "lost", "passes"), [(8, 1, True), (8, 2, True), (8, 3, False), (60, 3, True), (60, 4, False)]
)
def test_a_slice_cannot_hide_behind_the_mean(asked, lost, passes):
    """P3: one slice loses while another wins as much; of a small one two may turn, of a large one its share."""
    before = [*results([1] * asked, part="small"), *results([0] * lost, part="large", asked="other")]
    after = [
        *results([0] * lost + [1] * (asked - lost), part="small"),
        *results([1] * lost, part="large", asked="other"),
    ]
    before, after = ([q.model_copy(update={"id": f"{q.slice}-{q.id}"}) for q in each] for each in (before, after))
    finding = no_regression(pair(before, after, against="c"), after, GATE)
    assert finding.passed is passes and (passes or "slice small lost" in finding.seen)


def test_a_question_that_was_changed_is_no_pair():
    """What is expected of it, or how it is asked, is part of the question."""
    paired = pair(results([1], asked="a"), results([0], asked="b"), against="c")
    assert (paired.pairs, paired.lost) == (0, ())


def test_questions_that_only_one_was_asked_are_no_pairs():
    paired = pair(results([1, 1, 1]), results([1, 1, 1, 0]), against="c")
    assert (paired.pairs, paired.lost) == (3, ())


def test_a_source_that_does_not_serve_yet_cannot_get_worse():
    assert no_regression(None, results([0] * 100), GATE).passed
