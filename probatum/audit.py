"""The audit: all checks on a candidate, through the very search that will serve it.

Every golden question of every source is asked, the negative ones too; the tables are checked by Great Expectations; the
rules of the gate (`regression`, `golden_checks`, `canaries`, `recall`, `poisoning`, `asking`) each leave a finding. The
result is a value (`audit_report`) bound to the candidate's digest and to the release it was compared with; it decides
nothing by itself, `publish` asks it. What a source answers depends only on its tables, questions and encoder, so it is kept and used again for the next
candidate that holds the same; its tables are checked each time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, ValidationError
from scipy.stats import binomtest

from probatum import digests, vocabulary
from probatum.asking import ask, ask_negative, negatives_hold, same_twice
from probatum.audit_report import AuditReport, Finding, NegativeResult, QuestionResult, SourceAudit, TableCheck
from probatum.breaker import gone_from, too_many
from probatum.canaries import Canaries, canary_texts, check_canaries, compare, own_vectors
from probatum.errors import Damaged, Misconfigured
from probatum.files import read_sealed, write_sealed
from probatum.golden import GoldenQuestion, all_ids, digest_of, read_golden, read_negatives
from probatum.golden_checks import Documents, needing_review, questions_kept, questions_stand, retired_ids
from probatum.known_differences import open_questions, reviewed_counts, reviewed_documents, waiting_for_review
from probatum.poisoning import Texts, copies, hubs, newcomers, repeated
from probatum.progress import bar
from probatum.recall import ann_recall, recall_at_10
from probatum.regression import no_regression, pair
from probatum.release import Candidate, Manifest, SourceState
from probatum.report_files import data_docs_of
from probatum.search import Searcher
from probatum.table_checks import check_tables
from probatum.tables import PinnedTable, open_table
from probatum.thresholds import Gate, gate, largest_loss

if TYPE_CHECKING:
    from probatum.encoder import Encoder

_CHECKED_OF_DOCUMENTS = ("id", "hash", "title", "family", "text", "valid_from", "file", "sha256", "meta")
_CHECKED_OF_TEXTS = (
    "id", "hash", "document_id", "chunk_id", "family", "kind", "text", "start", "end", "match_start", "match_end", "valid_from",
)  # fmt: skip
_CODE_AUDITED = (
    "asking.py", "audit.py", "enough.py", "golden.py", "poisoning.py", "recall.py", "search.py", "spelling.py", "tables.py", "wording.py",
)  # fmt: skip


def audit(
    home: Path, expectations: Path, candidate: Candidate, encoder: "Encoder", *, serving: Manifest | None = None
) -> AuditReport:
    """Audit every source of the candidate; `serving` is what it is compared with.

    The report is stored. Where it is of what serves, the one that let that through is kept beside it, and stays what counts.
    """
    known = serving_report(home, serving) if serving else None
    canaries = Canaries.of(canary_texts(expectations), encoder)
    before = Canaries.read(home, known.canaries) if known and known.canaries else None
    docs = data_docs_of(home, candidate.digest())
    searcher = Searcher.of(home, candidate, encoder)
    auditor = _Auditor(home, expectations, searcher, encoder, serving, docs, known, canaries, before)
    report = AuditReport(
        candidate=candidate.digest(),
        encoder=encoder.identity.digest,
        sources={name: auditor.audit(name, state) for name, state in candidate.sources.items()},
        against=serving.id if serving else "",
        canaries=canaries.keep(home),
    )
    if serving and known and report.candidate == known.candidate:
        write_sealed(home / "audits" / f"{serving.audit}.json", known.model_dump(mode="json"))
    write_sealed(home / "audits" / f"{report.candidate}.json", report.model_dump(mode="json"))
    return report


def read_report(home: Path, candidate: str) -> AuditReport:
    """The stored audit of a candidate, by its digest."""
    try:
        return AuditReport.model_validate(
            read_sealed(home / "audits" / f"{candidate}.json", what="The audit report", next="Run `probatum audit`.")
        )
    except ValidationError:
        raise Misconfigured(
            f"The audit of candidate {candidate[:12]}… was written by another version.", next="Run `probatum audit`."
        ) from None


def serving_report(home: Path, serving: Manifest) -> AuditReport:
    """The audit that let through what serves, whatever was audited since."""
    kept = (home / "audits" / f"{serving.audit}.json").exists()
    try:
        return read_report(home, serving.audit if kept else serving.candidate)
    except Damaged as error:
        raise Damaged(
            f"The audit that let release {serving.id} through is gone or damaged ({error.happened.rstrip('.')}).",
            safe=error.safe,
            next=f"Run `probatum restore BACKUP --damaged`; without a backup, `probatum audit --release {serving.id}` makes it again.",
        ) from None


def check_encoder(home: Path, expectations: Path, encoder: "Encoder", serving: Manifest | None) -> None:
    """Before anything is encoded: raise Damaged when the encoder no longer makes the vectors of what serves."""
    if serving and serving.encoder.digest == encoder.identity.digest:
        kept = serving_report(home, serving).canaries
        check_canaries(home, expectations, encoder, kept, gate(expectations, next(iter(serving.sources))))


@dataclass(frozen=True)
class _Tables:
    """The two tables of a source, read once for all rules."""

    documents: pa.Table
    texts: pa.Table
    vectors: np.ndarray
    pinned_documents: PinnedTable
    pinned_texts: PinnedTable

    @classmethod
    def read(cls, home: Path, state: SourceState) -> "_Tables":
        documents = open_table(home / "lance", state.documents.name, state.documents.version)
        texts = open_table(home / "lance", state.texts.name, state.texts.version)
        table = texts.read([*_CHECKED_OF_TEXTS, "vector"])
        vectors = _vectors(table["vector"])
        return cls(documents.read(_CHECKED_OF_DOCUMENTS), table.drop_columns(["vector"]), vectors, documents, texts)

    def ids(self) -> list[str]:
        return self.documents["id"].to_pylist()


class _Answers(BaseModel):
    """What the questions of a source found in its tables: it costs the most, and depends on nothing else."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    questions: tuple[QuestionResult, ...]
    negatives: tuple[NegativeResult, ...]
    recall: float | None
    repeated: dict[str, tuple[str, ...]]  # {document: questions it repeats}


