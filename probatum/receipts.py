"""Receipts: what became of every file in a drop zone, for its owner, who never needs Prefect to know.

    receipts/sepsis.pdf/<version>.json   {"file": "sepsis.pdf", "status": "served", "release": "2026-11-20.1", "parsed": {…}, …}
    receipts/sepsis.pdf/latest.html      the same to read; receipts/index.html lists them all

A receipt says that the file was received; what was read in it and what was left aside; its passages, with a look at
some and what differs from the version before; whether it is served, in which release, or why not and what to do; and
which golden questions it newly answers or no longer does. It is worked out from what the steps of a refresh left in the
home, and written again only when it says something else.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from functools import cached_property

from probatum import pipeline
from probatum.audit import read_report
from probatum.dropzone import Dropped
from probatum.errors import ProbatumError, Rejected
from probatum.golden import GoldenQuestion, read_golden
from probatum.quarantine import OF_FILES, RELEASED, Quarantine, Quarantined
from probatum.reading import Parsed
from probatum.records import Document
from probatum.release import Manifest, Releases, SourceState, today
from probatum.settings import Settings
from probatum.tables import open_table

_PREVIEWS, _PREVIEW_CHARACTERS = 3, 240
_DOCUMENTS_NAMED = 20


@dataclass(frozen=True)
class Run:
    """What a refresh of one source did, by ids. refused: {"reason", "next"}."""

    of: object  # the source: its name, and whether its files stand alone
    snapshot: str = ""
    parsed: str = ""
    state: str = ""
    candidate: str = ""
    release: str = ""
    refused: Mapping[str, str] = field(default_factory=dict)
    held: bool = False


@dataclass(frozen=True)
class Receipt:
    """See the module. status: served, staged, waiting, refused, left out, described (it is about another file), "deleted, still served" or gone."""

    file: str
    version: str
    size: int
    sha256: str
    modified: str
    status: str
    summary: str
    next: str = ""
    case: str = ""  # in quarantine
    release: str = ""
    source: str = ""
    source_release: str = ""
    documents: Sequence[Mapping] = ()  # {"id", "title", "version", "effective"}
    parsed: Mapping = field(
        default_factory=dict
    )  # {"documents", "pages", "sections", "tables", "words", "dropped", "flags"}
    passages: Mapping = field(
        default_factory=dict
    )  # {"count", "new", "gone", "same", "preview": [{"section", "page", "text"}]}
    newly_answered: Sequence[Mapping] = ()  # golden questions, {"id", "question"}
    no_longer_answered: Sequence[Mapping] = ()
    proposed_questions: Mapping = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> dict:
        return asdict(self)


def receipts_of(chosen: Settings, objects: Iterable[Dropped], run: Run) -> list[Receipt]:
    """A receipt for every object in the drop zone, after a run."""
    facts = _Facts(chosen, run)
    return [_receipt(facts, each) for each in objects]


def _receipt(facts: "_Facts", each: Dropped) -> Receipt:
    about = {
        "file": each.key,
        "version": each.version,
        "size": each.size,
        "sha256": each.sha256,
        "modified": each.modified,
        "source": facts.run.of.name,
        "tags": dict(each.tags or {}),
    }
    if each.left_out:
        return Receipt(**about, status="left out", summary=each.left_out)
    if each.is_alongside:
        if case := facts.case_beside(each):
            return Receipt(**about, status="refused", summary=case.reason, next=case.advice, case=case.id)
        return Receipt(**about, status="described", summary="It describes other files and holds no document.")
    if each.name not in facts.files and facts.run.snapshot:
        return Receipt(
            **about,
            status="left out",
            summary="Its ending is none that is read here.",
            next=f"Save it as one of the formats that are read for {facts.run.of.name}.",
        )
    there = facts.by_file.get(each.name, [])
    read = [document for document in there if document.sha256 == each.sha256] if facts.run.of.per_file else there
    if not read and (case := facts.case_of(each)):
        still = " The version before still serves." if there else " It is left out."
        return Receipt(**about, status="refused", summary=case.reason + still, next=case.advice, case=case.id)
    about |= {"parsed": _parsed(facts, read), "documents": _named(read), "passages": _passages(facts, read)}
    serves = facts.serves(each)
    if facts.run.refused and not serves:
        said = facts.run.refused
        return Receipt(**about, status="refused", summary=said["reason"], next=said["next"], **facts.golden(read))
    if facts.run.held and not serves:
        return Receipt(
            **about,
            status="waiting",
            summary="It passed its audit and waits for somebody to publish it.",
            **facts.golden(read),
        )
    if facts.serving is None or not serves:
        return Receipt(**about, status="left out", **facts.why_not_current(each))
    state = facts.serving.sources[facts.run.of.name]
    if state.valid_from > today():
        return Receipt(
            **about,
            status="staged",
            summary=f"It passed its audit in release {facts.serving.id} and takes force on {state.valid_from}.",
            release=facts.serving.id,
            source_release=state.release,
        )
    return Receipt(
        **about,
        status="served",
        summary=f"It is served since release {facts.serving.id}.",
        release=facts.serving.id,
        source_release=state.release,
        **facts.golden(read),
    )


def gone(before: Mapping, serving: Manifest | None, *, still_served: bool, now_called: str = "") -> Receipt:
    """A receipt of a file that was deleted; before: the one it had. It is gone when nothing that serves was made from it."""
    kept = {
        key: before[key] for key in ("file", "version", "size", "sha256", "modified", "source", "documents", "tags")
    }
    release = serving.id if serving else ""
    if now_called:
        return Receipt(**kept, status="gone", summary=f"It is called {now_called} now.")
    if still_served:
        return Receipt(
            **kept,
            status="deleted, still served",
            summary=f"It was deleted from the drop zone, but release {release} still serves it: no refresh has been published since.",
            next="See why the last refresh was refused in the receipts of the other files, or ask who runs it.",
            release=release,
        )
    since = f" Release {release} serves without it." if release else ""
    return Receipt(**kept, status="gone", summary=f"It was deleted from the drop zone.{since}")


def served_bytes(chosen: Settings, of: object) -> set[str]:
    """The digests of the files that what serves of a source was made from."""
    return _Facts(chosen, Run(of=of))._served


@dataclass(frozen=True)
class _Facts:
    """What the steps of a run left in the home, read once for all files."""

    chosen: Settings
    run: Run

    @cached_property
    def files(self) -> set[str]:
        snapshot = (
            pipeline.snapshot_files(self.chosen, self.run.of.name, self.run.snapshot) if self.run.snapshot else ()
        )
        return {file.name for file in snapshot}

    @cached_property
    def by_file(self) -> dict[str, list[Document]]:
        """{file: its documents}; a member of an archive counts for the archive."""
        found: dict[str, list[Document]] = defaultdict(list)
        for document in self._documents:
            name = document.file if document.file in self.files else document.file.partition("/")[0]
            found[next((f for f in self.files if document.file.startswith(f"{f}/")), name)].append(document)
        return dict(found)

    def serves(self, each: Dropped) -> bool:
        """Whether what serves was made from these very bytes."""
        return each.sha256 in self._served

    @cached_property
    def _served(self) -> set[str]:
        state = self.serving.sources.get(self.run.of.name) if self.serving else None
        if state is None:
            return set()
        taken = {file.sha256 for file in pipeline.snapshot_files(self.chosen, self.run.of.name, state.snapshot)}
        if not self.run.of.per_file:
            return taken
        table = open_table(self.chosen.home / "lance", state.documents.name, state.documents.version)
        return taken & set(table.read(["sha256"])["sha256"].to_pylist())

    def case_of(self, each: Dropped) -> Quarantined | None:
        """The last case in quarantine that these very bytes are in and nobody released."""
        found = [c for c in self._cases if each.sha256 in (c.sha256s[:1] if self.run.of.per_file else c.sha256s)]
        return found[-1] if found else None

    def case_beside(self, each: Dropped) -> Quarantined | None:
        """The last case whose reason is this very file, which describes another: a sidecar that says what cannot be."""
        found = [c for c in self._cases if each.sha256 in c.sha256s[1:] and c.reason.startswith(each.name)]
        return found[-1] if found else None

    def why_not_current(self, each: Dropped) -> dict[str, str]:
        """{"summary", "next"} of a file that was read and of which nothing is served."""
        if by := self._superseded_by(each):
            return {"summary": f"It is superseded by {by}.", "next": "Nothing is to be done, unless that is wrong."}
        return {
            "summary": "It is marked withdrawn or superseded.",
            "next": "Nothing is to be done, unless its sidecar, its tags or release.toml are wrong.",
        }

    def _superseded_by(self, each: Dropped) -> str:
        mine = {document.id for document in self._all_documents if document.sha256 == each.sha256}
        return next((new for old, new in self._settled[1].items() if old in mine), "")

    @cached_property
    def _cases(self) -> list[Quarantined]:
        cases = Quarantine(self.chosen.home).ever()
        return [c for c in cases if c.source == self.run.of.name and c.decision != RELEASED and c.kind in OF_FILES]

    @cached_property
    def serving(self) -> Manifest | None:
        return Releases(self.chosen.home).current()

    @cached_property
    def before(self) -> Manifest | None:
        """What served before this run."""
        if self.run.release and self.serving and self.serving.id == self.run.release:
            return Releases(self.chosen.home).read(self.serving.parent) if self.serving.parent else None
        return self.serving

    @cached_property
    def dropped(self) -> dict[str, int]:
        return (
            pipeline.read_parsed(self.chosen, self.run.of.name, self.run.parsed).get("dropped", {})
            if self.run.parsed
            else {}
        )

    @cached_property
    def passages_now(self) -> dict[str, dict[str, dict]]:
        state = pipeline.read_state(self.chosen, self.run.state) if self.run.state else None
        if state is None and self.serving:
            state = self.serving.sources.get(self.run.of.name)
        return self._passages(state)

    @cached_property
    def passages_before(self) -> dict[str, dict[str, dict]]:
        return self._passages(self.before.sources.get(self.run.of.name) if self.before else None)

    def golden(self, read: Sequence[Document]) -> dict[str, list[dict]]:
        """The golden questions these documents newly answer, or keep from being answered as before."""
        ids = {document.id for document in read}
        newly, lost = [], []
        for question in self._questions:
            now, then = self._answers_now.get(question.id), self._answers_before.get(question.id)
            if now is None:
                continue
            expected = any(
                e.document in ids or (e.family and any(i.startswith(e.family) for i in ids)) for e in question.expects
            )
            told = {"id": question.id, "question": question.question}
            if now.answered and expected and not (then and then.answered):
                newly.append(told)
            elif not now.answered and then and then.answered and (expected or ids & set(now.top)):
                lost.append(told)
        return {"newly_answered": newly, "no_longer_answered": lost}

    @property
    def _documents(self) -> list[Document]:
        return self._settled[0]

    @cached_property
    def _all_documents(self) -> list[Document]:
        if not self.run.parsed:
            return []
        described = pipeline.read_parsed(self.chosen, self.run.of.name, self.run.parsed)
        return Parsed(tuple(self.chosen.home / path for path in described["paths"]), (), ()).documents()

    @cached_property
    def _settled(self) -> tuple[list[Document], dict[str, str]]:
        """(the documents as they are known, {id of one that is left out: id of what supersedes it})."""
        try:
            return pipeline.as_known(self.chosen, self.run.of, self._all_documents, date.max)
        except Rejected:  # they supersede each other in a circle, which the run was refused for
            return self._all_documents, {}

    def _passages(self, state: SourceState | None) -> dict[str, dict[str, dict]]:
        """{document: {passage: its first row}}"""
        if state is None:
            return {}
        table = open_table(self.chosen.home / "lance", state.texts.name, state.texts.version)
        found: dict[str, dict[str, dict]] = defaultdict(dict)
        for row in table.read(["document_id", "chunk_id", "section", "page", "start", "end"]).to_pylist():
            found[row["document_id"]].setdefault(row["chunk_id"], row)
        return found

    @cached_property
    def _questions(self) -> list[GoldenQuestion]:
        state = self.serving.sources.get(self.run.of.name) if self.serving else None
        return read_golden(self.chosen.expectations, self.run.of.name, state.release if state else "")

    @cached_property
    def _answers_now(self) -> dict:
        return self._answers(self.run.candidate)

    @cached_property
    def _answers_before(self) -> dict:
        return self._answers(self.before.candidate if self.before else "")

    def _answers(self, candidate: str) -> dict:
        if not candidate:
            return {}
        try:
            audit = read_report(self.chosen.home, candidate).sources.get(self.run.of.name)
        except ProbatumError:  # a run that ended before its audit has none
            return {}
        return {q.id: q for q in audit.questions} if audit else {}


def _parsed(facts: _Facts, read: Sequence[Document]) -> dict:
    if not read:
        return {}
    dropped: dict[str, int] = defaultdict(int)
    flags: dict[str, int] = defaultdict(int)
    for document in read:
        for what, count in document.meta.get("dropped", {}).items():
            dropped[what] += count
        for what, count in document.meta.get("flags", {}).items():
            flags[what] += count
    if len(facts.by_file) == 1:  # what was left aside is counted for the whole release
        dropped.update(facts.dropped)
    sections = {(d.id, block.section) for d in read for block in d.blocks if block.section}
    return {
        "documents": len(read),
        "pages": sum(d.meta.get("pages") or 0 for d in read),
        "sections": len(sections),
        "tables": sum(d.meta.get("tables") or 0 for d in read),
        "words": sum(len(d.text.split()) for d in read),
        "dropped": dict(sorted(dropped.items())),
        "flags": dict(sorted(flags.items())),
    }


def _named(read: Sequence[Document]) -> list[dict]:
    return [
        {"id": d.id, "title": d.title, "version": str(d.meta.get("version") or ""), "effective": d.valid_from}
        for d in read[:_DOCUMENTS_NAMED]
    ]


def _passages(facts: _Facts, read: Sequence[Document]) -> dict:
    now, before, preview = {}, {}, []
    for document in read:
        mine = facts.passages_now.get(document.id, {})
        now |= mine
        before |= facts.passages_before.get(document.id, {})
        fresh = [row for key, row in mine.items() if key not in before] or list(mine.values())
        preview += [(document, row) for row in fresh][: _PREVIEWS - len(preview)]
    return {
        "count": len(now),
        "new": len(now.keys() - before.keys()),
        "gone": len(before.keys() - now.keys()),
        "same": len(now.keys() & before.keys()),
        "preview": [
            {
                "section": row["section"],
                "page": row["page"],
                "text": _shortened(document.text[row["start"] : row["end"]]),
            }
            for document, row in preview
        ],
    }


def _shortened(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _PREVIEW_CHARACTERS else flat[:_PREVIEW_CHARACTERS].rsplit(" ", 1)[0] + " …"
