"""What a retraining of a behaviour leaves to be read: figures, the curve, the verdict. No torch, and no word of an example.

report.as_markdown()     "| | base, plain task | base, detailed prompt | serves | adapter |\\n| compliance | .478 | .604 | …"
"""

from probatum.adapters.judging import Verdict
from probatum.audit_report import Frozen
from probatum.behaviours import Compliance
from probatum.training.budget import Trained


class Figures(Frozen):
    """One model, asked in one way. perplexity: on the general set; of_base: that of the base alone."""

    compliance: Compliance
    perplexity: float
    of_base: float

    @property
    def forgotten(self) -> float:
        """How much worse the general set fares than with the base alone: 0.01 is one per cent."""
        return self.perplexity / self.of_base - 1


class BehaviourReport(Frozen):
    """See the module. before: the champion that served; "" where none did, and then `champion` is the base asked in the better way."""

    behaviour: str
    digest: str
    base: str
    adapter: str
    before: str
    checked: dict[str, int | str | dict[str, int]]
    general_set: str
    zero_shot: Figures
    detailed: Figures
    champion: Figures
    challenger: Figures
    trained: Trained
    verdict: Verdict

    def would_a_prompt_do(self, wanted: float) -> bool:
        """Whether the detailed prompt alone reaches what is wanted: then there is no reason for an adapter."""
        return self.detailed.compliance.compliance >= wanted

    def as_markdown(self) -> str:
        told = [
            f"### {self.behaviour}: adapter {self.adapter[:12]} {'may be promoted' if self.verdict.promoted else 'is rejected'}",
            "",
            *(f"- {reason}" for reason in self.verdict.reasons),
            *self._table(),
            "",
            f"{self.checked['examples']} examples of training, {self.challenger.compliance.outputs} held out; "
            f"{self.trained.steps} steps in {self.trained.minutes} minutes on {self.trained.device}, ended by {self.trained.ended}.",
            "",
            *self.trained.curve_as_markdown(),
        ]  # fmt: skip
        return "\n".join(told) + "\n"

    def _table(self) -> list[str]:
        columns = (self.zero_shot, self.detailed, self.champion, self.challenger)
        serves = f"serves ({self.before[:12]})" if self.before else "serves (the better of the two)"
        rows = [("**compliance**", [f"**{_share(c.compliance.compliance)}**" for c in columns])]
        if self.challenger.compliance.agreement is not None:
            rows.append(("right label", [_share(c.compliance.agreement or 0.0) for c in columns]))
        rows += [
            (name, [_share(c.compliance.by_rule[name]) for c in columns]) for name in self.challenger.compliance.by_rule
        ]
        rows += [
            (f"slice {part}", [_share(c.compliance.by_slice.get(part, 0.0)) for c in columns])
            for part in self.challenger.compliance.by_slice
        ]
        rows.append(("general set, perplexity", [f"{c.perplexity:.3f} ({c.forgotten:+.1%})" for c in columns]))
        rows.append(("words, mean", [f"{c.compliance.words:.0f}" for c in columns]))
        head = [f"| | base, plain task | base, detailed prompt | {serves} | adapter |", "|---|---|---|---|---|"]
        return ["", *head, *(f"| {name} | {' | '.join(cells)} |" for name, cells in rows)]


def _share(value: float) -> str:
    return f"{value:.3f}".removeprefix("0") if value < 1 else "1.000"
