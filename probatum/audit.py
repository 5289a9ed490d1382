"""The audit: all checks on a candidate, through the very search that will serve it.

Every golden question of every source is asked; the tables are checked by Great Expectations. The result is a value
(`audit_report`) bound to the candidate's digest; it decides nothing by itself, `publish` asks it.
A source's part depends only on its tables, questions and encoder, so it is kept and used again for the next
candidate that holds the same.
"""

from bisect import bisect_left
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydantic import ValidationError
from scipy.stats import binomtest

from probatum import digests
from probatum.asking import ask
from probatum.audit_report import AuditReport, SourceAudit
from probatum.errors import Misconfigured
from probatum.files import read_json, write_json
from probatum.golden import Expected, GoldenQuestion, digest_of, read_golden
from probatum.progress import bar
from probatum.release import Candidate, Manifest, SourceState
from probatum.search import Searcher
from probatum.table_checks import check_tables, largest_loss
from probatum.tables import open_table

if TYPE_CHECKING:
    from probatum.encoder import Encoder

_CODE_AUDITED = ("asking.py", "audit.py", "golden.py", "search.py", "tables.py", "table_checks.py", "wording.py")


def audit(
    home: Path, expectations: Path, candidate: Candidate, encoder: "Encoder", *, serving: Manifest | None = None
) -> AuditReport:
    """Audit every source of the candidate; `serving` is what the tables are compared with."""
    searcher = Searcher.of(home, candidate, encoder)
    audits = {}
    for name, state in candidate.sources.items():
        questions = read_golden(expectations, name, state.release)
        before = serving.sources.get(name) if serving else None
        audits[name] = _audit_source(home, expectations, searcher, name, state, questions, before, encoder)
    report = AuditReport(candidate=candidate.digest(), encoder=encoder.identity.digest, sources=audits)
    write_json(home / "audits" / f"{report.candidate}.json", report.model_dump(mode="json"))
    return report


def read_report(home: Path, candidate: str) -> AuditReport:
    """The stored audit of a candidate, by its digest."""
    try:
        return AuditReport.model_validate(read_json(home / "audits" / f"{candidate}.json", what="The audit report", next="Run `probatum audit`."))
    except ValidationError:
        raise Misconfigured(f"The audit of candidate {candidate[:12]}… was written by another version.", next="Run `probatum audit`.") from None


def _audit_source(home, expectations, searcher, name: str, state: SourceState, questions: list[GoldenQuestion], before: SourceState | None, encoder: "Encoder") -> SourceAudit:
    golden = digest_of(questions)
    loss = largest_loss(expectations, name)
    previous = before.documents.rows if before else None
    key = digests.of_json([_code(), state.documents.digest, state.texts.digest, state.release, golden, encoder.identity.digest, previous, loss])
    kept = home / "audits" / "sources" / f"{key}.json"
    if kept.exists():
        return SourceAudit.model_validate(read_json(kept, what="An audit", next="Delete it and run `probatum audit` again."))
    results, advance = [], bar(f"{name}: golden questions asked", len(questions))
    for question in questions:
        results.append(ask(searcher, question))
        advance(1)
    present = _present_documents(home, state)
    made = SourceAudit(
        source=name, golden=golden, questions=tuple(results), checks=_checks(home, expectations, name, state, previous, loss, encoder),
        needs_review=tuple(q.id for q in questions if not any(_exists(e, present) for e in q.expects)),
    )  # fmt: skip
    write_json(kept, made.model_dump(mode="json"))
    return made


@cache
def _code() -> str:
    """Of the code an audit runs: other code, another audit."""
    return digests.of_json([digests.of_file(Path(__file__).parent / name) for name in _CODE_AUDITED])


def _present_documents(home: Path, state: SourceState) -> list[str]:
    table = open_table(home / "lance", state.documents.name, state.documents.version)
    return sorted(table.read(["id"])["id"].to_pylist())


def _exists(expected: Expected, present: list[str]) -> bool:
    wanted = expected.family or expected.document
    at = bisect_left(present, wanted)
    return at < len(present) and (present[at].startswith(wanted) if expected.family else present[at] == wanted)


def _checks(home: Path, expectations: Path, name: str, state: SourceState, previous: int | None, loss: float, encoder: "Encoder"):
    documents = open_table(home / "lance", state.documents.name, state.documents.version)
    texts = open_table(home / "lance", state.texts.name, state.texts.version)
    columns = ["id", "hash", "document_id", "chunk_id", "family", "kind", "text", "start", "end", "match_start", "match_end", "valid_from", "vector"]
    table = texts.read(columns)
    vectors = np.asarray(table["vector"].combine_chunks().flatten()).reshape(table.num_rows, -1)
    return check_tables(
        name, documents.read(["id", "hash", "title", "family", "text", "valid_from", "file", "sha256", "meta"]).to_pandas(), table.drop_columns(["vector"]).to_pandas(),
        vectors=vectors, suites=expectations / "suites", valid_from=state.valid_from, previous_documents=previous, largest_loss=loss,
        unindexed={**documents.unindexed_rows(), **{f"texts {k}": v for k, v in texts.unindexed_rows().items()}}, encoder_width=encoder.identity.width,
    )  # fmt: skip


def figures(audits: Mapping[str, SourceAudit]) -> list[dict]:
    """One row a source and slice: n, hit rate @1 @3 @10, Wilson interval of @3, MRR, for people and charts."""
    return [_figure(name, part, chosen) for name, audit in audits.items() for part, chosen in _slices(audit)]


def _slices(audit: SourceAudit):
    yield "all", audit
    for part in sorted({q.slice for q in audit.questions}):
        yield part, audit.model_copy(update={"questions": tuple(q for q in audit.questions if q.slice == part)})


def _figure(name: str, part: str, audit: SourceAudit) -> dict:
    n, hits = len(audit.questions), sum(0 < q.rank <= 3 for q in audit.questions)
    low, high = binomtest(hits, n).proportion_ci(method="wilson") if n else (0.0, 1.0)
    return {
        "source": name, "slice": part, "n": n, "@1": audit.hit_rate(1), "@3": audit.hit_rate(3), "@10": audit.hit_rate(10),
        "@3 strict": audit.hit_rate(3, strict=True), "low": float(low), "high": float(high), "mrr": audit.mrr(),
    }  # fmt: skip
