"""Which reader a format has.

    reader_of(".pdf")(path, limits)  ->  Reading(elements=[Title("Fluid", depth 1, page 2), …], …)

A reader is imported when it is needed: a run over Markdown loads no PDF library.
"""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from probatum.safeio import Limits

if TYPE_CHECKING:
    from sources.elements.model import Reading

_MODULES = {
    ".pdf": "pdf",
    ".docx": "docx",
    ".pptx": "pptx",
    ".html": "html",
    ".md": "markdown",
    ".txt": "text",
    ".csv": "table",
    ".tsv": "tabs",
    ".xlsx": "xlsx",
    ".json": "json",
    ".xml": "xml",
}
FILES = (".htm", *_MODULES)  # what the name of a file that is a document may end in
SUFFIXES = (*FILES, ".zip")  # and of one that may hold some
READ_WITH = (  # the same bytes may read otherwise when one of these changes
    *("pypdfium2", "pdfplumber", "pdfminer.six", "lxml", "python-docx", "python-pptx", "openpyxl"),
    *("markdown", "defusedxml"),
)

Reader = Callable[[Path, Limits], "Reading"]


def reader_of(suffix: str) -> Reader:
    """The reader of a format that `judge` found."""
    return import_module(f"sources.elements.{_MODULES[suffix]}").read
