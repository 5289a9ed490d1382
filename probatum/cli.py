"""The command line: a thin skin over the library. `probatum COMMAND --help` says what each takes.

Exit codes never change: 0 done (or nothing to do), 2 wrong usage, 10 try again later, 20 refused, 30 somebody else
published first, 40 damage on disk, 50 misconfigured. `--json` prints for machines, one object a line.
"""

import getpass
import os
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from probatum import (
    __version__,
    cli_adapters,
    cli_alerts,
    cli_drift,
    cli_report,
    cli_retrain,
    cli_setup,
    cli_upkeep,
    show,
)
from probatum.cli_approval import approve, decline, journal, pending, tell_decided
from probatum.cli_golden import golden
from probatum.cli_prefect import quiet_prefect
from probatum.errors import Damaged, Misconfigured, ProbatumError, Rejected
from probatum.freshness import stale_sources
from probatum.release import Manifest, Releases
from probatum.seams import install_from_environment
from probatum.settings import settings

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Keeps clinical knowledge current, and proves it before anyone relies on it.",
)

Json = Annotated[bool, typer.Option("--json", help="Print for machines.")]
Origin = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="PATH|URL",
        help="A folder, a file or an https address; without it, where the source itself points.",
    ),
]
AsOf = Annotated[
    datetime | None,
    typer.Option("--as-of", formats=["%Y-%m-%d"], help="Answer from the editions in force on this day."),
]
Case = Annotated[str, typer.Argument(help="The id of the case, or its end.")]
Why = Annotated[str, typer.Option("--why", help="One sentence for the journal; no content of the file.")]
SourceOption = Annotated[
    str | None, typer.Option("--source", "-s", help="icd10, formulary or guidelines; without it, all.")
]


def main() -> None:
    """Run the command line; the one place where errors become exit codes."""
    try:
        install_from_environment(settings().fault)
        app(standalone_mode=True)
    except ProbatumError as error:
        show.error(error)
        sys.exit(error.exit_code)
    except BrokenPipeError:  # `probatum search … | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)


quarantine = typer.Typer(no_args_is_help=True, help="What was refused, and what to do with it.")
app.add_typer(quarantine, name="quarantine")
app.add_typer(cli_setup.app)
app.add_typer(golden, name="golden")
for command in (pending, approve, decline, journal):
    app.command()(command)
app.add_typer(cli_alerts.app, name="alerts")
app.add_typer(cli_adapters.app, name="adapters")
app.add_typer(cli_drift.app, name="drift")
app.command()(cli_report.report)
app.command()(cli_retrain.retrain)
app.add_typer(cli_upkeep.app)


@app.callback(invoke_without_command=True)
def _version(version: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False) -> None:
    if version:
        typer.echo(f"probatum {__version__}")
        raise typer.Exit


@app.command()
def refresh(
    source: Annotated[str | None, typer.Argument(help="One source; without it, all.")] = None,
    origin: Origin = None,
    all_sources: Annotated[
        bool, typer.Option("--all", help="All sources, into one release (the same as naming none).")
    ] = False,
    dropped: Annotated[
        bool, typer.Option("--dropped", help="Only sources whose drop zone the bucket's queue hints at.")
    ] = False,
    hold: Annotated[bool, typer.Option("--hold", help="Stop after the audit; `probatum publish` goes on.")] = False,
    json: Json = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show Prefect's own log.")] = False,
) -> None:
    """Pull a source, build a candidate, audit it, publish it or refuse it."""
    _need_a_source(source, origin, "refresh")
    if dropped and (source or origin or all_sources or hold):
        raise Misconfigured(
            "--dropped stands alone.",
            safe="Nothing was fetched.",
            next="The queue says which sources: `probatum refresh --dropped`.",
        )
    if source and all_sources:
        raise Misconfigured("One source and --all at once.", safe="Nothing was fetched.", next="Give one of the two.")
    if dropped:
        from probatum.hints import need_a_queue

        need_a_queue(settings())
    quiet_prefect(verbose=verbose)
    from sources.locate import is_address
    from sources.registry import source_named

    if origin:
        is_address(origin)  # one with a password is refused here, before an orchestrator writes its parameters down
    from flows import refresh as flows

    actor = getpass.getuser()
    with show.progress(quiet=json):
        if dropped:
            state = flows.refresh_dropped(actor, return_state=True)
        elif source:
            source_named(source)
            state = flows.refresh(source, origin, actor, hold, return_state=True)
        else:
            state = flows.refresh_all(None, actor, hold, return_state=True)
        outcome = state.result(raise_on_failure=False)
    if isinstance(outcome, BaseException):
        raise outcome
    show.outcome(outcome, json)
    if outcome["release"] and not json:
        show.editions(_release(outcome["release"]), outcome["published"])
    if outcome["exit_code"]:
        raise typer.Exit(outcome["exit_code"])


