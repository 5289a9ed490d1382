"""No regression: the golden questions that both what serves and the candidate were asked, pair by pair.

    pair(before, after, against=…)  ->  Paired(pairs=189, won=("guidelines-017",), lost=(), p=1.0, …)

Two questions are a pair when they have the same id and still ask and expect the same. Two bounds hold: losses may not
outweigh wins beyond chance over the whole source, and no slice may lose more, wins taken off, than a share of its
questions, or a few where it is small: a mean hides what one slice loses. A lost critical question is refused elsewhere.
"""

from collections.abc import Sequence

from scipy.stats import binomtest

from probatum.audit_report import NO_REGRESSION, Finding, Paired, QuestionResult
from probatum.thresholds import Gate


def pair(before: Sequence[QuestionResult], after: Sequence[QuestionResult], *, against: str) -> Paired:
    """What the candidate won and lost. before, after: the results of what serves and of the candidate."""
    known = {q.id: q for q in before}
    pairs = [(known[q.id], q) for q in after if q.id in known and known[q.id].asked in ("", q.asked)]
    won = tuple(new.id for old, new in pairs if new.answered and not old.answered)
    lost = tuple(new.id for old, new in pairs if old.answered and not new.answered)
    differ = len(won) + len(lost)
    p = float(binomtest(len(lost), differ, 0.5, alternative="greater").pvalue) if differ else 1.0
    return Paired(against=against, pairs=len(pairs), won=won, lost=lost, p=p)


def no_regression(paired: Paired | None, questions: Sequence[QuestionResult], gate: Gate) -> Finding:
    """Whether the losses are within bounds, over the source and in each of its slices."""
    if paired is None:
        return Finding(rule=NO_REGRESSION, passed=True, seen="the source does not serve yet")
    seen = f"{len(paired.won)} won and {len(paired.lost)} lost of {paired.pairs} asked of both, p {paired.p:.3f}"
    wrong = [f"losses beyond chance (p {gate.loss_is_chance_above} allowed)"] * (paired.p < gate.loss_is_chance_above)
    for part, asked in _slices(questions).items():
        net = len(asked & set(paired.lost)) - len(asked & set(paired.won))
        allowed = max(gate.slice_losses, int(gate.slice_losses_share * len(asked)))
        if net > allowed:
            wrong.append(f"slice {part} lost {net} of {len(asked)} more than it won, {allowed} allowed")
    if paired.lost:
        seen += f"; lost: {', '.join(paired.lost)}"
    return Finding(rule=NO_REGRESSION, passed=not wrong, seen="; ".join([*wrong, seen]), ids=paired.lost)


def _slices(questions: Sequence[QuestionResult]) -> dict[str, set[str]]:
    return {part: {q.id for q in questions if q.slice == part} for part in sorted({q.slice for q in questions})}
