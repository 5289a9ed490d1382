"""What the command line prints: for people on a terminal, or one JSON object a line for machines.

Names, ids, texts and reasons come from outside: each passes `escape` before it is printed, so that no colour, link or
cursor movement in it is obeyed and none of it begins a line of its own. Only a document's full text keeps its lines.
"""

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
from rich.console import Console
from rich.markup import escape as without_markup
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from probatum.errors import ProbatumError
from probatum.printable import printable, printable_json
from probatum.progress import watching
from probatum.release import today

if TYPE_CHECKING:
    from probatum.audit_report import AuditReport
    from probatum.diff import SourceDiff
    from probatum.doctor import Finding
    from probatum.plan import Plan
    from probatum.quarantine import Quarantined
    from probatum.release import Manifest, SourceState
    from probatum.search import Hit

_out = Console(highlight=False, soft_wrap=True, emoji=False)
_err = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)
_EXAMPLES = 5
_SHOWN_CHARACTERS = 400
_LEVELS = {"ok": "[green]ok[/]   ", "note": "[yellow]note[/] ", "wrong": "[red]wrong[/]"}


def escape(value: object, *, keep_lines: bool = False) -> str:
    """Anything as text that is only shown."""
    return without_markup(printable(str(value), keep_lines=keep_lines))


def say(line: str) -> None:
    """A line for people; what comes from outside has passed `escape`."""
    _out.print(line)


def json_line(value: object) -> None:
    sys.stdout.write(printable_json(orjson.dumps(value, default=str).decode()) + "\n")
    sys.stdout.flush()


def error(error: ProbatumError) -> None:
    """What happened, what is safe, what to do next, each on a line of its own."""
    _err.print(f"[red]{escape(error.happened)}[/]\n{escape(error.safe)}\n[bold]{escape(error.next)}[/]")


