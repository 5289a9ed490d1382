"""The commands of people who answer for a release: what waits, approving and declining it, and the journal of it all."""

import getpass
from typing import Annotated

import typer

from probatum import show_approval
from probatum.settings import settings

Json = Annotated[bool, typer.Option("--json", help="Print for machines.")]
Candidate = Annotated[str, typer.Argument(help="The digest of a candidate that waits, or its beginning.")]
Why = Annotated[str, typer.Option("--why", help="One sentence for the journal; no content of a document.")]


def pending(json: Json = False) -> None:
    """What passed its audit and waits for somebody to approve it, oldest first."""
    from probatum.approval import pending as waiting

    show_approval.pending(waiting(settings()), json)


def approve(candidate: Candidate, why: Why, json: Json = False) -> None:
    """Audit what waits again and publish it. Who and why go into the journal."""
    from probatum import show
    from probatum.approval import approve as approve_candidate

    with show.progress(quiet=json):
        manifest = approve_candidate(settings(), candidate, actor=getpass.getuser(), why=why)
    tell_decided(manifest.candidate, "approved")
    show.served(manifest, json)


def decline(candidate: Candidate, why: Why, json: Json = False) -> None:
    """Keep what waits out; the same again is refused. Who and why go into the journal."""
    from probatum.approval import decline as decline_candidate

    entry = decline_candidate(settings(), candidate, actor=getpass.getuser(), why=why)
    tell_decided(entry.candidate, "declined")
    show_approval.declined(entry, json)


def tell_decided(candidate: str, decision: str) -> None:
    """Those who were told that it waits hear what became of it, where a server sends alerts."""
    from probatum.waiting import WaitingRoom

    entry = next((each for each in WaitingRoom(settings().home).ever() if each.candidate == candidate), None)
    if entry:
        from tasks.approval import tell_decided as tell

        tell(entry, decision)


def journal(
    release: Annotated[str | None, typer.Option("--release", help="Only what was done to this release.")] = None,
    action: Annotated[
        str | None, typer.Option("--action", help="Only this: publish, approve, decline, rollback, golden-approve …")
    ] = None,
    last: Annotated[int | None, typer.Option("--last", "-n", min=1, help="Only so many, the newest.")] = None,
    json: Json = False,
) -> None:
    """Who did what to which release, oldest first. Ends with 40 and the place when somebody changed the journal."""
    from probatum.journal import Journal

    kept = Journal(settings().home / "journal.jsonl")
    found = [r for r in kept.legible() if release in (None, r.get("release")) and action in (None, r.get("action"))]
    show_approval.journal(found[-last:] if last else found, json)
    kept.verify()
