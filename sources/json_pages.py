"""Guidance that a publisher sends as JSON with HTML inside its strings: what the shapes of it have in common.

    record = Record({"Title": "Sepsis", "Chapters": […], "Colour": "red"})
    record.text("title") -> "Sepsis"        record.unread() -> {"key colour": 1} once the chapters were taken too
    page = Page("Sepsis", "ng51.json");  page.html("Fluid", "<p>Give 500&nbsp;mL</p>")  ->  a heading and a paragraph

Keys are found whatever their capitals and underscores. What nobody asked for is counted, so that nothing is left out in
silence. Values of a type that was not expected count as left out; a file that is not JSON is refused.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path

from unstructured.documents.elements import Element, Title

from probatum.digests import of_file
from probatum.errors import Rejected
from probatum.records import Document, SourceRelease
from probatum.safeio import ASK_AGAIN
from sources.elements.flatten import flatten
from sources.elements.html import read_fragment
from sources.elements.listed import Listed
from sources.elements.model import item, paragraph, title
from sources.elements.suspicion import flags_of
from sources.elements.text import strict_text_of
from sources.elements.tidy import tidied

_BREAKS = re.compile(r"(?:<br\s*/?>(?:\s|&nbsp;)*){2,}", re.I)
_NET_DATE = re.compile(r"/Date\((-?\d{1,13})(?:[+-]\d{4})?\)/")  # milliseconds since 1970, as .NET writes them
_MOST_NAMED = 5


class _Twice(ValueError):
    """A key that stands twice in one object."""


def load(path: Path, what: str) -> object:
    """The JSON of a file. Raises Rejected when it is none, and for a key that stands twice: one of the two would be lost."""
    text = strict_text_of(path, what)
    try:
        return json.loads(text, object_pairs_hook=_once, parse_constant=_no_number)
    except _Twice:
        raise Rejected(f"{what} has an object in which one key stands twice.", next=ASK_AGAIN) from None
    except RecursionError:
        raise Rejected(f"{what} is nested too deeply.", next=ASK_AGAIN) from None
    except ValueError as error:
        where = f" at line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise Rejected(f"{what} is not whole JSON{where}.", next=ASK_AGAIN) from None


class Record:
    """An object of somebody else's JSON, and which of its keys were asked for."""

    def __init__(self, raw: dict):
        self._raw = {_folded(key): value for key, value in raw.items()}
        self._unread = {key for key, value in self._raw.items() if value not in (None, "", [], {})}

    def take(self, *names: str) -> object:
        """The first of these that is there, as it is; None."""
        for key in map(_folded, names):
            if key in self._raw:
                self._unread.discard(key)
                return self._raw[key]
        return None

    def text(self, *names: str) -> str:
        """The first of these that is there, if it is a string or a number."""
        for key in map(_folded, names):
            value = self._raw.get(key)
            if isinstance(value, str | int | float) and not isinstance(value, bool):
                self._unread.discard(key)
                return " ".join(value.split()) if isinstance(value, str) else str(value)
        return ""

    def texts(self, *names: str) -> list[str]:
        """A list of strings or numbers; one alone is a list of one."""
        value = self.take(*names)
        several = value if isinstance(value, list) else [] if value is None else [value]
        return [str(one).strip() for one in several if isinstance(one, str | int | float) and str(one).strip()]

    def day(self, *names: str) -> date | None:
        """The day of a date or time, see `moment`."""
        found = moment(self.text(*names))
        return found.date() if found else None

    def __contains__(self, name: str) -> bool:
        return _folded(name) in self._raw

    def unread(self) -> Counter:
        return Counter({f"key {key}": 1 for key in self._unread})


def entries(section: object, what: str) -> dict[str, dict]:
    """{id: entry} of a section that is a list of objects with an id, or an object keyed by id. Raises Rejected."""
    if isinstance(section, dict):
        named = [(str(key), value) for key, value in section.items()]
    else:
        values = section if isinstance(section, list) else []
        named = [(Record(value).text("id") if isinstance(value, dict) else "", value) for value in values]
    bad = [at for at, (name, value) in enumerate(named, 1) if not isinstance(value, dict) or not name.strip()]
    if bad:
        shown = ", ".join(map(str, bad[:_MOST_NAMED]))
        raise Rejected(f"{what}: {len(bad)} entries have no id or are no object, entries {shown}.", next=ASK_AGAIN)
    found = dict(named)
    if len(found) < len(named):
        raise Rejected(f"{what}: {len(named) - len(found)} entries have an id that another has.", next=ASK_AGAIN)
    return found


