"""What operators can watch: traces, metrics and lines of log about steps and searches; never a question, a text or a name.

    @observed("parse")             a span, its duration, how it ended:  probatum.step.duration{step="parse", source="icd10", ended="done"}
    noted_audit(report)            hit rate by source and slice, checks that failed

Where they go is in `probatum.telemetry`: nowhere, unless a setting says so.

What may be told is a closed list (`TOLD`): names of sources, ids, digests, counts, rates, classes of errors. Anything else is a
mistake in this library and is refused, so that content cannot slip in with a new attribute.
"""

import inspect
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache, wraps
from typing import TYPE_CHECKING, Any

from opentelemetry import metrics, trace

from probatum import __version__, telemetry
from probatum.errors import ProbatumError
from probatum.settings import settings

if TYPE_CHECKING:
    from probatum.audit_report import AuditReport
    from probatum.release import Manifest

TOLD = frozenset(
    {"step", "of", "source", "slice", "k", "ended", "snapshot", "parsed", "candidate", "release", "states", "check"}
)
_ID_CHARACTERS = 16  # of a digest; enough to find it
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.4, 1, 2.5, 5, 15, 60, 300, 900, 3600)
_log = logging.getLogger(telemetry.NAME)
Told = str | int | float | bool


@cache
def _instruments() -> dict[str, Any]:
    """Made once, after the settings have said where they go."""
    telemetry.start(settings())
    meter = metrics.get_meter(telemetry.NAME, __version__)
    seconds = {"unit": "s", "explicit_bucket_boundaries_advisory": _SECONDS}
    return {
        "step": meter.create_histogram("probatum.step.duration", description="A step of a refresh.", **seconds),
        "search": meter.create_histogram("probatum.search.duration", description="A search that was answered or refused.", **seconds),
        "hits": meter.create_histogram("probatum.search.hits", unit="{hit}", description="Hits of a search."),
        "hit rate": meter.create_gauge("probatum.audit.hit_rate", unit="1", description="Golden questions found in the first k."),
        "questions": meter.create_gauge("probatum.audit.questions", unit="{question}", description="Golden questions asked."),
        "failed": meter.create_gauge("probatum.audit.reasons", unit="{reason}", description="Reasons against publishing."),
        "published": meter.create_counter("probatum.release.published", unit="{release}", description="Releases published."),
        "documents": meter.create_gauge("probatum.release.documents", unit="{document}", description="Documents that serve."),
        "texts": meter.create_gauge("probatum.release.texts", unit="{text}", description="Texts that serve."),
        "in force": meter.create_gauge("probatum.release.in_force_since", unit="s", description="The day a source's release took force, in seconds since 1970."),
    }  # fmt: skip


def observed(step: str) -> Callable:
    """Around a step of a refresh. Told are those of its arguments that are ids: `source` by its name, and the strings in TOLD."""

    def around(function: Callable) -> Callable:
        signature = inspect.signature(function)

        @wraps(function)
        def watched(*args, **kwargs):
            with _watched(step, "step", _ids(signature.bind(*args, **kwargs).arguments)):
                return function(*args, **kwargs)

        return watched

    return around


def observed_search(function: Callable) -> Callable:
    """Around `Searcher.search`: how long, how many hits, of which source; not what was asked. An audit asks a candidate."""

    @wraps(function)
    def watched(searcher, question, *, source=None, **how):
        known = source if source in searcher.sources else "" if source else "all"
        about = {"source": known, "of": "candidate" if searcher.release == "candidate" else "release"}
        with _watched("search", "search", about, logged=False):
            hits = function(searcher, question, source=source, **how)
        _instruments()["hits"].record(len(hits), about)
        return hits

    return watched


def noted_audit(report: "AuditReport") -> None:
    """The figures of an audit, as the last one of each source."""
    made = _instruments()
    for name, audit in report.sources.items():
        made["failed"].set(len(audit.failures()), {"source": name})
        for part in ("all", *sorted({q.slice for q in audit.questions})):
            asked = [q for q in audit.questions if part in ("all", q.slice)]
            about = {"source": name, "slice": part}
            made["questions"].set(len(asked), about)
            for k in (1, 3, 10):
                made["hit rate"].set(
                    sum(0 < q.rank <= k for q in asked) / len(asked) if asked else 0.0, about | {"k": k}
                )


def noted_release(manifest: "Manifest") -> None:
    """What serves now."""
    made = _instruments()
    made["published"].add(1)
    for name, state in manifest.sources.items():
        made["documents"].set(state.documents.rows, {"source": name})
        made["texts"].set(state.texts.rows, {"source": name})
        day = datetime.combine(state.valid_from, datetime.min.time(), UTC)
        made["in force"].set(day.timestamp(), {"source": name})


@contextmanager
def _watched(step: str, instrument: str, ids: Mapping[str, Told], *, logged: bool = True) -> Iterator[None]:
    told = {"step": step, **ids}
    if unknown := told.keys() - TOLD:
        raise AssertionError(f"{sorted(unknown)} may not be told")
    made, began, ended = _instruments(), time.perf_counter(), "done"
    tracer = trace.get_tracer(telemetry.NAME, __version__)
    with tracer.start_as_current_span(
        f"probatum {step}", attributes=told, record_exception=False, set_status_on_exception=False
    ) as span:
        try:
            yield
        except ProbatumError as error:  # its words may name files; its class is enough
            ended = type(error).__name__
            raise
        except BaseException:
            ended = "failed"
            raise
        finally:
            seconds = time.perf_counter() - began
            span.set_attribute("ended", ended)
            if ended != "done":
                span.set_status(trace.StatusCode.ERROR)
            about = {key: told[key] for key in ("step", "source", "of") if key in told} | {"ended": ended}
            made[instrument].record(seconds, about)
            if logged:
                _log.info("%s %s", step, ended, extra={"told": told | {"ended": ended, "seconds": round(seconds, 3)}})


def _ids(arguments: Mapping[str, object]) -> dict[str, Told]:
    found: dict[str, Told] = {}
    for name, value in arguments.items():
        if name == "source":
            found[name] = getattr(value, "name", value)
        elif name in TOLD and isinstance(value, str):
            found[name] = value[:_ID_CHARACTERS]
        elif name in TOLD and isinstance(value, list | tuple):
            found[name] = len(value)
    return found
