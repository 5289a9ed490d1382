"""`probatum retrain`: the flow of the deployment `retrain`, here and now, on this machine's GPU or processor."""

import getpass
from typing import Annotated

import typer

from probatum import show
from probatum.cli_prefect import quiet_prefect
from probatum.errors import Rejected
from probatum.printable import printable


def retrain(
    behaviour: Annotated[str, typer.Argument(help="retrieval, or a behaviour of expectations/behaviours.")] = "retrieval",
    force: Annotated[bool, typer.Option("--force", help="Although nothing has drifted, or the quarter is not over.")] = False,
    why: Annotated[str, typer.Option("--why", help="One sentence for the journal; needed with --force.")] = "",
    json: Annotated[bool, typer.Option("--json", help="Print for machines.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show Prefect's own log.")] = False,
) -> None:  # fmt: skip
    """Train an adapter anew if its behaviour has drifted, try it against what serves, and publish it only if it is better."""
    if force and not why.strip():
        raise Rejected("A reason is missing.", safe="Nothing was trained.", next='Say why: --force --why "…".')
    quiet_prefect(verbose=verbose)
    from flows.retrain import retrain as flow

    with show.progress(quiet=json):
        state = flow(behaviour, "", force, why, getpass.getuser(), return_state=True)
        told = state.result(raise_on_failure=False)
    if isinstance(told, BaseException):
        raise told
    if json:
        show.json_line(told)
    else:
        typer.echo(printable(state.message or told["outcome"]))
    if state.is_failed():
        raise typer.Exit(Rejected.exit_code)
