"""The tests of one window against what was at publication: each a question of its own, with a figure and a chance.

    evidence_of(baseline, now, rules)  ->  [Test("hits", 0.05, 0.0004, "7 lost and 1 won of 120", True), …]

| test       | asks                                                         | by                                       |
| hits       | did more probes lose their answer than win one?              | exact sign test of the pairs (McNemar)   |
| quality    | did answers become worse by more than is tolerated?          | t test of the paired differences         |
| overlap    | are the rankings others than is tolerated?                   | t test of 1 - rank overlap               |
| level      | do scores (lengths) lie otherwise?                           | two-sample Kolmogorov and Smirnov        |
| unanswered | are more probes told that nothing is good enough (refused)?  | exact sign test of the pairs             |
| queries    | do people ask other things?                                  | domain classifier and MMD, both          |

The same probes are asked each time, so most are compared probe by probe. Where the examples are others each time, hits,
quality and unanswered are compared as two samples (Fisher, Welch). Chances are corrected for their number (Holm).
A test that cannot say anything here (nobody refuses, no score differs) is left out, and does not count.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import binomtest, fisher_exact, ks_2samp, norm
from scipy.stats import t as student

from probatum.drift.overlap import rank_overlap
from probatum.drift.readings import Reading, Window, pairs
from probatum.drift.rules import DriftRules


@dataclass(frozen=True)
class Test:
    """figure: how much worse, in the unit of the test. fires: its chance is small, the number of tests considered."""

    name: str
    figure: float
    chance: float
    seen: str
    fires: bool = False


@dataclass(frozen=True)
class Compared:
    """Two windows side by side. paired: probe by probe; else they are two samples."""

    before: tuple[Reading, ...]
    now: tuple[Reading, ...]
    paired: bool

    @property
    def size(self) -> int:
        return min(len(self.before), len(self.now))

    @property
    def loss(self) -> float:
        """Share of ok then, less that of now; positive is worse."""
        return float(np.mean([r.ok for r in self.before]) - np.mean([r.ok for r in self.now]))

    def soft_loss(self, firm: float) -> float:
        """The same, each probe counted by how firmly it is ok: a half where it is on the edge, nearly one where `firm` above it.

        A hundred probes lose three points or four by the luck of which ones were chosen; how far all of them moved says
        it with less luck. It needs a quality whose sign is the answer; without one it is the plain loss.
        """
        if not all(r.ok == (r.quality > 0) for r in (*self.before, *self.now)):
            return self.loss
        then, now = (np.array([r.quality for r in side]) for side in (self.before, self.now))
        return float(norm.cdf(then / firm).mean() - norm.cdf(now / firm).mean())


def compared(before: Window, now: Window, rules: DriftRules) -> Compared:
    """The probes both have; where hardly any is the same (examples are drawn anew), all of both."""
    both = pairs(before, now)
    drawn_anew = len(both) < rules.least_probes and len(both) < 0.5 * min(len(before.seen()), len(now.seen()))
    if drawn_anew:
        return Compared(tuple(before.seen().values()), tuple(now.seen().values()), paired=False)
    return Compared(tuple(then for then, _ in both), tuple(here for _, here in both), paired=True)


def evidence_of(two: Compared, rules: DriftRules, *, queries: Test | None = None) -> list[Test]:
    """Every test that can say something, with Holm's correction over all of them."""
    told = [
        _counted("hits", two, lost=[not r.ok for r in two.now], had=[not r.ok for r in two.before]),
        _quality(two, rules),
        _overlap(two, rules),
        _level(two),
        _counted("unanswered", two, lost=[r.unanswered for r in two.now], had=[r.unanswered for r in two.before]),
        queries,
    ]
    return corrected([test for test in told if test], rules.chance)


def corrected(tests: Sequence[Test], chance: float) -> list[Test]:
    """Holm: the smallest chance is held against chance/n, the next against chance/(n-1), …, up to the first that fails."""
    firing = set()
    for done, test in enumerate(sorted(tests, key=lambda t: t.chance)):
        if test.chance > chance / (len(tests) - done):
            break
        firing.add(test.name)
    return [replace(test, fires=test.name in firing) for test in tests]


def _counted(name: str, two: Compared, *, lost: Sequence[bool], had: Sequence[bool]) -> Test | None:
    """Whether a fault is more frequent now. lost: which have it now; had: which had it."""
    size = len(lost)
    if not sum(lost) and not sum(had):
        return None
    figure = sum(lost) / size - sum(had) / len(had)
    if not two.paired:
        table = [[sum(lost), size - sum(lost)], [sum(had), len(had) - sum(had)]]
        chance = float(fisher_exact(table, alternative="greater").pvalue)
        return Test(name, figure, chance, f"{sum(lost)} of {size} now, {sum(had)} of {len(had)} then")
    worse = sum(now and not then for then, now in zip(had, lost, strict=True))
    better = sum(then and not now for then, now in zip(had, lost, strict=True))
    changed = worse + better
    chance = float(binomtest(worse, changed, 0.5, alternative="greater").pvalue) if changed else 1.0
    return Test(name, figure, chance, f"{worse} became worse and {better} better, of {size}")


def _quality(two: Compared, rules: DriftRules) -> Test | None:
    then, now = (np.array([r.quality for r in side]) for side in (two.before, two.now))
    if not (np.ptp(then) or np.ptp(now)) and then[0] == now[0]:
        return None
    figure = float(then.mean() - now.mean())
    if two.paired:
        error = float((then - now).std(ddof=1)) / math.sqrt(two.size)
    else:
        error = math.sqrt(then.var(ddof=1) / len(then) + now.var(ddof=1) / len(now))
    return Test("quality", figure, _chance(figure - rules.tolerated_margin, error, two.size - 1), _by(figure))


def _chance(beyond: float, error: float, freedom: int) -> float:
    """Of a mean so far beyond what is tolerated, by chance alone. freedom: of the smaller side, which errs to the safe one."""
    if error:
        return float(student.sf(beyond / error, freedom))
    return 0.0 if beyond > 0 else 1.0


def _by(figure: float) -> str:
    return f"{abs(figure):.4f} {'worse' if figure > 0 else 'better'} on average"


def _overlap(two: Compared, rules: DriftRules) -> Test | None:
    if not two.paired:
        return None
    left = [rank_overlap(a.top, b.top) for a, b in zip(two.before, two.now, strict=True) if a.top]
    if len(left) < rules.least_probes:
        return None
    lost = 1 - np.array(left)
    error = float(lost.std(ddof=1)) / math.sqrt(len(lost))
    chance = _chance(float(lost.mean()) - rules.tolerated_overlap, error, len(lost) - 1)
    return Test("overlap", float(lost.mean()), chance, f"{1 - lost.mean():.3f} of the rankings is left")


def _level(two: Compared) -> Test | None:
    then, now = (np.array([r.level for r in side]) for side in (two.before, two.now))
    if not (np.ptp(then) or np.ptp(now)):
        return None
    found = ks_2samp(then, now, method="asymp")  # sixty and more on each side
    return Test(
        "level",
        float(found.statistic),
        float(found.pvalue),
        f"median {np.median(then):.3f} became {np.median(now):.3f}",
    )