@dataclass(frozen=True)
class _Auditor:
    """Audits the sources of one candidate, one at a time."""

    home: Path
    expectations: Path
    searcher: Searcher
    encoder: "Encoder"
    serving: Manifest | None
    docs: Path  # where the Data Docs of the candidate go
    known: AuditReport | None  # the audit of what serves
    canaries: Canaries
    canaries_before: Canaries | None

    def audit(self, name: str, state: SourceState) -> SourceAudit:
        rules = gate(self.expectations, name)
        questions = read_golden(self.expectations, name, state.release)
        negatives = read_negatives(self.expectations, name, state.release)
        tables = _Tables.read(self.home, state)
        answers = self._answers(name, state, questions, negatives, tables, rules)
        before = self.known.sources.get(name) if self.known else None
        documents = Documents(dict(zip(tables.ids(), tables.documents["text"].to_pylist(), strict=True)))
        needing = needing_review(questions, documents)
        known_gone = waiting_for_review(self.expectations, name) & set(needing)  # no loss of ours
        compared = [q for q in answers.questions if q.id not in known_gone]
        paired = pair(before.questions, compared, against=self.known.candidate) if before else None
        ids = all_ids(self.expectations, name)
        served = {q.id for q in before.questions if q.answered} if before else set()
        return SourceAudit(
            source=name,
            golden=digest_of(questions),
            questions=answers.questions,
            checks=(*self._checks(name, state, tables), *self._withdrawn(name, state, sorted(tables.ids()))),
            needs_review=needing,
            accepted=tuple(sorted(open_questions(self.expectations, name) - served)),
            negatives=answers.negatives,
            paired=paired,
            findings=(
                compare(self.canaries_before, self.canaries, rules),
                self._own_vectors(tables, rules),
                ann_recall(answers.recall, rules),
                same_twice(self.searcher, questions, answers.questions, rules.asked_twice),
                questions_stand(questions, documents, needing, waiting_for_review(self.expectations, name)),
                questions_kept(
                    (before.golden_ids or [q.id for q in before.questions]) if before else (),
                    ids,
                    retired_ids(self.expectations, name),
                ),
                no_regression(paired, answers.questions, rules),
                negatives_hold(answers.negatives, self.encoder.identity.floors, rules),
                *self._poisoning(name, {q.id: q for q in questions}, answers, tables, rules),
            ),
            golden_ids=ids,
            above=rules.hit_rate_above,
            least=rules.least_questions,
        )

    def _answers(
        self,
        name: str,
        state: SourceState,
        questions: list[GoldenQuestion],
        negatives: list[GoldenQuestion],
        tables: _Tables,
        rules: Gate,
    ) -> _Answers:
        """What each question found, asked now or kept from when the same was asked of the same tables."""
        of_tables = [state.release, state.documents.digest, state.texts.digest]
        asked = [*questions, *negatives]
        read_as = [self.searcher.mended(question.question) for question in asked]  # by the words of every source
        numbers = [rules.copy_cosine, rules.copy_share, rules.copy_least_words, sorted(self.canaries.vectors)]
        key = digests.of_json(
            [_code(), digest_of(asked), read_as, self.encoder.identity.of_questions, of_tables, numbers]
        )
        kept = self.home / "audits" / "answers" / f"{key}.json"
        if kept.exists():
            again = "Delete the file and run `probatum audit` again."
            return _Answers.model_validate(read_sealed(kept, what="The answers of an audit", next=again))
        results, refused, advance = [], [], bar(f"{name}: golden questions asked", len(asked))
        for n, question in enumerate(asked):
            if n < len(questions):
                results.append(ask(self.searcher, question))
            else:
                refused.append(ask_negative(self.searcher, question))
            advance(1)
        vectors = self.encoder.encode([question.question for question in questions])
        fixed = np.stack(list(self.canaries.vectors.values()))
        texts = Texts(tables.texts["document_id"].to_pylist(), tables.texts["text"].to_pylist(), tables.vectors)
        answers = _Answers(
            questions=tuple(results),
            negatives=tuple(refused),
            recall=recall_at_10(
                tables.pinned_texts, tables.texts["id"].to_pylist(), tables.vectors, np.vstack([vectors, fixed])
            ),
            repeated=repeated(questions, vectors, texts, rules),
        )
        write_sealed(kept, answers.model_dump(mode="json"))
        return answers

    def _own_vectors(self, tables: _Tables, rules: Gate) -> Finding:
        """Some texts, spread by digest, are read again. A title may be read by its stem, so names and pieces come first."""
        ids, kinds = tables.texts["id"].to_pylist(), tables.texts["kind"].to_pylist()
        spread = sorted(range(len(ids)), key=lambda n: (kinds[n] == "title", digests.of_text(str(ids[n]))))
        chosen = pa.array(spread[: rules.own_vectors_read], pa.int64())
        texts = dict(zip(chosen.to_pylist(), tables.texts["text"].take(chosen).to_pylist(), strict=True))
        return own_vectors(ids, tables.vectors, texts, self.encoder, rules)

    def _poisoning(
        self, name: str, questions: Mapping[str, GoldenQuestion], answers: _Answers, tables: _Tables, rules: Gate
    ) -> tuple[Finding, ...]:
        reviewed = reviewed_documents(self.expectations, name)
        return (
            newcomers(questions, answers.questions, self._serving_ids(name), reviewed),
            hubs(questions, answers.questions, len(tables.documents), reviewed, rules),
            copies(questions, answers.repeated, reviewed),
        )

    def _serving_ids(self, name: str) -> set[str] | None:
        """The documents of every edition that serves; None when the source does not serve yet."""
        states = self.serving.of_source(name) if self.serving else ()
        tables = {(s.documents.name, s.documents.version) for s in states}
        ids = [open_table(self.home / "lance", *table).read(["id"])["id"].to_pylist() for table in tables]
        return {i for part in ids for i in part} if states else None

    def _checks(self, name: str, state: SourceState, tables: _Tables) -> tuple[TableCheck, ...]:
        documents, texts = tables.pinned_documents, tables.pinned_texts
        return check_tables(
            name,
            tables.documents.to_pandas(),
            tables.texts.to_pandas(),
            vectors=tables.vectors,
            suites=self.expectations / "suites",
            valid_from=state.valid_from,
            previous_documents=self._previous(name, state),
            largest_loss=self._loss(name),
            unindexed={**documents.unindexed_rows(), **{f"texts {k}": v for k, v in texts.unindexed_rows().items()}},
            encoder_width=self.encoder.identity.width,
            docs=self.docs / name,
        )

    def _previous(self, name: str, state: SourceState) -> int | None:
        """How many documents serve now; None when nothing does, or when somebody reviewed that so many may go."""
        before = self.serving.before(name, state.valid_from) if self.serving else None
        if before is None or state.documents.rows in reviewed_counts(self.expectations, name, state.release):
            return None
        return before.documents.rows

    def _withdrawn(self, name: str, state: SourceState, present: list[str]) -> tuple[TableCheck, ...]:
        """How many of the documents that serve are gone, by id, and whether so many may be; nothing for a first release."""
        before = self.serving.before(name, state.valid_from) if self.serving else None
        if before is None:
            return ()
        ids = open_table(self.home / "lance", before.documents.name, before.documents.version).read(["id"])
        gone, allowed = gone_from(ids["id"].to_pylist(), present), self._loss(name)
        reviewed = state.documents.rows in reviewed_counts(self.expectations, name, state.release)
        seen = f"{gone:,} of {before.documents.rows:,} that serve are gone, {'reviewed' if reviewed else f'{allowed:.0%} allowed'}"
        passed = reviewed or not too_many(gone, before.documents.rows, allowed)
        return (TableCheck(table=f"{name}-documents", name="documents-withdrawn", passed=passed, seen=seen),)

    def _loss(self, name: str) -> float:
        return largest_loss(self.expectations, name)


