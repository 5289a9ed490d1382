"""The restore drill: a backup nobody has restored is a hope. This one is restored, verified and asked.

    drill(settings, backup, encoder)  ->  Drilled(release="2026-11-20.1", files=412, questions=310, different=())

It restores into a folder that is gone afterwards, computes every digest again, and asks the golden questions there and in
the home that serves: documents, order and scores have to be the same to the last bit. It needs room for one copy.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from probatum import backup as backups
from probatum.errors import Damaged
from probatum.golden import read_golden
from probatum.release import Candidate, Manifest
from probatum.scrub import scrub
from probatum.search import Searcher
from probatum.settings import Settings

if TYPE_CHECKING:
    from probatum.encoder import Encoder

_HITS = 10


@dataclass(frozen=True)
class Drilled:
    release: str
    files: int
    questions: int


def drill(chosen: Settings, backup: Path, encoder: "Encoder") -> Drilled:
    """Raises Damaged when the backup is not whole, or answers otherwise than the home."""
    taken = backups.read(backup)
    with tempfile.TemporaryDirectory(prefix=".drill-", dir=backup.parent) as folder:
        home = Path(folder) / "home"
        manifest = backups.restore(backup, home, actor="drill")
        if broken := scrub(home).broken:
            raise _failed(backup, f"{len(broken)} files in it are not what was written, first {broken[0].path}")
        asked, different = _compare(chosen, home, manifest, encoder)
    if different:
        raise _failed(
            backup, f"{len(different)} of {asked} golden questions are answered otherwise, first {different[0]}"
        )
    return Drilled(manifest.id, taken.files, asked)


def _compare(chosen: Settings, restored: Path, manifest: Manifest, encoder: "Encoder") -> tuple[int, list[str]]:
    """How many questions were asked, and the ids of those that the two homes answer differently."""
    content = Candidate(
        parent=manifest.parent, sources=manifest.sources, editions=manifest.editions, encoder=manifest.encoder
    )
    here, there = (Searcher.of(home, content, encoder) for home in (chosen.home, restored))
    asked, different = 0, []
    for source, state in manifest.sources.items():
        for question in read_golden(chosen.expectations, source, state.release):
            asked += 1
            if _answers(here, question.question, source) != _answers(there, question.question, source):
                different.append(question.id)
    return asked, different


def _answers(searcher: Searcher, question: str, source: str) -> list[tuple[str, str, str]]:
    return [(h.document_id, h.chunk_id, h.score.hex()) for h in searcher.search(question, source=source, k=_HITS)]


def _failed(backup: Path, why: str) -> Damaged:
    return Damaged(
        f"The restore drill of {backup.name} failed: {why}.",
        safe="The home is untouched and still serves.",
        next="Take a backup to another disk with `probatum backup`, and drill that one.",
    )
