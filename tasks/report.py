"""What a run leaves for people in Prefect: progress, the golden results as a table, the release card.

Ids, counts and rates only: no text of a document and no question is ever in an artifact.
"""

import time
from collections.abc import Callable
from pathlib import Path

from prefect.artifacts import (
    create_link_artifact,
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)

from probatum.audit import figures
from probatum.audit_report import AuditReport
from probatum.cards import release_card_markdown
from probatum.release import Manifest
from probatum.report_files import data_docs_of, report_of, summary_of

_UPDATE_EVERY_S = 2.0


def progress_artifact(key: str) -> Callable[[str, int, int], None]:
    """A watcher that keeps one progress artifact for each thing it is told of."""
    artifacts: dict[str, object] = {}
    updated: dict[str, float] = {}

    def watch(what: str, done: int, total: int) -> None:
        percent = 100.0 * done / total
        if what not in artifacts:
            artifacts[what] = create_progress_artifact(percent, key=key, description=what)
        elif done >= total or time.monotonic() - updated[what] > _UPDATE_EVERY_S:
            update_progress_artifact(artifacts[what], percent)
        else:
            return
        updated[what] = time.monotonic()

    return watch


def golden_results(report: AuditReport) -> None:
    """A table with one row a source and slice."""
    rows = [{k: round(v, 3) if isinstance(v, float) else v for k, v in row.items()} for row in figures(report.sources)]
    create_table_artifact(
        rows, key="golden-results", description=f"Golden questions, candidate {report.candidate[:12]}"
    )


def release_card(manifest: Manifest, report: AuditReport) -> None:
    create_markdown_artifact(
        release_card_markdown(manifest, report), key="release-card", description=f"Release {manifest.id}"
    )


def links(home: Path, report: AuditReport) -> None:
    """The report on a candidate: its summary, which has ids and counts alone, and where its pages lie on the worker."""
    candidate = report.candidate
    create_markdown_artifact(
        summary_of(home, candidate).read_text("utf-8"), key="report", description=f"Candidate {candidate[:12]}"
    )
    _link(report_of(home, candidate), key="report-page", text=f"Report on candidate {candidate[:12]}")
    for source in report.sources:
        index = data_docs_of(home, candidate) / source / "index.html"
        _link(index, key=f"data-docs-{source}", text=f"Data Docs of {source}, candidate {candidate[:12]}")


def _link(path: Path, *, key: str, text: str) -> None:
    create_link_artifact(path.absolute().as_uri(), link_text=text, key=key, description=str(path.absolute()))
