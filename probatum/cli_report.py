"""`probatum report`: the page about a release or a candidate, written anew with what is known now."""

import webbrowser
from typing import Annotated

import typer

from probatum import show
from probatum.errors import Misconfigured
from probatum.release import Releases
from probatum.settings import settings


def report(
    release: Annotated[str | None, typer.Argument(help="Without it, the release that serves.")] = None,
    candidate: Annotated[
        str | None,
        typer.Option("--candidate", metavar="DIGEST", help="A candidate, refused or not; or newest."),
    ] = None,
    open_it: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print for machines.")] = False,
) -> None:
    """What a release or candidate changed in sources, texts and answers, as a page to read; prints where it is."""
    from probatum import pipeline
    from probatum.audit import read_report
    from probatum.report_files import summary_of
    from probatum.report_page import write_report

    chosen = settings()
    if candidate and release:
        raise Misconfigured("A release and a candidate at once.", safe="Nothing was written.", next="Name one of them.")
    if candidate:
        digest = pipeline.find_candidate(chosen, None if candidate == "newest" else candidate)
        content = pipeline.read_candidate(chosen, digest)
    else:
        releases = Releases(chosen.home)
        content = releases.read(release) if release else releases.current()
        if content is None:
            raise Misconfigured(
                "No release has been published yet.", safe="Nothing was written.", next="Run `probatum refresh --all`."
            )
        digest = content.candidate
    path = write_report(chosen.home, chosen.expectations, content, read_report(chosen.home, digest))
    if json:
        show.json_line({"candidate": digest, "page": str(path), "summary": str(summary_of(chosen.home, digest))})
    else:
        typer.echo(path)
    if open_it:
        webbrowser.open(path.absolute().as_uri())
