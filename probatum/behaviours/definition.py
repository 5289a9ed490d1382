"""expectations/behaviours/*.toml: what a behaviour is.

    expectations/behaviours/soap-note.toml
    task = "Write a SOAP note."             the words that ask for it: zero-shot, and what the adapter is trained with
    prompt = '''Write a SOAP note. …'''     the best words we have without training; the adapter has to beat them
    [data]                                  JSONL files, named relative to the folder of training data
    [budget]                                what a training may cost: minutes, steps (`probatum.training.budget`)
    [limits]                                tokens of a prompt and of an output
    [[rule]]                                see `probatum.behaviours.rules`

    read_behaviour(expectations, "soap-note")  ->  Behaviour(name="soap-note", rules=(Sections(…), …), …)

The base model is a folder with its digests, in [base] or in the settings (PROBATUM_LANGUAGE_MODEL and …_SHA256):
a hub model is downloaded once, by whoever runs this, and named by its folder and the sha256 of its weights.
"""

import tomllib
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, model_validator

from probatum import digests
from probatum.audit_report import Frozen
from probatum.behaviours.rules import Facts, OneOf, Rule
from probatum.errors import Misconfigured
from probatum.training.budget import Budget

LEAST_PER_CLASS = 200  # signed-off training examples; fewer teach a tiny model nothing that a held-out set confirms
_FOLDER = "behaviours"


class Base(Frozen):
    """The model an adapter is trained on: a folder on this machine. Both empty: the one of the settings."""

    folder: str = ""
    sha256: str = ""  # of its model.safetensors


class Data(Frozen):
    """Names of JSONL files in the folder of training data."""

    train: str
    held_out: str
    probes: str
    general: str  # ordinary text of the base's domain, a line each {"text": …}: held out, to see what is forgotten
    rehearsal: str = ""  # ordinary text that is mixed into the training, so that less is forgotten


class Limits(Frozen):
    new_tokens: int = Field(gt=0, le=4096)  # an output is cut off there, and judged as it is
    prompt_tokens: int = Field(gt=0, le=32768)  # a longer training example is refused, not cut


class Lora(Frozen):
    rank: int = Field(8, gt=0, le=256)
    alpha: float = Field(16, gt=0)
    rehearsal: float = Field(0.25, ge=0, lt=1)  # share of each batch that is ordinary text, against forgetting


class Bounds(Frozen):
    """What a challenger may not fall below, beside the rules of promotion that hold for every adapter."""

    compliance: float = Field(gt=0, le=1)  # held-out; an adapter below it is not promoted, however much it gained
    general_loss: float = Field(ge=0, le=0.1)  # perplexity on the general set: 0.02 is two per cent worse than the base


class Behaviour(Frozen):
    name: str
    kind: Literal["text", "label"]
    about: str = Field(min_length=10)
    task: str = Field(min_length=5)
    prompt: str = Field(min_length=20)
    least_per_class: int = Field(LEAST_PER_CLASS, ge=LEAST_PER_CLASS)
    data: Data
    base: Base = Base()
    budget: Budget
    lora: Lora = Lora()
    limits: Limits
    bounds: Bounds
    rule: tuple[Rule, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _fits_together(self) -> "Behaviour":
        names = [rule.name for rule in self.rule]
        if len(set(names)) < len(names):
            raise ValueError("two rules have one name")
        if self.lora.rehearsal and not self.data.rehearsal:
            raise ValueError("a share of rehearsal is wanted and no file of it is named")
        if (self.kind == "label") != bool(self.labels):
            raise ValueError("a behaviour of labels has a rule one-of, and no other has one")
        if bool(self.base.folder) != bool(self.base.sha256):
            raise ValueError("a base model is named by folder and sha256, or by neither")
        return self

    @property
    def labels(self) -> tuple[str, ...]:
        return next((rule.labels for rule in self.rule if isinstance(rule, OneOf)), ())

    def broken(self, text: str, facts: Facts) -> dict[str, str]:
        """{rule: what is wrong}, of the rules that are not kept."""
        return {rule.name: said for rule in self.rule if (said := rule.broken(text, facts))}

    def digest(self) -> str:
        return digests.of_json(self.model_dump(mode="json"))


def behaviours(expectations: Path) -> list[Behaviour]:
    """All of them, by name. Raises Misconfigured."""
    return [read_behaviour(expectations, path.stem) for path in sorted((expectations / _FOLDER).glob("*.toml"))]


def read_behaviour(expectations: Path, name: str) -> Behaviour:
    """One of them. Raises Misconfigured with the file and what is wrong in it."""
    path = expectations / _FOLDER / f"{name}.toml"
    try:
        raw = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        known = ", ".join(sorted(each.stem for each in path.parent.glob("*.toml"))) or "none"
        raise Misconfigured(
            f"There is no behaviour {name}; known: {known}.", safe="Nothing was trained.", next=f"Write {path}."
        ) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Misconfigured(
            f"{path.name} cannot be read ({error}).", safe="Nothing was trained.", next="Correct it."
        ) from None
    try:
        return Behaviour.model_validate({**raw, "name": name})
    except ValidationError as error:
        first = error.errors()[0]
        raise Misconfigured(
            f"{path.name}: {_place(raw, first['loc'])}: {first['msg']}.",
            safe="Nothing was trained.",
            next="Correct it; probatum/behaviours/rules.py has the kinds of rules and their parameters.",
        ) from None


def _place(raw: dict, where: tuple) -> str:
    """ "rule 3 (numbered-plan), section" rather than "rule.2.numbered.section"."""
    if where[:1] == ("rule",) and len(where) > 1 and isinstance(where[1], int):
        given = raw["rule"][where[1]]
        name = given.get("name", "unnamed") if isinstance(given, dict) else "unnamed"
        return ", ".join([f"rule {where[1] + 1} ({name})", *(str(part) for part in where[3:])])
    return ".".join(map(str, where)) or "the file"
