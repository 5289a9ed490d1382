"""What a code of ICD-10-CM looks like, and one code while it is being put together.

The publisher writes codes without the dot in the order file and the code list, with it in the tabular list and the index:

    dotted("E119")    -> "E11.9"
    is_code("001")    -> False: that is one of the procedure system (ICD-10-PCS)
"""

import re
from dataclasses import dataclass, field

_CODE = re.compile(r"^[A-Z][0-9A-Z]{2}(\.?[0-9A-Z]{1,4})?$")  # QA0 came in 2026: a letter may be second


@dataclass
class Entry:
    """One code while it is being put together. `code` is dotted."""

    code: str
    title: str
    billable: bool
    parent: str = ""
    section: str = ""
    chapter: str = ""
    stem: str = ""  # title without what the 7th character adds
    inclusion: list[str] = field(default_factory=list)
    notes: dict[str, list[str]] = field(default_factory=dict)
    extensions: dict[str, str] = field(default_factory=dict)


def dotted(code: str) -> str:
    """ "E119" -> "E11.9"; "E11" stays."""
    return code if len(code) < 4 or "." in code else f"{code[:3]}.{code[3:]}"


def is_code(code: str) -> bool:
    """Whether it is written as a code of ICD-10-CM is, with or without the dot."""
    return _CODE.match(code) is not None
