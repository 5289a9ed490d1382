"""Delivering receipts: after a refresh from a drop zone, whatever it ended in, each file's owner is told."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from probatum import arriving, pipeline
from probatum.dropzone import QUESTIONS, Dropped, questions_of, read_drop, receipts_at
from probatum.errors import Retryable
from probatum.objects import store_at
from probatum.phi import ClinicalNames, find_identifiers
from probatum.proposals import propose
from probatum.receipt_files import leave
from probatum.receipts import Receipt, Run, receipts_of, served_bytes
from probatum.release import Releases
from probatum.screening import clinical_names
from probatum.settings import Settings


def receipts(chosen: Settings, source, origin: str | None, run: Mapping) -> int:
    """Write the receipts of a source's drop zone; returns how many say something new. 0 where it reads none."""
    place = arriving.drop_zone(chosen, source.name, origin)
    where = receipts_at(place) if place else None
    if where is None or run["refused"].get("exit_code") == Retryable.exit_code:
        return 0  # what could not be reached is no news for an owner
    objects = read_drop(chosen.home, source.name)
    done = Run(of=source, **_with_what_was_read(chosen, source, run))
    found = [_with_proposals(chosen, source.name, each, objects) for each in receipts_of(chosen, objects, done)]
    found = _told_of_questions(found)
    if not where.startswith("s3://"):
        Path(where).expanduser().mkdir(parents=True, exist_ok=True)
    store = store_at(where, endpoint=chosen.object_endpoint, kms_key=chosen.object_kms_key)
    return leave(
        chosen.home / "drops" / source.name,
        store,
        found,
        serving=Releases(chosen.home).current(),
        served=served_bytes(chosen, source),
    )


def _with_what_was_read(chosen: Settings, source, run: Mapping) -> dict:
    """A run that found nothing new read nothing; what it would have read was read before, and is at hand."""
    told = dict(run)
    if told.get("snapshot") and not told.get("parsed") and not told["refused"]:
        told["parsed"] = pipeline.parse(chosen, source, told["snapshot"])
    return told


def _with_proposals(chosen: Settings, source: str, receipt: Receipt, objects: tuple[Dropped, ...]) -> Receipt:
    """With what became of the questions that the owner dropped beside the file."""
    beside = next((o for o in objects if o.key == f"{receipt.file}{QUESTIONS}" and not o.left_out), None)
    if beside is None:
        return receipt
    path = questions_of(chosen.home / "drops" / source, beside)
    owner = receipt.tags.get("owner", "")
    waiting, refused = propose(
        chosen.home, source, receipt.file, path, owner=owner, may_be_kept=_names_no_patient(chosen)
    )
    return replace(receipt, proposed_questions={"waiting": waiting, "refused": refused})


def _told_of_questions(receipts: list[Receipt]) -> list[Receipt]:
    """The file of questions has a receipt of its own: it says the same as that of the file they are about."""
    became = {f"{each.file}{QUESTIONS}": each for each in receipts if each.proposed_questions}
    return [_of_questions(each, became[each.file]) if each.file in became else each for each in receipts]


def _of_questions(receipt: Receipt, about: Receipt) -> Receipt:
    if receipt.status != "described":
        return receipt
    taken, refused = about.proposed_questions["waiting"], len(about.proposed_questions["refused"])
    said = f"Its questions about {about.file} were read; taken for review: {taken}, refused: {refused}."
    return replace(receipt, summary=said, proposed_questions=about.proposed_questions)


def _names_no_patient(chosen: Settings) -> Callable[[str], bool]:
    names = ClinicalNames.load(clinical_names(chosen.home, Releases(chosen.home).current()))
    return lambda text: not find_identifiers(text, names)
