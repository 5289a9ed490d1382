"""Real dialogues and what was written of them, where the publishers' files are at hand (MTS-Dialog, CC BY 4.0): never copied here.

    rows = real_rows(folder / "MTS-Dialog-TrainingSet.csv", names)      Rows(kept=(("Doctor: What brings you …", "The patient is …"), …), refused=…)
    visits = heard(rows.kept, dice)                                      invented visits in which somebody really said that

The publishers have dialogue and section, and neither readings nor codes: those are invented. So the Subjective of a note is real, the
rest is not. What the gate for identifiers refuses, and what is too long for a tiny model, is left out and counted.
"""

import csv
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.invented_notes import Visit, visits
from probatum.phi import ClinicalNames, find_identifiers

_MOST_WORDS_HEARD, _MOST_WORDS_SAID = 110, 45
_LEAST_WORDS_SAID = 4


@dataclass(frozen=True)
class Rows:
    kept: tuple[tuple[str, str], ...]  # dialogue, section
    refused: int  # by the gate
    kinds: Counter[str]  # of identifiers, and in how many rows
    too_long: int  # or too short to be anything


def real_rows(path: Path, names: ClinicalNames) -> Rows:
    kept, kinds, refused, too_long = [], Counter(), 0, 0
    with path.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            heard, said = row["dialogue"].replace("\r", "").strip(), " ".join(row["section_text"].split())
            if found := {each.kind for each in find_identifiers(f"{heard}\n\n{said}", names, of_a_patient=True)}:
                kinds.update(found)
                refused += 1
            elif (
                len(heard.split()) > _MOST_WORDS_HEARD or not _LEAST_WORDS_SAID <= len(said.split()) <= _MOST_WORDS_SAID
            ):
                too_long += 1
            else:
                kept.append((heard, said))
    return Rows(tuple(kept), refused, kinds, too_long)


def heard(rows: Sequence[tuple[str, str]], dice: random.Random) -> Iterator[Visit]:
    """Endless: invented visits, each with a dialogue of `rows` and what was written of it."""
    for visit in visits(dice):
        dialogue, said = dice.choice(rows)
        yield replace(visit, heard=dialogue, said=said)
