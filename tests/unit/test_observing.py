"""What do operators see of steps and searches, and does any of it ever hold a question or a text?"""

import gzip
import http.server
import json
import os
import re
import subprocess
import sys
import threading
from collections import defaultdict
from pathlib import Path

import pytest
from small_runs import chosen, drop, loaded_once, protocol, protocols, refresh, write_expectations

from probatum import observing, settings, telemetry
from probatum.errors import Misconfigured, Rejected
from probatum.search import Searcher
from probatum.settings import Settings
from sources.guidelines import Guidelines

ROOT = Path(__file__).parents[2]
CANARY = "zebrafish quarterdeck"
DASHBOARD = ROOT / "deploy" / "grafana" / "probatum.json"


@pytest.fixture(scope="module")
def seen(encoder, tmp_path_factory):
    """(spans, metrics, a home with a release) of a refresh, a search and a search that was refused; the SDK's own, in memory."""
    from opentelemetry import metrics, trace
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter, reader = InMemorySpanExporter(), InMemoryMetricReader()
    spans = TracerProvider()
    spans.add_span_processor(SimpleSpanProcessor(exporter))
    meters = MeterProvider(metric_readers=[reader])
    folder = tmp_path_factory.mktemp("watched")
    home = chosen(folder / "home", write_expectations(folder / "expectations"))
    with pytest.MonkeyPatch.context() as patch, loaded_once(encoder):
        patch.setattr(trace, "get_tracer", spans.get_tracer)
        patch.setattr(metrics, "get_meter", meters.get_meter)
        observing._instruments.cache_clear()
        refresh(home, Guidelines(), drop(folder / "2026-07", protocols() | {"gout.md": protocol("gout", CANARY)}))
        searcher = Searcher.open(home.home, encoder)
        searcher.search(CANARY, source="guidelines")
        searcher.search(CANARY)
        with pytest.raises(Rejected):
            searcher.search(" ")
        with pytest.raises(Misconfigured):
            searcher.search(CANARY, source=CANARY)
        found = (
            [json.loads(span.to_json()) for span in exporter.get_finished_spans()],
            json.loads(reader.get_metrics_data().to_json()),
        )
        observing._instruments.cache_clear()
    observing._instruments.cache_clear()
    return *found, home


def points(metrics) -> dict[str, list[dict]]:
    """{name: its points}"""
    found = defaultdict(list)
    for resource in metrics["resource_metrics"]:
        for scope in resource["scope_metrics"]:
            for metric in scope["metrics"]:
                found[metric["name"]] += metric["data"]["data_points"]
    return found


def test_every_step_of_a_refresh_is_a_span_with_its_ids(seen):
    spans, _, home = seen
    steps = [span["attributes"]["step"] for span in spans if span["attributes"]["step"] != "search"]
    assert list(dict.fromkeys(steps)) == ["fetch", "parse", "write", "assemble", "audit", "publish"]
    publish = next(span for span in spans if span["name"] == "probatum publish")
    assert publish["attributes"]["ended"] == "done" and len(publish["attributes"]["candidate"]) == 16
    assert len(list((home.home / "candidates").glob(f"{publish['attributes']['candidate']}*.json"))) == 1


def test_searches_are_counted_and_timed_by_source_and_how_they_ended(seen):
    of_release = [p for p in points(seen[1])["probatum.search.duration"] if p["attributes"]["of"] == "release"]
    counted = {(p["attributes"]["source"], p["attributes"]["ended"]): p["count"] for p in of_release}
    assert counted == {("guidelines", "done"): 1, ("all", "done"): 1, ("all", "Rejected"): 1, ("", "Misconfigured"): 1}
    assert max(p["explicit_bounds"][-1] for p in of_release) == 3600


def test_the_figures_of_the_audit_and_of_what_serves_are_there(seen):
    told = points(seen[1])
    rates = {(p["attributes"]["slice"], p["attributes"]["k"]): p["value"] for p in told["probatum.audit.hit_rate"]}
    assert rates["all", 3] == rates["easy", 3] > 0.9 and rates["all", 1] <= rates["all", 3]
    assert [p["value"] for p in told["probatum.audit.reasons"]] == [0]
    assert [p["value"] for p in told["probatum.release.documents"]] == [12]
    assert [p["value"] for p in told["probatum.release.published"]] == [1]


