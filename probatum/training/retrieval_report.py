"""What a retraining of the retrieval adapter leaves to be read: figures, the curve, the verdict. No torch, and nobody's words.

report.as_markdown()     "### retrieval: adapter 3f9c… may be tried …\\n| | base | serves | adapter |\\n| icd10 | .612 | .641 | .702 | …"
"""

from probatum.adapters.judging import Verdict
from probatum.audit_report import Frozen
from probatum.training.budget import Trained


class Asked(Frozen):
    """Shares of held-out names found among the first three, by source, with vectors alone; general: known texts asked word by word."""

    by_source: dict[str, float]
    general: float


class RetrievalReport(Frozen):
    """See the module. before: the adapter that serves, "" for none; then `champion` is `of_base`. left_out: ids of kept questions."""

    adapter: str
    before: str
    sides: str
    base: str
    data: str
    queries: int
    reviewed: int  # that were learnt from; the others are of what is kept to judge by, or expect what does not serve
    of_reviewed: int
    texts: int
    left_out: tuple[str, ...]
    held_out: dict[str, int]
    of_base: Asked
    champion: Asked
    challenger: Asked
    trained: Trained
    verdict: Verdict

    def as_markdown(self) -> str:
        columns = (self.of_base, self.champion, self.challenger)
        paired = self.verdict.paired
        rows = [
            (f"{source} ({count} held out)", [f"{c.by_source[source]:.3f}" for c in columns])
            for source, count in self.held_out.items()
        ]
        rows.append(("known texts, word by word", [f"{c.general:.3f}" for c in columns]))
        told = [
            f"### retrieval: adapter {self.adapter[:12]} {'may be tried by an audit' if self.verdict.promoted else 'is rejected'}",
            "",
            *(f"- {reason}" for reason in self.verdict.reasons),
            "Share of names found among the first three, by vectors alone; the categories were split off before training.",
            "",
            f"| | base | {f'serves ({self.before[:12]})' if self.before else 'serves (the base)'} | adapter |",
            "|---|---|---|---|",
            *(f"| {name} | {' | '.join(cells)} |" for name, cells in rows),
            "",
            f"{len(paired.won)} won, {len(paired.lost)} lost against what serves. {self.queries:,} names and {self.reviewed} of {self.of_reviewed} reviewed "
            f"questions to learn from, {self.texts:,} texts; left out, too near a question that judges: {', '.join(self.left_out) or 'none'}.",
            f"{self.trained.steps} steps in {self.trained.minutes} minutes on {self.trained.device}, ended by {self.trained.ended}.",
            "",
            *self.trained.curve_as_markdown(),
        ]  # fmt: skip
        return "\n".join(told) + "\n"
