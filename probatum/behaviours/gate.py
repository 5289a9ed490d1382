"""The gate before a training: nothing is trained on what is not signed off, too little, leaked or about a real person.

    checked = gate(soap, Sets(train, held_out, probes), names)     raises Rejected, with the ids
    checked.examples, checked.data                                 420, "9f31…" (the digest of what is trained on)

Four questions, in this order: does every example say who reviewed it and when; are there enough of every class; does an
input of the held-out set or of the probes stand in the training set, letter by letter or but for case and spacing; does
anything identify a patient. Identifiers are found by `probatum.phi`; a note is about a patient, so a telephone number
counts anywhere in it. What that net does not catch (names in running text, dates, web addresses) it does not catch here.
A message names ids and kinds of identifiers; never a word of an example. Near duplicates need an encoder: `near` is asked.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from probatum.behaviours.definition import Behaviour
from probatum.behaviours.examples import Example, examples_digest, read_examples, read_texts
from probatum.errors import Rejected
from probatum.phi import KINDS, ClinicalNames, find_identifiers

_TOLD = 10  # ids in one message
_SAFE = "Nothing was trained; the adapter that serves still serves."
Near = Callable[[Mapping[str, str], Mapping[str, str]], Sequence[tuple[str, str]]]


@dataclass(frozen=True)
class Sets:
    """The sets of one behaviour. `rehearsal`: ordinary texts that are mixed in; they pass the same gate."""

    train: tuple[Example, ...]
    held_out: tuple[Example, ...]
    probes: tuple[Example, ...]
    general: tuple[str, ...] = ()
    rehearsal: tuple[str, ...] = ()


@dataclass(frozen=True)
class Checked:
    """What passed: how many examples of each class, and the digests the registry and the report name."""

    examples: int
    classes: dict[str, int]
    data: str
    held_out: str

    def as_dict(self) -> dict[str, int | str | dict[str, int]]:
        return {"examples": self.examples, "classes": self.classes, "data": self.data, "held_out": self.held_out}


def read_sets(folder: Path, behaviour: Behaviour) -> Sets:
    """The files that [data] of the behaviour names, in `folder`/<name of the behaviour>. Raises Misconfigured."""
    here, named = folder / behaviour.name, behaviour.data
    return Sets(
        train=read_examples(here / named.train),
        held_out=read_examples(here / named.held_out),
        probes=read_examples(here / named.probes),
        general=read_texts(here / named.general),
        rehearsal=read_texts(here / named.rehearsal) if named.rehearsal else (),
    )


def gate(behaviour: Behaviour, sets: Sets, names: ClinicalNames, *, near: Near | None = None) -> Checked:
    """Raises Rejected at the first question that is answered wrongly.

    near: given {id: text} of the training inputs and of those to be kept out of them, the pairs that say nearly the same.
    """
    _signed_off(behaviour, sets)
    classes = _enough(behaviour, sets)
    _not_leaked(behaviour, sets, near)
    _nobody_in_it(behaviour, sets, names)
    return Checked(len(sets.train), classes, examples_digest(sets.train), examples_digest(sets.held_out))


def class_of(behaviour: Behaviour, example: Example) -> str:
    """Its label; the behaviour itself where there are none."""
    return example.output.strip() if behaviour.labels else behaviour.name


def _signed_off(behaviour: Behaviour, sets: Sets) -> None:
    unsigned = [e.id for e in (*sets.train, *sets.held_out) if not e.reviewer.strip() or e.reviewed_on is None]
    if unsigned:
        raise Rejected(
            f"{len(unsigned)} examples of {behaviour.name} are not signed off: {_ids(unsigned)}.",
            safe=_SAFE,
            next="Have them reviewed; each needs the reviewer's role and the day (reviewer, reviewed_on).",
        )


def _enough(behaviour: Behaviour, sets: Sets) -> dict[str, int]:
    counts = Counter(class_of(behaviour, example) for example in sets.train)
    wanted = behaviour.labels or (behaviour.name,)
    if strangers := [e.id for e in (*sets.train, *sets.held_out) if class_of(behaviour, e) not in wanted]:
        raise Rejected(
            f"{len(strangers)} examples of {behaviour.name} have a label that is none of its own: {_ids(strangers)}.",
            safe=_SAFE,
            next=f"Its labels are {', '.join(wanted)}; correct the examples or the rule one-of.",
        )
    if few := [f"{name} has {counts[name]}" for name in wanted if counts[name] < behaviour.least_per_class]:
        raise Rejected(
            f"Too few training examples of {behaviour.name}: {', '.join(few)}; {behaviour.least_per_class} a class are the least.",
            safe=_SAFE,
            next="Have more of them written and signed off.",
        )
    if not sets.held_out or not sets.general:
        what = "general set" if sets.held_out else "held-out examples"
        raise Rejected(f"{behaviour.name} has no {what}.", safe=_SAFE, next="Set some aside before training.")
    return {name: counts[name] for name in wanted}


def _not_leaked(behaviour: Behaviour, sets: Sets, near: Near | None) -> None:
    kept_out = {
        f"{kind} {e.id}": e for kind, held in (("held-out", sets.held_out), ("probe", sets.probes)) for e in held
    }
    known: dict[str, list[str]] = {}
    for name, example in kept_out.items():
        known.setdefault(_squeezed(example.input), []).append(name)
    leaked = [(e.id, name) for e in sets.train for name in known.get(_squeezed(e.input), ())]
    same = Counter(_squeezed(text) for text in sets.rehearsal)
    leaked += [
        ("a text of rehearsal", f"general text {n}") for n, t in enumerate(sets.general, 1) if same[_squeezed(t)]
    ]
    if not leaked and near is not None:
        learnt = {e.id: e.input for e in sets.train} | {
            f"line {n} of rehearsal": t for n, t in enumerate(sets.rehearsal, 1)
        }
        leaked = list(near(learnt, {n: e.input for n, e in kept_out.items()}))
    if leaked:
        told = [f"{one} is {other}" for one, other in leaked]
        raise Rejected(
            f"{len(leaked)} training examples of {behaviour.name} stand in what they are judged by: {_ids(told)}.",
            safe=_SAFE,
            next="Remove them from the training set; never from the held-out set or the probes.",
        )


def _nobody_in_it(behaviour: Behaviour, sets: Sets, names: ClinicalNames) -> None:
    found: Counter[str] = Counter()
    where = []
    texts = [(e.id, f"{e.input}\n\n{e.output}") for e in (*sets.train, *sets.held_out, *sets.probes)]
    texts += [(f"line {n} of rehearsal", text) for n, text in enumerate(sets.rehearsal, 1)]
    texts += [(f"line {n} of the general set", text) for n, text in enumerate(sets.general, 1)]
    for name, text in texts:
        if kinds := Counter(each.kind for each in find_identifiers(text, names, of_a_patient=True)):
            found += kinds
            where.append(f"{name} ({', '.join(KINDS[kind][0] for kind in KINDS if kinds[kind])})")
    if where:
        kinds = ", ".join(f"{found[kind]} {KINDS[kind][found[kind] != 1]}" for kind in KINDS if found[kind])
        raise Rejected(
            f"{len(where)} examples of {behaviour.name} hold what looks like {kinds}: {_ids(where)}.",
            safe=_SAFE,
            next="De-identify them, or take them out; adapters remember what they are trained on.",
        )


def _squeezed(text: str) -> str:
    return " ".join(text.split()).casefold()


def _ids(ids: Sequence[str]) -> str:
    more = f" and {len(ids) - _TOLD} more" if len(ids) > _TOLD else ""
    return f"{', '.join(ids[:_TOLD])}{more}"
