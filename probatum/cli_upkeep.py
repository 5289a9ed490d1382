"""The commands that keep a home whole: maintain, scrub, keep, purge, backup, restore. A thin skin over the library."""

import getpass
import sys
from pathlib import Path
from typing import Annotated

import typer

from probatum import show_upkeep as show
from probatum.errors import Damaged, Misconfigured
from probatum.settings import settings

app = typer.Typer()
Json = Annotated[bool, typer.Option("--json", help="Print for machines.")]
Why = Annotated[str, typer.Option("--why", help="One sentence for the journal; no content.")]


@app.command()
def maintain(json: Json = False) -> None:
    """Look at every digest, let old releases expire, clean and compact the tables. Deletes nothing where something is damaged."""
    from probatum.maintenance import maintain as maintain_home

    done = maintain_home(settings(), actor=getpass.getuser())
    show.maintained(done, json)
    if done.broken:
        raise typer.Exit(Damaged.exit_code)


@app.command()
def scrub(json: Json = False) -> None:
    """Compute every digest in the home again and name every file that is not what was written. Changes nothing."""
    from probatum.scrub import scrub as scrub_home

    found = scrub_home(settings().home)
    show.scrubbed(found, json)
    if found.broken:
        raise typer.Exit(Damaged.exit_code)


@app.command()
def keep(
    release: Annotated[str | None, typer.Argument(help="Without it, what is kept by name.")] = None,
    why: Why = "",
    no_longer: Annotated[bool, typer.Option("--no-longer", help="Let it expire like any other.")] = False,
    json: Json = False,
) -> None:
    """Keep a release by name, however old it gets; or see which are kept."""
    from probatum import retention
    from probatum.publish import Publisher

    home, actor = settings().home, getpass.getuser()
    if release:
        _needs_why(why)
        if no_longer:
            retention.let_go(home, release)
        else:
            retention.keep(home, release, actor=actor, why=why)
        Publisher(home).journal().add("let-go" if no_longer else "keep", actor=actor, release=release, why=why)
    show.kept(retention.kept_by_name(home), json)


@app.command()
def purge(
    what: Annotated[
        str,
        typer.Argument(
            help="A document's id, a stretch of its text, or a case in quarantine; - reads it from standard input."
        ),
    ],
    why: Why,
    json: Json = False,
) -> None:
    """Delete something for good: tables, indexes, vectors, files. What serves is made anew without it, through the gate."""
    from probatum.purge import purge as purge_home

    _needs_why(why)
    done = purge_home(settings(), _words(what), actor=getpass.getuser(), why=why)
    show.purged(done, json)
    if done.left:
        raise typer.Exit(Damaged.exit_code)


@app.command()
def backup(
    folder: Annotated[Path, typer.Argument(help="Where backups are kept; on another disk.")],
    drill: Annotated[
        bool, typer.Option("--drill", help="Restore it aside, verify it and ask it the golden questions.")
    ] = False,
    json: Json = False,
) -> None:
    """Copy the home while others work on it."""
    from probatum import backup as backups

    taken = backups.take(settings().home, folder, actor=getpass.getuser())
    show.backed_up(taken, json)
    if drill:
        from probatum.drill import drill as drill_backup
        from probatum.encoder import Encoder
        from probatum.release import Releases

        made = Releases(settings().home).current().encoder
        encoder = Encoder.load(precision=made.precision, adapter=made.adapter)
        show.drilled(drill_backup(settings(), taken.path, encoder), json)


@app.command()
def restore(
    backup: Annotated[Path, typer.Argument(help="A folder that `probatum backup` made.")],
    damaged: Annotated[
        bool, typer.Option("--damaged", help="Only the files `probatum scrub` calls damaged, into this home.")
    ] = False,
    json: Json = False,
) -> None:
    """Make a home of a backup; the home has to be empty. With --damaged, mend this one."""
    from probatum import backup as backups
    from probatum.mending import mend

    home, actor = settings().home, getpass.getuser()
    if damaged:
        mended, left = mend(home, backup, actor=actor)
        show.mended(mended, left, json)
        if left:
            raise typer.Exit(Damaged.exit_code)
        return
    show.restored(backups.restore(backup, home, actor=actor), json)


def _needs_why(why: str) -> None:
    if not why.strip():
        raise Misconfigured("--why is empty.", safe="Nothing was changed.", next="Say in one sentence why.")


def _words(given: str) -> str:
    """What stands on the command line, or on standard input for `-`: so it is in no shell's history."""
    return sys.stdin.read().strip("\n") if given == "-" else given
