"""The audit report: a value that says whether one candidate may be published, and why not.

It names the candidate by digest, so it can be passed around, stored and checked: `must_allow` is what `publish` asks.
The rules themselves are numbers in expectations/thresholds.toml; the report carries the ones it was judged by.
"""

from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict

from probatum import digests
from probatum.errors import Rejected

STRICTLY_ABOVE = 0.90  # hit rate @3; the customer's figure, not a setting
LEAST_QUESTIONS = 100  # a source: fewer cannot tell .85 from .95


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

    @property
    def answered(self) -> bool:
        return 0 < self.rank <= 3


class TableCheck(Frozen):
    """One check of a table: its name as in the suite, whether it held, and what was seen."""

    table: str
    name: str
    passed: bool
    seen: str


class SourceAudit(Frozen):
    """All figures of one source of one candidate."""

    source: str
    golden: str  # digest of the questions asked
    questions: tuple[QuestionResult, ...]
    checks: tuple[TableCheck, ...]
    needs_review: tuple[str, ...] = ()  # questions whose expected document is not in the candidate
    accepted: tuple[str, ...] = ()  # critical questions reviewed as not answered yet, and never answered by what serves

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
        if len(self.questions) < LEAST_QUESTIONS:
            reasons.append(f"only {len(self.questions)} golden questions ({LEAST_QUESTIONS} needed)")
        rate = self.hit_rate(3)
        if not rate > STRICTLY_ABOVE:
            reasons.append(f"hit rate @3 is {rate:.3f}, not above {STRICTLY_ABOVE:.2f}")
        critical = sum(q.critical for q in self.questions)
        if self.open_critical() and not 1 - len(self.open_critical()) / critical > STRICTLY_ABOVE:
            reasons.append(
                f"{len(self.open_critical())} of {critical} critical questions are open: "
                f"taken alone they are answered no better than {STRICTLY_ABOVE:.2f}"
            )
        reasons += [
            f"critical question {q.id} is lost: {', '.join(q.top) or 'nothing'} now rank{'s' if len(q.top) < 2 else ''} first"
            for q in self.lost_critical()
        ]
        return reasons


class AuditReport(Frozen):
    candidate: str  # digest
    encoder: str  # digest
    sources: dict[str, SourceAudit]

    def digest(self) -> str:
        return digests.of_json(self.model_dump(mode="json"))

    def failures(self) -> dict[str, list[str]]:
        return {name: reasons for name, audit in self.sources.items() if (reasons := audit.failures())}

    @property
    def passed(self) -> bool:
        return bool(self.sources) and not self.failures()

    def must_allow(self, candidate: str, sources: Iterable[str]) -> None:
        """Raise Rejected unless this is a passing audit of exactly this candidate and all its sources."""
        if self.candidate != candidate:
            raise Rejected(
                f"The audit is of candidate {self.candidate[:12]}…, not of {candidate[:12]}….",
                next="Run `probatum audit` on this candidate.",
            )
        if missing := sorted(set(sources) - self.sources.keys()):
            raise Rejected(
                f"The audit does not cover {', '.join(missing)}.", next="Run `probatum audit` on this candidate."
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
