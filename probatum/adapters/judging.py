"""Whether a challenger takes the champion's place: only if it is not worse, and for no reason but figures (P43).

    verdict = judge(champion, challenger, weights, terms, gate)
    verdict.promoted   False
    verdict.reasons    ("no-regression: slice harbour lost 4 of 40 more than it won, 2 allowed; …", "critical-kept: lost soap-117")

The same rule for both kinds of adapter. Retrieval: an example is a golden or held-out question, answered when what it expects is
among the first three. Behaviour: an example of the held-out set, answered when the output keeps every rule and has the right label.
The champion is the base alone where no adapter serves yet. Nothing is read or loaded here: same values in, same verdict out.
"""

import math
import re
from collections.abc import Mapping, Sequence

import numpy as np
from pydantic import Field

from probatum.audit_report import Finding, Frozen, Paired, QuestionResult
from probatum.regression import no_regression, pair
from probatum.thresholds import Gate

SOUND, FITS, SAME_QUESTIONS, NOT_WORSE = "weights-sound", "fits", "same-questions", "no-regression"
CRITICAL_KEPT, GENERAL, GOOD_ENOUGH = "critical-kept", "general-set", "good-enough"
RULES = (SOUND, FITS, SAME_QUESTIONS, NOT_WORSE, CRITICAL_KEPT, GENERAL, GOOD_ENOUGH)
_TOLD = 10  # ids in one finding
_PAIR = re.compile(r"(?P<module>.*)\.lora_(?P<part>[AB])(?:\.[\w-]+)?\.weight")


class Standing(Frozen):
    """How one adapter, or the base alone, did.

    general: how the general set fares against the base alone: 1.0 as well, 1.02 two per cent worse (a ratio of perplexities, or
    of misses). asked, general_set: digests of what was asked, and of the general set.
    """

    adapter: str  # digest; "" is the base alone
    base: str  # digest of the base it was evaluated on
    asked: str
    general_set: str
    general: float
    results: tuple[QuestionResult, ...]

    @property
    def rate(self) -> float:
        return sum(q.answered for q in self.results) / len(self.results) if self.results else 0.0


class Terms(Frozen):
    """What is promised to whoever relies on the champion. rank: of the LoRA this behaviour or encoder is served with."""

    base: str
    rank: int = Field(gt=0)
    asked: str  # digest of the held-out set or golden questions as they are now
    general_set: str
    general_loss: float = Field(ge=0, le=0.1)
    least: float = Field(0.0, ge=0, le=1)  # share of examples answered, whatever the champion has


class Verdict(Frozen):
    champion: str
    challenger: str
    findings: tuple[Finding, ...]
    paired: Paired

    @property
    def promoted(self) -> bool:
        return {f.rule for f in self.findings} == set(RULES) and all(f.passed for f in self.findings)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why not, in words; empty when it is promoted."""
        return tuple(f"{f.rule}: {f.seen}" for f in self.findings if not f.passed)


def judge(
    champion: Standing, challenger: Standing, weights: Mapping[str, np.ndarray], terms: Terms, gate: Gate
) -> Verdict:
    """weights: the challenger's tensors by name, as peft saves them. gate: the numbers of expectations/thresholds.toml."""
    paired = pair(champion.results, challenger.results, against=champion.adapter)
    findings = (
        _found(SOUND, unsound(weights), f"{len(weights)} tensors, all finite, none without effect"),
        _found(FITS, _misfits(challenger, weights, terms), f"rank {terms.rank} on base {terms.base[:12]}"),
        _found(SAME_QUESTIONS, _otherwise_asked(champion, challenger, terms), f"{len(challenger.results)} asked of both"),
        no_regression(paired, challenger.results, gate),
        _critical_kept(champion, challenger),
        _general(challenger, terms),
        _found(GOOD_ENOUGH, [f"{challenger.rate:.3f} answered, {terms.least:.3f} needed"] * (challenger.rate < terms.least), f"{challenger.rate:.3f} answered"),
    )  # fmt: skip
    return Verdict(champion=champion.adapter, challenger=challenger.adapter, findings=findings, paired=paired)


def unsound(weights: Mapping[str, np.ndarray]) -> list[str]:
    """What is wrong with the tensors themselves: none at all, NaN or infinity, a change that is none."""
    if not weights:
        return ["there are no weights"]
    wrong = [name for name, value in weights.items() if not np.isfinite(value).all()]
    if wrong:
        return [f"{len(wrong)} of {len(weights)} tensors are not finite"]
    pairs = _pairs(weights)
    if not pairs:
        return ["there is no LoRA pair among the tensors"]
    if all(not np.any(b @ a) for a, b in pairs.values()):
        return ["it changes nothing: the product of every pair is zero"]
    return []


def _misfits(challenger: Standing, weights: Mapping[str, np.ndarray], terms: Terms) -> list[str]:
    wrong = []
    if challenger.base != terms.base:
        wrong.append(f"it was evaluated on base {challenger.base[:12]}, {terms.base[:12]} serves")
    ranks = sorted({int(a.shape[0]) for a, _ in _pairs(weights).values()})
    if ranks != [terms.rank]:
        wrong.append(f"its rank is {', '.join(map(str, ranks)) or 'none'}, {terms.rank} is served")
    return wrong


def _otherwise_asked(champion: Standing, challenger: Standing, terms: Terms) -> list[str]:
    wrong = [
        f"{who} was asked {standing.asked[:12]}, the examples are {terms.asked[:12]} now"
        for who, standing in (("the champion", champion), ("the challenger", challenger))
        if standing.asked != terms.asked
    ]
    asked = [{q.id: q.asked for q in standing.results} for standing in (champion, challenger)]
    if not asked[1]:
        wrong.append("nothing was asked")
    if differ := sorted(set(asked[0].items()) ^ set(asked[1].items())):
        wrong.append(f"{len({name for name, _ in differ})} examples were not asked of both alike")
    return wrong


def _critical_kept(champion: Standing, challenger: Standing) -> Finding:
    before = {q.id for q in champion.results if q.critical and q.answered}
    lost = tuple(q.id for q in challenger.results if q.id in before and not q.answered)
    lost += tuple(sorted(before - {q.id for q in challenger.results}))
    told = ", ".join(lost[:_TOLD]) + (f" and {len(lost) - _TOLD} more" if len(lost) > _TOLD else "")
    return Finding(
        rule=CRITICAL_KEPT, passed=not lost, seen=f"lost {told}" if lost else f"{len(before)} kept", ids=lost
    )


def _general(challenger: Standing, terms: Terms) -> Finding:
    seen = f"{challenger.general:.4f} of the base's, {1 + terms.general_loss:.4f} allowed"
    if challenger.general_set != terms.general_set:
        return Finding(rule=GENERAL, passed=False, seen=f"another general set: {challenger.general_set[:12] or 'none'}")
    passed = math.isfinite(challenger.general) and 0 < challenger.general <= 1 + terms.general_loss
    return Finding(rule=GENERAL, passed=passed, seen=seen)


def _pairs(weights: Mapping[str, np.ndarray]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """{module: (A, B)} of the modules that have both."""
    parts: dict[str, dict[str, np.ndarray]] = {}
    for name, value in weights.items():
        if (match := _PAIR.fullmatch(name)) and value.ndim == 2:
            parts.setdefault(match["module"], {})[match["part"]] = value
    return {module: (both["A"], both["B"]) for module, both in parts.items() if len(both) == 2}


def _found(rule: str, wrong: Sequence[str], seen: str) -> Finding:
    return Finding(rule=rule, passed=not wrong, seen="; ".join(wrong) or seen)
