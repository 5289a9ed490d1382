"""The report on a candidate or release: what changed in the sources, in the texts and in the answers, as one value.

    describe(home, expectations, candidate, audit)  ->  Report(verdict="refused", sources=(SourceReport("icd10", …), …), …)

Compared is with the release the candidate follows. It is worked out from what lies in the home: manifests, tables, stored
audits. `probatum.report_page` makes a page of it, and a summary with ids and counts alone for other places.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from probatum.audit import figures, read_report
from probatum.audit_report import AuditReport, QuestionResult, SourceAudit
from probatum.diff import SourceDiff, diff_states
from probatum.errors import ProbatumError
from probatum.golden import read_golden
from probatum.release import Candidate, EncoderState, Manifest, Releases, SourceState
from probatum.report_files import data_docs_of
from probatum.tables import open_table

Kept = TypeVar("Kept")
_RELEASES_SHOWN = 12  # the charts' width: a year of monthly releases


@dataclass(frozen=True)
class Texts:
    """What became of the texts that are searched: counted by id and content."""

    new: int
    gone: int
    same: int


@dataclass(frozen=True)
class Asked:
    """One golden question, its words included: they stay on this machine."""

    result: QuestionResult
    question: str
    accepted: bool  # critical, and reviewed as open


@dataclass(frozen=True)
class Answers:
    """Golden questions against the release before: won and lost; those that neither answers; those never asked before."""

    won: tuple[Asked, ...]
    lost: tuple[Asked, ...]
    still_open: tuple[Asked, ...]
    first_asked: int = 0


@dataclass(frozen=True)
class Point:
    """The figures of one source in one release: {slice: row of `audit.figures`}; "" is the candidate."""

    release: str
    figures: dict[str, dict]


@dataclass(frozen=True)
class SourceReport:
    name: str
    state: SourceState
    before: SourceState | None  # the edition it takes over from
    diff: SourceDiff | None  # None: there is nothing to compare with, all is new
    texts: Texts
    audit: SourceAudit
    reasons: tuple[str, ...]  # why it may not be published
    answers: Answers
    history: tuple[Point, ...]  # oldest first, this one last
    has_docs: bool

    @property
    def figures(self) -> dict[str, dict]:
        return self.history[-1].figures

    @property
    def figures_before(self) -> dict[str, dict]:
        return self.history[-2].figures if len(self.history) > 1 else {}


@dataclass(frozen=True)
class Report:
    candidate: str  # digest
    release: str  # "" until it is published
    published: str  # when, UTC
    parent: str  # the release it is compared with, "" for none
    serving: str  # what serves now
    passed: bool
    encoder: EncoderState
    encoder_before: EncoderState | None
    sources: tuple[SourceReport, ...]

    @property
    def verdict(self) -> str:
        return "published" if self.release else "may be published" if self.passed else "refused"


def describe(home: Path, expectations: Path, content: Candidate | Manifest, audit: AuditReport) -> Report:
    """Everything there is to say. content: a candidate, or a release whose candidate was audited so."""
    releases = Releases(home)
    manifest = content if isinstance(content, Manifest) else None
    parent = releases.read(content.parent) if content.parent else None
    earlier = tuple(_earlier(home, releases, parent))
    serving = releases.current()
    return Report(
        candidate=audit.candidate,
        release=manifest.id if manifest else "",
        published=f"{manifest.created:%Y-%m-%d %H:%M}" if manifest else "",
        parent=content.parent,
        serving=serving.id if serving else "",
        passed=audit.passed,
        encoder=content.encoder,
        encoder_before=parent.encoder if parent else None,
        sources=tuple(
            _source(home, expectations, content, audit.sources[name], parent, earlier) for name in audit.sources
        ),
    )


def compare_answers(now: SourceAudit, before: SourceAudit | None, questions: dict[str, str]) -> Answers:
    """The questions of two audits, paired by id. questions: {id: its words}, for those that are known."""
    then = {q.id: q.answered for q in before.questions} if before else {}
    told = [Asked(q, questions.get(q.id, ""), q.id in now.accepted) for q in now.questions]
    return Answers(
        won=tuple(t for t in told if t.result.answered and then.get(t.result.id) is False),
        lost=tuple(t for t in told if not t.result.answered and then.get(t.result.id) is True),
        still_open=tuple(t for t in told if not t.result.answered and not then.get(t.result.id)),
        first_asked=sum(t.result.id not in then for t in told) if before else 0,
    )


def _earlier(home: Path, releases: Releases, manifest: Manifest | None) -> Iterator[tuple[str, AuditReport]]:
    """(id, its audit) of a release and those before it, newest first; without those whose audit cannot be read."""
    for _ in range(_RELEASES_SHOWN - 1):
        if manifest is None:
            return
        if audit := _if_kept(lambda digest=manifest.candidate: read_report(home, digest)):
            yield manifest.id, audit
        parent = manifest.parent
        manifest = _if_kept(lambda parent=parent: releases.read(parent)) if parent else None


def _if_kept(read: Callable[[], Kept]) -> Kept | None:
    """What lies in the home, or None when it is gone or was written by another version: a chart goes on without it."""
    try:
        return read()
    except ProbatumError:
        return None


def _source(
    home: Path,
    expectations: Path,
    content: Candidate | Manifest,
    audit: SourceAudit,
    parent: Manifest | None,
    earlier: tuple[tuple[str, AuditReport], ...],
) -> SourceReport:
    name, state = audit.source, content.sources[audit.source]
    before = _taken_over(parent, name, state)
    last = earlier[0][1].sources.get(name) if earlier and parent and earlier[0][0] == parent.id else None
    points = [Point(i, _by_slice(r.sources[name])) for i, r in reversed(earlier) if name in r.sources]
    release = content.id if isinstance(content, Manifest) else ""
    return SourceReport(
        name=name,
        state=state,
        before=before,
        diff=diff_states(home, name, before, state) if before else None,
        texts=_texts(home, before, state),
        audit=audit,
        reasons=tuple(audit.failures()),
        answers=compare_answers(audit, last, _words(expectations, name, state.release)),
        history=(*points, Point(release, _by_slice(audit))),
        has_docs=(data_docs_of(home, _digest(content)) / name / "index.html").is_file(),
    )


def _digest(content: Candidate | Manifest) -> str:
    return content.candidate if isinstance(content, Manifest) else content.digest()


def _taken_over(parent: Manifest | None, name: str, state: SourceState) -> SourceState | None:
    """The edition that is in force until this one takes over; for one before all others, the first of them."""
    if parent is None or name not in parent.sources:
        return None
    return parent.before(name, state.valid_from) or parent.of_source(name)[-1]


def _words(expectations: Path, name: str, release: str) -> dict[str, str]:
    return {q.id: q.question for q in read_golden(expectations, name, release)}


def _by_slice(audit: SourceAudit) -> dict[str, dict]:
    return {row["slice"]: row for row in figures({audit.source: audit})}


def _texts(home: Path, before: SourceState | None, after: SourceState) -> Texts:
    if before is None:
        return Texts(after.texts.rows, 0, 0)
    if before.texts.digest == after.texts.digest:
        return Texts(0, 0, after.texts.rows)
    old, new = _pairs(home, before), _pairs(home, after)
    return Texts(len(new - old), len(old - new), len(new & old))


def _pairs(home: Path, state: SourceState) -> set[tuple[str, str]]:
    rows = open_table(home / "lance", state.texts.name, state.texts.version).read(["id", "hash"])
    return set(zip(rows["id"].to_pylist(), rows["hash"].to_pylist(), strict=True))