@cache
def _code() -> str:
    """Of the code an audit runs: other code, another audit."""
    code = [Path(__file__).parent / name for name in _CODE_AUDITED]
    return digests.of_json(
        [digests.of_file(path) for path in [*code, *sorted(vocabulary.FOLDER.iterdir())] if path.is_file()]
    )


def _vectors(column: pa.ChunkedArray) -> np.ndarray:
    """A column of fixed-size lists as a matrix; a missing vector becomes NaN, so that the checks see it."""
    whole = column.combine_chunks()
    vectors = np.asarray(whole.values, np.float32).reshape(len(whole), -1)
    return np.where(np.asarray(whole.is_valid())[:, None], vectors, np.nan) if whole.null_count else vectors


def figures(audits: Mapping[str, SourceAudit]) -> list[dict]:
    """One row a source and slice: n, hit rate @1 @3 @10, Wilson interval of @3, MRR, for people and charts."""
    return [_figure(name, part, chosen) for name, audit in audits.items() for part, chosen in _slices(audit)]


def _slices(audit: SourceAudit):
    yield "all", audit
    for part in sorted({q.slice for q in audit.questions}):
        yield part, audit.model_copy(update={"questions": tuple(q for q in audit.questions if q.slice == part)})


def _figure(name: str, part: str, audit: SourceAudit) -> dict:
    n, hits = len(audit.questions), sum(q.answered for q in audit.questions)
    low, high = binomtest(hits, n).proportion_ci(method="wilson") if n else (0.0, 1.0)
    return {
        "source": name,
        "slice": part,
        "n": n,
        "@1": audit.hit_rate(1),
        "@3": audit.hit_rate(3),
        "@10": audit.hit_rate(10),
        "@3 strict": audit.hit_rate(3, strict=True),
        "low": float(low),
        "high": float(high),
        "mrr": audit.mrr(),
    }
