"""Noting each look at a publisher, for `probatum.freshness` to judge by; and that people were told of a late source."""

from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

from probatum.files import write_json
from probatum.freshness import Lateness, Look, look_file, read_look


def note_look(home: Path, source: str, lateness: Lateness, *, failure: str = "") -> None:
    """Note that the publisher was reached, or why not (a sentence without content)."""
    now, known = datetime.now(UTC).isoformat(), read_look(home, source)
    if failure:
        seen = replace(known, failing_since=known.failing_since or now, reason=failure)
    else:
        seen = replace(known, looked=now, failing_since="", reason="")
    _write(home, source, replace(seen, **asdict(lateness)))


def to_be_told(home: Path, source: str, why: str) -> str:
    """What people have to hear now: "late", "recovered" or nothing. Each is said once, however often this is asked."""
    look = read_look(home, source)
    if bool(why) == bool(look.told):
        return ""
    _write(home, source, replace(look, told=datetime.now(UTC).isoformat() if why else ""))
    return "late" if why else "recovered"


def _write(home: Path, source: str, look: Look) -> None:
    write_json(look_file(home, source), asdict(look))
