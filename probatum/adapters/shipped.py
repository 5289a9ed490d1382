"""The adapters the project ships, each in a folder of its own beside the code: trained on official releases, with its record.

    shipped()                        ->  {"3f9c…": …/probatum/champions/3f9c…}
    take(home, "3f9c…", base=…)      ->  it is in the registry of the home, as trained: to be audited like any other

Shipping makes none the default: what a release names is decided by its audit, in the home that serves it.
"""

from pathlib import Path

from probatum.adapters.kept import must_be_whole, read_record
from probatum.adapters.registry import Adapters
from probatum.errors import Rejected

_FOLDER = Path(__file__).parents[1] / "champions"


def shipped(folder: Path = _FOLDER) -> dict[str, Path]:
    """{identity: folder}, every file compared with its record. Raises Damaged when the installation is not whole."""
    found = {path.name: path for path in sorted(folder.glob("*")) if path.is_dir() and len(path.name) == 64}
    for identity, path in found.items():
        must_be_whole(path, identity)
    return found


def take(home: Path, beginning: str, *, base: str, actor: str, folder: Path = _FOLDER) -> str:
    """Take a shipped adapter into the registry of a home; returns its identity. Raises Rejected when it is of another base."""
    found = [identity for identity in shipped(folder) if identity.startswith(beginning)]
    if len(found) != 1:
        raise Rejected(
            f"{len(found) or 'No'} shipped adapters begin with {beginning or 'that'}.",
            safe="Nothing changed.",
            next="Run `probatum adapters list --shipped` for those there are.",
        )
    path = shipped(folder)[found[0]]
    return Adapters(home).add(path, read_record(path), base=base, actor=actor)
