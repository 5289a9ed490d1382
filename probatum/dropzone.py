"""The drop zone: a place where data owners leave files, in S3 or in a folder, and what is there right now.

    s3://bucket/guidelines/incoming/…        what owners drop; the listing is the truth
    s3://bucket/guidelines/receipts/…        what became of it (`probatum.receipts`)

`bring_in` makes a folder in the home look like the listing: what is new or changed is fetched, what was deleted goes.
A source then reads that folder like any other. Keys may hold any character, names of files may not, so each key gets a
name of its own; `Dropped` says which. Titles, dates and owners may come as object tags: they become a sidecar file.
What cannot be taken (too large, superseded by another key) stays out, with a word for its receipt, and holds up nobody.
"""

import os
import re
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path, PurePosixPath
from unicodedata import category
from urllib.parse import quote

from probatum import digests
from probatum.errors import Rejected
from probatum.files import read_json, write_json
from probatum.objects import Object, Objects, store_at
from probatum.phi import ClinicalNames, find_identifiers
from probatum.safeio import Limits
from probatum.seams import seam

INCOMING, RECEIPTS = "incoming", "receipts"
SIDECAR, QUESTIONS = ".probatum.toml", ".questions.csv"  # beside x.pdf: x.pdf.probatum.toml, x.pdf.questions.csv
SAID_BY_TAGS = ("id", "title", "version", "effective", "review_by", "owner", "status", "supersedes", "number")
_A_MOMENT_S = 2.0
_LONGEST_NAME_BYTES = 180  # of one part of a path; file systems allow 255, and suffixes are added
_AS_IT_IS = re.compile(r"[\w .,;=@()\[\]&+'-]", re.UNICODE)


@dataclass(frozen=True)
class Dropped:
    """One object as it was found. name: of its file in the folder that is read. left_out: why it is not read, or ""."""

    key: str
    version: str
    size: int  # bytes
    modified: str  # ISO, UTC
    name: str
    sha256: str = ""
    tags: Mapping[str, str] | None = None
    left_out: str = ""

    @property
    def is_alongside(self) -> bool:
        """Whether it describes another file and is no document itself."""
        return self.name.endswith((SIDECAR, QUESTIONS)) or PurePosixPath(self.name).name == "release.toml"

    @property
    def is_of_questions(self) -> bool:
        return self.name.endswith(QUESTIONS)


@dataclass(frozen=True)
class Drop:
    """What is in the drop zone of a source: the folder that is read, and every object."""

    folder: Path
    objects: tuple[Dropped, ...]

    def newest(self) -> date:
        """The day the newest object was written."""
        return max((datetime.fromisoformat(o.modified).date() for o in self.objects), default=datetime.now(UTC).date())


def is_drop_zone(origin: str) -> bool:
    """Whether an origin is a place owners drop files into: anything in S3, and a folder called incoming."""
    if origin.startswith(("http://", "https://")):
        return False
    return origin.startswith("s3://") or PurePosixPath(origin.rstrip("/")).name == INCOMING


def receipts_at(origin: str) -> str | None:
    """Where the receipts of a drop zone go: beside `incoming`. None for a place that is laid out otherwise."""
    above, _, last = origin.rstrip("/").rpartition("/")
    return f"{above}/{RECEIPTS}/" if last == INCOMING and above else None


def bring_in(home: Path, source: str, origin: str, limits: Limits, *, endpoint: str = "") -> Drop:
    """Fetch what is new in a drop zone. Raises Retryable when it cannot be reached, Rejected when it holds too much."""
    place = home / "drops" / source
    folder, known = place / "files", {o.key: o for o in read_drop(home, source)}
    store = store_at(origin, endpoint=endpoint)
    if not origin.startswith("s3://"):
        _wait_for_who_is_copying(store)
    listed = {each.key: each for each in _listed(store, limits)}
    found = _without_superseded([_described(store, each, known.get(each.key), limits) for each in listed.values()])
    _remove_what_is_gone(folder, found)
    found = [each if each.left_out else _fetched(store, listed[each.key], each, folder, limits) for each in found]
    for each in found:
        _describe(folder, each)
    write_json(place / "objects.json", {"origin": origin, "objects": [asdict(o) for o in found]})
    seam("after-drop")
    return Drop(folder, tuple(found))


def read_drop(home: Path, source: str) -> tuple[Dropped, ...]:
    """The objects of the last look at the drop zone of a source."""
    path = home / "drops" / source / "objects.json"
    if not path.exists():
        return ()
    raw = read_json(path, what="The list of dropped files", next="Delete it and refresh again.")
    return tuple(Dropped(**each) for each in raw["objects"])


def questions_of(place: Path, dropped: Dropped) -> Path:
    """Where a file of proposed questions is kept: not among the documents."""
    return place / "questions" / dropped.name


def safe_name(key: str) -> str:
    """A name for the file of a key, different for different keys, whatever they hold: "a//b\\x00" -> "a/%/b%00"."""
    return "/".join(_safe_part(part) for part in key.split("/"))


def _safe_part(part: str) -> str:
    said = "".join(c if _AS_IT_IS.match(c) else quote(c, safe="", errors="surrogatepass") for c in part)
    if said.startswith((".", " ")):  # a hidden file would be passed over
        said = f"%{ord(said[0]):02X}{said[1:]}"
    if len(said.encode("utf-8", "surrogatepass")) > _LONGEST_NAME_BYTES:
        ending = PurePosixPath(said).suffix[:12]
        said = f"{said[:40]}%{digests.of_text(said)[:16]}{ending}"
    return said or "%"


