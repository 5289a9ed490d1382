"""Where the pages about a candidate lie.

home/reports/<candidate>.html                              the report: see `probatum.report`
home/reports/<candidate>/data-docs/<source>/index.html     what Great Expectations says of its tables
"""

from pathlib import Path


def report_of(home: Path, candidate: str) -> Path:
    return home / "reports" / f"{candidate}.html"


def data_docs_of(home: Path, candidate: str) -> Path:
    """The folder with one folder a source."""
    return home / "reports" / candidate / "data-docs"


def summary_of(home: Path, candidate: str) -> Path:
    """The same in markdown, with ids and counts alone."""
    return home / "reports" / f"{candidate}.md"
