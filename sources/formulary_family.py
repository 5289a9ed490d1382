"""What strengths and brands of one drug fold into, and the rows of the lexicon for it.

    family_and_drugs("AMOXICILLIN 500")         -> ("amoxicillin", (Drug("amoxicillin", …),))
    family_and_drugs("abacavir / lamivudine")   -> ("abacavir+lamivudine", (…, …))

A name that only groups ("VACCINE") folds nothing: its family is the item itself.
"""

from collections.abc import Iterable
from dataclasses import replace

from sources import lexicon
from sources.formulary_text import slug
from sources.lexicon.ingredients import Drug, normalised

_GROUPS = frozenset(
    {"vaccine", "vaccines", "antidote", "antivenin", "kit", "miscellaneous", "other"}
)  # names that are no drug


def family_and_drugs(name: str, strength: str = "") -> tuple[str, tuple[Drug, ...]]:
    """(family, one row of the lexicon for each ingredient it knows). strength: tells items of a group apart."""
    if normalised(name) in _GROUPS:
        return slug(f"{name} {strength}"), ()
    parts = lexicon.drugs().parts(name)
    drugs = tuple(drug for _, drug in parts if drug)
    if len(parts) > 1:  # a part does not lend its brands to the whole
        drugs = tuple(replace(drug, brands=()) for drug in drugs)
    return _family(parts), drugs


def family_of(name: str) -> str:
    """What strengths and brands of one drug fold into: "AMOXICILLIN 500" and "amoxycillin" -> "amoxicillin"."""
    return _family(lexicon.drugs().parts(name))


def _family(parts: Iterable[tuple[str, Drug | None]]) -> str:
    return "+".join(sorted({slug(part) for part, _ in parts}))
