"""Makes the versions of a table look older than they are, as a home does that has been in use for a while.

A version's time stands in its manifest (`Timestamp.seconds`, a varint after the byte 0x08) and is checked by nothing, so it can
be put back without touching anything else. The seals are taken anew, for these files are not what was written.
"""

from datetime import UTC, timedelta
from pathlib import Path

import lance

from probatum.seals import Seals


def backdate(home: Path, days: int) -> None:
    """Every version of every table was written `days` earlier than it was."""
    for folder in sorted((home / "lance").glob("*.lance")):
        for told in lance.dataset(str(folder)).versions():
            path = folder / "_versions" / f"{2**64 - 1 - told['version']}.manifest"
            seconds = int(told["timestamp"].replace(tzinfo=UTC).timestamp())
            earlier = seconds - int(timedelta(days=days).total_seconds())
            raw = path.read_bytes()
            assert _stamp(seconds) in raw
            path.write_bytes(raw.replace(_stamp(seconds), _stamp(earlier)))
        name = folder.name.removesuffix(".lance")
        Seals(home).forget(name)
        Seals(home).seal(name)


def _stamp(seconds: int) -> bytes:
    encoded = bytearray(b"\x08")
    while seconds > 0x7F:
        encoded.append(seconds & 0x7F | 0x80)
        seconds >>= 7
    return bytes([*encoded, seconds])
