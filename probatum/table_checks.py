"""The table checks of the audit: what must hold of the two tables of a source before anybody may be served from them.

What is expected is reviewed data: one suite a table, `expectations/suites/icd10-documents.json`, as Great Expectations
writes it. Here the columns it speaks of are derived, it is run, and each result becomes a `TableCheck`:

    TableCheck("icd10-texts", "vector-finite", passed=False, seen="2 of 148,211 rows, first A00.1#record/title/…, …")

A suite may name, besides the columns of the tables: `meta.<key>`, `meta_is_object`, `texts` (texts a document has),
`valid_from_year` and `days_after_release` (null where valid_from is no ISO date), `document_exists`,
`document_characters`, `vector_width`, `vector_finite`, `vector_norm`; and the parameters `least_documents` and
`encoder_width`. An expectation whose meta says `above_rows` is asked of larger tables only.

Traps of Great Expectations 1.24: an expectation of an unknown type is logged and dropped, so counts are compared; all
about single values passes over nulls, so whatever must be there needs a not-null of its own; lengths of numbers pass.
It takes seconds to import, so it is imported where it is used, and nowhere else.
"""

import logging
import math
import numbers
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import orjson
import pandas as pd

import probatum.settings  # noqa: F401  Great Expectations looks for the switch of its telemetry when it is imported
from probatum.audit_report import TableCheck
from probatum.errors import Damaged, Misconfigured

if TYPE_CHECKING:
    from great_expectations import ExpectationSuite
    from great_expectations.core import ExpectationValidationResult
    from great_expectations.expectations.expectation import Expectation

_IDS_SHOWN = 3
_ID_CHARACTERS = 60  # an id that went wrong may be a whole paragraph
_META = "meta."
_COLUMNS = ("column", "column_A", "column_B")
_BOUNDS = {"min_value": "at least", "max_value": "at most"}
_RESTORE = "Restore it from version control, or correct it, and run `probatum audit` again."
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
) -> tuple[TableCheck, ...]:
    """Every check of both tables, in the order of their suites, and one of the indices.

    documents: columns of `store.DOCUMENTS`; texts: those of `store.texts_schema` but the vector; vectors: float32
    (texts, width), in the order of texts. previous_documents: rows of the serving release, None when there is none.
    largest_loss: the share of them that may vanish. unindexed: {index: rows it leaves out}. Raises Misconfigured for a
    suite that is missing, empty or not run as it stands, Damaged when texts and vectors do not pair.
    """
    if vectors.ndim != 2 or len(vectors) != len(texts):
        raise Damaged(
            f"The texts of {source} have {len(texts):,} rows and vectors of shape {vectors.shape}.",
            next="Run `probatum doctor`, then refresh the source.",
        )
    of_documents, of_texts = suites / f"{source}-documents.json", suites / f"{source}-texts.json"
    suite, suite_of_texts = read_suite(of_documents), read_suite(of_texts)
    least = max(1, math.ceil(round((previous_documents or 0) * (1 - largest_loss), _DECIMALS_OF_A_COUNT)))
    parameters = {"least_documents": least, "encoder_width": encoder_width}
    described = _describe_documents(documents, texts, valid_from, _columns(suite.expectations))
    described_texts = _describe_texts(texts, documents, vectors, valid_from)
    return (
        *_run(f"{source}-documents", suite, of_documents, described, parameters),
        *_run(f"{source}-texts", suite_of_texts, of_texts, described_texts, parameters),
        _check_indices(source, unindexed),
    )


def read_suite(path: Path) -> "ExpectationSuite":
    """The suite in a file, every expectation of it known, typed, and named once in its meta. Raises Misconfigured."""
    from great_expectations import ExpectationSuite

    try:
        raw = orjson.loads(path.read_bytes())
        suite = ExpectationSuite(**raw)
        wanted = [expectation["type"] for expectation in raw["expectations"]]
    except OSError as error:
        raise Misconfigured(f"The suite {path} cannot be read ({type(error).__name__}).", next=_RESTORE) from None
    except (ValueError, TypeError, KeyError, AttributeError) as error:  # no JSON, no suite, or arguments no class takes
        said = " ".join(f"{type(error).__name__}: {error}".split())
        raise Misconfigured(f"{path} is not a suite of expectations ({said}).", next=_RESTORE) from None
    if not wanted:
        raise Misconfigured(f"The suite {path} is empty: nothing would be checked.", next=_RESTORE)
    if len(suite.expectations) != len(wanted):
        unknown = ", ".join(sorted(set(wanted) - {e.expectation_type for e in suite.expectations}))
        raise Misconfigured(f"{path}: Great Expectations does not know {unknown} and drops it.", next=_RESTORE)
    names = [_name(expectation) for expectation in suite.expectations]
    if not all(names) or len(set(names)) != len(names):
        raise Misconfigured(f"{path}: each expectation needs a name of its own in its meta.", next=_RESTORE)
    return suite


