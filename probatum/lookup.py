"""Looking up one document or chunk of a release by its id."""

from datetime import date
from pathlib import Path

import orjson

from probatum.errors import Rejected
from probatum.release import Manifest, today
from probatum.tables import open_table
from probatum.wording import dotted


def _written(document_id: str) -> dict[str, None]:
    """The ways an id may have been meant: as it is, in capitals, in small letters, a code without its dot."""
    return dict.fromkeys((document_id, document_id.upper(), document_id.lower(), dotted(document_id.upper())))


def look_up(home: Path, manifest: Manifest, identity: str, source: str | None, day: date | None = None) -> dict:
    """The document (or, for "document#chunk", the chunk's span of it) as JSON. Raises Rejected when there is none.

    day: looked up in the editions in force on it; without it, today.
    """
    document_id, mark, _ = identity.partition("#")
    for name, state in manifest.in_force(day or today()).items():
        if source not in (None, name):
            continue
        documents = open_table(home / "lance", state.documents.name, state.documents.version)
        for row in documents.where("id", list(_written(document_id)))[:1]:
            start, end = 0, len(row["text"])
            if mark:
                texts = open_table(home / "lance", state.texts.name, state.texts.version).where("chunk_id", [identity])
                if not texts:
                    continue
                start, end = texts[0]["start"], texts[0]["end"]
            return {
                "id": identity if mark else row["id"],
                "source": name,
                "title": row["title"],
                "text": row["text"][start:end],
                "start": start,
                "end": end,
                "valid_from": row["valid_from"],
                "file": row["file"],
                "sha256": row["sha256"],
                "meta": orjson.loads(row["meta"]),
                "source_release": state.release,
                "release": manifest.id,
            }
    raise Rejected(
        f"Release {manifest.id} has no document {identity!r}.",
        safe="Nothing was changed.",
        next='Find its id with `probatum search "…"`.',
    )
