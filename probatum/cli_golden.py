"""The commands of golden questions: those that gate a release, and what people do with them: write, review, approve, retire."""

import getpass
from typing import Annotated

import typer

from probatum import show_golden
from probatum.settings import settings

golden = typer.Typer(no_args_is_help=True, help="The questions a release must answer: review, approve, retire.")

Json = Annotated[bool, typer.Option("--json", help="Print for machines.")]
SourceOption = Annotated[str | None, typer.Option("--source", "-s", help="One source; without it, all.")]
Item = Annotated[str, typer.Argument(help="The id of a draft (d-…) or of a proposal (p-…).")]
Question = Annotated[str, typer.Option("--question", "-q", help="In a user's words; without it, as it waits.")]
Role = Annotated[str, typer.Option("--role", help="Whose judgement this is, such as coding lead.")]
Document = Annotated[str, typer.Option("--document", help="The id of the document that answers.")]


@golden.command("list")
def list_questions(source: SourceOption = None, json: Json = False) -> None:
    """How many golden questions there are, by source and slice; of one source, all of them."""
    from probatum.golden_review import listed

    show_golden.questions(listed(settings(), source), json, in_full=source is not None)


@golden.command()
def review(source: SourceOption = None, json: Json = False) -> None:
    """What waits for a person: questions whose document or anchor is gone, proposals of owners, drafts."""
    from probatum import golden_review

    show_golden.review(golden_review.review(settings(), source), json)


@golden.command()
def drafts(source: SourceOption = None, json: Json = False) -> None:
    """Documents that came with a release and that nobody asks for yet: prompts to write a question, never questions."""
    from probatum import golden_review

    show_golden.drafts(golden_review.review(settings(), source), json)


@golden.command()
def show(
    identity: Annotated[str, typer.Argument(help="The id of a golden question, a retired one, a draft or a proposal.")],
    json: Json = False,
) -> None:
    """One of them in full, with the titles of the documents it is about."""
    from probatum import golden_review

    show_golden.one(golden_review.show(settings(), identity), json)


@golden.command()
def edit(
    item: Item,
    question: Annotated[str, typer.Option("--question", "-q", help="How a user would ask, in a user's words.")],
    json: Json = False,
) -> None:
    """Write the question of a draft, or other words for a proposal, for somebody to review."""
    from probatum import golden_review

    show_golden.waiting(golden_review.edit(settings(), item, question, actor=getpass.getuser()), json)


@golden.command()
def propose(
    source: Annotated[str, typer.Argument(help="The source that should answer.")],
    question: Annotated[str, typer.Option("--question", "-q", help="How a user would ask, in a user's words.")],
    document: Document = "",
    json: Json = False,
) -> None:
    """Put a question into the queue for somebody to review."""
    from probatum import golden_review

    proposed = golden_review.propose(settings(), source, question, document=document, actor=getpass.getuser())
    show_golden.waiting(proposed, json)


@golden.command()
def approve(
    item: Item,
    role: Role,
    severity: Annotated[str, typer.Option("--severity", help="routine, or critical: one lost stops a release.")],
    slice_: Annotated[str, typer.Option("--slice", help="The kind of question, such as lay.")],
    rationale: Annotated[str, typer.Option("--rationale", help="Why this document answers it.")],
    question: Question = "",
    document: Document = "",
    family: Annotated[str, typer.Option("--family", help="Instead: any document whose id begins so.")] = "",
    section: Annotated[str, typer.Option("--section", help="For people; the anchor decides.")] = "",
    anchor: Annotated[str, typer.Option("--anchor", help="Words of the document that must be in the hit.")] = "",
    release: Annotated[str, typer.Option("--release", help="Only of this release of the source.")] = "",
    json: Json = False,
) -> None:
    """Make a draft or a proposal a golden question: from the next audit on it has to be answered."""
    from probatum import golden_review

    made = golden_review.approve(
        settings(),
        item,
        actor=getpass.getuser(),
        role=role,
        rationale=rationale,
        slice=slice_,
        severity=severity,
        question=question,
        document=document,
        family=family,
        section=section,
        anchor=anchor,
        release=release,
    )
    show_golden.approved(made, json)


@golden.command()
def decline(
    item: Item,
    why: Annotated[str, typer.Option("--why", help="One sentence for the journal; no content of a document.")],
    json: Json = False,
) -> None:
    """Take a draft or a proposal off the list."""
    from probatum import golden_review

    golden_review.decline(settings(), item, actor=getpass.getuser(), why=why)
    show_golden.done(item, "declined", json)


@golden.command()
def retire(
    question: Annotated[str, typer.Argument(help="The id of a golden question.")],
    role: Role,
    why: Annotated[str, typer.Option("--why", help="Why nobody should have to answer it any more.")],
    json: Json = False,
) -> None:
    """Take a golden question out of the set. It is kept, with the reason, in expectations/retired."""
    from probatum import golden_review

    golden_review.retire(settings(), question, actor=getpass.getuser(), why=why, role=role)
    show_golden.done(question, "retired", json)
