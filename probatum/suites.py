"""The suites: what must hold of a table, as reviewed data that Great Expectations writes and reads.

    read_suite(Path("expectations/suites/icd10-documents.json"))  ->  an ExpectationSuite, every expectation of it known

A suite that would not be run as it stands is refused by name. Trap of Great Expectations 1.24: an expectation of an
unknown type is logged and dropped, so counts are compared. It is imported where a suite is read: that takes seconds.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

import probatum.settings  # noqa: F401  Great Expectations looks for the switch of its telemetry when it is imported
from probatum.errors import Misconfigured

if TYPE_CHECKING:
    from great_expectations import ExpectationSuite
    from great_expectations.expectations.expectation import Expectation

COLUMNS = ("column", "column_A", "column_B")  # the arguments that name one
RESTORE = "Restore it from version control, or correct it, and run `probatum audit` again."


def read_suite(path: Path) -> "ExpectationSuite":
    """The suite in a file, every expectation of it known, typed, and named once in its meta. Raises Misconfigured."""
    from great_expectations import ExpectationSuite

    try:
        raw = orjson.loads(path.read_bytes())
        suite = ExpectationSuite(**raw)
        wanted = [expectation["type"] for expectation in raw["expectations"]]
    except OSError as error:
        raise Misconfigured(f"The suite {path} cannot be read ({type(error).__name__}).", next=RESTORE) from None
    except (ValueError, TypeError, KeyError, AttributeError) as error:  # no JSON, no suite, or arguments no class takes
        said = " ".join(f"{type(error).__name__}: {error}".split())
        raise Misconfigured(f"{path} is not a suite of expectations ({said}).", next=RESTORE) from None
    if not wanted:
        raise Misconfigured(f"The suite {path} is empty: nothing would be checked.", next=RESTORE)
    if len(suite.expectations) != len(wanted):
        unknown = ", ".join(sorted(set(wanted) - {e.expectation_type for e in suite.expectations}))
        raise Misconfigured(f"{path}: Great Expectations does not know {unknown} and drops it.", next=RESTORE)
    names = [name_of(expectation) for expectation in suite.expectations]
    if not all(names) or len(set(names)) != len(names):
        raise Misconfigured(f"{path}: each expectation needs a name of its own in its meta.", next=RESTORE)
    return suite


def name_of(expectation: "Expectation") -> str:
    return str((expectation.meta or {}).get("name") or "")


def columns_of(expectations: Iterable["Expectation"]) -> set[str]:
    """The columns they speak of."""
    return {e.configuration.kwargs[key] for e in expectations for key in COLUMNS if key in e.configuration.kwargs}
