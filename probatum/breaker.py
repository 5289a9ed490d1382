"""The mass-delete breaker: a source that lost more documents than it may stops before anything is encoded.

Publishers do withdraw things, but a feed that lost a fifth of its codes is broken far more often than right. How much a
source may lose stands in expectations/thresholds.toml. A loss that is right is recorded, with its reason, in
expectations/known_differences/<source>.jsonl, and then passes:

    {"release": "2026-10-01", "documents": 61204, "reason": "…", "role": "coding lead", "reviewed_on": "2026-11-20"}
"""

from pathlib import Path

from probatum.errors import Rejected
from probatum.known_differences import reviewed_counts
from probatum.records import SourceRelease
from probatum.release import Manifest, SourceState


def check_loss(
    release: SourceRelease,
    snapshot: str,
    documents: int,
    serving: Manifest | None,
    *,
    allowed: float,
    expectations: Path,
) -> None:
    """Raise Rejected when `documents` is too few against what serves and nobody recorded that this is right.

    Compared is the edition this one takes over from.
    """
    state = predecessor(serving, release)
    if state is None or documents >= state.documents.rows * (1 - allowed):
        return
    if documents in reviewed_counts(expectations, release.source, release.name):
        return
    lost = 1 - documents / state.documents.rows
    raise Rejected(
        f"{release.source} snapshot {snapshot[:8]}… has {documents:,} documents; the current release has {state.documents.rows:,} "
        f"({lost:.0%} fewer, {allowed:.0%} allowed).",
        safe=f"Nothing was published; release {serving.id if serving else 'none'} still serves.",
        next=f"If this is right, record it in expectations/known_differences/{release.source}.jsonl and run the same refresh again.",
    )


def predecessor(serving: Manifest | None, release: SourceRelease) -> SourceState | None:
    """The edition that is in force until `release` takes over; for one before all others, the first of them."""
    if serving is None or release.source not in serving.sources:
        return None
    return serving.before(release.source, release.valid_from) or serving.of_source(release.source)[-1]
