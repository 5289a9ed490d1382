"""What the rules of behaviours know of the release that serves: its billable ICD-10-CM codes.

    facts_of(home)      Facts(codes=frozenset({"A00.0", …, "I10", …}))        74,719 of them in April 2026

Read anew for every measurement: a code that was split in the last release is no longer valid in a note, and says so.
"""

from pathlib import Path

import orjson

from probatum.behaviours.rules import Facts
from probatum.errors import Rejected
from probatum.release import Releases, today
from probatum.tables import open_table

SOURCE = "icd10"


def facts_of(home: Path) -> Facts:
    """Raises Rejected where no release serves any code: every note would be called invalid."""
    serving = Releases(home).current()
    state = serving.in_force(today()).get(SOURCE) if serving else None
    if state is None:
        raise Rejected(
            "No release with ICD-10-CM codes serves here, so no code can be called valid.",
            safe="Nothing was measured and nothing was trained.",
            next=f"Run `probatum refresh {SOURCE}` first.",
        )
    table = open_table(home / "lance", state.documents.name, state.documents.version)
    rows = table.read(["id", "meta"]).to_pylist()
    return Facts(frozenset(row["id"] for row in rows if orjson.loads(row["meta"]).get("billable")))
