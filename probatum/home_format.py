"""What version of Probatum a home is written for, so that an older one does not misread it.

    home/format.json      {"format": 1, "written_by": "0.1.0"}

The number grows only when an older Probatum could no longer read what serves, or would damage it. A home without the file
was made before there was one, and is in format 1. `must_be_ours` is asked by whoever reads a release, `mark` by whoever
publishes one; newer Probatums read every earlier format.
"""

from pathlib import Path

from probatum import __version__
from probatum.errors import Damaged, Misconfigured
from probatum.files import read_sealed, write_sealed

FORMAT = 1
_WHAT, _FROM_BACKUP = "The home's format file", "Take format.json from a backup."


def must_be_ours(home: Path) -> None:
    """Raises Misconfigured when a later Probatum wrote this home, Damaged when the file cannot be read."""
    path = home / "format.json"
    if not path.exists():
        return
    said = read_sealed(path, what=_WHAT, next=_FROM_BACKUP)
    if not isinstance(said.get("format"), int):
        raise Damaged("The home's format.json names no format.", next=_FROM_BACKUP)
    if said["format"] > FORMAT:
        raise Misconfigured(
            f"This home is in format {said['format']}, this Probatum ({__version__}) reads up to {FORMAT}.",
            safe="Nothing was read or changed.",
            next=f"Install Probatum {said.get('written_by', 'of the version that wrote it')} or later.",
        )


def mark(home: Path) -> None:
    """Write down the format; an existing mark of the same format is left as it is."""
    path = home / "format.json"
    if not path.exists() or read_sealed(path, what=_WHAT, next=_FROM_BACKUP).get("format") != FORMAT:
        write_sealed(path, {"format": FORMAT, "written_by": __version__})
