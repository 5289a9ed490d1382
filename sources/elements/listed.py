"""What a committee says of its files: `release.toml` of all of them, and beside one file `x.pdf.probatum.toml` of that one.

    [[documents]]  file = "…-alteplase.pdf"  status = "superseded"   ->  Listed(file="…", status="superseded")

A file of which nothing is said is current, and speaks for itself. An entry without a file records a document that is gone.
What another entry supersedes is superseded, whatever its own entry says. Where `release.toml` and a sidecar both speak they
must say the same, but for the status: one of them saying that a document is gone is enough.
"""

import tomllib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path, PurePosixPath
from unicodedata import category

from probatum.errors import Rejected
from probatum.identity import SIDECAR
from probatum.superseded import Claim, naming, references, superseded

RELEASE_FILE = "release.toml"
_STATUSES = ("current", "superseded", "withdrawn")
_MOST_BYTES = 4 << 20
_MOST_ID_CHARS = 200
_TEXTS = ("file", "id", "title", "number", "version", "owner", "trust", "supersedes", "superseded_by")
_KEYS = (*_TEXTS, "status", "effective", "review_by", "reason", "withdrawn_on")  # the last two are for people
_KEYS_OF_RELEASE = ("name", "valid_from", "publisher", "documents")  # a slip here would publish on another day
_SLIP = 0.75  # "stauts" is .83 of "status", "effective_date" .78 of "effective"; keys of the committee's own, such as "approved", stay below .6


@dataclass(frozen=True)
class Listed:
    file: str = ""
    id: str = ""
    title: str = ""
    number: str = ""
    version: str = ""
    owner: str = ""
    trust: str = ""
    status: str = "current"
    supersedes: str = ""
    superseded_by: str = ""
    effective: date | None = None
    review_by: date | None = None

    @property
    def is_current(self) -> bool:
        return self.status == "current"

    @property
    def claim(self) -> Claim:
        """What `probatum.superseded` wants to know of it."""
        return Claim(
            self.file or self.id or self.number or self.title,
            naming(self.file, self.id),
            naming(self.number),
            references(self.supersedes),
            references(self.superseded_by),
        )


@dataclass(frozen=True)
class Listing:
    name: str = ""
    valid_from: date | None = None
    documents: dict[str, Listed] = field(default_factory=dict)  # by file
    gone: tuple[Listed, ...] = ()  # without a file

    def in_doubt(self, names: Iterable[str]) -> list[str]:
        """Files it tells of without their folder, of those that are in several."""
        often = Counter(PurePosixPath(name).name for name in names)
        told = {*self.documents, *(name for entry in self.documents.values() for name in entry.supersedes.split(", "))}
        return sorted(name for name, count in often.items() if count > 1 and name in told)

    def of(self, name: str) -> Listed:
        found = self.documents.get(name) or self.documents.get(PurePosixPath(name).name) or Listed(file=name)
        is_replaced = (
            found.file in self._replaced
            if found.file in self.documents
            else self._named & naming(name, PurePosixPath(name).name)
        )
        return replace(found, status="superseded") if found.is_current and is_replaced else found

    @cached_property
    def _replaced(self) -> dict[str, str]:
        return superseded(entry.claim for entry in (*self.documents.values(), *self.gone))

    @cached_property
    def _named(self) -> frozenset[str]:
        """Everything that an entry says it supersedes: it may be a file that has no entry."""
        return frozenset(name for entry in self.documents.values() for name in references(entry.supersedes))


