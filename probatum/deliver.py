"""Delivering receipts: after a refresh from a drop zone, whatever it ended in, each file's owner is told."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from probatum import pipeline
from probatum.dropzone import QUESTIONS, Dropped, questions_of, read_drop, receipts_at
from probatum.objects import store_at
from probatum.proposals import propose
from probatum.receipt_files import leave
from probatum.receipts import Receipt, Run, receipts_of
from probatum.release import Releases
from probatum.settings import Settings


def receipts(chosen: Settings, source, origin: str | None, run: Mapping) -> int:
    """Write the receipts of a source's drop zone; returns how many say something new. 0 where it reads none."""
    place = pipeline.drop_zone(chosen, source.name, origin)
    where = receipts_at(place) if place else None
    if where is None:
        return 0
    objects = read_drop(chosen.home, source.name)
    done = Run(source=source.name, per_file=source.per_file, **_with_what_was_read(chosen, source, run))
    found = [_with_proposals(chosen, source.name, each, objects) for each in receipts_of(chosen, objects, done)]
    if not where.startswith("s3://"):
        Path(where).expanduser().mkdir(parents=True, exist_ok=True)
    store = store_at(where, endpoint=chosen.object_endpoint, kms_key=chosen.object_kms_key)
    return leave(chosen.home / "drops" / source.name, store, found, serving=Releases(chosen.home).current())


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
    waiting, refused = propose(chosen.home, source, receipt.file, path, owner=owner, may_be_kept=lambda text: True)
    return replace(receipt, proposed_questions={"waiting": waiting, "refused": refused})
