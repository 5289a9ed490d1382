"""Does a look at a real release compare what serves with what served at publication, and leave a report, an event and no text?"""

import json
import shutil
from dataclasses import replace
from datetime import date, timedelta

import pytest
from small_home import drugs, protocols, report_of, write

from probatum import settings
from probatum.alert_kinds import KINDS
from probatum.candidates import candidate_of
from probatum.drift.ledger import COMPLETE, Ledger
from probatum.drift.readings import RETRIEVAL, Reading, Windows, leave_figures, read_figures
from probatum.drift.report import report_of as page_of
from probatum.drift.rules import drift_rules
from probatum.drift.telling import news_of
from probatum.drift.verdict import DRIFTED, MISSING, STEADY
from probatum.drift.watching import Watch
from probatum.errors import Misconfigured
from probatum.publish import Publisher
from probatum.release import Releases

DAY = date(2026, 12, 7)


def write_probes(expectations) -> None:
    """Two questions a document that no golden question is; made from titles, because they try the machinery."""
    (expectations / "probes").mkdir(exist_ok=True)
    for source, documents, ways in (
        ("formulary", drugs(), ("the ward asks for {} again", "where do we keep our {} these days")),
        (
            "guidelines",
            protocols(),
            ("junior wants {} rules on paper", "night shift asks about {} steps now", "{} as taught here"),
        ),
    ):
        lines = [
            json.dumps(
                {
                    "id": f"{source}-probe-{n:03d}-{m}", "source": source, "slice": "any", "question": way.format(d.title.lower()),
                    "expects": [{"document": d.id}], "severity": "routine", "rationale": "its title", "role": "test", "reviewed_on": "2026-11-30",
                }
            )
            for n, d in enumerate(documents)
            for m, way in enumerate(ways)
        ]  # fmt: skip
        (expectations / "probes" / f"{source}.jsonl").write_text("\n".join(lines) + "\n", "utf-8")


def publish(home, encoder, manifest, formulary, guidelines) -> None:
    """Another release of these documents, by the same encoder, without asking whether it is good."""
    states = {
        "formulary": write(home, encoder, "formulary", formulary, serving=manifest.sources["formulary"]),
        "guidelines": write(home, encoder, "guidelines", guidelines, serving=manifest.sources["guidelines"]),
    }
    candidate = candidate_of(manifest, encoder.identity, states)
    Publisher(home).publish(candidate, report_of(candidate), actor="test")


@pytest.fixture
def watched(published, monkeypatch):
    """(the published home, a watch of it); probes are in place, and the encoder is the session's."""
    from probatum.encoder import Encoder

    write_probes(published.expectations)
    monkeypatch.setenv("PROBATUM_HOME", str(published.home))
    monkeypatch.setenv("PROBATUM_EXPECTATIONS", str(published.expectations))
    monkeypatch.setattr(Encoder, "load", lambda *_, **__: published.encoder)
    settings.reset()
    return published, Watch(settings.settings(), actor="test")


def confused(documents):
    """The same documents with their names mixed up: what they are asked for by is in another one."""
    turned = documents[7:] + documents[:7]
    return [
        replace(d, title=t.title, text=t.text, blocks=t.blocks, meta=d.meta | {"rxcui": f"9{n:05d}"})
        for n, (d, t) in enumerate(zip(documents, turned, strict=True))
    ]


def test_what_serves_is_steady_until_it_drifts_and_that_is_told_once(watched):
    """P42: probes that lose their answers become one drift, one event, and a report of ids and numbers."""
    home, watch = watched[0].home, watched[1]
    first = watch.retrieval(DAY)
    assert first.verdict.state == STEADY and first.verdict.loss == 0.0 and first.verdict.size == 96
    publish(home, watched[0].encoder, watched[0].manifest, confused(drugs()), protocols())
    second = watch.retrieval(DAY + timedelta(days=7))
    assert second.verdict.state == DRIFTED and second.verdict.before > 0.9 > 0.7 > second.verdict.now
    third = watch.retrieval(DAY + timedelta(days=14))
    ledger = Ledger(home, RETRIEVAL, drift_rules(watched[0].expectations))
    assert third.verdict.state == DRIFTED and third.untold == second.untold and len(ledger.state().drifts) == 1
    (news,) = news_of(home, third.as_json(), ledger.state(), run="1")
    assert news.event == KINDS["drift"].event and set(news.payload) == set(KINDS["drift"].payload)
    assert news.payload["before"] > news.payload["now"] and news.payload["since"] == "2026-12-14"
    for suffix in (".html", ".json", ".md"):
        page = page_of(home, RETRIEVAL, "2026-12-14").with_suffix(suffix).read_text("utf-8")
        assert "drifted" in page and "formulary" in page and "furosemide" not in page.lower()
    assert "<svg" in page_of(home, RETRIEVAL, "2026-12-14").read_text("utf-8")


def test_the_baseline_is_what_the_first_release_says(watched):
    """However late the first look comes: the encoder's first release is asked, not the one that serves."""
    home, watch = watched[0].home, watched[1]
    publish(home, watched[0].encoder, watched[0].manifest, confused(drugs()), protocols())
    look = watch.retrieval(DAY)
    baseline = Windows(home, RETRIEVAL).baseline(look.verdict.champion)
    assert baseline.release == watched[0].manifest.id and look.verdict.state == DRIFTED