def _need_a_source(source: str | None, origin: str | None, command: str) -> None:
    if origin and not source:
        raise Misconfigured(
            "--from needs a source.", safe="Nothing was fetched.", next=f"Name it: `probatum {command} icd10 --from …`."
        )


@app.command()
def plan(
    source: Annotated[str | None, typer.Argument(help="One source; without it, all.")] = None,
    origin: Origin = None,
    json: Json = False,
) -> None:
    """A dry run: what a refresh would fetch, encode, remove. Writes no table and publishes nothing."""
    from probatum.plan import plan_source
    from sources.registry import SOURCES, source_named

    _need_a_source(source, origin, "plan")
    chosen = [source_named(source)] if source else list(SOURCES.values())
    for each in chosen:
        show.plan(plan_source(settings(), each, origin), json)


@app.command()
def audit(
    candidate: Annotated[
        str | None,
        typer.Option("--candidate", help="Digest (or its beginning) of a candidate; without it, the newest."),
    ] = None,
    release: Annotated[
        str | None, typer.Option("--release", help="A release whose audit is gone or damaged: make it again.")
    ] = None,
    json: Json = False,
) -> None:
    """Try a candidate against golden questions and table checks; says why it may not be published."""
    from probatum import pipeline

    if release:
        with show.progress(quiet=json):
            made = pipeline.audit_again(settings(), release, actor=getpass.getuser())
        return show.audit(made, json, may=f"The audit of release {release} is there again.")
    digest = pipeline.find_candidate(settings(), candidate)
    with show.progress(quiet=json):
        report = pipeline.audit(settings(), digest)
    show.audit(report, json)
    if not report.passed:
        raise typer.Exit(Rejected.exit_code)


@app.command()
def publish(
    candidate: Annotated[
        str | None, typer.Argument(help="Digest (or its beginning) of a candidate; without it, the newest.")
    ] = None,
    json: Json = False,
) -> None:
    """Publish a candidate that passed its audit."""
    from probatum import pipeline

    manifest = pipeline.publish(settings(), pipeline.find_candidate(settings(), candidate), actor=getpass.getuser())
    tell_decided(manifest.candidate, "published")
    show.served(manifest, json)


@app.command()
def rollback(
    release: Annotated[str | None, typer.Argument(help="A release; without it, the one before.")] = None,
    json: Json = False,
) -> None:
    """Serve an earlier release again. Needs no network, no encoder, no Prefect."""
    from probatum.publish import Publisher

    show.served(Publisher(settings().home).rollback(release, actor=getpass.getuser()), json)


@app.command()
def releases(json: Json = False) -> None:
    """All releases, the one that serves marked."""
    found = Releases(settings().home)
    try:
        serving = found.current()
    except Damaged:  # whoever has to go back must be able to see what there is
        show.releases(found.all(), None, {}, json)
        raise
    show.releases(found.all(), serving, stale_sources(settings().home, serving) if serving else {}, json)


