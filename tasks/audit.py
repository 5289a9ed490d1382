"""Audit: a candidate is tried against golden questions and table checks, through the search that would serve it."""

from prefect import task

from probatum import pipeline
from probatum.progress import watching
from probatum.settings import settings
from tasks.report import golden_results, links, progress_artifact


@task(name="audit", timeout_seconds=3600)
def audit(candidate: str) -> dict[str, list[str]]:
    """The reasons against publishing, by source; empty when there are none."""
    with watching(progress_artifact("audit")):
        report = pipeline.audit(settings(), candidate)
    golden_results(report)
    links(settings().home, report)
    return report.failures()
