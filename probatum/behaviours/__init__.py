"""Behaviours: tasks a language model is held to by rules that can be checked, and what it is trained and judged on.

    soap = read_behaviour(expectations, "soap-note")       expectations/behaviours/soap-note.toml
    soap.broken(text, Facts(codes))  ->  {"numbered-plan": "line 12 is not item 2"}; {} where every rule is kept
    measured(soap, outputs, facts).compliance  ->  0.985, the share of outputs that keep every rule

A behaviour is reviewed data: its rules, the words that ask for it, its sets of examples (training, held-out, probes),
the base model it is trained on, its budget. Adding one is writing a file; no code. What a rule cannot see (whether a
note is true to what was said) is not promised by its compliance.
"""

from probatum.behaviours.compliance import Compliance, Output, measured
from probatum.behaviours.definition import Base, Behaviour, behaviours, read_behaviour
from probatum.behaviours.examples import Example, examples_digest, read_examples
from probatum.behaviours.gate import Checked, Sets, gate, read_sets
from probatum.behaviours.rules import Facts

__all__ = [
    "Base",
    "Behaviour",
    "Checked",
    "Compliance",
    "Example",
    "Facts",
    "Output",
    "Sets",
    "behaviours",
    "examples_digest",
    "gate",
    "measured",
    "read_behaviour",
    "read_examples",
    "read_sets",
]