def _name(expectation: "Expectation") -> str:
    return str((expectation.meta or {}).get("name") or "")


def _columns(expectations: Iterable["Expectation"]) -> set[str]:
    return {e.configuration.kwargs[key] for e in expectations for key in _COLUMNS if key in e.configuration.kwargs}


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


def _run(
    table: str, suite: "ExpectationSuite", path: Path, frame: pd.DataFrame, parameters: Mapping[str, object]
) -> Iterator[TableCheck]:
    asked = [e for e in suite.expectations if len(frame) > _above_rows(e)]
    results = {r.expectation_config.meta["name"]: r for r in _validate(path, suite.name, asked, frame, parameters)}
    if missing := sorted({_name(e) for e in asked} - results.keys()):
        happened = f"Great Expectations gave no result for {', '.join(missing)} of {path}."
        raise Misconfigured(happened, next=_RESTORE)
    for expectation in suite.expectations:  # results come in another order
        name, result = _name(expectation), results.get(_name(expectation))
        if result is None:
            seen = f"not asked of {len(frame):,} rows, only above {_above_rows(expectation):,}"
            yield TableCheck(table=table, name=name, passed=True, seen=seen)
        else:
            seen = _seen(result.result, result.expectation_config.kwargs, frame)
            yield TableCheck(table=table, name=name, passed=bool(result.success), seen=seen)


def _above_rows(expectation: "Expectation") -> int:
    return (expectation.meta or {}).get("above_rows", -1)


def _validate(
    path: Path, name: str, expectations: list["Expectation"], frame: pd.DataFrame, parameters: Mapping[str, object]
) -> list["ExpectationValidationResult"]:
    """Run in a context of its own that lives in memory, without progress bars."""
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig
    from great_expectations.exceptions import SuiteParameterError

    for noisy in ("great_expectations", "great_expectations.data_context.types.base"):
        logging.getLogger(noisy).setLevel(logging.WARNING)  # it tells of every temporary folder
    named = _columns(expectations) | {"id"}
    spoken_of = frame[[column for column in frame.columns if column in named]]  # it is copied and hashed many times
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas(name).add_dataframe_asset(name)
    batch = asset.add_batch_definition_whole_dataframe(name).get_batch({"dataframe": spoken_of})
    try:
        return batch.validate(
            gx.ExpectationSuite(name=name, expectations=expectations),
            expectation_parameters=dict(parameters),
            result_format={"result_format": "SUMMARY", "partial_unexpected_count": _IDS_SHOWN},
        ).results
    except SuiteParameterError as error:
        raise Misconfigured(f"{path} uses a parameter there is not ({error}).", next=_RESTORE) from None


def _seen(result: Mapping, kwargs: Mapping, frame: pd.DataFrame) -> str:
    """Counts and ids; values only where they are figures, never the content of a document."""
    if "observed_value" in result:
        bounds = [f"{word} {_figure(kwargs[key])}" for key, word in _BOUNDS.items() if kwargs.get(key) is not None]
        return f"{_figure(result['observed_value'])}, allowed {' and '.join(bounds)}"
    if "unexpected_count" not in result:
        columns = [kwargs[key] for key in _COLUMNS if key in kwargs]
        absent = [column for column in columns if column not in frame.columns]
        return f"there is no column {', '.join(absent)}" if absent else f"could not be computed of {', '.join(columns)}"
    if not result["unexpected_count"]:
        return f"{len(frame):,} rows"
    first = ", ".join(_row(frame, position) for position in result["partial_unexpected_index_list"][:_IDS_SHOWN])
    return f"{result['unexpected_count']:,} of {len(frame):,} rows, first {first}"


def _figure(value: object) -> str:
    if isinstance(value, numbers.Integral):
        return f"{int(value):,}"
    return f"{float(value):.4g}" if isinstance(value, numbers.Real) else "no number"


def _row(frame: pd.DataFrame, position: int) -> str:
    identity = frame["id"].iat[position]
    return identity[:_ID_CHARACTERS] if isinstance(identity, str) and identity.strip() else f"row {position}"


def _check_indices(source: str, unindexed: Mapping[str, int]) -> TableCheck:
    """No frame, so no suite: rows outside an index are found late or not at all."""
    outside = [f"{count:,} rows outside {name}" for name, count in unindexed.items() if count]
    seen = "; ".join(outside[:_IDS_SHOWN]) or (f"{len(unindexed)} indices" if unindexed else "no index at all")
    passed = bool(unindexed) and not outside
    return TableCheck(table=f"{source}-indices", name="unindexed-rows", passed=passed, seen=seen)
