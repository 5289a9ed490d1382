"""Write: documents are chunked, embedded and merged into the tables of their source, where no consumer looks."""

from prefect import task

from probatum import pipeline
from probatum.progress import watching
from probatum.settings import settings
from probatum.thresholds import largest_loss
from sources.registry import source_named
from tasks.report import progress_artifact


@task(name="write", timeout_seconds=6 * 3600, task_run_name="write-{source}")
def write(source: str, snapshot: str, parsed: str) -> str:
    """The digest of the source's new state."""
    chosen = settings()
    with watching(progress_artifact(f"write-{source}")):
        return pipeline.write(
            chosen, source_named(source), snapshot, parsed, allowed_loss=largest_loss(chosen.expectations, source)
        )


@task(name="assemble", timeout_seconds=300)
def assemble(states: list[str]) -> str:
    """The digest of the candidate: what serves, with these states in place."""
    return pipeline.assemble(settings(), states)


@task(name="compare-state", timeout_seconds=60, task_run_name="compare-state-{source}")
def serves(source: str, state: str) -> bool:
    """Whether a state holds exactly what already serves."""
    return pipeline.serves(settings(), source, state)
