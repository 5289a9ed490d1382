"""The Checkpoint of a source: both its suites run by Great Expectations, and what they said handed on to the audit.

    run("icd10", tables, parameters, docs=home / "reports" / digest / "data-docs" / "icd10")
    ->  {"icd10-texts": {"vector-finite": Said(passed=False, seen="2 of 148,211 rows, first A00.1#record/title/…, …")}}

The hand-over is an action of the Checkpoint (`HandToAudit`). It fails closed: an expectation that gave no result, a table
that was not validated, an action that was not run raise Misconfigured. Before anything else it takes the values out of
the results, which keep counts and the ids of three rows; the Data Docs are built from what is left.

Great Expectations takes seconds to import: import this module where it is used, and nowhere else.
"""

import logging
import numbers
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import great_expectations as gx
import pandas as pd
from great_expectations.checkpoint.actions import ActionContext, DataDocsAction
from great_expectations.checkpoint.checkpoint import CheckpointResult
from great_expectations.compatibility.pydantic import PrivateAttr
from great_expectations.core import ExpectationSuite, ExpectationValidationResult
from great_expectations.core.batch_definition import BatchDefinition
from great_expectations.core.run_identifier import RunIdentifier
from great_expectations.data_context import EphemeralDataContext
from great_expectations.data_context.types.base import ProgressBarsConfig
from great_expectations.exceptions import SuiteParameterError
from great_expectations.expectations.expectation import Expectation

from probatum.errors import Misconfigured
from probatum.suites import COLUMNS, RESTORE, columns_of, name_of

_IDS_SHOWN = 3
_ID_CHARACTERS = 60  # an id that went wrong may be a whole paragraph
_BOUNDS = {"min_value": "at least", "max_value": "at most"}
_KEPT = ("element_count", "unexpected_count", "unexpected_percent", "missing_count", "missing_percent")
_NOT_COMPUTED = {"raised_exception": True, "exception_message": "It could not be computed.", "exception_traceback": ""}
_NOISY = ("great_expectations", "great_expectations.data_context.types.base")


@dataclass(frozen=True)
class Table:
    """What is checked: a frame with a column `id`, and the expectations that are asked of it."""

    name: str  # "icd10-texts"
    path: Path  # of the suite
    asked: Sequence[Expectation]
    frame: pd.DataFrame

    def spoken_of(self) -> pd.DataFrame:
        """The columns the suite names: it is copied and hashed many times."""
        named = columns_of(self.asked) | {"id"}
        return self.frame[[column for column in self.frame.columns if column in named]]


@dataclass(frozen=True)
class Said:
    """What one expectation said: whether it held, and what was seen, in counts and ids."""

    passed: bool
    seen: str


def run(
    source: str, tables: Sequence[Table], parameters: Mapping[str, object], *, docs: Path | None = None
) -> dict[str, dict[str, Said]]:
    """{table: {name of the expectation: what it said}}, every one that was asked; docs: where the Data Docs go.

    Runs in a context of its own that lives in memory. Raises Misconfigured when anything asked gave no result.
    """
    for noisy in _NOISY:
        logging.getLogger(noisy).setLevel(logging.WARNING)  # it tells of every temporary folder
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    for name in context.get_site_names():
        context.delete_data_docs_site(name)  # one in a temporary folder, with pages that load from the network
    if docs is not None:
        from probatum.data_docs import site

        shutil.rmtree(docs, ignore_errors=True)  # the pages of an earlier audit
        context.add_data_docs_site("probatum", site(docs))
    checkpoint = gx.Checkpoint(
        name=source,
        validation_definitions=[_validation(context, table) for table in tables],
        actions=[HandToAudit(name="hand-to-audit")],
        result_format={"result_format": "SUMMARY", "partial_unexpected_count": _IDS_SHOWN},
    )
    handing = next(action for action in checkpoint.actions if isinstance(action, HandToAudit))
    handing.expect(tables)
    try:
        checkpoint.run(
            batch_parameters={table.name: table.spoken_of() for table in tables},
            expectation_parameters=dict(parameters),
            run_id=RunIdentifier(run_name=source),
        )
    except SuiteParameterError as error:
        names = ", ".join(table.path.name for table in tables)
        raise Misconfigured(f"{names}: a parameter is used that there is not ({error}).", next=RESTORE) from None
    return handing.handed()


