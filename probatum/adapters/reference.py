"""The reference of an adapter: what fixed inputs gave at training, so that one that loads as something else is noticed.

    keep_reference(folder, after=vectors_with, before=vectors_of_the_base)
    must_match(folder, seen)         after every load; raises Damaged

`after` and `before` are float32 of one shape, (inputs, numbers): vectors of a retrieval adapter, logits of a behaviour. The
base's own are kept too, because the usual way for an adapter to load wrongly is not at all, and then the message can say so.
Several ways of peft's do exactly that without a word.
"""

from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from probatum.adapters.record import REFERENCE
from probatum.errors import Damaged, Rejected
from probatum.files import write_atomically

REFERENCE_TEXTS = (  # fixed, invented; what they say does not matter, only that it is of every kind and length
    "broken collarbone",
    "Type 2 diabetes mellitus without complications",
    "my heart skips a beat when I climb the stairs",
    "metformin 500 mg tablet",
    "Offer a second dose after four weeks if symptoms have not improved and renal function is stable.",
    "HTN",
)
_ALLOWED = 2e-3  # of the largest number: other processors and thread counts add up in another order
_OF_THE_DIFFERENCE = 0.1  # and never more than this share of what the adapter changes
_LEAST_CHANGE = 1e-4
_NEXT = "Take the adapter from a backup, or go back: `probatum rollback`."


def keep_reference(folder: Path, *, after: np.ndarray, before: np.ndarray) -> None:
    """Raises Rejected when the adapter changes nothing that can be seen, or gives numbers that are not finite."""
    after, before = np.asarray(after, np.float32), np.asarray(before, np.float32)
    _must_change(after, before)
    write_atomically(
        folder / REFERENCE, save({"after": np.ascontiguousarray(after), "before": np.ascontiguousarray(before)})
    )


def check_reference(folder: Path) -> None:
    """The reference in a folder is one: raises Damaged, or Rejected for an adapter that changes nothing."""
    _must_change(*_read(folder))


def must_match(folder: Path, seen: np.ndarray) -> None:
    """Raise Damaged unless `seen` is what the adapter gave at training."""
    after, before = _read(folder)
    if seen.shape != after.shape:
        raise Damaged(f"An adapter gives numbers of shape {seen.shape}, at training {after.shape}.", next=_NEXT)
    off, change = float(np.abs(seen - after).max()), float(np.abs(after - before).max())
    allowed = min(_ALLOWED * max(1.0, float(np.abs(after).max())), _OF_THE_DIFFERENCE * change)
    if not off <= allowed:  # NaN as well
        as_base = float(np.abs(seen - before).max()) <= allowed
        why = "it was not applied: these are the base's own" if as_base else "its numbers are not those of its training"
        raise Damaged(f"An adapter loads wrongly: {why} (off by {off:.2g}, allowed {allowed:.2g}).", next=_NEXT)


def _read(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    try:
        stored = load((folder / REFERENCE).read_bytes())
        return stored["after"], stored["before"]
    except (SafetensorError, KeyError, FileNotFoundError):
        raise Damaged("The reference of an adapter is missing or not whole.", next=_NEXT) from None


def _must_change(after: np.ndarray, before: np.ndarray) -> None:
    if after.shape != before.shape or not np.isfinite(after).all() or not np.isfinite(before).all():
        raise Rejected("The reference of an adapter holds numbers that are not finite, or of two shapes.", next=_NEXT)
    if float(np.abs(after - before).max()) < _LEAST_CHANGE:
        raise Rejected("The adapter changes nothing: its reference is the base's.", next="Train it for longer.")