def moment(text: str) -> datetime | None:
    """A date or time in ISO form, or as .NET writes it in JSON; without a zone it is UTC. None for anything else."""
    try:
        if match := _NET_DATE.fullmatch(text):
            return datetime.fromtimestamp(int(match[1]) / 1000, UTC)
        found = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def plain(text: str, what: str) -> str:
    """The words of a short string that may hold tags and entities, on one line."""
    return " ".join(element.text for element in _read(text, what, Counter()))


class Page:
    """A document in the making: headings with what stands under them. Empty ones are left away."""

    def __init__(self, name: str, what: str):
        self.title, self.dropped = name, Counter()
        self._what = what
        self._elements: list[Element] = [title(name, depth=0)] if name else []
        self.says_something = False

    def html(self, heading: str, text: object, depth: int = 1) -> None:
        """text: a string with or without tags. A heading of its own that repeats ours is left out."""
        if not isinstance(text, str):
            self.dropped[f"{heading.lower()} that is no text"] += text is not None
            return
        read = _read(text, self._what, self.dropped)
        if read and isinstance(read[0], Title) and read[0].text.casefold() == heading.casefold():
            read = read[1:]
        for element in read:
            if isinstance(element, Title):
                element.metadata.category_depth = (element.metadata.category_depth or 0) + depth + 1
        self._under(heading, read, depth)

    def items(self, heading: str, lines: Iterable[str], depth: int = 1) -> None:
        self._under(heading, [item(line) for line in lines if line], depth)

    def paragraphs(self, heading: str, lines: Iterable[str], depth: int = 1) -> None:
        self._under(heading, [paragraph(line) for line in lines if line], depth)

    def heading(self, heading: str, depth: int) -> None:
        """One under which others will stand."""
        self._elements.append(title(heading, depth=depth))

    def document(
        self, identity: str, path: Path, listed: Listed, release: SourceRelease, *, effective: date | None, meta: dict
    ) -> Document:
        text, blocks = flatten(self._elements)
        flags = flags_of([self.title, *(element.text for element in self._elements)])
        flags.update({"hidden text": hidden} if (hidden := self.dropped["hidden text"]) else {})
        effective = listed.effective or effective
        return Document(
            id=identity,
            source=release.source,
            title=tidied(self.title),
            text=text,
            blocks=blocks,
            family=identity,
            valid_from=(effective or release.valid_from).isoformat(),
            file=listed.file,
            sha256=of_file(path),
            layout="sections",
            meta={
                "number": listed.number,
                "version": listed.version,
                "status": listed.status,
                "effective": effective.isoformat() if effective else "",
                "review_by": listed.review_by.isoformat() if listed.review_by else "",
                "owner": listed.owner,
                "supersedes": listed.supersedes,
                "format": "json",
                "pages": 0,
                "words": len(text.split()),
                "tables": len({block.table for block in blocks} - {-1}),
                "dropped": dict(sorted((+self.dropped).items())),
                "flags": dict(sorted(flags.items())),
                **{key: value for key, value in meta.items() if value not in ("", [], None)},
            },
        )

    def _under(self, heading: str, elements: list[Element], depth: int) -> None:
        if elements:
            self.says_something = True
            self._elements += [*([title(heading, depth=depth)] if heading else []), *elements]


def _read(text: str, what: str, dropped: Counter) -> list[Element]:
    """Two line breaks in a row end a paragraph, as whoever typed them meant."""
    if not any(char.isalnum() for char in text):
        return []
    reading = read_fragment(_BREAKS.sub("<p>", text), what)
    dropped.update(reading.dropped)
    return reading.elements


def _folded(key: str) -> str:
    return "".join(char for char in key.casefold() if char.isalnum())


def _once(pairs: list[tuple[str, object]]) -> dict:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _Twice
    return found


def _no_number(_: str) -> None:
    raise ValueError  # NaN and Infinity are no JSON
