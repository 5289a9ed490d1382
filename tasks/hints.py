"""Hints: what the bucket's queue says was dropped. Names of sources and receipts of messages cross Prefect, no keys."""

from prefect import task

from probatum import hints
from probatum.settings import settings


@task(name="hints-waiting", timeout_seconds=300, retries=2, retry_delay_seconds=10)
def hints_waiting(sources: tuple[str, ...]) -> dict[str, list[str]]:
    """{source: receipts of the messages that hint at it}; "" for messages about other places."""
    return hints.by_source(settings(), sources)


@task(name="hints-done", timeout_seconds=300, retries=2, retry_delay_seconds=10)
def hints_done(receipts: list[str]) -> int:
    """Take messages off the queue, after what they led to is done; returns how many went."""
    return hints.taken(settings(), receipts)
