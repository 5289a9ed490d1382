"""One text: which identifiers of patients does it hold, and where. The rule is told in `probatum.phi`."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from probatum.phi.columns import Columns
from probatum.phi.contacts import contacts_in, own_after
from probatum.phi.labels import labels_in, value_after
from probatum.phi.names import ClinicalNames
from probatum.phi.people import name_after
from probatum.phi.shapes import shapes_in
from probatum.phi.view import View

KINDS = {  # what each kind is called: one, several
    "name": ("patient's name", "patients' names"),
    "mrn": ("medical record number", "medical record numbers"),
    "ssn": ("social security number", "social security numbers"),
    "sin": ("social insurance number", "social insurance numbers"),
    "nhs": ("NHS number", "NHS numbers"),
    "plan": ("health plan number", "health plan numbers"),
    "birth": ("date of birth", "dates of birth"),
    "card": ("payment card number", "payment card numbers"),
    "account": ("account number", "account numbers"),
    "phone": ("telephone or fax number", "telephone or fax numbers"),
    "email": ("e-mail address", "e-mail addresses"),
    "address": ("postal address", "postal addresses"),
    "serial": ("device number", "device numbers"),
    "licence": ("licence number", "licence numbers"),
    "old": ("age over 89", "ages over 89"),
}
NEAR = 300  # characters: what stands so near a patient's identifier is the same patient's
_NAME_LABELS = frozenset({"name", "person", "titled"})
_SUBJECTS = frozenset({"patient", "patients", "pt", "client", "inpatient"})
_OWN = frozenset({"own_phone", "own_email", "own_address"})
_ABOUT_A_PATIENT = re.compile(  # filled in; an empty form is about nobody
    r"(?<![^\W_])(?:age[ \t]{0,2}[:=|][ \t]{0,2}\d|(?:sex|gender)[ \t]{0,2}[:=|][ \t]{0,2}(?:m|f|male|female)\b"
    r"|(?:ward|bed|room)[ \t]{0,2}[:=|][ \t]{0,2}[a-z]{0,10} ?\d|(?:date of )?admi(?:tted|ssion)(?: date| on)?[ \t]{0,2}[:=|][ \t]{0,2}\d)"
)
_OPENS = frozenset("\n|,;(.:-*•")
_OF_MANY = re.compile(
    r"(?:children|infants|babies|those|people|persons|anyone|everyone|adults|patients|individuals|women|men|boys|girls|cohorts?|neonates)(?: who)?(?: (?:are|were|was|is))? $"
)


@dataclass(frozen=True, slots=True)
class Identifier:
    """Where something stands that says who a patient is: `text[start:end]`. The text itself is never carried."""

    kind: str  # a key of KINDS
    start: int
    end: int


def find_identifiers(text: str, names: ClinicalNames, *, of_a_patient: bool = False) -> list[Identifier]:
    """In order, without overlap. Linear in the text; offsets are those of `text`.

    of_a_patient: the whole text is about one (a note, a dialogue), so telephone numbers and the like count anywhere in it.
    """
    view = View(text)
    naming = list(_naming(view, names))
    if of_a_patient:
        naming += _between(view, names, [(0, len(view.low))])
    elif naming:
        naming += _between(view, names, _merged((max(0, start - NEAR), end + NEAR) for _, start, end in naming))
    return [
        Identifier(kind, view.place(start), view.place(end - 1) + 1) for kind, start, end in _without_overlap(naming)
    ]


def _naming(view: View, names: ClinicalNames) -> Iterator[tuple[str, int, int]]:
    """What says by itself which patient."""
    yield from shapes_in(view.text)
    columns = Columns(view, names)
    unsure = []
    for label, start, end in labels_in(view.low):
        for found, first, last in columns.headed_by(start):
            yield ("name" if found in ("person", "any_name") else found), first, last
        if label in _OWN:
            found = own_after(label, view.text, end)
            if found:
                yield found
        elif label in _NAME_LABELS:
            in_a_sentence = (
                label == "person" and view.low[start:end] in _SUBJECTS and not _opens_a_field(view.low, start)
            )
            if span := name_after("in_a_sentence" if in_a_sentence else label, view.text, end, names, start):
                yield "name", *span
        elif label == "any_name":
            if _opens_a_field(view.low, start) and (span := name_after(label, view.text, end, names, start)):
                unsure.append(span)
        elif (span := value_after(label, view.text, end)) and _is_a_birth(label, view.low, start):
            yield label, *span
    for start, end in unsure:
        if _ABOUT_A_PATIENT.search(view.low, max(0, start - NEAR), end + NEAR):
            yield "name", start, end


def _between(view: View, names: ClinicalNames, windows: Iterable[tuple[int, int]]) -> Iterator[tuple[str, int, int]]:
    """What is a patient's because of where it stands: a patient is named beside it, or the whole text is about one."""
    for first, last in windows:
        yield from contacts_in(view.text, first, last)
        for label, start, end in labels_in(view.low[first:last]):
            a_field = label == "any_name" and _opens_a_field(view.low, first + start)
            if a_field and (span := name_after(label, view.text, first + end, names)):
                yield "name", *span


def _merged(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged


def _without_overlap(found: list[tuple[str, int, int]]) -> list[tuple[str, int, int]]:
    """The earlier in the list wins: what names a patient before what only reaches one."""
    order = {}
    for each in found:
        order.setdefault(each, len(order))
    kept: list[tuple[str, int, int]] = []
    for each in sorted(order, key=lambda each: (each[1], order[each])):
        if kept and each[1] < kept[-1][2]:
            if order[each] < order[kept[-1]]:
                kept[-1] = each
            continue
        kept.append(each)
    return kept


def _opens_a_field(low: str, start: int) -> bool:
    """Does a label stand first in its line or cell? "Generic name:" and "Test name:" do not."""
    before = low[max(0, start - 4) : start].rstrip(" \t")
    return (not before and start <= 4) or before[-1:] in _OPENS


def _is_a_birth(label: str, low: str, start: int) -> bool:
    """ "Children born on 1 May 2019" are a cohort, and nobody's date of birth."""
    return label != "birth" or not _OF_MANY.search(low, max(0, start - 30), start)
