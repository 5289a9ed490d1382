"""Commands for whoever runs the Prefect server: setting it up, and serving all flows from one process."""

from typing import Annotated

import typer

from probatum import show
from probatum.errors import Misconfigured

_KINDS = ("process", "kubernetes")

app = typer.Typer()


@app.command()
def setup(
    check: Annotated[bool, typer.Option("--check", help="Only look; change nothing.")] = False,
    pools: Annotated[str, typer.Option("--pools", help="Kind of the work pools: process or kubernetes.")] = "process",
    json: Annotated[bool, typer.Option("--json", help="Print for machines.")] = False,
) -> None:
    """Make what the Prefect server needs (pools, deployments, schedules), and check that it is right."""
    if pools not in _KINDS:
        raise Misconfigured(
            f"There are no work pools of the kind {pools!r}.",
            safe="Nothing was changed.",
            next=f"Name one of {', '.join(_KINDS)}.",
        )
    from tasks import set_up as server

    found = server.check() if check else server.set_up(kind=pools)
    show.findings(found, json)
    if any(finding.level == "wrong" for finding in found):
        raise typer.Exit(50)


@app.command()
def serve() -> None:
    """All deployments from this one process, without pools and workers: for a first look and for small sites."""
    from flows.serving import serve_all

    serve_all()
