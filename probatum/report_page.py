"""The report as a page for people and as a summary: written on every audit, of what is refused too.

    write_report(home, expectations, candidate, audit)  ->  home/reports/c0de….html, and c0de….md beside it

The page is one file that asks for nothing (`probatum.html_pages`). It holds titles of documents and the words of golden
questions, so it stays on the machine; the summary holds ids and counts alone, and may go where people look.
"""

import re
from pathlib import Path

from probatum.audit_report import STRICTLY_ABOVE, AuditReport
from probatum.charts import chart, floor_of
from probatum.files import write_atomically
from probatum.html_pages import page
from probatum.printable import printable
from probatum.release import Candidate, Manifest
from probatum.report import Report, SourceReport, describe
from probatum.report_files import report_of, summary_of

_LISTED = 60  # of one kind on the page; the commands list all
_IDS_LISTED = 20  # in the summary
_MARKS = re.compile(r"([\\`*_{}\[\]()<>#!|~&])")


def write_report(home: Path, expectations: Path, content: Candidate | Manifest, audit: AuditReport) -> Path:
    """Work the report out and write both files; returns the page's path."""
    report = describe(home, expectations, content, audit)
    path = report_of(home, report.candidate)
    write_atomically(summary_of(home, report.candidate), summary(report).encode())
    write_atomically(path, html(report).encode("utf-8", "replace"))
    return path


def html(report: Report) -> str:
    return page(
        "report.html",
        report=report,
        bound=STRICTLY_ABOVE,
        listed=_LISTED,
        charts={source.name: _charts(source) for source in report.sources},
        said=_said,
    )


def summary(report: Report) -> str:
    """Markdown with ids and counts: no title, no question, no value."""
    called = f"Release {report.release}" if report.release else f"Candidate {report.candidate[:12]}"
    lines = [f"# {called}: {report.verdict}", ""]
    lines += [f"Compared with {report.parent or 'nothing'}. Serving: {report.serving or 'nothing'}.", ""]
    for source in report.sources:
        lines += [f"- {_plain(source.name)} is refused, because: {_plain(reason)}" for reason in source.reasons]
    lines += [
        "",
        "| source | release | hit rate @3 | before | documents | added | removed | changed | texts new | gone | same | won | lost | open | checks |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|",
        *(_row(source) for source in report.sources),
        "",
    ]
    for source in report.sources:
        for what, asked in (("Lost", source.answers.lost), ("Won", source.answers.won)):
            if asked:
                ids = ", ".join(_plain(a.result.id) for a in asked[:_IDS_LISTED])
                more = f" and {len(asked) - _IDS_LISTED} more" if len(asked) > _IDS_LISTED else ""
                lines.append(f"{what} in {_plain(source.name)}: {ids}{more}.")
    return "\n".join(lines) + "\n"


def _row(source: SourceReport) -> str:
    diff, before = source.diff, source.figures_before.get("all")
    changed = (len(diff.added), len(diff.removed), len(diff.changed)) if diff else (source.state.documents.rows, 0, 0)
    held = sum(check.passed for check in source.audit.checks)
    cells = [
        _plain(source.name),
        _plain(source.state.release),
        f"{source.audit.hit_rate(3):.3f}",
        f"{before['@3']:.3f}" if before else "first",
        f"{source.state.documents.rows:,}",
        *(f"{count:,}" for count in (*changed, source.texts.new, source.texts.gone, source.texts.same)),
        *(str(len(asked)) for asked in (source.answers.won, source.answers.lost, source.answers.still_open)),
        f"{held} of {len(source.audit.checks)}",
    ]
    return f"| {' | '.join(cells)} |"


def _plain(text: str) -> str:
    """A name as text in markdown: nothing of it is a mark."""
    return _MARKS.sub(r"\\\1", printable(text))


def _charts(source: SourceReport) -> dict[str, object]:
    """{slice: its chart}, "all" first; one scale for all of a source. A slice that is all there is has none of its own."""
    floor = floor_of(source.history)
    slices = sorted({part for point in source.history for part in point.figures} - {"all"})
    small = {part: chart(source.history, part, floor=floor, width=224, height=104, labelled=False) for part in slices}
    return {"all": chart(source.history, "all", floor=floor), **(small if len(small) > 1 else {})}


def _said(value: object) -> str:
    return {True: "yes", False: "no", None: "nothing", "": "nothing"}.get(value, str(value))
