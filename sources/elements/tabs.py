"""A guideline that is a table with tabs between its cells (TSV). A comma is part of a cell, however many there are.

"Drug\tDose\nheparin\t5,000 units"   ->   Table: Drug | Dose
                                                  heparin | 5,000 units
"""

import csv
import io
from pathlib import Path

from probatum.errors import Rejected
from probatum.safeio import ASK_AGAIN, Limits
from sources.elements.model import Reading
from sources.elements.table import reading_of
from sources.elements.text import text_of


def read(path: Path, limits: Limits) -> Reading:
    reader = csv.reader(io.StringIO(text_of(path), newline=""), delimiter="\t", strict=True)
    try:
        rows = [[" ".join(cell.split()) for cell in row] for row in reader]
    except csv.Error:
        raise Rejected(
            f"{path.name} breaks off or is wrongly quoted at line {reader.line_num}.", next=ASK_AGAIN
        ) from None
    return reading_of([row for row in rows if any(row)], path.name)
