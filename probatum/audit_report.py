"""The audit report: a value that says whether one candidate may be published, and why not.

It names the candidate by digest, and the release it was compared with, so it can be passed around, stored and checked:
`must_allow` is what `publish` asks. The numbers of the rules are in expectations/thresholds.toml; a report carries the
ones it was judged by, and the finding of every rule: a rule that was not tried is a reason to refuse, too.
"""

from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict, Field

from probatum import digests
from probatum.errors import Conflict, Rejected

STRICTLY_ABOVE = 0.90  # hit rate @3; the customer's figure: thresholds may ask for more, never for less
LEAST_QUESTIONS = 100  # a source: fewer cannot tell .85 from .95

CANARIES, OWN_VECTORS, ANN, SAME_TWICE = "canaries", "own-vectors", "ann-recall", "same-twice"
REVIEWED, KEPT, NO_REGRESSION, NEGATIVES = "questions-stand", "questions-kept", "no-regression", "negatives"
NEWCOMERS, HUBS, COPIES = "newcomers", "hubs", "copies"
RULES = (CANARIES, OWN_VECTORS, ANN, SAME_TWICE, REVIEWED, KEPT, NO_REGRESSION, NEGATIVES, NEWCOMERS, HUBS, COPIES)


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class QuestionResult(Frozen):
    """One golden question: where the expected was found (0: not among the first ten) and what ranked instead."""

    id: str
    slice: str
    critical: bool
    rank: int
    strict_rank: int  # as `rank`, but only the hit's own document counts, not the family members it shows
    top: tuple[str, ...]  # document ids of the first three hits
    asked: str = ""  # digest of the question and of what it expects: results of two audits are paired by it
    scores: tuple[float, ...] = ()  # of those three hits

    @property
    def answered(self) -> bool:
        return 0 < self.rank <= 3


class TableCheck(Frozen):
    """One check of a table: its name as in the suite, whether it held, and what was seen."""

    table: str
    name: str
    passed: bool
    seen: str


class NegativeResult(Frozen):
    """One negative question: what must not come back, or must be told to be unanswerable."""

    id: str
    slice: str
    kind: str  # forbids or unanswerable
    passed: bool
    top: tuple[str, ...]  # as above
    returned: tuple[str, ...] = ()  # forbidden documents among the first ten


class Paired(Frozen):
    """The golden questions two releases were both asked: ids of those won and lost, and how likely that is by chance."""

    against: str  # digest of the candidate that serves
    pairs: int
    won: tuple[str, ...]
    lost: tuple[str, ...]
    p: float  # exact McNemar, one-sided: as many losses among those that differ, if wins and losses were as likely


class Finding(Frozen):
    """What one rule of the gate found in a source: whether it held, figures, and the ids that matter."""

    rule: str
    passed: bool
    seen: str
    ids: tuple[str, ...] = ()