@contextmanager
def progress(*, quiet: bool) -> Iterator[None]:
    """A bar for long work on a terminal; a line now and then where there is none; nothing when quiet."""
    if quiet:
        yield
        return
    if not _err.is_terminal:
        with watching(_plain_lines()):
            yield
        return
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=_err,
        transient=True,
    ) as bars:
        tasks: dict[str, object] = {}

        def watch(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(escape(what), total=total)
            bars.update(tasks[what], completed=done)

        with watching(watch):
            yield


def _plain_lines():
    said: dict[str, float] = {}

    def watch(what: str, done: int, total: int) -> None:
        if done >= total or time.monotonic() - said.get(what, 0.0) > 10:
            said[what] = time.monotonic()
            _err.print(f"{escape(what)}: {done:,} of {total:,}")

    return watch


def outcome(value: dict, as_json: bool) -> None:
    if as_json:
        json_line(value)
        return
    for source, items in value["quarantined"].items():
        for item in items:
            still = "its former version still serves" if item["former_version_serves"] else "it is left out"
            _out.print(
                f"[yellow]{escape(source)}: {escape(item['files'][0])} is in quarantine ({escape(item['id'])}), {still}.[/] {escape(item['reason'])} {escape(item['next'])}"
            )
    for source, refusal in value["refused"].items():
        _out.print(
            f"[red]{escape(source)} refused.[/] {escape(refusal['reason'])}\n  {escape(refusal['safe'])}\n  [bold]{escape(refusal['next'])}[/]"
        )
    for source, failure in value["without_receipts"].items():
        _out.print(
            f"[red]{source}: no receipts were written.[/] {escape(failure['reason'])}\n  [bold]{escape(failure['next'])}[/]"
        )
    for source, words in value["carried_over"].items():
        _out.print(f"[yellow]{source}:[/] {escape(words)}")
    for source, why in value["stale"].items():
        _out.print(f"[yellow]{escape(source)} is stale:[/] {escape(why)}.")
    if value["unchanged"]:
        _out.print(f"Nothing new: {escape(', '.join(value['unchanged']))}.")
    if value["release"]:
        _out.print(
            f"[green]Release {escape(value['release'])} is published[/] with {escape(', '.join(value['published']))}."
        )
    if value["held"]:
        candidate = value["candidate"][:12]
        waits, command = "waits", f"probatum publish {candidate}"
        if value["waits_for_approval"]:
            waits = f"waits for approval of {escape(', '.join(value['waits_for_approval']))}"
            command = f"probatum approve {candidate} --why …"
        _out.print(f"Candidate {candidate} passed its audit and {waits}. Publish it with `{command}`.")
    elif not value["release"] and not value["refused"]:
        _out.print("There is nothing to do: what the publishers offer is what serves.")


def audit(report: "AuditReport", as_json: bool, *, may: str = "The candidate may be published.") -> None:
    """may: what to say of one that passed."""
    from probatum.audit import figures

    failures = report.failures()
    if as_json:
        json_line(
            {
                "candidate": report.candidate,
                "passed": report.passed,
                "failures": failures,
                "figures": figures(report.sources),
                "failing_questions": {
                    n: [q.model_dump(mode="json") for q in a.questions if not q.answered]
                    for n, a in report.sources.items()
                },
                "needs_review": {n: a.needs_review for n, a in report.sources.items()},
                "against": report.against,
                "findings": {n: [f.model_dump(mode="json") for f in a.findings] for n, a in report.sources.items()},
                "paired": {n: a.paired.model_dump(mode="json") for n, a in report.sources.items() if a.paired},
                "failing_negatives": {
                    n: [q.model_dump(mode="json") for q in a.negatives if not q.passed]
                    for n, a in report.sources.items()
                },
            }
        )
        return
    table = Table(
        "source",
        "slice",
        "n",
        "@1",
        "@3",
        "95 % of @3",
        "@10",
        "MRR",
        "@3 strict",
        title=f"Golden questions, candidate {report.candidate[:12]}",
    )
    for f in figures(report.sources):
        style = "bold" if f["slice"] == "all" else ""
        table.add_row(
            escape(f["source"]),
            escape(f["slice"]),
            str(f["n"]),
            *(f"{f[k]:.3f}" for k in ("@1", "@3")),
            f"{f['low']:.3f}-{f['high']:.3f}",
            *(f"{f[k]:.3f}" for k in ("@10", "mrr", "@3 strict")),
            style=style,
        )
    _out.print(table)
    for name, source in report.sources.items():
        missed = [q for q in source.questions if not q.answered]
        for q in missed[:_EXAMPLES]:
            _out.print(
                f"  {escape(name)} {escape(q.id)}{' [red]critical[/]' if q.critical else ''}: first now {escape(', '.join(q.top) or 'nothing')}"
            )
        if len(missed) > _EXAMPLES:
            _out.print(f"  {escape(name)}: {len(missed) - _EXAMPLES} more, `probatum audit --json` lists them")
        for q in source.open_critical():
            _out.print(f"  [yellow]{escape(name)} {escape(q.id)}: critical, known and accepted as open[/]")
        for f in source.findings:
            _out.print(
                f"  {escape(name)} {'[green]held[/]  ' if f.passed else '[red]failed[/]'} {escape(f.rule)}: {escape(f.seen)}"
            )
    for name, reasons in failures.items():
        _out.print(f"[red]{escape(name)} is refused:[/] {escape('; '.join(reasons))}")
    if report.passed:
        _out.print(f"[green]{escape(may)}[/]")


def served(manifest: "Manifest", as_json: bool) -> None:
    if as_json:
        json_line({"release": manifest.id, "parent": manifest.parent})
    else:
        _out.print(f"[green]Release {escape(manifest.id)} serves.[/]")


def releases(found: Sequence["Manifest"], serving: "Manifest | None", stale: Mapping[str, str], as_json: bool) -> None:
    """All releases; stale: {source: why} of the one that serves."""
    if as_json:
        for m in found:
            json_line(
                {
                    "release": m.id,
                    "parent": m.parent,
                    "created": m.created,
                    "serves": bool(serving and m.id == serving.id),
                    "stale": dict(stale) if serving and m.id == serving.id else {},
                    "candidate": m.candidate,
                    "encoder": m.encoder.name,
                    "sources": {n: _edition(s) for n, s in m.in_force(today()).items()},
                    "editions": {n: [_edition(s) | {"is": said} for s, said in _others(m, n)] for n in m.sources},
                }
            )
        return
    if not found:
        _out.print("No release has been published yet. Run `probatum refresh --all`.")
        return
    table = Table("", "release", "after", "created (UTC)", "sources")
    for m in found:
        sources = "\n".join(
            line
            for n, s in m.in_force(today()).items()
            for line in (
                f"{escape(n)} {escape(s.release)} ({s.documents.rows:,})",
                *(f"  [dim]{said}: {escape(other.release)}[/]" for other, said in _others(m, n)),
            )
        )
        table.add_row(
            "[green]serves[/]" if serving and m.id == serving.id else "",
            escape(m.id),
            escape(m.parent),
            f"{m.created:%Y-%m-%d %H:%M}",
            sources,
        )
    _out.print(table)
    for source, why in stale.items():
        _out.print(f"[yellow]{escape(source)} is stale:[/] {escape(why)}.")


def _edition(state: "SourceState") -> dict:
    return {"release": state.release, "valid_from": state.valid_from, "documents": state.documents.rows}


def _others(manifest: "Manifest", source: str) -> list[tuple["SourceState", str]]:
    """The editions of a source that do not answer today, each with what it is instead."""
    now = manifest.in_force(today())[source]
    return [
        (s, f"staged for {s.valid_from}" if s.valid_from > today() else f"in force from {s.valid_from}")
        for s in manifest.of_source(source)
        if s != now
    ]


def editions(manifest: "Manifest", published: Sequence[str]) -> None:
    """A word about every source that was published and does not answer today."""
    for source in published:
        new, now = manifest.sources[source], manifest.in_force(today())[source]
        if new.valid_from > today():
            _out.print(
                f"{escape(source)} {escape(new.release)} is staged: it takes over from {escape(now.release)} on {new.valid_from}."
            )
        elif new != now:
            _out.print(
                f"[yellow]{escape(source)} {escape(now.release)} stays in force: {escape(new.release)} is of an earlier day and answers only "
                f"questions asked --as-of a day from {new.valid_from} on.[/]"
            )


def diff(found: Sequence["SourceDiff"], as_json: bool) -> None:
    if as_json:
        for d in found:
            json_line(d.as_json())
        return
    for d in found:
        _out.print(
            f"[bold]{escape(d.source)}[/] {escape(d.before or 'nothing')} -> {escape(d.after or 'nothing')}: "
            + (
                f"{len(d.added)} added, {len(d.removed)} removed, {len(d.changed)} changed"
                if not d.is_empty()
                else "no change"
            )
        )
        for sign, pairs in (("+", d.added), ("-", d.removed)):
            for identity, title in pairs[:_EXAMPLES]:
                _out.print(f"  {sign} {escape(identity)}  {escape(title)}")
            if len(pairs) > _EXAMPLES:
                _out.print(f"  {sign} … {len(pairs) - _EXAMPLES} more")
        for was, now in d.superseded:
            _out.print(f"  {escape(was)} is superseded by {escape(now)}")
        for change in d.changed[: 3 * _EXAMPLES]:
            facts = "; ".join(
                "text revised" if name == "text" else f"{name}: {_said(a)} -> {_said(b)}"
                for name, (a, b) in change.facts.items()
            )
            _out.print(f"  ~ {escape(change.id)}  {escape(change.title)}  ({escape(facts)})")
        if len(d.changed) > 3 * _EXAMPLES:
            _out.print(f"  ~ … {len(d.changed) - 3 * _EXAMPLES} more; `--json` lists all")


def _said(value: object) -> str:
    return (
        {True: "yes", False: "no", None: "nothing", "": "nothing"}.get(value, str(value))
        if isinstance(value, (bool, str, type(None)))
        else str(value)
    )


def hits(question: str, release: str, found: Sequence["Hit"], *, as_json: bool) -> None:
    from probatum.search import nothing_good_enough

    if as_json:
        told = {"question": question, "release": release, "nothing_good_enough": nothing_good_enough(found)}
        json_line(told | {"hits": [hit.as_json() for hit in found]})
        return
    if not found:
        _out.print("Nothing was found.")
    elif nothing_good_enough(found):
        _out.print("[yellow]Nothing good enough was found. The nearest there is:[/]")
    for hit in found:
        _out.print(
            f"[bold]{hit.rank}. {escape(hit.document_id)}[/]  {escape(hit.title)}"
            + ("  [green]exact[/]" if hit.exact else "")
        )
        if hit.section:
            _out.print(f"   {escape(hit.section)}" + (f", page {hit.page}" if hit.page else ""))
        if not hit.chunk_id.endswith("#record"):
            _out.print(f"   {escape(_shortened(_said_there(hit)))}")
        elif hit.matched not in hit.title:
            _out.print(f"   found by: {escape(_shortened(hit.matched))}")
        if hit.members:
            _out.print(f"   also: {escape('; '.join(f'{m.document_id} {m.title}' for m in hit.members))}", style="dim")
        _out.print(f"   {escape(hit.citation)}", style="dim")
        if hit.flags:
            _out.print(f"   [yellow]flagged: {escape(', '.join(hit.flags))}[/]")
        if hit.stale:
            _out.print(f"   [yellow]stale: {escape(hit.stale)}[/]")


def _said_there(hit: "Hit") -> str:
    """The words that were found, without the headings they stand under, which are shown above them."""
    heading, _, below = hit.matched.partition("\n")
    innermost = hit.section.rpartition(" > ")[2] or hit.title
    return below or heading.removeprefix(f"{hit.title} > {innermost}: ").removeprefix(f"{hit.title}: ")


def _shortened(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _SHOWN_CHARACTERS else flat[:_SHOWN_CHARACTERS].rsplit(" ", 1)[0] + " …"


def document(value: dict, as_json: bool) -> None:
    if as_json:
        json_line(value)
        return
    _out.print(f"[bold]{escape(value['id'])}[/]  {escape(value['title'])}\n")
    _out.print(escape(value["text"], keep_lines=True))
    _out.print(
        f"\n{escape(value['source'])} {escape(value['source_release'])}, in force from {escape(value['valid_from'])}; file {escape(value['file'])}, sha256 {escape(value['sha256'][:12])}…; release {escape(value['release'])}",
        style="dim",
    )


def verified(manifest: "Manifest", counts: dict[str, int], as_json: bool) -> None:
    if as_json:
        json_line({"release": manifest.id, "whole": True, **counts})
    else:
        _out.print(
            f"[green]Release {escape(manifest.id)} is whole:[/] "
            + ", ".join(f"{n:,} {what}" for what, n in counts.items())
            + "."
        )


def findings(found: Sequence["Finding"], as_json: bool) -> None:
    for finding in found:
        if as_json:
            json_line(asdict(finding))
        else:
            _out.print(
                f"{_LEVELS[finding.level]} {escape(finding.what)}"
                + (f"\n      {escape(finding.advice)}" if finding.advice else "")
            )


def cases(found: Sequence["Quarantined"], as_json: bool) -> None:
    """One line a case; its id, its files and why."""
    if not found and not as_json:
        _out.print("Nothing is in quarantine.")
    for item in found:
        if as_json:
            json_line(asdict(item))
            continue
        _out.print(
            f"[bold]{escape(item.id)}[/]  {escape(_files(item.files))}"
            + (f"  [dim]{escape(item.decision)}[/]" if item.decision else "")
        )
        _out.print(f"   {escape(item.reason)}")


def case(item: "Quarantined", home: Path, as_json: bool) -> None:
    from probatum.quarantine import RELEASABLE

    if as_json:
        json_line(asdict(item))
        return
    _out.print(
        f"[bold]{escape(item.id)}[/]  {escape(item.source)} {escape(item.release)}, {escape(item.kind)}, since {escape(item.since[:16])} UTC"
    )
    _out.print(f"{escape(item.reason)}\n[bold]{escape(item.next)}[/]")
    for name, sha256 in zip(item.files, item.sha256s, strict=True):
        _out.print(f"  {escape(name)}  {escape(home / 'blobs' / sha256)}", style="dim")
    if item.decision:
        _out.print(escape(item.decided))
    elif item.kind in RELEASABLE:
        _out.print(
            f"Released with `probatum quarantine release {escape(item.id)} --why …`, kept out with `probatum quarantine reject`."
        )


def _files(names: Sequence[str]) -> str:
    return f"{names[0]} and {len(names) - 1} more" if len(names) > 1 else "".join(names)


def plan(value: "Plan", as_json: bool) -> None:
    if as_json:
        json_line(asdict(value))
        return
    _out.print(
        f"[bold]{escape(value.source)}[/] {escape(value.release)} (in force from {escape(value.valid_from)}), from {escape(value.origin)}"
    )
    _out.print(f"  fetch   {value.files} files, {value.size_bytes / 1e6:.1f} MB")
    if value.serves:
        _out.print("  It serves already: there is nothing to do.")
        return
    _out.print(
        f"  write   {value.added:,} documents new, {value.changed:,} changed, {value.removed:,} removed, {value.unchanged:,} unchanged"
    )
    _out.print(f"  encode  {value.texts_to_encode:,} of {value.texts:,} texts")
    for item in value.unreadable:
        _out.print(f"  [yellow]cannot be read: {escape(item)}[/]")
