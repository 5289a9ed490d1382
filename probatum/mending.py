"""Mending: a damaged home made whole from a backup, file by file, and nothing that is whole touched."""

from pathlib import Path

from probatum.backup import restore_damaged
from probatum.errors import Damaged
from probatum.locks import one_refresh, one_upkeep
from probatum.maintenance import known_sources
from probatum.scrub import scrub
from probatum.seals import Seals


def mend(home: Path, backup: Path, *, actor: str) -> tuple[list[str], list[str]]:
    """(files put back, files that are still damaged). The seals come first: by them the rest is judged."""
    with one_upkeep(home), one_refresh(home, known_sources(home)):
        mended = []
        for _ in range(2):
            found = scrub(home)
            done, _ = restore_damaged(backup, home, found, _expected(home), actor=actor)
            mended += done
        return mended, sorted({each.path for each in scrub(home).broken})


def _expected(home: Path) -> dict[str, str]:
    try:
        return Seals(home).expected()
    except Damaged:  # put back in the first round
        return {}
