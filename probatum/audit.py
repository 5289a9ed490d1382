"""The audit: all checks on a candidate, through the very search that will serve it.

Every golden question of every source is asked; the tables are checked by Great Expectations. The result is a value
(`audit_report`) bound to the candidate's digest; it decides nothing by itself, `publish` asks it.
What a source answers depends only on its tables, questions and encoder, so it is kept and used again for the next
candidate that holds the same; its tables are checked each time.
"""

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from pydantic import ValidationError
from scipy.stats import binomtest

from probatum import digests, vocabulary
from probatum.asking import ask
from probatum.audit_report import AuditReport, QuestionResult, SourceAudit, TableCheck
from probatum.breaker import gone_from, too_many
from probatum.errors import Misconfigured
from probatum.files import read_sealed, write_sealed
from probatum.golden import Expected, GoldenQuestion, digest_of, read_golden
from probatum.known_differences import open_questions, reviewed_counts
from probatum.progress import bar
from probatum.release import Candidate, Manifest, SourceState
from probatum.report_files import data_docs_of
from probatum.search import Searcher
from probatum.table_checks import check_tables
from probatum.tables import PinnedTable, open_table
from probatum.thresholds import largest_loss

if TYPE_CHECKING:
    from probatum.encoder import Encoder

_CHECKED_OF_DOCUMENTS = ("id", "hash", "title", "family", "text", "valid_from", "file", "sha256", "meta")
_CHECKED_OF_TEXTS = (
    "id", "hash", "document_id", "chunk_id", "family", "kind", "text", "start", "end", "match_start", "match_end", "valid_from",
)  # fmt: skip
_CODE_AUDITED = ("asking.py", "audit.py", "golden.py", "search.py", "spelling.py", "tables.py", "wording.py")


def audit(
    home: Path, expectations: Path, candidate: Candidate, encoder: "Encoder", *, serving: Manifest | None = None
) -> AuditReport:
    """Audit every source of the candidate; `serving` is what the tables are compared with."""
    docs = data_docs_of(home, candidate.digest())
    auditor = _Auditor(home, expectations, Searcher.of(home, candidate, encoder), encoder, serving, docs)
    answered = _answered(home, serving)
    audits = {}
    for name, state in candidate.sources.items():
        accepted = open_questions(expectations, name) - answered.get(name, set())
        audits[name] = auditor.audit(name, state).model_copy(update={"accepted": tuple(sorted(accepted))})
    report = AuditReport(candidate=candidate.digest(), encoder=encoder.identity.digest, sources=audits)
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


def _answered(home: Path, serving: Manifest | None) -> dict[str, set[str]]:
    """{source: questions that what serves answers}."""
    if serving is None:
        return {}
    report = read_report(home, serving.candidate)
    return {name: {q.id for q in audit.questions if q.answered} for name, audit in report.sources.items()}


@dataclass(frozen=True)
class _Auditor:
    """Audits the sources of one candidate, one at a time."""

    home: Path
    expectations: Path
    searcher: Searcher
    encoder: "Encoder"
    serving: Manifest | None
    docs: Path  # where the Data Docs of the candidate go

    def audit(self, name: str, state: SourceState) -> SourceAudit:
        questions = read_golden(self.expectations, name, state.release)
        documents = open_table(self.home / "lance", state.documents.name, state.documents.version)
        present = sorted(documents.read(["id"])["id"].to_pylist())
        return SourceAudit(
            source=name,
            golden=digest_of(questions),
            questions=self._results(name, state, questions),
            checks=(*self._checks(name, state, documents), *self._withdrawn(name, state, present)),
            needs_review=tuple(q.id for q in questions if not any(_exists(e, present) for e in q.expects)),
        )

    def _results(self, name: str, state: SourceState, questions: list[GoldenQuestion]) -> tuple[QuestionResult, ...]:
        """What each question found, asked now or kept from when the same was asked of the same tables."""
        tables = [state.release, state.documents.digest, state.texts.digest]
        read_as = [self.searcher.mended(question.question) for question in questions]  # by the words of every source
        key = digests.of_json([_code(), digest_of(questions), read_as, self.encoder.identity.digest, tables])
        kept = self.home / "audits" / "answers" / f"{key}.json"
        if kept.exists():
            known = read_sealed(
                kept, what="The answers of an audit", next="Delete the file and run `probatum audit` again."
            )
            return tuple(QuestionResult.model_validate(each) for each in known["questions"])
        results, advance = [], bar(f"{name}: golden questions asked", len(questions))
        for question in questions:
            results.append(ask(self.searcher, question))
            advance(1)
        write_sealed(kept, {"questions": [result.model_dump(mode="json") for result in results]})
        return tuple(results)

    def _checks(self, name: str, state: SourceState, documents: PinnedTable) -> tuple[TableCheck, ...]:
        texts = open_table(self.home / "lance", state.texts.name, state.texts.version)
        table = texts.read([*_CHECKED_OF_TEXTS, "vector"])
        return check_tables(
            name,
            documents.read(_CHECKED_OF_DOCUMENTS).to_pandas(),
            table.drop_columns(["vector"]).to_pandas(),
            vectors=_vectors(table["vector"]),
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


def _exists(expected: Expected, present: list[str]) -> bool:
    wanted = expected.family or expected.document
    at = bisect_left(present, wanted)
    return at < len(present) and (present[at].startswith(wanted) if expected.family else present[at] == wanted)


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
