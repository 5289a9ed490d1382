"""The commands of drift: watch now, what was found, the report, a behaviour's figures, and forgetting what was asked."""

import getpass
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from probatum import show
from probatum.errors import Misconfigured
from probatum.release import today
from probatum.settings import Settings, settings

if TYPE_CHECKING:
    from probatum.drift.ledger import Answer, Ledger, State

app = typer.Typer(no_args_is_help=True, help="Whether what serves still behaves as it did at publication.")
Json = Annotated[bool, typer.Option("--json", help="Print for machines.")]
Behaviour = Annotated[str, typer.Argument(help="retrieval, or a behaviour of expectations/behaviours.")]


@app.command()
def watch(json: Json = False) -> None:
    """Ask the probes now and judge them; what is news is told by the next run of the deployment `watch`."""
    from probatum.drift.watching import Watch, behaviours_with_figures

    watching, day = Watch(settings(), actor=getpass.getuser()), today()
    looks = [watching.retrieval(day), *(watching.figures(name, day) for name in behaviours_with_figures(settings()))]
    for look in looks:
        if json:
            show.json_line(look.as_json())
            continue
        typer.echo(f"{look.verdict.behaviour}: {look.verdict.state}")
        for reason in look.verdict.reasons:
            typer.echo(f"  {reason}")
        typer.echo(f"  {look.page}")


@app.command()
def status(
    behaviour: Annotated[str | None, typer.Argument(help="One behaviour; without it, all that were watched.")] = None,
    json: Json = False,
) -> None:
    """The last window of each behaviour, open drifts, retrains, and whether one may begin today."""
    from probatum.drift.ledger import Ledger
    from probatum.drift.rules import drift_rules
    from probatum.drift.watching import status as states

    chosen = settings()
    rules, found = drift_rules(chosen.expectations), states(chosen)
    if behaviour and behaviour not in found:
        raise Misconfigured(
            "No behaviour of that name was ever watched.",
            safe="Nothing was changed.",
            next=f"Watched so far: {', '.join(found) or 'none; run `probatum drift watch`'}.",
        )
    if not found and not json:
        typer.echo("Nothing was watched yet. Run `probatum drift watch`, or wait for the weekly deployment.")
    for name, state in found.items():
        if behaviour not in (None, name):
            continue
        answer = _may_retrain(chosen, name, Ledger(chosen.home, name, rules), state)
        told = {
            "behaviour": name,
            "day": state.seen,
            "state": state.last.get("state", ""),
            "drift": state.open.id if state.open else "",
            "since": state.open.found if state.open else "",
            "retrains": [[r.started, r.outcome or "running", r.minutes] for r in state.retrains],
            "may_retrain": answer.go,
            "why": answer.why,
            "gpu_minutes_left": answer.minutes_left,
        }
        if json:
            show.json_line(told)
            continue
        typer.echo(f"{name}: {told['state'] or 'not judged yet'} in the window of {state.seen or 'no day'}")
        if told["drift"]:
            typer.echo(f"  drift {told['drift']} is open since {told['since']}")
        for started, outcome, minutes in told["retrains"]:
            typer.echo(f"  retrained on {started}: {outcome}, {minutes} minutes")
        typer.echo(
            f"  a retrain today: {'yes' if answer.go else 'no'}; {answer.why}; {answer.minutes_left} minutes of a GPU are left"
        )


def _may_retrain(chosen: Settings, behaviour: str, ledger: "Ledger", state: "State") -> "Answer":
    """What a retrain would be told today; of a behaviour whose model is not named here, by the champion that drifted."""
    from probatum.training.retraining import champion_of, minutes_of

    try:
        champion, minutes = champion_of(chosen, behaviour), minutes_of(chosen, behaviour)
    except Misconfigured as missing:
        answer = ledger.may_retrain(today(), state.open.champion if state.open else "")
        return replace(answer, why=f"{answer.why} (told without its model and budget: {missing.happened})")
    return ledger.may_retrain(today(), champion, minutes=minutes)


@app.command()
def report(
    behaviour: Behaviour = "retrieval",
    day: Annotated[str | None, typer.Option("--day", help="ISO, like 2026-12-07; without it, the newest.")] = None,
    json: Json = False,
) -> None:
    """Where the report of a window lies; each window left one."""
    from probatum.drift.readings import Windows
    from probatum.drift.report import report_of

    days = [window.day for window in Windows(settings().home, behaviour).all()]
    chosen = _day(day) if day else next(iter(days[-1:]), "")
    if chosen not in days:
        raise Misconfigured(
            "There is no window of that behaviour and day.",
            safe="Nothing was changed.",
            next=f"Windows: {', '.join(days[-5:]) or 'none; run `probatum drift watch`'}.",
        )
    path = report_of(settings().home, behaviour, chosen)
    if json:
        show.json_line({"page": str(path), "figures": str(path.with_suffix(".json"))})
    else:
        typer.echo(path)


@app.command()
def figures(
    behaviour: Behaviour, file: Annotated[Path, typer.Argument(help="JSON; see probatum/drift/readings.py.")]
) -> None:
    """Leave a behaviour's figures for the next watch."""
    from probatum.drift.readings import leave_figures

    try:
        content = file.read_bytes()
    except OSError as error:
        raise Misconfigured(
            f"{file.name} cannot be read ({error.strerror}).", safe="Nothing was kept.", next="Name a file."
        ) from None
    typer.echo(leave_figures(settings().home, behaviour, content))


@app.command()
def probe(behaviour: Behaviour) -> None:
    """Ask the champion of a behaviour (or its base) the probes, and leave its figures for the next watch."""
    from probatum.drift.readings import RETRIEVAL
    from probatum.training.retraining import leave_probes

    if behaviour == RETRIEVAL:
        raise Misconfigured(
            "The probes of retrieval are asked by every watch.",
            safe="Nothing was asked.",
            next="Run `probatum drift watch`.",
        )
    typer.echo(leave_probes(settings(), behaviour))


@app.command()
def forget(json: Json = False) -> None:
    """Delete every query record and the key that links them."""
    from probatum.drift.queries import QueryRecords

    days = QueryRecords(settings().home).forget()
    if json:
        show.json_line({"days": days})
    else:
        typer.echo(f"Records of {days} days are deleted, and their key.")


def _day(said: str) -> str:
    try:
        return date.fromisoformat(said).isoformat()
    except ValueError:
        raise Misconfigured("--day is no day.", safe="Nothing was read.", next="Like this: --day 2026-12-07.") from None
