"""What every source is: a name, a licence, a cadence, limits, and three verbs (find, fetch, parse).

    source.find(None)                  -> Found(release, files)     the embedded default
    source.find("https://…/2025.zip")  -> Found(release, files)     or a file, or a folder
    source.parse({"order.txt": path}, release)  -> documents

`find` looks and downloads nothing but a listing; fetching is the same for all and lives with the snapshots; `parse`
runs in a subprocess with limits and yields `Document`s, or raises Rejected with the reason. A source never sees the
store, the encoder or Prefect.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path

from probatum import digests, vocabulary
from probatum.records import Document, SourceRelease
from probatum.safeio import Limits


@dataclass(frozen=True)
class Offered:
    """One file of a release: what the publisher calls it, and a path or https address to get it from."""

    name: str
    location: str


@dataclass(frozen=True)
class Found:
    release: SourceRelease
    files: tuple[Offered, ...]


class Source(ABC):
    """See the module. Subclasses set the class attributes and write `find` and `parse`."""

    name: str
    title: str
    licence: str
    cadence: timedelta  # between two releases; later than this is late
    limits = Limits()
    dropped: Mapping[str, int] = {}
    said: Mapping[str, object] = {}
    per_file = False  # True: each file is read on its own, and one bad file does not take the others with it

    @abstractmethod
    def find(self, origin: str | None) -> Found:
        """The release at `origin` (a folder, a file or an https address), or the embedded one for None."""

    @abstractmethod
    def parse(self, files: Mapping[str, Path], release: SourceRelease) -> Iterator[Document]:
        """Read snapshot files (by the publisher's name) into documents. Raises Rejected."""

    def disagreements(
        self, before: Mapping[str, Mapping], after: Sequence[Document], said: Mapping[str, object]
    ) -> list[str]:
        """Where what changed is not what the publisher says changed; each in words. before: {id: {"title", …meta}}."""
        return []

    def parser_fingerprint(self) -> str:
        """Changes whenever the same bytes could read differently: with any code, lexicon or column map of the sources."""
        return _fingerprint_of_sources()


@cache
def _fingerprint_of_sources() -> str:
    folder = Path(__file__).parent
    files = sorted(p for p in folder.rglob("*") if p.suffix in (".py", ".tsv", ".toml") and "samples" not in p.parts)
    named = [[p.relative_to(folder).as_posix(), digests.of_file(p)] for p in files]
    return digests.of_json([*named, digests.of_file(vocabulary.FOLDER / "drugs.tsv")])
