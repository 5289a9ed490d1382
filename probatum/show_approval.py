"""What the commands of approval print: what waits, what was declined, and the journal."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from rich.console import Console

from probatum.show import escape, json_line

if TYPE_CHECKING:
    from probatum.waiting import Waiting

_out = Console(highlight=False, soft_wrap=True, emoji=False)
_NOT_FACTS = ("time", "action", "actor", "before", "release", "at")
_SHOWN_OF_A_DIGEST = 12


def pending(found: Sequence[tuple["Waiting", bool]], as_json: bool) -> None:
    """What waits, each with whether what it was made from still serves."""
    if as_json:
        for entry, current in found:
            json_line(asdict(entry) | {"can_be_approved": current})
        return
    if not found:
        _out.print("Nothing waits for approval.")
    for entry, current in found:
        name = entry.candidate[:_SHOWN_OF_A_DIGEST]
        changed = ", ".join(f"{source} {release}" for source, release in entry.releases.items())
        _out.print(
            f"[bold]{name}[/]  {escape(changed)}, after release {escape(entry.parent or 'none')}; waits since {escape(entry.since[:16])} UTC"
        )
        if current:
            diff = f"`probatum diff --candidate {name}`, " if entry.parent else ""
            _out.print(f"   look: {diff}`probatum audit --candidate {name}`")
            _out.print(f"   decide: `probatum approve {name} --why …` or `probatum decline {name} --why …`")
        else:
            again = ", ".join(f"`probatum refresh {source}`" for source in entry.releases)
            _out.print(
                f"   [yellow]Another release was published since.[/] Run {escape(again)} again, then approve that."
            )


def declined(entry: "Waiting", as_json: bool) -> None:
    if as_json:
        json_line(asdict(entry))
        return
    _out.print(
        f"Candidate {entry.candidate[:_SHOWN_OF_A_DIGEST]} is declined; release {escape(entry.parent or 'none')} still serves."
    )


def journal(records: Sequence[dict], as_json: bool) -> None:
    if as_json:
        for record in records:
            json_line(record)
        return
    if not records:
        _out.print("The journal has no such record.")
        return
    for record in records:
        facts = {key: value for key, value in record.items() if key not in _NOT_FACTS and value}
        _out.print(
            f"{escape(str(record.get('time', ''))[:19])}  [bold]{escape(record.get('action', ''))}[/] by {escape(record.get('actor', ''))}"
            + (f", release {escape(record['release'])}" if record.get("release") else "")
        )
        if facts:
            said = ", ".join(f"{key}: {_short(value)}" for key, value in facts.items())
            _out.print(f"   {escape(said)}", style="dim")


def _short(value: object) -> str:
    """A digest by its beginning; anything else whole."""
    text = str(value)
    return f"{text[:_SHOWN_OF_A_DIGEST]}…" if len(text) == 64 and text.isalnum() else text
