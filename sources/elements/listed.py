"""`release.toml`: what a committee says about a release and each file in it.

    [[documents]]  file = "…-alteplase.pdf"  status = "superseded"   ->  Listed(file="…", status="superseded")

A file it does not list is current, and speaks for itself. An entry without a file records a document that is gone.
"""

import tomllib
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path, PurePosixPath

from probatum.errors import Rejected

RELEASE_FILE = "release.toml"
_STATUSES = ("current", "superseded", "withdrawn")
_MOST_BYTES = 4 << 20
_CORRECT = "Correct release.toml and run the refresh again."


@dataclass(frozen=True)
class Listed:
    file: str = ""
    title: str = ""
    number: str = ""
    version: str = ""
    owner: str = ""
    status: str = "current"
    supersedes: str = ""
    effective: date | None = None
    review_by: date | None = None

    @property
    def is_current(self) -> bool:
        return self.status == "current"


@dataclass(frozen=True)
class Listing:
    name: str = ""
    valid_from: date | None = None
    documents: dict[str, Listed] = field(default_factory=dict)  # by file

    def of(self, name: str) -> Listed:
        return self.documents.get(name) or self.documents.get(PurePosixPath(name).name) or Listed(file=name)


def read_listing(path: Path) -> Listing:
    """Raises Rejected with the entry that is wrong."""
    if path.stat().st_size > _MOST_BYTES:
        raise Rejected(f"{RELEASE_FILE} has more than {_MOST_BYTES >> 20} MiB.", next=_CORRECT)
    try:
        raw = tomllib.loads(path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Rejected(f"{RELEASE_FILE} is not TOML in UTF-8 ({error}).", next=_CORRECT) from None
    entries = raw.get("documents", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise Rejected(f"{RELEASE_FILE} has documents that are no [[documents]] tables.", next=_CORRECT)
    documents: dict[str, Listed] = {}
    for number, entry in enumerate(entries, 1):
        listed = _listed(entry, f"document {number}")
        if listed.file in documents:
            raise Rejected(f"{RELEASE_FILE} lists {listed.file} twice.", next=_CORRECT)
        if listed.file:
            documents[listed.file] = listed
    return Listing(_text(raw, "name", "the release"), _date(raw, "valid_from", "the release"), documents)


def _listed(entry: dict, what: str) -> Listed:
    names = ("file", "title", "number", "version", "owner", "supersedes")
    status = _text(entry, "status", what) or "current"
    if status not in _STATUSES:
        raise Rejected(
            f"{RELEASE_FILE}, {what}: status {status[:20]!r} is none of {', '.join(_STATUSES)}.", next=_CORRECT
        )
    said = {name: _text(entry, name, what) for name in names}
    return Listed(
        **said, status=status, effective=_date(entry, "effective", what), review_by=_date(entry, "review_by", what)
    )


def _text(entry: dict, name: str, what: str) -> str:
    value = entry.get(name, "")
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ", ".join(value)
    if isinstance(value, bool) or not isinstance(value, str | int | float | date):
        raise Rejected(f"{RELEASE_FILE}, {what}: {name} is no text.", next=_CORRECT)
    return str(value).strip()


def _date(entry: dict, name: str, what: str) -> date | None:
    value = entry.get(name)
    if value is None or value == "":
        return None
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value)
    except (ValueError, TypeError):
        raise Rejected(f"{RELEASE_FILE}, {what}: {name} is no date such as 2026-07-01.", next=_CORRECT) from None