def test_neither_a_question_nor_a_text_is_in_any_of_it(seen):
    """P35: not of a search that was answered, not of one that was refused, not of a document."""
    everything = json.dumps(seen[:2]).lower()
    assert "zebrafish" not in everything and "colchicine" not in everything and "gout.md" not in everything


def test_what_is_not_on_the_list_cannot_be_told():
    """P35: a new attribute is a decision, not an accident."""
    with (
        pytest.raises(AssertionError, match="may not be told"),
        observing._watched("parse", "step", {"question": CANARY}),
    ):
        pass


def test_the_dashboard_asks_only_for_what_is_measured(seen):
    """Names as Prometheus gives them to what comes by OTLP: dots become underscores, the unit is appended."""
    known = set()
    for name, each in points(seen[1]).items():
        plain = name.replace(".", "_")
        known |= {f"{plain}_{part}" for part in ("bucket", "count", "sum")} if "bucket_counts" in each[0] else {plain}
    units = {"probatum_step_duration": "_seconds", "probatum_search_duration": "_seconds", "probatum_release_in_force_since": "_seconds", "probatum_audit_hit_rate": "_ratio", "probatum_release_published": "_total"}  # fmt: skip
    named = {
        re.sub(r"^(\w+?)(_bucket|_count|_sum)?$", lambda m: m[1] + units.get(m[1], "") + (m[2] or ""), name)
        for name in known
    }
    board = json.loads(DASHBOARD.read_text("utf-8"))
    asked = {
        name
        for panel in board["panels"]
        for target in panel.get("targets", [])
        for name in re.findall(r"probatum_\w+", target["expr"])
    }
    assert asked and asked <= named, asked - named
    ids = [panel["id"] for panel in board["panels"]]
    assert len(set(ids)) == len(ids) and all(
        panel["title"] and panel["gridPos"]["w"] <= 24 for panel in board["panels"]
    )


@pytest.mark.parametrize(
    "address", ["http://collector.example.org:4318", "ftp://127.0.0.1", "127.0.0.1:4318", "https://"]
)
def test_nothing_is_sent_over_an_open_line(address):
    """P40: https, or http to this machine."""
    with pytest.raises(Misconfigured, match="no https address"):
        telemetry.start(Settings(telemetry=address))


class _Sink(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got[self.path] += gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


def test_a_command_sends_what_it_measured_before_it_ends_and_logs_one_object_a_line(seen, tmp_path):
    """To a collector on this machine, by OTLP; the search that is sent says nothing of what was asked."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Sink) as sink:
        sink.got = defaultdict(bytes)
        threading.Thread(target=sink.serve_forever, daemon=True).start()
        mine = {"PROBATUM_HOME": str(seen[2].home), "PROBATUM_EXPECTATIONS": str(seen[2].expectations)}
        mine |= {"PROBATUM_TELEMETRY": f"http://127.0.0.1:{sink.server_port}", "PROBATUM_LOG": "json"}
        done = subprocess.run(
            [sys.executable, "-m", "probatum.cli", "search", CANARY, "--json"],
            env=os.environ | mine, cwd=ROOT, capture_output=True, text=True, timeout=200,
        )  # fmt: skip
        sink.shutdown()
    assert done.returncode == 0, done.stderr
    assert b"probatum search" in sink.got["/v1/traces"] and b"probatum.search.duration" in sink.got["/v1/metrics"]
    assert b"zebrafish" not in b"".join(sink.got.values())


def test_a_line_of_log_holds_what_was_told_and_nothing_else(capsys, monkeypatch):
    monkeypatch.setattr(telemetry._LOG, "handlers", [])
    telemetry.start(Settings(log="json"))
    telemetry._LOG.info("somebody's own words: %s", CANARY)
    with observing._watched("parse", "step", {"source": "icd10"}):
        pass
    first, second = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert first.keys() == {"at", "level"}
    assert (second["step"], second["source"], second["ended"]) == ("parse", "icd10", "done") and second["seconds"] >= 0
    settings.reset()
