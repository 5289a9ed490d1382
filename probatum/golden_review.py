"""Reviewing golden questions: what waits, what needs another look, and what becomes of it.

    review(settings)["icd10"]      what no longer stands, drafts of new documents, questions owners proposed
    approve(settings, "d-1f0c22aa90", question="…", slice="lay", severity="routine", rationale="…", role="coding lead", …)
    retire(settings, "icd10-lay-001", why="…", role="coding lead", …)

A question becomes golden only in words that a person wrote, about a document that serves, with its anchor standing in
it, once, and with who reviewed it and why. One whose document was withdrawn is listed for review and never dropped.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

from pydantic import ValidationError

from probatum import digests
from probatum import proposals as queue
from probatum.decisions import decisions_of, record
from probatum.drafts import Draft, Drafts
from probatum.errors import Misconfigured, Rejected
from probatum.golden import Expected, GoldenQuestion, digest_of, read_golden
from probatum.golden_files import GoldenFiles
from probatum.phi import ClinicalNames, find_identifiers
from probatum.proposals import Proposal
from probatum.release import Manifest, Releases
from probatum.screening import clinical_names
from probatum.settings import Settings
from probatum.standing import Standing, squeezed

_NOTHING = "Nothing was changed."
_LEAST_WORDS = 2  # fewer is a name, and how users ask for a name is asked by every other question
_SLICE = re.compile(r"[a-z][a-z0-9-]{1,30}")  # it is part of the question's id
_REVIEW_FIRST = "Run `probatum golden review` for what waits."


@dataclass(frozen=True)
class Review:
    """What waits for a person, of one source. needs_review: {id of a golden question: why nothing it expects stands}.

    titles: {document: its title}, of the drafts.
    """

    source: str
    needs_review: Mapping[str, str]
    drafts: tuple[Draft, ...]
    proposals: tuple[Proposal, ...]
    titles: Mapping[str, str]


def review(chosen: Settings, source: str | None = None) -> list[Review]:
    """Everything that waits, by source. Raises Rejected for a source that is not served."""
    desk = _Desk(chosen)
    Drafts(chosen.home).look()
    return [desk.review(name) for name in desk.sources(source)]


def listed(chosen: Settings, source: str | None = None) -> dict[str, list[dict]]:
    """{source: its golden questions as they are written}"""
    files = GoldenFiles(chosen.home, chosen.expectations)
    return {name: files.questions(name) for name in files.sources() if source in (None, name)}


def show(chosen: Settings, identity: str) -> dict:
    """A golden question, a retired one, a proposal or a draft in full, with the titles of the documents it is about."""
    desk = _Desk(chosen)
    for name, questions in listed(chosen).items():
        for line in questions:
            if line["id"] == identity:
                documents = [each.get("document", "") for each in line.get("expects", ())]
                return {"kind": "golden"} | line | desk.titles(name, documents)
        for line in desk.files.retired(name):
            if line["id"] == identity:
                return {"kind": "retired"} | line
    waiting = desk.waiting(identity)
    kind = "draft" if isinstance(waiting, Draft) else "proposal"
    said = {"prompt": waiting.prompt} if isinstance(waiting, Draft) else {}
    about = [desk.expected(waiting).get("document", "")]
    return {"kind": kind} | vars(waiting) | said | desk.titles(waiting.source, about)


def edit(chosen: Settings, identity: str, question: str, *, actor: str) -> Draft | Proposal:
    """Keep the words of a draft or a proposal, for somebody to review. Raises Rejected for words that cannot be kept."""
    desk = _Desk(chosen)
    waiting = desk.waiting(identity)
    desk.must_be_a_question(waiting, question)
    if isinstance(waiting, Draft):
        Drafts(chosen.home).write(waiting, question, by=actor)
    else:
        queue.change(chosen.home, waiting, question=question)
    return desk.waiting(identity)


def propose(chosen: Settings, source: str, question: str, *, document: str, actor: str) -> Proposal:
    """Put a question into the queue of a source, about a document or about nothing yet."""
    desk = _Desk(chosen)
    desk.sources(source)
    proposal = queue.proposal_of(source, " ".join(question.split()), document, file="", owner=actor)
    desk.must_be_a_question(proposal, proposal.question)
    desk.must_be_about_something(proposal)
    queue.add(chosen.home, source, [proposal])
    return proposal


def approve(
    chosen: Settings,
    identity: str,
    *,
    actor: str,
    role: str,
    rationale: str,
    slice: str,
    severity: str,
    question: str = "",
    document: str = "",
    family: str = "",
    section: str = "",
    anchor: str = "",
    release: str = "",
) -> GoldenQuestion:
    """Make a draft or a proposal a golden question. Raises Rejected for what cannot be one, with what is missing."""
    desk = _Desk(chosen)
    waiting = desk.waiting(identity)
    words = " ".join((question or waiting.question).split())
    desk.must_be_a_question(waiting, words)
    meant = desk.expected(waiting)
    expected = {
        "document": document or ("" if family else meant.get("document", "")),
        "family": family,
        "section": section or meant.get("section", ""),
        "anchor": anchor,
    }
    made = _golden(waiting, words, expected, slice, severity, rationale, role, release)
    desk.must_stand(made)
    desk.must_be_new(made)
    before = desk.digest(made.source)
    desk.files.add(made, actor=actor, role=role, item=identity, set_before=before, set_after=desk.digest_with(made))
    if isinstance(waiting, Proposal):
        queue.change(chosen.home, waiting, status=queue.APPROVED, actor=actor, why=rationale, at=_now())
    return made


def decline(chosen: Settings, identity: str, *, actor: str, why: str) -> Draft | Proposal:
    """Take a draft or a proposal off the list, with a reason."""
    if not why.strip():
        raise Misconfigured("--why is empty.", safe="Nothing was decided.", next="Say in one sentence why.")
    waiting = _Desk(chosen).waiting(identity)
    with decisions_of(chosen.home):
        at = _now()
        if isinstance(waiting, Draft):
            Drafts(chosen.home).decline(waiting, actor=actor, why=why, at=at)
        else:
            queue.change(chosen.home, waiting, status=queue.DECLINED, actor=actor, why=why, at=at)
        record(chosen.home, "golden-decline", actor=actor, item=identity, why=why, at=at)
    return waiting


def retire(chosen: Settings, question: str, *, actor: str, why: str, role: str) -> dict:
    """Take a golden question out of the set, with a reason and a role. Raises Rejected for an unknown one."""
    for what, said in (("--why", why), ("--role", role)):
        if len(said.strip()) < 3:
            raise Misconfigured(
                f"{what} is empty or too short.",
                safe=_NOTHING,
                next=f"Say it in words, with {what} …: it stays on record.",
            )
    desk = _Desk(chosen)
    found = [name for name, lines in listed(chosen).items() if any(line["id"] == question for line in lines)]
    if not found:
        raise Rejected(
            f"There is no golden question {question!r}.", safe=_NOTHING, next="Run `probatum golden list` for all."
        )
    before, after = desk.digest(found[0]), desk.digest_without(found[0], question)
    return desk.files.retire(
        found[0], question, reason=why, role=role, day=date.today().isoformat(), actor=actor,
        set_before=before, set_after=after,
    )  # fmt: skip


class _Desk:
    """The golden questions beside what serves, read once."""

    def __init__(self, chosen: Settings):
        self._chosen = chosen
        self.files = GoldenFiles(chosen.home, chosen.expectations)
        self.files.settle()
        serving = Releases(chosen.home).current()
        if serving is None:
            raise Misconfigured(
                "No release has been published yet.", safe=_NOTHING, next="Run `probatum refresh --all`."
            )
        self._serving: Manifest = serving
        self._standing: dict[str, Standing] = {}

    def sources(self, source: str | None = None) -> list[str]:
        if source is not None and source not in self._serving.sources:
            raise Rejected(
                f"Release {self._serving.id} has no source {source!r}.",
                safe=_NOTHING,
                next=f"Sources: {', '.join(self._serving.sources)}.",
            )
        return [source] if source else list(self._serving.sources)

    def review(self, source: str) -> Review:
        standing, release = self._of(source), self._serving.sources[source].release
        holding = [line for line in self.files.questions(source) if line.get("release", "") in ("", release)]
        problems = {line["id"]: standing.problems([Expected(**e) for e in line.get("expects", ())]) for line in holding}
        drafts = tuple(self._drafts(source))
        return Review(
            source,
            {i: "; ".join(said) for i, said in problems.items() if said},
            drafts,
            tuple(self._proposals(source)),
            self.titles(source, [draft.document for draft in drafts])["titles"],
        )

    def waiting(self, identity: str) -> Draft | Proposal:
        """What waits under this id. Raises Rejected for anything else."""
        for source in self.sources():
            for each in (*self._proposals(source), *self._drafts(source)):
                if each.id == identity:
                    return each
        raise Rejected(f"Nothing called {identity!r} waits for review.", safe=_NOTHING, next=_REVIEW_FIRST)

    def expected(self, waiting: Draft | Proposal) -> dict[str, str]:
        """The document, and the section of it, that a draft or a proposal is about, as far as can be told."""
        if isinstance(waiting, Draft):
            return {"document": waiting.document}
        standing = self._of(waiting.source)
        if waiting.expected in standing:
            return {"document": waiting.expected}
        of_file = standing.of_file(waiting.file)
        return {"document": of_file[0], "section": waiting.expected} if len(of_file) == 1 else {}

    def titles(self, source: str, documents: list[str]) -> dict[str, dict[str, str]]:
        """{"titles": {document: title}} of those that serve."""
        rows = self._of(source).rows([i for i in documents if i]) if source in self._serving.sources else {}
        return {"titles": {i: row["title"] for i, row in rows.items()}}

    def must_be_a_question(self, waiting: Draft | Proposal, words: str) -> None:
        """Raise Rejected for what no person asked: nothing, a prompt, a title, and for what names a patient."""
        kind = "draft" if isinstance(waiting, Draft) else "proposal"
        if len(words.split()) < _LEAST_WORDS:
            raise Rejected(
                f"The {kind} {waiting.id} has no question yet.",
                safe=_NOTHING,
                next=f'Write how a user would ask: `probatum golden edit {waiting.id} --question "…"`.',
            )
        rows = self._of(waiting.source).rows([waiting.document]) if isinstance(waiting, Draft) else {}
        templates = {squeezed(row["title"]) for row in rows.values()}
        templates |= {squeezed(waiting.prompt)} if isinstance(waiting, Draft) else set()
        if squeezed(words) in templates:
            raise Rejected(
                f"The question of {waiting.id} is the title of its document, or the prompt.",
                safe=_NOTHING,
                next="Write how a user would ask, in a user's words.",
            )
        names = ClinicalNames.load(clinical_names(self._chosen.home, self._serving))
        if find_identifiers(words, names):
            raise Rejected(
                f"The question of {waiting.id} seems to name a patient.", safe=_NOTHING, next="Ask it of no patient."
            )

    def must_be_about_something(self, proposal: Proposal) -> None:
        """Raise Rejected where a document is named that does not serve."""
        if proposal.expected and proposal.expected not in self._of(proposal.source):
            raise Rejected(
                f"No document of {proposal.source} that serves is called {proposal.expected!r}.",
                safe=_NOTHING,
                next="Take its id from `probatum search`, or propose the question without one.",
            )

    def must_stand(self, made: GoldenQuestion) -> None:
        if problems := self._of(made.source).problems(made.expects):
            raise Rejected(
                f"What the question expects does not stand: {'; '.join(problems)}.",
                safe=_NOTHING,
                next="Name a document of what serves, and quote words that stand in it.",
            )

    def must_be_new(self, made: GoldenQuestion) -> None:
        """Raise Rejected when the same is asked already, whatever its capitals and blanks."""
        for line in self.files.questions(made.source):
            same_release = "" in (made.release, line.get("release", "")) or made.release == line.get("release", "")
            if line["id"] == made.id or (
                same_release and squeezed(line.get("question", "")) == squeezed(made.question)
            ):
                raise Rejected(
                    f"{made.source} asks this already, as {line['id']}.", safe=_NOTHING, next="Ask it in other words."
                )

    def digest(self, source: str) -> str:
        """Of the set as the next audit would name it."""
        return digest_of(self._golden(source))

    def digest_with(self, made: GoldenQuestion) -> str:
        holds = made.release in ("", self._serving.sources[made.source].release)
        return digest_of([*self._golden(made.source), *([made] if holds else [])])

    def digest_without(self, source: str, question: str) -> str:
        return digest_of([each for each in self._golden(source) if each.id != question])

    def _golden(self, source: str) -> list[GoldenQuestion]:
        state = self._serving.sources.get(source)
        return read_golden(self._chosen.expectations, source, state.release if state else "")

    def _drafts(self, source: str) -> list[Draft]:
        expects = [each for line in self.files.questions(source) for each in line.get("expects", ())]
        asked = {key: {each[key] for each in expects if each.get(key)} for key in ("document", "family")}
        return Drafts(self._chosen.home).open(source, self._of(source).ids, asked)

    def _proposals(self, source: str) -> list[Proposal]:
        asked = {squeezed(line.get("question", "")) for line in self.files.questions(source)}
        waiting = [p for p in queue.proposals(self._chosen.home, source) if p.status == queue.WAITING]
        return [p for p in waiting if squeezed(p.question) not in asked]

    def _of(self, source: str) -> Standing:
        if source not in self._standing:
            self._standing[source] = Standing(self._chosen.home, self._serving.sources[source])
        return self._standing[source]


def _golden(
    waiting: Draft | Proposal,
    words: str,
    expected: dict[str, str],
    slice: str,
    severity: str,
    rationale: str,
    role: str,
    release: str,
) -> GoldenQuestion:
    """The question with an id that its words and what it expects decide."""
    if not (expected["document"] or expected["family"]):
        raise Rejected(
            f"Nobody can tell which document {waiting.id} is about.", safe=_NOTHING, next="Name it with --document."
        )
    key = digests.of_json([waiting.source, squeezed(words), expected, release])[:8]
    if not _SLICE.fullmatch(slice):
        raise Rejected(
            f"{slice!r} names no slice.", safe=_NOTHING, next="Give it a short name in small letters, such as lay."
        )
    try:
        return GoldenQuestion(
            id=f"{waiting.source}-{slice}-{key}",
            source=waiting.source,
            slice=slice,
            question=words,
            expects=(Expected(**expected),),
            severity=severity,
            rationale=rationale,
            role=role,
            reviewed_on=date.today(),
            release=release,
        )
    except ValidationError as error:
        wrong = ", ".join(sorted({".".join(map(str, e["loc"])) or "what it expects" for e in error.errors()}))
        raise Rejected(
            f"The question cannot be approved: {wrong} will not do.",
            safe=_NOTHING,
            next="Severity is routine or critical; rationale and role are words; name a document or a family, not both.",
        ) from None


def _now() -> str:
    return datetime.now(UTC).isoformat()
