"""What changed between two releases, in the words of each source.

    icd10:       codes added, removed, revised; billable codes that became headers and the other way round
    formulary:   drugs added, removed; tier, restriction, criteria changed
    guidelines:  documents added, withdrawn, superseded, revised

A publisher counts a billable code that becomes a header as a deletion and an addition of the same code; here it is a flip,
and `official_counts` gives the figures as the publisher's addenda count them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from probatum.release import Candidate, Manifest, SourceState
from probatum.tables import open_table

Rows = Mapping[str, Mapping]  # {document id: its row in the table of documents}

_COLUMNS = ("id", "hash", "title", "text", "meta")
_WATCHED = {
    "icd10": ("billable",),
    "formulary": ("tier", "restriction", "criteria"),
    "guidelines": ("version", "effective", "number"),
}


@dataclass(frozen=True)
class Change:
    """One document that is in both: which of the watched facts differ, as {name: (before, after)}."""

    id: str
    title: str
    facts: Mapping[str, tuple[object, object]] = field(default_factory=dict)


@dataclass(frozen=True)
class SourceDiff:
    source: str
    before: str  # the source's release, "" when it was not there
    after: str
    added: tuple[tuple[str, str], ...]  # (id, title)
    removed: tuple[tuple[str, str], ...]
    changed: tuple[Change, ...]  # title, text or facts differ
    superseded: tuple[tuple[str, str], ...] = ()  # (id gone, id that takes its place)

    def flips(self, fact: str) -> list[Change]:
        """The changes in which `fact` differs."""
        return [change for change in self.changed if fact in change.facts]

    def is_empty(self) -> bool:
        return not (self.added or self.removed or self.changed)

    def official_counts(self) -> dict[str, int]:
        """Additions, deletions and revisions of billable codes and headers, as the publisher's addenda count them."""
        flips = len(self.flips("billable"))
        return {
            "added": len(self.added) + flips,
            "deleted": len(self.removed) + flips,
            "revised": sum("title" in c.facts and "billable" not in c.facts for c in self.changed),
        }

    def as_json(self) -> dict:
        return {
            "source": self.source,
            "before": self.before,
            "after": self.after,
            "added": [list(pair) for pair in self.added],
            "removed": [list(pair) for pair in self.removed],
            "superseded": [list(pair) for pair in self.superseded],
            "changed": [
                {"id": c.id, "title": c.title, "facts": {k: list(v) for k, v in c.facts.items()}} for c in self.changed
            ],
        }


def diff_releases(home: Path, before: Manifest, after: Manifest | Candidate) -> list[SourceDiff]:
    """One diff for every source of either release, sources that did not change included."""
    names = list(dict.fromkeys([*before.sources, *after.sources]))
    return [diff_states(home, name, before.sources.get(name), after.sources.get(name)) for name in names]


def diff_states(home: Path, source: str, before: SourceState | None, after: SourceState | None) -> SourceDiff:
    """The documents of two states of one source."""
    releases = before.release if before else "", after.release if after else ""
    if before and after and before.documents.digest == after.documents.digest:
        return diff_documents(source, {}, {}, *releases)
    return diff_documents(source, _documents(home, before), _documents(home, after), *releases)


def diff_documents(source: str, old: Rows, new: Rows, before: str = "", after: str = "") -> SourceDiff:
    """The same for rows at hand. old, new: {id: {"id", "hash", "title", "text", "meta" (JSON)}}; compared by hash first."""
    added = tuple((i, new[i]["title"]) for i in sorted(new.keys() - old.keys()))
    removed = tuple((i, old[i]["title"]) for i in sorted(old.keys() - new.keys()))
    differing = [i for i in sorted(new.keys() & old.keys()) if new[i]["hash"] != old[i]["hash"]]
    changes = [_change(source, old[i], new[i]) for i in differing]
    return SourceDiff(
        source,
        before,
        after,
        added,
        removed,
        tuple(change for change in changes if change.facts),
        _superseded(source, old, new, removed),
    )


def _documents(home: Path, state: SourceState | None) -> dict[str, dict]:
    if state is None:
        return {}
    table = open_table(home / "lance", state.documents.name, state.documents.version)
    return {row["id"]: row for row in table.read(_COLUMNS).to_pylist()}


def _change(source: str, old: Mapping, new: Mapping) -> Change:
    """What differs. A document in which only its date or origin moved on is no change."""
    meta, was = orjson.loads(new["meta"]), orjson.loads(old["meta"])
    facts = {
        name: (was.get(name), meta.get(name)) for name in _WATCHED.get(source, ()) if was.get(name) != meta.get(name)
    }
    if old["title"] != new["title"]:
        facts["title"] = (old["title"], new["title"])
    if not facts and old["text"] != new["text"]:
        facts["text"] = ("", "")
    return Change(new["id"], new["title"], facts)


def _superseded(source: str, old: Rows, new: Rows, removed) -> tuple[tuple[str, str], ...]:
    by_number = (
        {number: i for i, row in old.items() if (number := orjson.loads(row["meta"]).get("number"))}
        if source == "guidelines"
        else {}
    )
    gone = {i for i, _ in removed}
    pairs = (
        [(by_number.get(orjson.loads(row["meta"]).get("supersedes") or ""), i) for i, row in new.items()]
        if by_number
        else []
    )
    return tuple((was, now) for was, now in pairs if was in gone)
