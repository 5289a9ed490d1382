"""The mass-delete breaker: a source that lost more documents than it may stops before anything is encoded.

Publishers do withdraw things, but a feed that lost a fifth of its codes is broken far more often than right. Counted is
what is gone by its id, whatever came instead: a file laid out anew, in which every id is another, has lost everything.
How much a source may lose stands in expectations/thresholds.toml. A loss that is right is recorded, with its reason, in
expectations/known_differences/<source>.jsonl, and then passes:

    {"release": "2026-10-01", "documents": 61204, "reason": "…", "role": "coding lead", "reviewed_on": "2026-11-20"}
"""

from collections.abc import Iterable
from pathlib import Path

from probatum.errors import Rejected
from probatum.known_differences import reviewed_counts
from probatum.records import SourceRelease
from probatum.release import Manifest, SourceState

_DECIMALS_OF_A_COUNT = 6


def check_loss(
    release: SourceRelease,
    snapshot: str,
    documents: int,
    serving: Manifest | None,
    *,
    gone: int,
    allowed: float,
    expectations: Path,
) -> None:
    """Raise Rejected when too much of what serves is gone and nobody recorded that this is right.

    Compared is the edition this one takes over from. gone: how many of its documents are not among these `documents`.
    """
    state = predecessor(serving, release)
    if state is None or not too_many(gone, state.documents.rows, allowed):
        return
    if documents in reviewed_counts(expectations, release.source, release.name):
        return
    before = state.documents.rows
    raise Rejected(
        f"{release.source} snapshot {snapshot[:8]}… has {documents:,} documents; of the {before:,} that serve {gone:,} are gone "
        f"({gone / before:.0%}, {allowed:.0%} allowed).",
        safe=f"Nothing was published; release {serving.id if serving else 'none'} still serves.",
        next=f"If this is right, record it in expectations/known_differences/{release.source}.jsonl and run the same refresh again.",
    )


def gone_from(before: Iterable[str], now: Iterable[str]) -> int:
    """How many documents of before are not there any more, by id."""
    return len(set(before) - set(now))


def too_many(gone: int, before: int, allowed: float) -> bool:
    """Whether more are gone than the allowed share: 5 % of 1,000 are 50, whatever their binary digits."""
    return gone > round(before * allowed, _DECIMALS_OF_A_COUNT)


def predecessor(serving: Manifest | None, release: SourceRelease) -> SourceState | None:
    """The edition that is in force until `release` takes over; for one before all others, the first of them."""
    if serving is None or release.source not in serving.sources:
        return None
    return serving.before(release.source, release.valid_from) or serving.of_source(release.source)[-1]
