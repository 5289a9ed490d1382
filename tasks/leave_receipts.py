"""Receipts: every file of a drop zone gets word of what became of it, beside the drop zone."""

from prefect import task

from probatum import deliver
from probatum.settings import settings
from sources.registry import source_named


@task(name="leave-receipts", timeout_seconds=3600, task_run_name="leave-receipts-{source}")
def leave_receipts(source: str, origin: str | None, run: dict) -> int:
    """How many receipts say something new. run: ids of what the steps left; see `probatum.outcome`."""
    return deliver.receipts(settings(), source_named(source), origin, run)
