"""Publish: the one step that changes what consumers read; it checks the audit itself."""

from prefect import task

from probatum import pipeline
from probatum.audit import read_report
from probatum.settings import settings
from tasks.report import release_card


@task(name="publish", timeout_seconds=300)
def publish(candidate: str, actor: str) -> str:
    """The id of the release that now serves."""
    chosen = settings()
    manifest = pipeline.publish(chosen, candidate, actor=actor)
    release_card(manifest, read_report(chosen.home, candidate))
    return manifest.id


@task(name="find-candidate", timeout_seconds=60)
def find_candidate(beginning: str | None) -> str:
    """The digest of the newest candidate, or of the one it begins with."""
    return pipeline.find_candidate(settings(), beginning)


def settle(actor: str) -> None:
    """Before anything else: what an earlier run did and was killed before it could say so."""
    pipeline.settle(settings(), actor=actor)
