"""The commands of adapters: which there are, what each is worth, and taking one that the project ships into a home.

Which one serves is decided by publishing: `probatum adapters wear` makes a candidate, to be audited and published as any other.
"""

import getpass
from typing import Annotated

import typer

from probatum import show
from probatum.adapters.kept import read_record
from probatum.adapters.registry import Adapters
from probatum.adapters.shipped import shipped
from probatum.adapters.shipped import take as take_shipped
from probatum.errors import Rejected
from probatum.printable import printable
from probatum.settings import settings

app = typer.Typer(no_args_is_help=True, help="What was trained, what it is worth, and which one serves.")
Json = Annotated[bool, typer.Option("--json", help="Print for machines.")]
Which = Annotated[str, typer.Argument(help="The identity of an adapter, or how it begins.")]


@app.command("list")
def list_(
    of_project: Annotated[bool, typer.Option("--shipped", help="Those the project ships instead.")] = False,
    json: Json = False,
) -> None:
    """Every adapter of this home, the one that changed last first."""
    if of_project:
        if not shipped() and not json:
            print("This version ships no adapter.")
        for identity, folder in shipped().items():
            record = read_record(folder)
            facts = {"adapter": identity, "kind": record.kind, "name": record.name, "base": record.base_name}
            if json:
                show.json_line(facts)
            else:
                print(printable(f"{identity[:12]}  {record.kind} {record.name}, {record.sides}, of {record.base_name}"))
        return
    known = Adapters(settings().home).all()
    if not known and not json:
        print("This home has no adapter: what serves is the encoder alone.")
    for identity, life in known.items():
        last = life.changes[-1]
        facts = {"adapter": identity, "kind": life.kind, "name": life.name, "status": life.status, "at": last.at}
        if json:
            show.json_line(facts | {"why": last.why})
        else:
            print(
                printable(
                    f"{identity[:12]}  {life.kind} {life.name}  {life.status} since {last.at[:16]}  {last.why}".rstrip()
                )
            )


@app.command("show")
def show_(adapter: Which, json: Json = False) -> None:
    """What an adapter was trained on, with what, and its figures."""
    adapters = Adapters(settings().home)
    identity = adapters.find(adapter)
    record, life = adapters.record(identity), adapters.life(identity)
    if json:
        show.json_line(
            record.model_dump(mode="json") | {"adapter": identity, "changes": [c.model_dump() for c in life.changes]}
        )
        return
    print(
        printable(
            f"{identity}\n{record.kind} {record.name}, {record.sides or 'generates'}, rank {record.rank}, of {record.base_name}"
        )
    )
    print(printable(f"trained {record.created:%Y-%m-%d} on data {record.data[:12]} by code {record.code[:12]}"))
    for name, value in sorted(record.figures.items()):
        print(printable(f"  {name}: {value}"))
    for change in life.changes:
        print(printable(f"  {change.at[:16]}  {change.status} by {change.actor}  {change.why}".rstrip()))


@app.command()
def take(adapter: Which, json: Json = False) -> None:
    """Take an adapter that the project ships into this home, as trained."""
    from probatum.encoder_identity import base_of

    chosen = settings()
    identity = take_shipped(chosen.home, adapter, base=base_of(chosen), actor=getpass.getuser())
    if json:
        show.json_line({"adapter": identity, "status": "trained"})
    else:
        print(f"{identity[:12]} is in this home. Next: `probatum adapters wear {identity[:12]}`.")


@app.command()
def wear(
    adapter: Annotated[str, typer.Argument(help="The identity of an adapter, how it begins, or `none`.")],
    json: Json = False,
) -> None:
    """Make a candidate of what serves, asked through an adapter. Publishes nothing: audit it, then publish it."""
    from probatum import pipeline

    chosen = settings()
    candidate = pipeline.wear(chosen, "" if adapter == "none" else Adapters(chosen.home).find(adapter))
    if json:
        show.json_line({"candidate": candidate})
    else:
        print(
            f"Candidate {candidate[:12]}. Next: `probatum audit --candidate {candidate[:12]}`, then `probatum publish {candidate[:12]}`."
        )


@app.command()
def reject(
    adapter: Which,
    why: Annotated[str, typer.Option("--why", help="One sentence for the journal.")],
    json: Json = False,
) -> None:
    """Say that an adapter will not serve."""
    if not why.strip():
        raise Rejected("A reason is missing.", safe="Nothing changed.", next="Say why, in one sentence.")
    adapters = Adapters(settings().home)
    identity = adapters.find(adapter)
    adapters.move(identity, "rejected", actor=getpass.getuser(), why=why)
    if json:
        show.json_line({"adapter": identity, "status": "rejected"})
    else:
        print(f"{identity[:12]} is rejected.")