class HandToAudit(DataDocsAction):
    """The action of the Checkpoint: no value leaves it, and nothing that was asked is left out.

    Great Expectations logs an error in building a page and goes on: a page may be missing, a result may not.
    """

    type: Literal["hand_to_audit"] = "hand_to_audit"
    _tables: dict[str, Table] = PrivateAttr(default_factory=dict)
    _said: dict[str, dict[str, Said]] = PrivateAttr(default_factory=dict)

    def expect(self, tables: Sequence[Table]) -> None:
        self._tables.update({table.name: table for table in tables})

    def run(self, checkpoint_result: CheckpointResult, action_context: ActionContext | None = None) -> dict:
        context = self._resolve_context().context
        for key, result in checkpoint_result.run_results.items():
            table = self._tables[result.suite_name]
            for each in result.results:
                _take_values_out(each, table.frame)
            context.validation_results_store.set(key, result)
            self._said[table.name] = {
                each.expectation_config.meta["name"]: Said(bool(each.success), _seen(each, table.frame))
                for each in result.results
            }
        if context.get_site_names():
            self._build_data_docs()
        return {"type": self.type, "tables": sorted(self._said)}

    def handed(self) -> dict[str, dict[str, Said]]:
        """What was said, if it is whole."""
        for name, table in self._tables.items():
            if missing := sorted({name_of(e) for e in table.asked} - self._said.get(name, {}).keys()):
                happened = f"Great Expectations gave no result for {', '.join(missing)} of {table.path}."
                raise Misconfigured(happened, next=RESTORE)
        return self._said


class _OfItsOwnFrame(gx.ValidationDefinition):
    """A Checkpoint gives all its validations the same parameters; each takes the frame that goes by its name."""

    def run(self, *, batch_parameters=None, **others):
        return super().run(batch_parameters={"dataframe": batch_parameters[self.name]}, **others)


def _validation(context: EphemeralDataContext, table: Table) -> gx.ValidationDefinition:
    suite = context.suites.add(ExpectationSuite(name=table.name, expectations=list(table.asked)))
    return context.validation_definitions.add(
        _OfItsOwnFrame(name=table.name, data=_frame_named(context, table.name), suite=suite)
    )


def _frame_named(context: EphemeralDataContext, name: str) -> BatchDefinition:
    asset = context.data_sources.add_pandas(name).add_dataframe_asset(name)
    return asset.add_batch_definition_whole_dataframe(name)


def _take_values_out(result: ExpectationValidationResult, frame: pd.DataFrame) -> None:
    """Leave counts, figures and ids: what a cell holds is content of a document."""
    told = result.result
    kept = {key: told[key] for key in _KEPT if key in told}
    if "observed_value" in told:
        seen = told["observed_value"]
        kept["observed_value"] = seen if isinstance(seen, numbers.Real) else None
    if told.get("unexpected_count"):
        positions = told["partial_unexpected_index_list"][:_IDS_SHOWN]
        kept["partial_unexpected_list"] = [_row(frame, position) for position in positions]
    result.result = kept
    if not kept:
        result.exception_info = _NOT_COMPUTED


def _seen(result: ExpectationValidationResult, frame: pd.DataFrame) -> str:
    told, kwargs = result.result, result.expectation_config.kwargs
    if "observed_value" in told:
        bounds = [f"{word} {_figure(kwargs[key])}" for key, word in _BOUNDS.items() if kwargs.get(key) is not None]
        return f"{_figure(told['observed_value'])}, allowed {' and '.join(bounds)}"
    if "unexpected_count" not in told:
        columns = [kwargs[key] for key in COLUMNS if key in kwargs]
        absent = [column for column in columns if column not in frame.columns]
        return f"there is no column {', '.join(absent)}" if absent else f"could not be computed of {', '.join(columns)}"
    if not told["unexpected_count"]:
        return f"{len(frame):,} rows"
    first = ", ".join(told["partial_unexpected_list"])
    return f"{told['unexpected_count']:,} of {len(frame):,} rows, first {first}"


def _figure(value: object) -> str:
    if isinstance(value, numbers.Integral):
        return f"{int(value):,}"
    return f"{float(value):.4g}" if isinstance(value, numbers.Real) else "no number"


def _row(frame: pd.DataFrame, position: int) -> str:
    identity = frame["id"].iat[position]
    return identity[:_ID_CHARACTERS] if isinstance(identity, str) and identity.strip() else f"row {position}"
