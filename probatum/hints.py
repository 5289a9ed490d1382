"""Hints of the drop zone's queue, by source: which sources are worth a look before their next schedule.

An event is only a hint. It may come twice, late or never; what is refreshed is always the whole listing, so that a
refresh without any events finds the same. A message is taken off the queue when its refresh has ended.
"""

from collections import defaultdict
from collections.abc import Iterable

from probatum.dropzone import INCOMING
from probatum.errors import Misconfigured
from probatum.object_events import Hint, done, waiting
from probatum.objects import OWN
from probatum.settings import Settings


def by_source(chosen: Settings, sources: Iterable[str]) -> dict[str, list[str]]:
    """{source: receipts of the messages that hint at it}; under "" those about anything else in the bucket."""
    need_a_queue(chosen)
    bucket, _, prefix = chosen.drops.removeprefix("s3://").rstrip("/").partition("/")
    places = {f"{prefix}/{source}/{INCOMING}/".lstrip("/"): source for source in sources}
    found: dict[str, list[str]] = defaultdict(list)
    for hint in waiting(chosen.drops_queue).hints:
        at = next((place for place in places if hint.bucket == bucket and _is_dropped(hint.key, place)), "")
        found[places.get(at, "")].append(hint.receipt)
    return {source: list(dict.fromkeys(receipts)) for source, receipts in found.items()}


def need_a_queue(chosen: Settings) -> None:
    """Raise Misconfigured where no queue can hint at anything."""
    if not chosen.drops_queue or not chosen.drops.startswith("s3://"):
        raise Misconfigured(
            "There is no queue to look at.",
            safe="Nothing was fetched.",
            next="Set PROBATUM_DROPS to s3://… and PROBATUM_DROPS_QUEUE to the queue its events go to; a folder needs none: run `probatum refresh --all`.",
        )


def _is_dropped(key: str, place: str) -> bool:
    """Whether an owner put it there: what we wrote ourselves to find out what a server can do is no news."""
    return key.startswith(place) and not key.startswith(place + OWN)


def taken(chosen: Settings, receipts: Iterable[str]) -> int:
    """Take these messages off the queue; returns how many went."""
    return done(chosen.drops_queue, [Hint("", "", receipt) for receipt in receipts])
