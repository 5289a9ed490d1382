"""Is a challenger promoted only if it is not worse than the champion, and is every reason against it told?"""

from pathlib import Path

import numpy as np
import pytest

from probatum.adapters.judging import RULES, Standing, Terms, Verdict, judge
from probatum.audit_report import QuestionResult
from probatum.thresholds import gate

GATE = gate(Path(__file__).parents[2] / "expectations", "icd10")
BASE, ASKED, GENERAL = "b" * 64, "a" * 64, "9" * 64
TERMS = Terms(base=BASE, rank=8, asked=ASKED, general_set=GENERAL, general_loss=0.02, least=0.9)
WEIGHTS = {
    f"base_model.model.layers.{n}.q_proj.lora_{part}.weight": np.full(shape, 0.01, np.float32)
    for n in range(2)
    for part, shape in (("A", (8, 32)), ("B", (32, 8)))
}


def results(wrong=(), critical=(), asked="same"):
    """Two hundred examples of five slices; those with the numbers in `wrong` are not answered."""
    return tuple(
        QuestionResult(
            id=f"e{n}", slice=f"part-{n % 5}", critical=n in critical, rank=int(n not in wrong), strict_rank=0, top=(), asked=asked
        )
        for n in range(200)
    )  # fmt: skip


def standing(wrong=(), *, adapter="c" * 64, critical=(), base=BASE, asked=ASKED, general_set=GENERAL, general=1.0):
    given = results(wrong, critical)
    return Standing(adapter=adapter, base=base, asked=asked, general_set=general_set, general=general, results=given)


def verdict(champion=None, challenger=None, weights=None, terms=TERMS) -> Verdict:
    before = champion or standing({1, 2, 3})
    return judge(before, challenger or standing({1, 2, 3}), WEIGHTS if weights is None else weights, terms, GATE)


def only_reason(found: Verdict, rule: str) -> str:
    assert not found.promoted
    (reason,) = found.reasons
    assert reason.startswith(f"{rule}: ")
    return reason


def test_a_challenger_that_wins_and_loses_nothing_is_promoted():
    found = verdict(standing(range(60)), standing({1}))
    assert found.promoted and found.reasons == ()
    assert len(found.paired.won) == 59 and {f.rule for f in found.findings} == set(RULES)


def test_an_equal_challenger_is_not_worse():
    assert verdict().promoted


def test_the_base_alone_is_a_champion_like_any_other():
    assert verdict(standing(range(150), adapter="")).promoted


def test_losses_beyond_chance_are_refused_with_their_ids():
    """P43: worse overall, though each slice is within its bound."""
    reason = only_reason(verdict(standing(), standing(range(5))), "no-regression")
    assert "losses beyond chance" in reason and "e0" in reason


def test_worse_on_one_slice_and_equal_overall_is_refused():
    """P43: the slices that gained do not make up for the one that lost."""
    lost, won = {0, 5, 10, 15}, {1, 6, 12, 18}
    reason = only_reason(verdict(standing(won), standing(lost)), "no-regression")
    assert "slice part-0 lost 4 of 40 more than it won" in reason


def test_a_lost_critical_example_is_refused_however_much_is_won():
    """P43: better overall, and one example that may not be lost is lost."""
    critical = {7}
    found = verdict(standing(range(20, 90), critical=critical), standing({7}, critical=critical))
    assert only_reason(found, "critical-kept") == "critical-kept: lost e7"


def test_a_critical_example_that_nobody_answered_before_is_not_lost():
    assert verdict(standing({7}, critical={7}), standing({7}, critical={7})).promoted


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_no_numbers_are_refused(value):
    """P43: one value in one tensor is enough."""
    spoilt = {name: array.copy() for name, array in WEIGHTS.items()}
    next(iter(spoilt.values()))[3, 3] = value
    assert "1 of 4 tensors are not finite" in only_reason(verdict(weights=spoilt), "weights-sound")


@pytest.mark.parametrize("part", ["lora_A", "lora_B"])
def test_an_adapter_without_effect_is_refused(part):
    """P43: where one factor of every pair is zero, the base alone would be promoted under another name."""
    nothing = {name: array * (part not in name) for name, array in WEIGHTS.items()}
    assert "changes nothing" in only_reason(verdict(weights=nothing), "weights-sound")


def test_no_weights_at_all_are_refused():
    assert not verdict(weights={}).promoted


def test_another_base_is_refused():
    """P43: figures of another base say nothing of this one."""
    reason = only_reason(verdict(challenger=standing({1}, base="d" * 64)), "fits")
    assert "dddddddddddd" in reason and "bbbbbbbbbbbb serves" in reason


def test_another_rank_is_refused():
    """P43: what is loaded has to have the shape that is served."""
    other = TERMS.model_copy(update={"rank": 16})
    assert "its rank is 8, 16 is served" in only_reason(verdict(terms=other), "fits")


@pytest.mark.parametrize("who", ["champion", "challenger"])
def test_figures_of_other_questions_are_refused(who):
    """P43: both were judged by the examples as they are now, or it is not a comparison."""
    reason = only_reason(verdict(**{who: standing({1}, asked="e" * 64)}), "same-questions")
    assert who in reason and "eeeeeeeeeeee" in reason


def test_an_example_that_was_asked_of_one_only_is_refused():
    """P43: leaving out what one fails is no improvement."""
    fewer = standing().model_copy(update={"results": results()[:-3]})
    assert "3 examples were not asked of both" in only_reason(verdict(challenger=fewer), "same-questions")


@pytest.mark.parametrize("general", [1.0201, float("nan"), float("inf"), 0.0])
def test_a_challenger_that_forgets_is_refused(general):
    """P43: the general set may be two per cent worse than with the base alone, not more, and has to be a number."""
    assert "1.0200 allowed" in only_reason(verdict(challenger=standing({1}, general=general)), "general-set")


@pytest.mark.parametrize("general", [0.9, 1.02])
def test_what_is_forgotten_within_the_bound_is_borne(general):
    assert verdict(challenger=standing({1}, general=general)).promoted


def test_another_general_set_is_refused():
    assert "another general set" in only_reason(verdict(challenger=standing(general_set="")), "general-set")


def test_below_the_bar_is_refused_however_much_was_gained():
    reason = only_reason(verdict(standing(range(150)), standing(range(25))), "good-enough")
    assert "0.875 answered, 0.900 needed" in reason


def test_several_reasons_are_all_told():
    found = verdict(challenger=standing(range(60), base="d" * 64, general=1.5), weights={})
    assert len(found.reasons) >= 4 and not found.promoted


def test_a_verdict_without_all_its_rules_promotes_nothing():
    """P43: a rule that was not tried is a reason to refuse."""
    found = verdict()
    assert not found.model_copy(update={"findings": found.findings[1:]}).promoted
