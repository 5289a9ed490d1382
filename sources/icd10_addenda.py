"""The addenda of ICD-10-CM in text: what the publisher says changed since the release before, and how often.

    Delete:      1 D139    Benign neoplasm of ill-defined sites …      a billable code goes, and with the next line it is
    Add:         0 D139    Benign neoplasm of ill-defined sites …      a header of the same code: both are counted
    Revise from: 1 A7741   Ehrlichiosis chafeensis …
    Revise to:   1 A7741   Ehrlichiosis chaffeensis …
    (empty line, then prose)  Codes / 74044 codes in icd10cm_order_2024.txt / … / 252 additions / 36 deletions

The order addenda have the flag and a short title as the order file has; the shorter code addenda have neither and
speak of billable codes only. A release that changes nothing has the prose alone. Counts are read by the words beside
them, so that other wordings and orders will do. What is no addenda of codes (a note, the addenda of the index) is None.
"""

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from sources.icd10_codes import dotted

HEADERS, CODES, TOTAL = "headers", "codes", "total"
_KEYWORD = re.compile(r"\s*(add|delete|revise\s+from|revise\s+to)\s*:\s*", re.I)
_ENTRY = re.compile(r"(?:([01])\s+)?([A-Z][0-9A-Z]{2,6})(?: +(\S.*))?$")
_SHORT_TITLE_WIDTH = 60  # as in the order file; a space follows
_CHANGES = {
    "additions": r"add(?:ed|itions?)\b|new\b",
    "deletions": r"delet(?:ed|ions?)\b|removed\b",
    "revisions": r"revis(?:ed|ions?)\b|changed\b",
}
_ANY_CHANGE = re.compile(r"\bchanges?\b", re.I)
_DETAIL = re.compile(r"\b(?:only|both|titles?)\b", re.I)
_NUMBER = re.compile(r"(?<![\w.,-])(\d{1,3}(?:,\d{3})+|\d+|no|none|zero)(?![\w-]|[.,]\d)", re.I)
_FILE_NAME = re.compile(r"\S*(?:_\S*|\.(?:txt|zip|xml))(?=[\s,;:)]|$)", re.I)
_YEAR = re.compile(r"\bFY[ -]?\d{2,4}\b|\b(?:in|of|for|from|to|release|version)\s+(?:the\s+)?20\d\d\b", re.I)
_HEADING_WORDS = 4  # "Header (non-billable) codes" is a heading; a longer line without a number is a sentence


@dataclass(frozen=True)
class Line:
    """One code as the addenda have it, dotted, with its long title."""

    code: str
    title: str
    billable: bool


@dataclass(frozen=True)
class Counts:
    """What the prose counts of headers, of codes or of both. None: it does not say."""

    before: int | None = None
    after: int | None = None
    additions: int | None = None
    deletions: int | None = None
    revisions: int | None = None
    short_only: int | None = None  # revisions of the short title alone


@dataclass(frozen=True)
class Addenda:
    """What they list and what they count. names: the files they lead from and to, "" where they do not say."""

    headers: bool  # whether they speak of headers too, as those of the order file do
    additions: tuple[Line, ...] = ()
    deletions: tuple[Line, ...] = ()
    revisions: tuple[tuple[Line, Line], ...] = ()
    counts: Mapping[str, Counts] = field(default_factory=dict)  # of "headers", "codes", "total"
    names: tuple[str, str] = ("", "")
    unread: tuple[int, ...] = ()  # numbers of the lines that begin as an entry does and are none

    def as_json(self) -> dict:
        return asdict(self)

    @classmethod
    def from_json(cls, raw: Mapping) -> "Addenda":
        return cls(
            headers=raw["headers"],
            additions=tuple(Line(**line) for line in raw["additions"]),
            deletions=tuple(Line(**line) for line in raw["deletions"]),
            revisions=tuple((Line(**old), Line(**new)) for old, new in raw["revisions"]),
            counts={part: Counts(**counts) for part, counts in raw["counts"].items()},
            names=tuple(raw["names"]),
            unread=tuple(raw["unread"]),
        )