def test_a_document_that_was_withdrawn_has_not_drifted(watched):
    """P42: its probes are set aside."""
    home, watch = watched[0].home, watched[1]
    watch.retrieval(DAY)
    publish(home, watched[0].encoder, watched[0].manifest, drugs()[4:], protocols())
    look = watch.retrieval(DAY + timedelta(days=7))
    assert look.verdict.missing == 8 and look.verdict.state == STEADY


def test_probes_that_cannot_be_asked_are_an_alert(watched):
    """P42: a source that has left the release; nothing is drifted, and when it is back that is told too."""
    watch = watched[1]
    watch.retrieval(DAY)
    path = watched[0].expectations / "probes" / "icd10.jsonl"
    strange = (watched[0].expectations / "probes" / "formulary.jsonl").read_text("utf-8").replace("formulary", "icd10")
    path.write_text(strange, "utf-8")
    look = watch.retrieval(DAY + timedelta(days=7))
    assert look.verdict.state == MISSING and [kind for kind, _ in look.untold] == [MISSING]
    assert "the release has no icd10" in look.verdict.reasons[0]
    path.unlink()
    assert [kind for kind, _ in watch.retrieval(DAY + timedelta(days=14)).untold] == [MISSING, COMPLETE]


def test_a_probe_that_is_a_golden_question_stops_the_watch(watched):
    """P44: nothing is probed, and the ids are named."""
    golden = (watched[0].expectations / "golden" / "formulary.jsonl").read_text("utf-8").splitlines()[0]
    (watched[0].expectations / "probes" / "formulary.jsonl").write_text(golden, "utf-8")
    with pytest.raises(Misconfigured, match="formulary-000 is formulary-000"):
        watched[1].retrieval(DAY)


def figures(day: date, broken: int, size: int = 200) -> bytes:
    readings = [
        {
            "id": f"soap-{n:03d}",
            "ok": n >= broken,
            "quality": 1.0 if n >= broken else 0.6,
            "level": 200.0 + n,
            "unanswered": False,
        }
        for n in range(size)
    ]
    return json.dumps({"champion": "9c1e0000", "day": day.isoformat(), "readings": readings}).encode()


def test_a_behaviours_own_figures_are_judged_by_the_same_rules(watched):
    """P42: rule compliance that falls by five points is drift; figures that stop coming are an alert."""
    home, watch = watched[0].home, watched[1]
    states = []
    for week, broken in enumerate((6, 6, 16)):
        day = DAY + timedelta(weeks=week)
        leave_figures(home, "soap-note", figures(day, broken))
        states.append(watch.figures("soap-note", day).verdict.state)
    assert states == [STEADY, STEADY, DRIFTED]
    late = watch.figures("soap-note", DAY + timedelta(weeks=3))
    assert late.verdict.state == MISSING and "no figures since 2026-12-21" in late.verdict.reasons[0]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "figures.json"),
        (figures(DAY, 1).replace(b"1.0", b"NaN", 1), "figures.json"),
        (figures(DAY, 1).replace(b"soap-001", b"soap-000"), "there twice"),
    ],
)
def test_figures_that_are_none_are_refused(small_home, content, said):
    with pytest.raises(Misconfigured, match=said):
        leave_figures(small_home, "soap-note", content)
    for name in (RETRIEVAL, "../up", "", "Soap"):
        with pytest.raises(Misconfigured, match="is no behaviour"):
            leave_figures(small_home, name, figures(DAY, 1))


def test_figures_are_read_as_they_were_left(small_home):
    window = read_figures(leave_figures(small_home, "soap-note", figures(DAY, 6)), "soap-note")
    assert (window.behaviour, window.day, len(window.seen())) == ("soap-note", "2026-12-07", 200)
    assert window.readings[0] == Reading("soap-000", ok=False, quality=0.6, level=200.0)


def test_a_source_that_came_later_is_compared_with_the_first_release_that_has_it(
    small_home, published_once, monkeypatch, tmp_path
):
    """P42: a home that began with one source watches the next one as well."""
    from probatum.encoder import Encoder

    encoder, expectations = (
        published_once.encoder,
        shutil.copytree(published_once.expectations, tmp_path / "expectations"),
    )
    write_probes(expectations)
    for serving, source, documents in ((None, "guidelines", protocols()), ("", "formulary", drugs()), ("", "formulary", confused(drugs()))):  # fmt: skip
        now = Releases(small_home).current() if serving is not None else None
        known = now.sources.get(source) if now else None
        candidate = candidate_of(now, encoder.identity, {source: write(small_home, encoder, source, documents, serving=known)})  # fmt: skip
        Publisher(small_home).publish(candidate, report_of(candidate), actor="test")
    monkeypatch.setattr(Encoder, "load", lambda *_, **__: encoder)
    chosen = settings.Settings(home=small_home, expectations=expectations)
    look = Watch(chosen, actor="test").retrieval(DAY)
    assert look.verdict.state == DRIFTED and look.verdict.missing == 0 and look.verdict.before > 0.9
