"""The documents of a release as they are known: a renamed one under its old id, a superseded one left out.

Only sources whose files stand alone (guidelines) need this: their ids come from file names, and any file may say that it
takes the place of another. Codes and drugs have their publisher's ids.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

import orjson

from probatum.errors import Rejected
from probatum.identity import Known, carried_over, renamed, sketch
from probatum.records import Document
from probatum.release import SourceState, today
from probatum.superseded import without_superseded
from probatum.tables import open_table


def settled(
    home: Path, documents: Sequence[Document], serving: SourceState | None, takes_force: date
) -> tuple[list[Document], dict[str, str]]:
    """(documents with the ids they go by, {id that is left out: id of what supersedes it}).

    serving: what the names are carried over from. takes_force: the day of the release. Raises Rejected when documents
    supersede each other in a circle, or before their day.
    """
    ids = carried_over(_known(home, serving), documents) if serving else {}
    left, gone = without_superseded(documents, formerly=ids)
    _refuse_too_early(left, gone, max(takes_force, today()))
    return [renamed(d, ids[d.id]) if d.id in ids else d for d in left], gone


def _refuse_too_early(left: Sequence[Document], gone: Mapping[str, str], begins: date) -> None:
    """What takes force on a day to come takes nothing's place before."""
    by_id = {document.id: document for document in left}
    for old, new in gone.items():
        day = by_id[new].valid_from if new in by_id else ""
        if day > begins.isoformat():
            raise Rejected(
                f"{new} supersedes {old}, but takes force only on {day}.",
                next=f"Put it into a release of its own day: release.toml with valid_from = {day}.",
            )


def _known(home: Path, state: SourceState) -> list[Known]:
    table = open_table(home / "lance", state.documents.name, state.documents.version)
    rows = table.read(["id", "file", "sha256", "title", "text", "meta"]).to_pylist()
    return [
        Known(
            row["id"],
            row["file"],
            row["sha256"],
            str(orjson.loads(row["meta"]).get("number", "")).strip().casefold(),
            " ".join(row["title"].casefold().split()),
            sketch(row["text"]),
        )
        for row in rows
    ]
