"""The verdict of a window: steady, suspected, drifted, or that too few probes could be asked.

    judge(baseline, windows, rules)  ->  Verdict(state="drifted", before=0.93, now=0.88, reasons=("the share … fell by 5.0 points …",), …)

*Drifted* takes two things at once: that it matters (a step: as many points lost as `step_loss`; or a slide: small losses
that add up, as a CUSUM of what each window lost beyond an allowance), and that it is no chance (a test of `evidence` that
fires after Holm's correction). One of the two alone is *suspected*: it is in the report, and starts nothing. The two cannot
come from one and the same number: a few fixed probes show a loss of points long before a sign test would call it no chance,
while scores show the faintest change long before it matters.

Where too few probes were answered, nothing is judged: missing data is an alert, never a drift, and leaves the CUSUM as it was.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import orjson

from probatum.drift.evidence import Test, compared, evidence_of
from probatum.drift.readings import Window, rate
from probatum.drift.rules import DriftRules

BASELINE, STEADY, SUSPECTED, DRIFTED, MISSING = "baseline", "steady", "suspected", "drifted", "missing"


@dataclass(frozen=True)
class Verdict:
    """before, now: share that is ok, at publication and in this window. loss: in the probes both have. slide: the CUSUM."""

    behaviour: str
    day: str
    champion: str
    state: str
    reasons: tuple[str, ...]
    release: str = ""
    before: float | None = None
    now: float | None = None
    loss: float | None = None
    slide: float = 0.0
    size: int = 0
    missing: int = 0
    tests: tuple[Test, ...] = ()

    def as_json(self) -> dict:
        return orjson.loads(orjson.dumps(asdict(self)))


def judge(
    baseline: Window | None, windows: Sequence[Window], rules: DriftRules, *, queries: Test | None = None
) -> Verdict:
    """The verdict of the last of `windows`: those of one champion since it was published, oldest first."""
    slide = slide_of(baseline, windows[:-1], rules) if baseline else 0.0
    return judge_one(baseline, windows[-1], slide, rules, queries=queries)


def judge_one(
    baseline: Window | None, now: Window, slide: float, rules: DriftRules, *, queries: Test | None = None
) -> Verdict:
    """The verdict of one window. slide: the CUSUM of the windows before it."""
    told = {"behaviour": now.behaviour, "day": now.day, "champion": now.champion, "release": now.release}
    told["missing"] = len(now.missing())
    if why := too_few(baseline, now, rules):
        return Verdict(**told, state=MISSING, reasons=(why,), slide=slide)
    if baseline is None:
        share = rate(now.seen().values())
        return Verdict(
            **told, state=BASELINE, reasons=("the first window of this champion",), now=share, size=len(now.seen())
        )
    two = compared(baseline, now, rules)
    tests = evidence_of(two, rules, queries=queries)
    loss = two.soft_loss(rules.firm)
    slide = _added(slide, loss, rules)
    matters, no_chance = _what_matters(loss, slide, rules), _what_fires(tests)
    enough = matters and no_chance and len(matters) + len(no_chance) >= rules.tests_agreeing
    state = DRIFTED if enough else SUSPECTED if matters or no_chance else STEADY
    return Verdict(
        **told,
        state=state,
        reasons=(*matters, *no_chance) or ("no test fires",),
        before=rate(two.before),
        now=rate(two.now),
        loss=loss,
        slide=slide,
        size=two.size,
        tests=tuple(tests),
    )


def too_few(baseline: Window | None, now: Window, rules: DriftRules) -> str:
    """Why a window cannot be judged; "" when it can."""
    seen, asked = len(now.seen()), len(now.readings)
    if seen < rules.answered_share * asked:
        first = next(iter(now.missing().items()))
        return f"{seen} of {asked} probes could be asked, {rules.answered_share:.0%} are needed (first {first[0]}: {first[1]})"
    both = compared(baseline, now, rules).size if baseline else seen
    if both < rules.least_probes:
        return f"{both} probes can be compared, {rules.least_probes} are needed"
    return ""


def slide_of(baseline: Window, windows: Sequence[Window], rules: DriftRules) -> float:
    """The CUSUM of the losses beyond the allowance, in points of the share that is ok; never below 0."""
    found = 0.0
    for window in windows:
        if not too_few(baseline, window, rules):
            found = _added(found, compared(baseline, window, rules).soft_loss(rules.firm), rules)
    return found


def _added(slide: float, loss: float, rules: DriftRules) -> float:
    return max(0.0, slide + loss - rules.slide_allowance)


def _what_matters(loss: float, slide: float, rules: DriftRules) -> tuple[str, ...]:
    step = loss >= rules.step_loss
    slid = slide >= rules.slide_bound
    return (
        *([f"step: {100 * loss:.1f} points fewer are right, {100 * rules.step_loss:.1f} matter"] if step else []),
        *(
            [f"slide: losses add up to {100 * slide:.1f} points over the windows, {100 * rules.slide_bound:.1f} matter"]
            if slid
            else []
        ),
    )


def _what_fires(tests: Sequence[Test]) -> tuple[str, ...]:
    return tuple(f"{test.name}: {test.seen} (chance {test.chance:.1e})" for test in tests if test.fires)
