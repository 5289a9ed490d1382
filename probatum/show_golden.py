"""What the commands of golden questions print: for people on a terminal, or one JSON object a line for machines."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from probatum.show import escape, json_line

if TYPE_CHECKING:
    from probatum.drafts import Draft
    from probatum.golden import GoldenQuestion
    from probatum.golden_review import Review
    from probatum.proposals import Proposal

_out = Console(highlight=False, soft_wrap=True, emoji=False)
_DRAFTS_SHOWN = 5


def questions(found: Mapping[str, Sequence[Mapping]], as_json: bool, *, in_full: bool) -> None:
    """Counts by source and slice; in_full: every question as well."""
    if as_json:
        for line in (line for lines in found.values() for line in lines):
            json_line(line)
        return
    table = Table("source", "slice", "questions", "critical", title="Golden questions")
    for source, lines in found.items():
        counts = Counter(line.get("slice", "") for line in lines)
        critical = Counter(line.get("slice", "") for line in lines if line.get("severity") == "critical")
        for part in sorted(counts):
            table.add_row(escape(source), escape(part), str(counts[part]), str(critical[part]))
        table.add_row(escape(source), "all", str(len(lines)), str(critical.total()), style="bold")
    _out.print(table)
    for line in (line for lines in found.values() for line in lines) if in_full else ():
        critical = " [red]critical[/]" if line.get("severity") == "critical" else ""
        _out.print(f"[bold]{escape(line['id'])}[/]{critical}  {escape(line.get('question', ''))}")


def review(found: Sequence["Review"], as_json: bool) -> None:
    if as_json:
        for each in found:
            json_line(
                {
                    "source": each.source,
                    "needs_review": dict(each.needs_review),
                    "proposals": [asdict(p) for p in each.proposals],
                    "drafts": [_draft(d, each) for d in each.drafts],
                }
            )
        return
    for each in found:
        _out.print(
            f"[bold]{escape(each.source)}[/]: {len(each.needs_review)} need another look, {len(each.proposals)} proposed, {len(each.drafts)} drafts"
        )
        for identity, why in each.needs_review.items():
            _out.print(
                f"  [yellow]{escape(identity)}[/]: {escape(why)}. Mend what it expects, or `probatum golden retire` it."
            )
        for proposal in each.proposals:
            _out.print(f"  {escape(proposal.id)}  {escape(proposal.question)}  {_from(proposal)}")
        for draft in each.drafts[:_DRAFTS_SHOWN]:
            _out.print(f"  {escape(draft.id)}  {escape(draft.question or draft.prompt)}")
        if len(each.drafts) > _DRAFTS_SHOWN:
            _out.print(
                f"  … {len(each.drafts) - _DRAFTS_SHOWN} more: `probatum golden drafts --source {escape(each.source)}`"
            )


def drafts(found: Sequence["Review"], as_json: bool) -> None:
    every = [(draft, each) for each in found for draft in each.drafts]
    for draft, each in every:
        if as_json:
            json_line(_draft(draft, each))
            continue
        written = f"{escape(draft.question)}  [dim]written by {escape(draft.written_by)}[/]" if draft.question else ""
        title = escape(each.titles[draft.document])
        _out.print(
            f"[bold]{escape(draft.id)}[/]  {escape(draft.source)}, since release {escape(draft.release)}: {title}"
        )
        _out.print(f"   {escape(draft.prompt)}")
        _out.print(f"   question: {written or '(none yet)'}")
    if not every and not as_json:
        _out.print("No draft waits: everything that came since the first release is asked for, or was declined.")


def one(value: Mapping, as_json: bool) -> None:
    if as_json:
        json_line(value)
        return
    for key, said in value.items():
        if said and key != "titles":
            _out.print(f"[bold]{escape(key)}[/]: {escape(said)}")
    for document, title in value.get("titles", {}).items():
        _out.print(f"[bold]{escape(document)}[/]: {escape(title)}")
    if value["kind"] == "draft" and not value["question"]:
        _out.print(f'Write it with `probatum golden edit {escape(value["id"])} --question "…"`.')


def waiting(item: "Draft | Proposal", as_json: bool) -> None:
    if as_json:
        json_line(asdict(item))
    else:
        _out.print(
            f"{escape(item.id)} waits for review. `probatum golden approve {escape(item.id)} --slice … --severity … --role … --rationale …` makes it golden."
        )


def approved(made: "GoldenQuestion", as_json: bool) -> None:
    if as_json:
        json_line(made.model_dump(mode="json", exclude_defaults=True))
        return
    _out.print(f"[green]{escape(made.id)} is a golden question of {escape(made.source)}.[/] The next audit asks it.")
    if made.critical:
        _out.print("It is critical: no release is published that does not answer it. `probatum audit` asks it now.")


def done(identity: str, what: str, as_json: bool) -> None:
    if as_json:
        json_line({"id": identity, "done": what})
    else:
        _out.print(f"{escape(identity)} is {what}.")


def _draft(draft: "Draft", review: "Review") -> dict:
    return asdict(draft) | {"title": review.titles[draft.document], "prompt": draft.prompt}


def _from(proposal: "Proposal") -> str:
    """Where a proposal came from, dimmed."""
    about = f"about {proposal.file}" if proposal.file else ""
    said = ", ".join(part for part in (proposal.owner, about, proposal.expected) if part)
    return f"[dim]{escape(said)}[/]" if said else ""
