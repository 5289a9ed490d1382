"""When is a behaviour drifted, and when is it only suspected, or not to be judged at all?"""

from pathlib import Path

import pytest

from probatum.drift.readings import Reading, Window
from probatum.drift.rules import drift_rules
from probatum.drift.verdict import BASELINE, DRIFTED, MISSING, STEADY, SUSPECTED, judge, slide_of
from probatum.errors import Misconfigured

EXPECTATIONS = Path(__file__).parents[2] / "expectations"
RULES = drift_rules(EXPECTATIONS)
SIZE = 120


def window(day: int, quality: list[float] | float = 0.3, *, missing: int = 0, lost: int = 0) -> Window:
    """The first `lost` probes fall from 0.3 to 0.3 below the edge; the last `missing` are not asked."""
    levels = quality if isinstance(quality, list) else [quality] * SIZE
    levels = [-0.3] * lost + levels[lost:]
    readings = tuple(
        Reading(f"p{n:03d}", missing="the source is gone")
        if n >= SIZE - missing
        else Reading(f"p{n:03d}", ok=level > 0, quality=level)
        for n, level in enumerate(levels)
    )
    return Window("retrieval", f"2026-{1 + day // 28:02d}-{1 + day % 28:02d}", "champion", readings)


def test_the_first_window_is_what_later_ones_are_compared_with():
    assert judge(None, [window(0)], RULES).state == BASELINE


def test_what_behaves_as_at_publication_is_steady():
    verdict = judge(window(0), [window(0), window(7)], RULES)
    assert (verdict.state, verdict.loss, verdict.before, verdict.now) == (STEADY, 0.0, 1.0, 1.0)


def test_a_loss_that_matters_and_is_no_chance_is_drift():
    """P42: six of a hundred and twenty, five points, in one window."""
    verdict = judge(window(0), [window(0), window(7, lost=6)], RULES)
    assert verdict.state == DRIFTED and verdict.now == pytest.approx(0.95)
    assert verdict.reasons[0].startswith("step: ") and any(test.fires for test in verdict.tests)


def test_a_loss_that_may_be_chance_is_suspected():
    """Four lost and none won happens with a coin once in sixteen."""
    verdict = judge(window(0), [window(0), window(7, lost=4)], RULES)
    assert verdict.state == SUSPECTED and not any(test.fires for test in verdict.tests)


def test_what_no_chance_explains_and_does_not_matter_is_suspected():
    """Every score moved, and nothing is lost by it."""
    verdict = judge(window(0, 0.9), [window(0, 0.9), window(7, 0.85)], RULES)
    assert verdict.state == SUSPECTED and verdict.loss < RULES.step_loss and verdict.tests[0].name == "quality"


def test_small_losses_add_up():
    """A slide that no window shows as a step; what is within the allowance never adds up."""
    baseline = window(0, 0.25)
    little = [window(7 * n, 0.245) for n in range(40)]
    assert slide_of(baseline, little, RULES) == 0.0
    sliding = [window(7 * n, 0.25 - 0.004 * n) for n in range(12)]
    found = [judge(baseline, sliding[: n + 1], RULES) for n in range(12)]
    first = next(verdict for verdict in found if verdict.state == DRIFTED)
    assert first.loss < 0.05 and first.slide >= RULES.slide_bound


@pytest.mark.parametrize("missing", [13, 60, SIZE])
def test_missing_data_is_never_drift(missing):
    """P42: however bad the rest looks, and what was added up before stays as it was."""
    windows = [window(0, 0.25), window(7, 0.18), window(14, lost=60, missing=missing)]
    verdict = judge(window(0, 0.25), windows, RULES)
    assert verdict.state == MISSING and verdict.missing == missing and verdict.tests == ()
    assert verdict.slide == slide_of(window(0, 0.25), windows[:2], RULES) > 0
    assert f"{SIZE - missing} of {SIZE} probes" in verdict.reasons[0]


def test_a_handful_of_probes_is_not_judged():
    few = Window("retrieval", "2026-12-07", "champion", window(0).readings[: RULES.least_probes - 1])
    assert judge(None, [few], RULES).state == MISSING
    assert judge(window(0), [few], RULES).state == MISSING


@pytest.mark.parametrize(
    "line",
    ["chance = 0.9", "least_probes = 1", "tests_agreeing = 1", "step_los = 0.1", 'firm = "0.2"', "permutations = 3"],
)
def test_a_number_that_is_misspelt_or_absurd_is_refused_by_name(tmp_path, line):
    name = line.split(" ")[0]
    text = (EXPECTATIONS / "thresholds.toml").read_text("utf-8")
    kept = [each for each in text.splitlines() if not each.startswith(f"{name} =")]
    (tmp_path / "thresholds.toml").write_text("\n".join(kept).replace("\n[drift]\n", f"\n[drift]\n{line}\n"), "utf-8")
    with pytest.raises(Misconfigured, match=rf"{name} of \[drift\]"):
        drift_rules(tmp_path)
