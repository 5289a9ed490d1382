"""Do 400 days of probes, over and over, give false alarms, and is what really drifts found in time?

Fewer seeds than `python -m bench.drift` takes, whose figures are in bench/README.md; through the same code.
"""

from pathlib import Path

import pytest

from bench.drift import DAYS, EVERY, SLIDE_DAY, STEP_DAY, STORIES, Replayed, replay
from probatum.drift.rules import drift_rules

RULES = drift_rules(Path(__file__).parents[2] / "expectations")
SEEDS = 8
NAMED = {story.name: story for story in STORIES}


@pytest.fixture(scope="module")
def done() -> dict[str, list[Replayed]]:
    return {name: [replay(story, "retrieval", seed, RULES) for seed in range(SEEDS)] for name, story in NAMED.items()}


@pytest.mark.parametrize("story", ["noise", "seasons", "missing"])
def test_what_does_not_drift_raises_less_than_one_alarm_a_year(done, story):
    """P42: noise, seasons and weeks without data."""
    assert sum(each.drifts for each in done[story]) < SEEDS * DAYS / 365


def test_a_step_of_five_points_is_found_at_the_next_window(done):
    """P42: in all but one of the replays; which probes a step hits is luck."""
    at_once = [each for each in done["step"] if STEP_DAY <= each.found < STEP_DAY + EVERY]
    assert len(at_once) >= SEEDS - 1 and all(each.found >= STEP_DAY for each in done["step"])


def test_a_slow_slide_is_found_before_three_points_are_lost(done):
    """P42: in all but one of the replays, and in every one before four."""
    lost = sorted(100 * NAMED["slide"].lost(each.found) for each in done["slide"])
    assert all(each.found > SLIDE_DAY for each in done["slide"])
    assert lost[-2] < 3 and lost[-1] < 4


def test_weeks_without_data_are_told_and_start_nothing(done):
    """P42: an alert for each stretch of them, and no drift."""
    for each in done["missing"]:
        assert each.drifts == 0 and 0 < each.missing_told <= each.missing


def test_one_drift_is_found_once_though_nobody_retrains(done):
    """P42: it lasts to the end of every replay, and is one."""
    assert {each.drifts for story in ("step", "slide") for each in done[story]} == {1}