def _wait_for_who_is_copying(store: Objects) -> None:
    """A file in a folder grows while it is copied; one that just changed is given a moment to change again."""
    youngest = max((each.modified for each in store.list()), default=datetime.fromtimestamp(0, UTC))
    time.sleep(max(0.0, min(_A_MOMENT_S, _A_MOMENT_S - (datetime.now(UTC) - youngest).total_seconds())))


def _listed(store: Objects, limits: Limits) -> Iterator[Object]:
    for number, each in enumerate(store.list(), 1):
        if number > limits.files:
            raise Rejected(
                f"The drop zone holds more than {limits.files} objects.",
                next="Move what is no longer needed elsewhere, or raise the limit of the source.",
            )
        yield each


def _described(store: Objects, each: Object, known: Dropped | None, limits: Limits) -> Dropped:
    """What there is to know of an object without its bytes; from before, where it is the same version."""
    too_large = (
        f"It has {each.size >> 20} MiB ({limits.file_bytes >> 20} allowed). Split it, or ask for a higher limit."
        if each.size > limits.file_bytes
        else ""
    )
    left_out = too_large or _unwanted(each.key)
    if known and known.version == each.version:
        return replace(known, left_out=left_out)
    modified, tags = each.modified.astimezone(UTC).isoformat(), {} if left_out else store.tags(each)
    return Dropped(each.key, each.version, each.size, modified, safe_name(each.key), tags=tags, left_out=left_out)


def _unwanted(key: str) -> str:
    """Why an object is left alone for its name."""
    if PurePosixPath(key).name.startswith("~$"):
        return "It is the lock of a program that has the file open."
    if any(category(char) in ("Cc", "Cs") for char in key):
        return "Its name holds characters that nobody can see, as a line feed. Rename it."
    if find_identifiers(key.replace("_", " "), ClinicalNames()):
        return "Its name seems to name a patient, and names stand in lists and citations. Rename it."
    return ""


def _fetched(store: Objects, each: Object, dropped: Dropped, folder: Path, limits: Limits) -> Dropped:
    """With the bytes in the folder, unless they are there already."""
    target = folder / dropped.name if not dropped.is_of_questions else questions_of(folder.parent, dropped)
    if dropped.sha256 and target.is_file():
        return dropped
    target.parent.mkdir(parents=True, exist_ok=True)
    arriving = folder.parent / f"{os.getpid()}.part"
    try:
        store.fetch(each, arriving, limit_bytes=limits.file_bytes)
        sha256, moment = digests.of_file(arriving), each.modified.timestamp()
        os.utime(arriving, (moment, moment))
        arriving.replace(target)
    finally:
        arriving.unlink(missing_ok=True)
    return replace(dropped, sha256=sha256)


def _without_superseded(found: Iterable[Dropped]) -> list[Dropped]:
    """A tag `supersedes` that names another key takes that one out; so does the status withdrawn or superseded."""
    found = list(found)
    there = {each.name for each in found if not each.left_out}
    by = {(o.tags or {}).get("supersedes", ""): o.key for o in found}
    kept = []
    for each in found:
        status = (each.tags or {}).get("status", "current").casefold()
        if (other := by.get(each.key)) and other != each.key:
            each = replace(each, left_out=f"It is superseded by {other}.")
        elif (of := _described_file(each)) and of not in there:
            each = replace(each, left_out="It describes a file that is not there.")
        elif status in ("withdrawn", "superseded"):
            each = replace(each, left_out=f"Its tags say that it is {status}.")
        kept.append(each)
    return kept


def _described_file(each: Dropped) -> str:
    """The name of the file that a sidecar or a file of questions stands beside; "" for any other."""
    for ending in (SIDECAR, QUESTIONS):
        if each.name.endswith(ending):
            return each.name.removesuffix(ending)
    return ""


def _remove_what_is_gone(folder: Path, found: Iterable[Dropped]) -> None:
    """Files whose object was deleted or is left out; their bytes stay in the blobs of the releases that held them."""
    kept = [each for each in found if not each.left_out]
    wanted = {folder / each.name for each in kept} | {questions_of(folder.parent, each) for each in kept}
    there = [path for place in (folder, folder.parent / "questions") for path in place.rglob("*")]
    for path in sorted(there, reverse=True):  # what is in a folder before the folder
        if path.is_file() and path not in wanted:
            path.unlink()
        elif path.is_dir() and not any(path.iterdir()):
            shutil.rmtree(path)


def _describe(folder: Path, each: Dropped) -> None:
    """Tags become a sidecar, unless the owner dropped one."""
    said = {key: value for key, value in sorted((each.tags or {}).items()) if key in SAID_BY_TAGS}
    sidecar = folder / f"{each.name}{SIDECAR}"
    if each.left_out or each.is_alongside or not said or sidecar.exists():
        return
    lines = [f"{key} = {_toml_string(value)}" for key, value in said.items()]
    sidecar.write_text("\n".join(lines) + "\n", "utf-8")


def _toml_string(value: str) -> str:
    escaped = "".join(c if c.isprintable() and c not in '"\\' else f"\\U{ord(c):08X}" for c in value)
    return f'"{escaped}"'
