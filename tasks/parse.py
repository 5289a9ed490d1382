"""Parse: a snapshot becomes documents, in a sandbox; what cannot be read is quarantined."""

from prefect import task

from probatum import completing, pipeline
from probatum.settings import settings
from sources.registry import source_named


@task(name="parse", timeout_seconds=7200, task_run_name="parse-{source}")
def parse(source: str, snapshot: str) -> str:
    """The digest of what was read."""
    return pipeline.parse(settings(), source_named(source), snapshot)


@task(name="complete", timeout_seconds=7200, task_run_name="complete-{source}")
def complete(source: str, snapshot: str, parsed: str) -> tuple[str, str, str]:
    """(snapshot, what was read of it, a word on what was carried over): the same where the release is all there is."""
    return completing.complete(settings(), source_named(source), snapshot, parsed)


@task(name="compare", timeout_seconds=300, task_run_name="compare-{source}")
def already_serves(source: str, snapshot: str) -> bool:
    """Whether this snapshot, read and encoded as it would be now, already serves."""
    return pipeline.already_serves(settings(), source_named(source), snapshot)


@task(name="set-aside", timeout_seconds=60, task_run_name="set-aside-{source}")
def set_aside(source: str, parsed: str) -> tuple[list[dict], list[str]]:
    """(what went to quarantine, files whose former version still serves): ids and reasons."""
    described = pipeline.read_parsed(settings(), source, parsed)
    return described["quarantined"], described["kept"]