class SourceAudit(Frozen):
    """All figures of one source of one candidate."""

    source: str
    golden: str  # digest of the questions asked
    questions: tuple[QuestionResult, ...]
    checks: tuple[TableCheck, ...]
    needs_review: tuple[str, ...] = ()  # questions whose expected document is not in the candidate
    accepted: tuple[str, ...] = ()  # critical questions reviewed as not answered yet, and never answered by what serves
    negatives: tuple[NegativeResult, ...] = ()
    paired: Paired | None = None  # None when the source does not serve yet
    findings: tuple[Finding, ...] = ()
    golden_ids: tuple[str, ...] = ()  # of all golden questions there are, also those of other releases of the source
    above: float = Field(STRICTLY_ABOVE, ge=STRICTLY_ABOVE)
    least: int = Field(LEAST_QUESTIONS, ge=LEAST_QUESTIONS)

    def hit_rate(self, k: int, *, strict: bool = False) -> float:
        ranks = [q.strict_rank if strict else q.rank for q in self.questions]
        return sum(1 for rank in ranks if 0 < rank <= k) / len(ranks) if ranks else 0.0

    def mrr(self) -> float:
        """Mean reciprocal rank over the first ten."""
        return sum(1 / q.rank for q in self.questions if q.rank) / len(self.questions) if self.questions else 0.0

    def unanswered_critical(self) -> list[QuestionResult]:
        """Critical questions without what they expect in the first three."""
        return [q for q in self.questions if q.critical and not q.answered]

    def lost_critical(self) -> list[QuestionResult]:
        """Those of them nobody reviewed, or that the serving release answers."""
        return [q for q in self.unanswered_critical() if q.id not in self.accepted]

    def open_critical(self) -> list[QuestionResult]:
        """Those of them that are known and accepted: they are shown, and do not hold a release up."""
        return [q for q in self.unanswered_critical() if q.id in self.accepted]

    def failures(self) -> list[str]:
        """Every reason this source may not be published, in words; empty when it may."""
        reasons = [f"table {c.table}: {c.name} failed ({c.seen})" for c in self.checks if not c.passed]
        if not self.checks:
            reasons.append("no table was checked")
        if len(self.questions) < self.least:
            reasons.append(f"only {len(self.questions)} golden questions ({self.least} needed)")
        rate = self.hit_rate(3)
        if not rate > self.above:
            reasons.append(f"hit rate @3 is {rate:.3f}, not above {self.above:.2f}")
        critical = sum(q.critical for q in self.questions)
        if self.open_critical() and not 1 - len(self.open_critical()) / critical > self.above:
            reasons.append(
                f"{len(self.open_critical())} of {critical} critical questions are open: "
                f"taken alone they are answered no better than {self.above:.2f}"
            )
        reasons += [
            f"critical question {q.id} is lost: {', '.join(q.top) or 'nothing'} now rank{'s' if len(q.top) < 2 else ''} first"
            for q in self.lost_critical()
        ]
        reasons += [f"{f.rule}: {f.seen}" for f in self.findings if not f.passed]
        if untried := [rule for rule in RULES if rule not in {f.rule for f in self.findings}]:
            reasons.append(f"not tried: {', '.join(untried)}")
        return reasons


class AuditReport(Frozen):
    candidate: str  # digest
    encoder: str  # digest
    sources: dict[str, SourceAudit]
    against: str = ""  # the release that served when this was audited
    canaries: str = ""  # digest of the canary vectors, as kept in audits/canaries

    def digest(self) -> str:
        return digests.of_json(self.model_dump(mode="json"))

    def failures(self) -> dict[str, list[str]]:
        return {name: reasons for name, audit in self.sources.items() if (reasons := audit.failures())}

    @property
    def passed(self) -> bool:
        return bool(self.sources) and not self.failures()

    def must_allow(self, candidate: str, sources: Iterable[str], *, parent: str = "") -> None:
        """Raise Rejected unless this is a passing audit of exactly this candidate and all its sources, Conflict unless against its parent."""
        if self.candidate != candidate:
            raise Rejected(
                f"The audit is of candidate {self.candidate[:12]}…, not of {candidate[:12]}….",
                next="Run `probatum audit` on this candidate.",
            )
        if missing := sorted(set(sources) - self.sources.keys()):
            raise Rejected(
                f"The audit does not cover {', '.join(missing)}.", next="Run `probatum audit` on this candidate."
            )
        if self.against != parent:  # somebody published between the two
            raise Conflict(
                f"The audit compared the candidate with release {self.against or 'none'}, but it is to follow {parent or 'none'}.",
                next="Run `probatum audit` on this candidate.",
            )
        failures = self.failures()
        if failures or not self.sources:
            said = (
                " ".join(f"{name}: {'; '.join(reasons)}." for name, reasons in failures.items())
                or "Nothing was audited."
            )
            raise Rejected(
                f"The candidate is refused. {said}",
                next="Run `probatum audit --json` for every failing question; mend the source, the lexicon or the encoder, and refresh again.",
            )
