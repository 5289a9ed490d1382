"""Compliance: how many of the outputs keep every rule, and which rule is broken how often.

    measured(soap, outputs, facts)  ->  Compliance(outputs=300, kept=("h-001", …), by_rule={"vitals-line": 0.99, …}, …)
    figures.compliance              ->  0.985

For a behaviour of labels, agreement is the share that has the reviewed label; an output that is no label agrees with none.
An output that was cut off at the limit of its tokens is judged as it stands. Figures and ids are kept, never a word.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from probatum.audit_report import Frozen
from probatum.behaviours.definition import Behaviour
from probatum.behaviours.rules import Facts


@dataclass(frozen=True)
class Output:
    """What a model wrote for one example. cut: the limit of tokens ended it, not the model."""

    id: str
    slice: str
    text: str
    label: str = ""  # the reviewed one, where the behaviour has labels
    critical: bool = False
    cut: bool = False


class Compliance(Frozen):
    """Figures of one model on one set."""

    outputs: int
    kept: tuple[str, ...]  # ids of the outputs that keep every rule and, where there are labels, have the right one
    broken: dict[str, tuple[str, ...]]  # id: names of the rules broken
    by_rule: dict[str, float]  # share of outputs that keep it
    by_slice: dict[str, float]  # compliance in each slice
    compliance: float  # share of outputs that keep every rule
    agreement: float | None  # share with the reviewed label; None where there are no labels
    words: float  # mean length
    cut: int  # outputs ended by the limit of tokens


def measured(behaviour: Behaviour, outputs: Sequence[Output], facts: Facts) -> Compliance:
    """The figures; zero of everything where there are no outputs."""
    broken = {o.id: tuple(behaviour.broken(o.text, facts)) for o in outputs}
    agreeing = {o.id for o in outputs if not behaviour.labels or o.text.strip() == o.label}
    compliant = {o.id for o in outputs if not broken[o.id]}
    return Compliance(
        outputs=len(outputs),
        kept=tuple(o.id for o in outputs if o.id in compliant & agreeing),
        broken={name: rules for name, rules in broken.items() if rules},
        by_rule={r.name: _share(sum(r.name not in broken[o.id] for o in outputs), outputs) for r in behaviour.rule},
        by_slice=_by_slice(outputs, compliant),
        compliance=_share(len(compliant), outputs),
        agreement=_share(len(agreeing), outputs) if behaviour.labels else None,
        words=_share(sum(len(o.text.split()) for o in outputs), outputs),
        cut=sum(o.cut for o in outputs),
    )


def _by_slice(outputs: Sequence[Output], compliant: set[str]) -> Mapping[str, float]:
    parts = {part: [o for o in outputs if o.slice == part] for part in sorted({o.slice for o in outputs})}
    return {part: _share(sum(o.id in compliant for o in those), those) for part, those in parts.items()}


def _share(count: int, of: Sequence) -> float:
    return count / len(of) if of else 0.0
