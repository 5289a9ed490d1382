"""Encryption at rest: what somebody says of the disk a home lies on, because software that runs on it cannot see that.

    PROBATUM_AT_REST="LUKS on the worker's volume; infrastructure, 2026-11"

What is said goes into the journal once, with who ran the command, and again when it changes; `probatum doctor` says when
nobody has said anything.
"""

from pathlib import Path

from probatum.journal import Journal

ACTION = "attest"


def attest(home: Path, said: str, *, actor: str) -> None:
    """Write down what is said of the disk, unless the journal's last word on it is the same."""
    journal = Journal(home / "journal.jsonl")
    if said and said != _last(journal):
        journal.add(ACTION, actor=actor, at_rest=said)


def _last(journal: Journal) -> str:
    return next((r["at_rest"] for r in reversed(journal.legible()) if r.get("action") == ACTION), "")
