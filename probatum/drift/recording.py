"""Recording what was asked, by whoever asked it: after search has answered, and never by search itself, which can write nothing.

    hits = searcher.search(question)
    if settings().query_records:
        record(home, searcher, question, "", hits)

What is kept of it, and why no more, is said in `probatum.drift.queries`.
"""

from collections.abc import Sequence
from pathlib import Path

from probatum.drift.queries import Asked, QueryRecords
from probatum.release import today
from probatum.search import Hit, Searcher


def record(home: Path, searcher: Searcher, question: str, source: str, hits: Sequence[Hit]) -> int:
    """How many records were added: none when the day has its fill."""
    best = max((hit.score for hit in hits), default=0.0)
    enough = any(hit.enough for hit in hits)
    return QueryRecords(home).note([Asked(question, searcher.vector_of(question), source, best, enough)], today())
