"""Drafts: documents that came with a release and that no golden question asks for, each a prompt to write one.

    Draft(id="d-1f0c22aa90", source="icd10", document="E11.A", release="2026-11-20.2", question="")
    "new: E11.A; nobody asks for it yet; write how a user would ask"

A draft is never a question: what a user would ask is written by a person, and checked by another when it is approved.
What is kept in the home is ids and what people wrote, no text of a document:

    home/drafts/icd10.json    {"looked_at": ["2026-11-20.2"], "new": {"E11.A": "2026-11-20.2"}, "written": {…}, "declined": {…}}
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from probatum import digests
from probatum.errors import Damaged, Rejected
from probatum.files import read_json, write_json
from probatum.release import Manifest, Releases, SourceState
from probatum.tables import open_table

_LOCK_WAIT_S = 60


@dataclass(frozen=True)
class Draft:
    id: str
    source: str
    document: str
    release: str  # the first that held it
    question: str = ""  # as somebody wrote it
    written_by: str = ""

    @property
    def prompt(self) -> str:
        return f"new: {self.document}; nobody asks for it yet; write how a user would ask"


class Drafts:
    """The drafts of one home."""

    def __init__(self, home: Path):
        self._home, self._folder = home, home / "drafts"

    def look(self) -> None:
        """Note what the releases since the last look brought. The first release of a source is not new: all of it would be."""
        releases = Releases(self._home)
        manifest = releases.current()
        if manifest is None:
            return
        with FileLock(self._lock(), timeout=_LOCK_WAIT_S):
            noted = {source: self._read(source) for source in manifest.sources}
            while manifest and manifest.parent and any(manifest.id not in n["looked_at"] for n in noted.values()):
                try:
                    before = releases.read(manifest.parent)
                except (
                    Rejected,
                    Damaged,
                ):  # it expired: what came with this release can no longer be told from the rest
                    break
                for source, note in noted.items():
                    if manifest.id not in note["looked_at"]:
                        note["looked_at"].append(manifest.id)
                        with suppress(Damaged):  # its tables expired
                            new = _new_in(self._home, source, manifest, before)
                            note["new"] = dict.fromkeys(new, manifest.id) | note["new"]
                manifest = before
            for source, note in noted.items():
                self._write(source, note)

    def open(self, source: str, there: Iterable[str], asked: Mapping[str, set[str]]) -> list[Draft]:
        """The drafts of a source in order of their documents.

        there: the documents that serve. asked: {"document": ids, "family": ids} that golden questions expect.
        """
        note, serving = self._read(source), set(there)
        families = tuple(asked["family"])
        return [
            Draft(draft_id(source, i), source, i, release, written.get("question", ""), written.get("by", ""))
            for i, release in sorted(note["new"].items())
            if i in serving and i not in note["declined"] and i not in asked["document"] and not i.startswith(families)
            for written in [note["written"].get(i, {})]
        ]

    def write(self, draft: Draft, question: str, *, by: str) -> None:
        """Keep the question somebody wrote."""
        self._put(draft, "written", {"question": question, "by": by})

    def decline(self, draft: Draft, *, actor: str, why: str, at: str) -> None:
        """Nobody needs a question about this document."""
        self._put(draft, "declined", {"actor": actor, "why": why, "at": at})

    def declined(self) -> list[tuple[str, dict[str, str]]]:
        """(id of a draft, {"actor", "why", "at"})"""
        sources = [path.stem for path in self._folder.glob("*.json")]
        return [(draft_id(s, i), made) for s in sources for i, made in self._read(s)["declined"].items()]

    def _put(self, draft: Draft, key: str, value: dict[str, str]) -> None:
        with FileLock(self._lock(), timeout=_LOCK_WAIT_S):
            note = self._read(draft.source)
            note[key][draft.document] = value
            self._write(draft.source, note)

    def _lock(self) -> Path:
        self._folder.mkdir(parents=True, exist_ok=True)
        return self._folder / ".lock"

    def _read(self, source: str) -> dict:
        path = self._folder / f"{source}.json"
        empty = {"looked_at": [], "new": {}, "written": {}, "declined": {}}
        return read_json(path, what="The list of drafts", next="Restore it from a backup, or delete it to begin anew.") if path.exists() else empty  # fmt: skip

    def _write(self, source: str, note: dict) -> None:
        path = self._folder / f"{source}.json"
        if not path.exists() or self._read(source) != note:
            write_json(path, note)


def draft_id(source: str, document: str) -> str:
    return f"d-{digests.of_json([source, document])[:10]}"


def _new_in(home: Path, source: str, manifest: Manifest, before: Manifest) -> set[str]:
    """The documents of a source that no edition of it in the release before held."""
    known, state = before.of_source(source), manifest.sources.get(source)
    if state is None or not known or any(state.documents.digest == other.documents.digest for other in known):
        return set()
    return _ids(home, state).difference(*(_ids(home, other) for other in known))


def _ids(home: Path, state: SourceState) -> set[str]:
    table = open_table(home / "lance", state.documents.name, state.documents.version)
    return set(table.read(["id"])["id"].to_pylist())
