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

_MODULES = {".pdf": "pdf", ".docx": "docx", ".html": "html", ".md": "markdown", ".txt": "text"}
SUFFIXES = (".pdf", ".docx", ".html", ".htm", ".md", ".txt")  # what a file's name may end in
READ_WITH = (
    "pypdfium2",
    "pdfplumber",
    "pdfminer.six",
    "lxml",
    "python-docx",
    "markdown",
)  # may read otherwise when they change

Reader = Callable[[Path, Limits], "Reading"]


def reader_of(suffix: str) -> Reader:
    """The reader of a format that `judge` found."""
    return import_module(f"sources.elements.{_MODULES[suffix]}").read
