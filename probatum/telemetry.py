"""Where traces, metrics and lines of log go: nowhere, unless a setting says so.

PROBATUM_TELEMETRY=https://collector.example.org    spans and metrics, by OTLP over HTTP; nothing is loaded without it
PROBATUM_LOG=json                                   one line a step on standard error:
{"at": "…", "level": "INFO", "step": "parse", "source": "icd10", "snapshot": "3f9c…", "ended": "done", "seconds": 3.2}
"""

import json
import logging
import sys
from datetime import UTC, datetime
from urllib.parse import urlsplit

from opentelemetry import metrics, trace

from probatum import __version__
from probatum.errors import Misconfigured
from probatum.settings import Settings

NAME = "probatum"
_LOG = logging.getLogger(NAME)


def start(chosen: Settings) -> None:
    """Send and log, where the settings say so; once a process. Raises Misconfigured for an open line."""
    if chosen.log == "json" and not _LOG.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(_Json())
        _LOG.addHandler(handler)
        _LOG.setLevel(logging.INFO)
        _LOG.propagate = False
    if chosen.telemetry:
        _send_to(chosen.telemetry.rstrip("/"))


class _Json(logging.Formatter):
    """One object a line. Only what was told: no message of anybody else's goes through."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        return json.dumps({"at": at, "level": record.levelname, **getattr(record, "told", {})})


def _send_to(address: str) -> None:
    from probatum.safeio import is_loopback  # it can ask the network, which a search has no need to load

    parts = urlsplit(address)
    if (
        not parts.hostname
        or parts.scheme not in ("http", "https")
        or (parts.scheme == "http" and not is_loopback(parts.hostname))
    ):
        raise Misconfigured(
            "PROBATUM_TELEMETRY is no https address.",
            safe="Nothing was sent.",
            next="Use https; http only to this machine.",
        )
    try:
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        raise Misconfigured(
            "PROBATUM_TELEMETRY is set, but OpenTelemetry's exporter is not installed.",
            next='Install it (`pip install -e ".[telemetry]"`), or unset PROBATUM_TELEMETRY.',
        ) from None
    resource = Resource.create({"service.name": NAME, "service.version": __version__})
    spans = TracerProvider(resource=resource)
    spans.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{address}/v1/traces")))
    trace.set_tracer_provider(spans)
    reader = PeriodicExportingMetricReader(OTLPMetricExporter(endpoint=f"{address}/v1/metrics"))
    metrics.set_meter_provider(MeterProvider(resource=resource, metric_readers=[reader]))