@app.command()
def diff(
    before: Annotated[str | None, typer.Argument(help="Without it, the release that serves.")] = None,
    after: Annotated[str | None, typer.Argument(help="Without it, the release that serves.")] = None,
    candidate: Annotated[
        str | None,
        typer.Option(
            "--candidate", metavar="DIGEST", help="A candidate instead of a second release, refused or not; or newest."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """What changed between two releases, or would change with a candidate: codes, drugs, documents."""
    from probatum import pipeline
    from probatum.diff import diff_releases

    if (candidate and after) or not (candidate or before):
        raise Misconfigured(
            "Two things are needed to compare.", next="Name two releases, or one, or `--candidate` with or without one."
        )
    chosen = settings()
    new = _release(after)
    if candidate:
        digest = pipeline.find_candidate(chosen, None if candidate == "newest" else candidate)
        new = pipeline.read_candidate(chosen, digest)
    show.diff(diff_releases(chosen.home, _release(before), new), json)


@app.command()
def search(
    question: Annotated[str | None, typer.Argument()] = None,
    source: SourceOption = None,
    k: Annotated[int, typer.Option("-k", help="How many hits, 1 to 100.")] = 10,
    where: Annotated[
        list[str] | None,
        typer.Option(
            "--where",
            metavar="NAME=VALUE",
            help="A filter, e.g. billable=true or tier=1; another name narrows, the same name widens.",
        ),
    ] = None,
    release: Annotated[
        str | None, typer.Option("--release", help="An earlier release instead of the one that serves.")
    ] = None,
    as_of: AsOf = None,
    batch: Annotated[
        str | None,
        typer.Option(
            "--batch", metavar="FILE", help="A question a line (- for standard input); prints a JSON line each."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Ask the published release; every hit with its citation."""
    if (question is None) == (batch is None):
        raise Misconfigured(
            "Give one question, or --batch FILE.",
            safe="Nothing was searched.",
            next='Like this: probatum search "broken collarbone".',
        )
    from probatum.search import Searcher

    home, filters = settings().home, _filters(where or [])
    searcher = Searcher.open(home) if release is None else Searcher.of_release(home, _release(release))
    for asked in _questions(batch) if batch else [question]:
        found = searcher.search(asked, source=source, k=k, where=filters, as_of=as_of and as_of.date())
        show.hits(asked, searcher.release, found, as_json=json or batch is not None)
        if settings().query_records:
            from probatum.drift.recording import record

            record(settings().home, searcher, asked, source or "", found)


@app.command("show")
def show_document(
    document: Annotated[str, typer.Argument(help="A document's id, or a chunk's (document#chunk).")],
    source: SourceOption = None,
    as_of: AsOf = None,
    json: Json = False,
) -> None:
    """A document or chunk of the release that serves, in full."""
    from probatum.lookup import look_up

    show.document(look_up(settings().home, _release(None), document, source, as_of and as_of.date()), json)


@app.command()
def verify(
    release: Annotated[str | None, typer.Argument(help="Without it, the release that serves.")] = None,
    json: Json = False,
) -> None:
    """Recompute every digest of a release, and the chain of the journal, from the bytes on disk."""
    from probatum.journal import Journal
    from probatum.verify import verify as verify_release

    manifest, home = _release(release), settings().home
    counts = verify_release(home, manifest)
    show.verified(manifest, counts | {"journal records": Journal(home / "journal.jsonl").verify()}, json)


@app.command()
def doctor(json: Json = False) -> None:
    """What state this home is in, and the command that mends what is wrong."""
    from probatum.doctor import examine

    findings = examine(settings())
    show.findings(findings, json)
    if any(finding.level == "wrong" for finding in findings):
        raise typer.Exit(40)


@quarantine.command("list")
def quarantine_list(
    decided: Annotated[bool, typer.Option("--all", help="With those that somebody decided on.")] = False,
    json: Json = False,
) -> None:
    """Everything that waits for somebody, oldest first."""
    from probatum.quarantine import Quarantine

    kept = Quarantine(settings().home)
    show.cases(kept.ever() if decided else kept.all(), json)


@quarantine.command("show")
def quarantine_show(case: Case, json: Json = False) -> None:
    """One case in full: why, since when, where its bytes are, what was decided."""
    from probatum.quarantine import Quarantine

    show.case(Quarantine(settings().home).find(case), settings().home, json)


@quarantine.command("release")
def quarantine_release(case: Case, why: Why, json: Json = False) -> None:
    """Let exactly these bytes through; the next refresh takes them. The decision is journalled."""
    _decide(case, "released", why, json)


@quarantine.command("reject")
def quarantine_reject(case: Case, why: Why, json: Json = False) -> None:
    """Keep it out for good. The bytes stay; it is no longer listed."""
    _decide(case, "rejected", why, json)


def _decide(case: str, decision: str, why: str, json: bool) -> None:
    from probatum.decisions import decide_case

    if not why.strip():
        raise Misconfigured("--why is empty.", safe="Nothing was decided.", next="Say in one sentence why.")
    home = settings().home
    show.case(decide_case(home, case, decision, actor=getpass.getuser(), why=why), home, json)


def _release(name: str | None) -> Manifest:
    found = Releases(settings().home)
    manifest = found.readable(name) if name else found.current()
    if manifest is None:
        raise Misconfigured(
            "No release has been published yet.", safe="Nothing was read.", next="Run `probatum refresh --all`."
        )
    return manifest


def _questions(batch: str) -> Iterator[str]:
    try:
        lines = sys.stdin if batch == "-" else Path(batch).open(encoding="utf-8")  # noqa: SIM115 - read once, to its end
    except OSError as error:
        raise Misconfigured(
            f"{batch} cannot be read ({error.strerror}).",
            safe="Nothing was searched.",
            next="Give a file with a question a line.",
        ) from None
    return (line.strip() for line in lines if line.strip())


def _filters(items: list[str]) -> dict[str, object]:
    """{name: the values any of which may be}; a name given twice takes either value."""
    filters: dict[str, list[object]] = {}
    for name, value in map(_filter, items):
        filters.setdefault(name, []).append(value)
    return dict(filters)


def _filter(item: str) -> tuple[str, object]:
    name, sign, value = item.partition("=")
    if not sign:
        raise Misconfigured(
            f"--where {item} has no value.", safe="Nothing was searched.", next="Like this: --where tier=1."
        )
    return name, {"true": True, "false": False}.get(value.lower(), value) if name == "billable" else value


if __name__ == "__main__":
    main()