def read_listing(path: Path) -> Listing:
    """`release.toml`. Raises Rejected with the entry that is wrong, and when documents supersede each other in a circle."""
    raw = _toml(path, RELEASE_FILE)
    if unknown := sorted(raw.keys() - set(_KEYS_OF_RELEASE)):
        raise _wrong(
            RELEASE_FILE,
            f"has keys that are not known: {', '.join(unknown[:5])}. Known: {', '.join(_KEYS_OF_RELEASE)}.",
        )
    entries = raw.get("documents", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise _wrong(RELEASE_FILE, "has documents that are no [[documents]] tables.")
    documents: dict[str, Listed] = {}
    gone: list[Listed] = []
    for number, entry in enumerate(entries, 1):
        what = f"{RELEASE_FILE}, document {number}"
        _refuse_slips(entry, what)
        listed = _listed(entry, what)
        if listed.file in documents:
            raise _wrong(RELEASE_FILE, f"lists {listed.file} twice.")
        if listed.file:
            documents[listed.file] = listed
        else:
            gone.append(listed)
    _refuse_twice([entry.id for entry in documents.values()])
    what = f"{RELEASE_FILE}, the release"
    listing = Listing(_text(raw, "name", what), _date(raw, "valid_from", what), documents, tuple(gone))
    _ = listing._replaced  # a circle is refused here, not when the first file is asked for
    return listing


def read_sidecar(path: Path, file: str) -> Listed:
    """What stands beside `file`. Raises Rejected, for a key that is not known too."""
    what = file + SIDECAR
    raw = _toml(path, what)
    unknown = sorted(raw.keys() - set(_KEYS))
    if unknown:
        raise _wrong(what, f"has keys that are not known: {', '.join(unknown[:5])}. Known: {', '.join(_KEYS)}.")
    listed = _listed(raw, what)
    if listed.file not in ("", file, PurePosixPath(file).name):
        raise _wrong(what, f"describes {listed.file}, but stands beside {file}.")
    listed = replace(listed, file=file)
    if naming(file, PurePosixPath(file).name, listed.id) & (
        references(listed.supersedes) | references(listed.superseded_by)
    ):
        raise _wrong(what, "says that its file supersedes itself.")
    return listed


def together(listed: Listed, beside: Listed) -> Listed:
    """What `release.toml` and a sidecar say of one file. Raises Rejected where they contradict each other."""
    said = {}
    for name in (one.name for one in fields(Listed) if one.name not in ("file", "status")):
        here, there = getattr(listed, name), getattr(beside, name)
        if here and there and here != there:
            raise _wrong(beside.file + SIDECAR, f"and {RELEASE_FILE} say different things of {name}.")
        said[name] = here or there
    return replace(listed, **said, status=beside.status if listed.is_current else listed.status)


def _toml(path: Path, what: str) -> dict:
    if path.stat().st_size > _MOST_BYTES:
        raise _wrong(what, f"has more than {_MOST_BYTES >> 20} MiB.")
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n"))
    except UnicodeDecodeError:
        raise _wrong(what, "is not TOML in UTF-8.") from None
    except tomllib.TOMLDecodeError as error:
        raise _wrong(what, f"is not TOML in UTF-8 ({error}).") from None
    except RecursionError:
        raise _wrong(what, "is nested too deeply.") from None


def _refuse_slips(entry: dict, what: str) -> None:
    """Keys of the committee's own are left alone, but one that is nearly a known one was meant to be it."""
    for key in sorted(entry.keys() - set(_KEYS)):
        if meant := get_close_matches(key.lower(), _KEYS, n=1, cutoff=_SLIP):
            raise _wrong(what, f"has the key {key}; probably {meant[0]} is meant.")


def _refuse_twice(ids: Iterable[str]) -> None:
    seen: set[str] = set()
    for one in filter(None, ids):
        if one in seen:
            raise _wrong(RELEASE_FILE, f"gives the id {one} to two documents.")
        seen.add(one)


def _listed(entry: dict, what: str) -> Listed:
    said = {name: _text(entry, name, what) for name in _TEXTS}
    status = _text(entry, "status", what)
    if status and status not in _STATUSES:
        raise _wrong(what, f"status {status[:20]!r} is none of {', '.join(_STATUSES)}.")
    if status == "current" and said["superseded_by"]:
        raise _wrong(what, "it is current and superseded at once.")
    if len(said["id"]) > _MOST_ID_CHARS or "#" in said["id"] or any(category(char)[0] == "C" for char in said["id"]):
        raise _wrong(what, f"id is longer than {_MOST_ID_CHARS} characters, or holds a # or a control character.")
    return Listed(
        **said,
        status=status or ("superseded" if said["superseded_by"] else "current"),
        effective=_date(entry, "effective", what),
        review_by=_date(entry, "review_by", what),
    )


def _text(entry: dict, name: str, what: str) -> str:
    value = entry.get(name, "")
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ", ".join(value)
    if isinstance(value, bool) or not isinstance(value, str | int | float | date):
        raise _wrong(what, f"{name} is no text.")
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
        raise _wrong(what, f"{name} is no date such as 2026-07-01.") from None


def _wrong(what: str, said: str) -> Rejected:
    """what: the file, and where it matters the entry: "release.toml, document 3"."""
    file, _, entry = what.partition(", ")
    happened = f"{file}, {entry}: {said}" if entry else f"{file} {said}"
    return Rejected(happened, next=f"Correct {file} and run the refresh again.")
