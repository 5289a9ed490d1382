"""The table checks of the audit: what must hold of the two tables of a source before anybody may be served from them.

What is expected is reviewed data: one suite a table, `expectations/suites/icd10-documents.json` (`probatum.suites`). Here
the columns it speaks of are derived; the Checkpoint of the source runs it (`probatum.checkpoint`), and each result becomes a

    TableCheck("icd10-texts", "vector-finite", passed=False, seen="2 of 148,211 rows, first A00.1#record/title/…, …")

A suite may name, besides the columns of the tables: `meta.<key>`, `meta_is_object`, `texts` (texts a document has),
`valid_from_year` and `days_after_release` (null where valid_from is no ISO date), `document_exists`,
`document_characters`, `vector_width`, `vector_finite`, `vector_norm`; and the parameters `least_documents` and
`encoder_width`. An expectation whose meta says `above_rows` is asked of larger tables only.

Trap of Great Expectations 1.24: all about single values passes over nulls, so whatever must be there needs a not-null of
its own; lengths of numbers pass.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import orjson
import pandas as pd

from probatum.audit_report import TableCheck
from probatum.errors import Damaged
from probatum.suites import columns_of, name_of, read_suite

if TYPE_CHECKING:
    from great_expectations import ExpectationSuite
    from great_expectations.expectations.expectation import Expectation

    from probatum.checkpoint import Said

_INDICES_SHOWN = 3
_META = "meta."
_DECIMALS_OF_A_COUNT = 6  # so that 5 % of a count never asks for a row more because of a last binary digit


def check_tables(
    source: str,
    documents: pd.DataFrame,
    texts: pd.DataFrame,
    *,
    vectors: np.ndarray,
    suites: Path,
    valid_from: date,
    previous_documents: int | None,
    largest_loss: float,
    unindexed: Mapping[str, int],
    encoder_width: int,
    docs: Path | None = None,
) -> tuple[TableCheck, ...]:
    """Every check of both tables, in the order of their suites, and one of the indices.

    documents: columns of `store.DOCUMENTS`; texts: those of `store.texts_schema` but the vector; vectors: float32
    (texts, width), in the order of texts. previous_documents: rows of the serving release, None when there is none.
    largest_loss: the share of them that may vanish. unindexed: {index: rows it leaves out}. docs: the
    folder the Data Docs are built in. Raises Misconfigured for a suite that is missing, empty or not run as it stands,
    Damaged when texts and vectors do not pair.
    """
    if vectors.ndim != 2 or len(vectors) != len(texts):
        raise Damaged(
            f"The texts of {source} have {len(texts):,} rows and vectors of shape {vectors.shape}.",
            next="Run `probatum doctor`, then refresh the source.",
        )
    from probatum.checkpoint import Table, run

    least = max(1, math.ceil(round((previous_documents or 0) * (1 - largest_loss), _DECIMALS_OF_A_COUNT)))
    parameters = {"least_documents": least, "encoder_width": encoder_width}
    paths = [suites / f"{source}-{part}.json" for part in ("documents", "texts")]
    suite, suite_of_texts = map(read_suite, paths)
    frames = (
        _describe_documents(documents, texts, valid_from, columns_of(suite.expectations)),
        _describe_texts(texts, documents, vectors, valid_from),
    )
    tables = [
        Table(path.stem, path, _asked(each, len(frame)), frame)
        for path, each, frame in zip(paths, (suite, suite_of_texts), frames, strict=True)
    ]
    said = run(source, tables, parameters, docs=docs)
    return (
        *_checks(tables[0].name, len(documents), suite, said[tables[0].name]),
        *_checks(tables[1].name, len(texts), suite_of_texts, said[tables[1].name]),
        _check_indices(source, unindexed),
    )


def _describe_documents(
    documents: pd.DataFrame, texts: pd.DataFrame, valid_from: date, wanted: Iterable[str]
) -> pd.DataFrame:
    metas = [_object(meta) for meta in documents["meta"]]
    keys = {column: column.removeprefix(_META) for column in wanted if column.startswith(_META)}
    counts = texts["document_id"].value_counts()
    return documents.reset_index(drop=True).assign(
        meta_is_object=[meta is not None for meta in metas],
        texts=documents["id"].map(counts).fillna(0).astype(int).to_numpy(),
        **_dates(documents["valid_from"], valid_from),
        **{name: pd.Series([(meta or {}).get(key) for meta in metas], dtype=object) for name, key in keys.items()},
    )


def _object(meta: str | None) -> dict | None:
    try:
        value = orjson.loads(meta)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None


def _describe_texts(
    texts: pd.DataFrame, documents: pd.DataFrame, vectors: np.ndarray, valid_from: date
) -> pd.DataFrame:
    lengths = dict(zip(documents["id"], documents["text"].str.len(), strict=True))
    with np.errstate(over="ignore", invalid="ignore"):
        norms = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
    return texts.reset_index(drop=True).assign(
        document_exists=texts["document_id"].isin(list(lengths)).to_numpy(),
        document_characters=texts["document_id"].map(lengths).to_numpy(),
        vector_width=vectors.shape[1],
        vector_finite=np.isfinite(vectors).all(axis=1),
        vector_norm=norms,
        **_dates(texts["valid_from"], valid_from),
    )


def _dates(column: pd.Series, valid_from: date) -> dict[str, np.ndarray]:
    days = {value: _iso(value) for value in column.unique()}  # a release has few dates
    years = {value: day.year if day else None for value, day in days.items()}
    after = {value: (day - valid_from).days if day else None for value, day in days.items()}
    return {"valid_from_year": column.map(years).to_numpy(), "days_after_release": column.map(after).to_numpy()}


def _iso(value: object) -> date | None:
    """2026-04-01 and nothing else of what Python reads (20260401, 2026-W14-3)."""
    try:
        day = date.fromisoformat(value)
    except (ValueError, TypeError):
        return None
    return day if day.isoformat() == value else None


def _checks(table: str, rows: int, suite: "ExpectationSuite", said: Mapping[str, "Said"]) -> Iterator[TableCheck]:
    for expectation in suite.expectations:  # results come in another order
        name = name_of(expectation)
        if name in said:
            yield TableCheck(table=table, name=name, passed=said[name].passed, seen=said[name].seen)
        else:
            seen = f"not asked of {rows:,} rows, only above {_above_rows(expectation):,}"
            yield TableCheck(table=table, name=name, passed=True, seen=seen)


def _asked(suite: "ExpectationSuite", rows: int) -> list["Expectation"]:
    return [e for e in suite.expectations if rows > _above_rows(e)]


def _above_rows(expectation: "Expectation") -> int:
    return (expectation.meta or {}).get("above_rows", -1)


def _check_indices(source: str, unindexed: Mapping[str, int]) -> TableCheck:
    """No frame, so no suite: rows outside an index are found late or not at all."""
    outside = [f"{count:,} rows outside {name}" for name, count in unindexed.items() if count]
    seen = "; ".join(outside[:_INDICES_SHOWN]) or (f"{len(unindexed)} indices" if unindexed else "no index at all")
    passed = bool(unindexed) and not outside
    return TableCheck(table=f"{source}-indices", name="unindexed-rows", passed=passed, seen=seen)
