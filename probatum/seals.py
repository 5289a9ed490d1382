"""Seals: the digest of every file of a table, taken when it was written, so that a flipped bit is found and named.

    home/seals/icd10-documents.json    {"digest": "…", "cleaning": false, "files": {"data/0101….lance": [48211, "3f9c…"], …}}

LanceDB writes a file once and never again, and reads a damaged one back silently wrong. What a table's folder holds is
sealed as soon as an update has written it, and compared before a publish and in every scrub. A note of Lance's own that it
rewrites (the hint of the newest version) is left out. A file that nobody sealed is not damaged: a process that was killed
left it, or it is older than the seals.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from probatum import digests
from probatum.errors import Damaged
from probatum.files import read_json, write_json

_REWRITTEN = ("latest_version_hint.json",)
RESTORE = (
    "Run `probatum scrub` for all that is damaged, then `probatum restore BACKUP --damaged` to take it from a backup."
)


@dataclass(frozen=True)
class Broken:
    """A file that is not what was written: its path in the home, and what is wrong with it."""

    path: str
    what: str

    def __str__(self) -> str:
        return f"{self.path} {self.what}"


class Seals:
    def __init__(self, home: Path):
        self._tables, self._folder = home / "lance", home / "seals"

    def seal(self, table: str, *, again: Iterable[str] = ()) -> int:
        """Seal the files of a table that are not sealed yet; how many. again: parts of a path to be sealed anew (tags)."""
        known, parts = self._known(table), tuple(again)
        here = self._files(table)
        new = [name for name in here if name not in known or any(part in name for part in parts)]
        gone = [name for name in known if name not in here and any(part in name for part in parts)]
        sealed = {name: _of(here[name]) for name in new}
        if any(known.get(name) != value for name, value in sealed.items()) or gone:
            self._write(table, {k: v for k, v in known.items() if k not in gone} | sealed)
        return len(new)

    @contextmanager
    def while_cleaning(self, table: str) -> Iterator[None]:
        """What goes meanwhile goes on purpose. Killed in between, what is missing is not called damage until the next clean-up."""
        known = self._known(table)
        self._write(table, known, cleaning=True)
        yield
        here = self._files(table)
        self._write(table, {name: value for name, value in known.items() if name in here})

    def forget(self, table: str) -> None:
        """The table is gone."""
        (self._folder / f"{table}.json").unlink(missing_ok=True)

    def broken(self, table: str) -> list[Broken]:
        """Every sealed file of a table that is missing or holds other bytes. Raises Damaged when the seals are not whole."""
        found = []
        known, cleaning = self._read(table)
        for name, (size, sha256) in known.items():
            path = self._tables / f"{table}.lance" / name
            shown = f"lance/{table}.lance/{name}"
            if not path.is_file():
                found += [] if cleaning else [Broken(shown, "is missing")]
            elif path.stat().st_size != size or digests.of_file(path) != sha256:
                found.append(Broken(shown, "is not what was written"))
        return found

    def must_hold(self, tables: Iterable[str]) -> None:
        """Raise Damaged, naming the first file, when a table is not what was written."""
        for table in tables:
            if broken := self.broken(table):
                raise Damaged(
                    f"{len(broken)} file{'s' if len(broken) > 1 else ''} of table {table} changed on disk: {broken[0]}.",
                    next=RESTORE,
                )

    def unsealed(self, table: str) -> list[str]:
        known = self._known(table)
        return [name for name in self._files(table) if name not in known]

    def expected(self) -> dict[str, str]:
        """{path in the home: sha256} of all that is sealed, for those who mend."""
        return {
            f"lance/{path.stem}.lance/{name}": sha256
            for path in sorted(self._folder.glob("*.json"))
            for name, (_, sha256) in self._known(path.stem).items()
        }

    def tables(self) -> list[str]:
        return sorted(path.stem for path in self._folder.glob("*.json"))

    def _files(self, table: str) -> dict[str, Path]:
        folder = self._tables / f"{table}.lance"
        found = (path for path in folder.rglob("*") if path.is_file() and path.name not in _REWRITTEN)
        return {path.relative_to(folder).as_posix(): path for path in found}

    def _known(self, table: str) -> dict[str, list]:
        return self._read(table)[0]

    def _read(self, table: str) -> tuple[dict[str, list], bool]:
        """{path: [size, sha256]} of a table, and whether a clean-up of it did not end."""
        path = self._folder / f"{table}.json"
        if not path.exists():
            return {}, False
        raw = read_json(path, what="The seals of a table", next=RESTORE)
        files = raw.get("files")
        if digests.of_json([files, raw.get("cleaning")]) != raw.get("digest"):
            raise Damaged(f"The seals {path.name} are not those that were written.", next=RESTORE)
        return files, raw["cleaning"]

    def _write(self, table: str, files: dict[str, list], *, cleaning: bool = False) -> None:
        value = {"digest": digests.of_json([files, cleaning]), "cleaning": cleaning, "files": files}
        write_json(self._folder / f"{table}.json", value)


def _of(path: Path) -> list:
    return [path.stat().st_size, digests.of_file(path)]
