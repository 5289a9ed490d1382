"""The commands of alerts: put the automations in place, look at them, and send a test through every channel."""

from collections.abc import Iterator, Mapping
from typing import Annotated

import typer

from probatum import show
from probatum.errors import Retryable
from probatum.notified import Told
from probatum.printable import printable
from probatum.routes import Routes, read_routes
from probatum.settings import settings

app = typer.Typer(no_args_is_help=True, help="Who is told of what, and whether they would be.")
Json = Annotated[bool, typer.Option("--json", help="Print for machines.")]


@app.command()
def install(json: Json = False) -> None:
    """Bring the server's automations to what this version ships. Doing it again changes nothing."""
    from tasks.automations import install as bring_in

    _print_pairs(bring_in(), json)


@app.command("list")
def list_(json: Json = False) -> None:
    """The automations on the server, the routes, and what people were told that is not over."""
    from tasks.automations import listed

    routes, there = read_routes(settings()), listed()
    troubles = {name: Told(settings().home, name).open_troubles() for name in routes.channels}
    if json:
        show.json_line({"automations": there, "routes": list(_routes(routes)), "open": troubles})
        return
    _print_pairs(there, False)
    for route in _routes(routes):
        _print(route)
    if not routes.routes:
        _print("Nobody is told of anything: there is no route in expectations/alerts.toml.")
    for name, known in troubles.items():
        for trouble in known:
            _print(f"{name} was told and it is not over: {trouble['kind']} of {trouble['about']}, {trouble['since']}")


@app.command()
def test(json: Json = False) -> None:
    """Send a message that says it is a test through every channel."""
    from tasks.notify import sent_a_test

    said = sent_a_test()
    _print_pairs(said, json)
    if any(each != "sent" for each in said.values()):
        raise typer.Exit(Retryable.exit_code)


def _routes(routes: Routes) -> Iterator[str]:
    """ "icd10, owner coding: refused, late -> coding-slack (slack-webhook/coding)" """
    for route in routes.routes:
        owner = f", owner {route.owner}" if route.owner else ""
        events = ", ".join(route.events) or "everything"
        block = routes.channels[route.channel].block
        yield f"{route.source or 'any source'}{owner}: {events} -> {route.channel} ({block})"


def _print_pairs(said: Mapping[str, str], as_json: bool) -> None:
    if as_json:
        show.json_line(said)
        return
    for name, what in said.items():
        _print(f"{name}: {what}")


def _print(line: str) -> None:
    typer.echo(printable(line))
