"""Fetch: a source release becomes a snapshot of immutable bytes."""

from prefect import task

from probatum import pipeline
from probatum.errors import Retryable
from probatum.settings import settings
from sources.registry import source_named


def _is_retryable(task, run, state) -> bool:
    return isinstance(state.result(raise_on_failure=False), Retryable)


@task(
    name="fetch",
    retries=3,
    retry_delay_seconds=[10, 60, 300],
    retry_condition_fn=_is_retryable,
    timeout_seconds=3600,
    task_run_name="fetch-{source}",
)
def fetch(source: str, origin: str | None) -> str:
    """The digest of the snapshot. Only what may work later is tried again."""
    return pipeline.fetch(settings(), source_named(source), origin)