def read_addenda(text: str) -> Addenda | None:
    """The addenda in `text`, or None if it is something else. Nothing in them is taken for true or refused here."""
    entries: dict[str, list[tuple[Line, bool]]] = defaultdict(list)  # keyword: (line, whether it has a flag)
    prose, unread = [], []
    for number, line in enumerate(text.splitlines(), 1):
        keyword = _KEYWORD.match(line)
        if not keyword:
            prose.append(line)
        elif entry := _entry(line[keyword.end() :].rstrip()):
            entries[" ".join(keyword[1].lower().split())].append(entry)
        else:
            unread.append(number)
    told = _Prose(prose)
    read = sum(map(len, entries.values()))
    if not (read > len(unread) or (not read and not unread and told.is_a_footer())):
        return None
    lines = {keyword: [line for line, _ in found] for keyword, found in entries.items()}
    return Addenda(
        headers=HEADERS in told.counts or any(flagged for found in entries.values() for _, flagged in found),
        additions=tuple(lines.get("add", ())),
        deletions=tuple(lines.get("delete", ())),
        revisions=_pairs(lines.get("revise from", []), lines.get("revise to", [])),
        counts={part: Counts(**counts) for part, counts in told.counts.items()},
        names=(*told.names, "", "")[:2],
        unread=tuple(unread),
    )


def _entry(said: str) -> tuple[Line, bool] | None:
    match = _ENTRY.match(said)
    if not match:
        return None
    flag, code, titles = match[1], match[2], match[3] or ""
    long_title = titles[_SHORT_TITLE_WIDTH + 1 :] if flag and len(titles) > _SHORT_TITLE_WIDTH else titles
    return Line(dotted(code), " ".join(long_title.split()), flag != "0"), flag is not None


def _pairs(before: list[Line], after: list[Line]) -> tuple[tuple[Line, Line], ...]:
    """Each `from` with the `to` of its code. One that has none stands with itself without a title, and will be noticed."""
    waiting = {line.code: line for line in after}
    pairs = [(old, waiting.pop(old.code, None) or Line(old.code, "", old.billable)) for old in before]
    return (*pairs, *((Line(new.code, "", new.billable), new) for new in waiting.values()))


class _Prose:
    """The counts in the lines that are no entries. The first size of a part is that of before, the second of after."""

    def __init__(self, lines: list[str]):
        self.counts: dict[str, dict[str, int]] = {}
        self.names: list[str] = []
        self._part = TOTAL
        self._understood, self._said = 0, 0
        for line in lines:
            if line.strip(" \t\x1a"):
                self._said += 1
                self._understood += self._read(line)

    def is_a_footer(self) -> bool:
        """Whether that is all there is: counts of changes, and little else."""
        changes = {what for counts in self.counts.values() for what in counts if what in _CHANGES}
        return len(changes) > 1 and self._understood > self._said / 2

    def _read(self, line: str) -> bool:
        names = _FILE_NAME.findall(line)
        line = _YEAR.sub(" ", _FILE_NAME.sub(" ", line))
        part, numbers = _part(line), list(_NUMBER.finditer(line))
        if not numbers:
            heading = bool(part) and len(line.split()) <= _HEADING_WORDS
            self._part = part if heading else self._part
            return heading or line.strip(" :").lower() == "of which"
        detail, changes = _DETAIL.search(line), _changes(line, numbers)
        if not (detail or changes or part):
            return False
        counts = self.counts.setdefault(part or self._part, {})
        if detail:
            if re.search(r"\bshort\b", line, re.I) and re.search(r"\bonly\b", line, re.I):
                counts.setdefault("short_only", _value(numbers[0]))
        elif changes:
            for what, count in changes:
                counts.setdefault(what, count)
        else:
            counts.setdefault("after" if "before" in counts else "before", _value(numbers[-1 if ":" in line else 0]))
            self.names += [name for name in names if len(self.names) < 2]
        return True


def _part(line: str) -> str:
    """What a line is about: headers, codes, or both; "" where it does not say, and what was said before goes on."""
    headers, codes = re.search(r"\bheaders?\b", line, re.I), re.search(r"\bcodes?\b", line, re.I)
    both = headers and codes and re.search(r"\b(?:and|or|total)\b", line, re.I)
    if both or (re.search(r"\btotal\b", line, re.I) and not headers and not codes):
        return TOTAL
    return HEADERS if headers else CODES if codes else ""


def _changes(line: str, numbers: list[re.Match]) -> list[tuple[str, int]]:
    """[("additions", 252), …]: with the number before its words ("252 additions") or after ("Additions: 252")."""
    words = sorted(
        (match.start(), what) for what, word in _CHANGES.items() for match in re.finditer(rf"\b(?:{word})", line, re.I)
    )
    if not words:
        none = _ANY_CHANGE.search(line) and _value(numbers[0]) == 0
        return [(what, 0) for what in _CHANGES] if none else []
    before = numbers[0].start() < words[0][0]
    places = [(number.start(), _value(number)) for number in numbers]
    found = []
    for place, what in words:
        beside = [value for at, value in places if at < place][-1:] if before else [v for at, v in places if at > place]
        found += [(what, value) for value in beside[:1]]
    return found


def _value(number: re.Match) -> int:
    return int(number[1].replace(",", "")) if number[1][0].isdigit() else 0
