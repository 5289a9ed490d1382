"""What a refresh tells the world: which events, with what in them, and what never is."""

import json
import subprocess
import sys

import pytest
from promises import README
from small_home import report_of, small_candidate, source_audit

from probatum.alert_kinds import KINDS, RECOVERY, SUCCEEDED, table
from probatum.errors import Misconfigured, Rejected, Retryable
from probatum.files import write_json
from probatum.news import news_of
from probatum.outcome import Outcome
from probatum.quarantine import Quarantine
from probatum.records import SnapshotFile
from probatum.settings import Settings


@pytest.fixture
def chosen(published) -> Settings:
    return Settings(
        home=published.home, expectations=published.expectations, drops=str(published.home.parent / "drops")
    )


def told(chosen, outcome: Outcome, *sources: str) -> dict[str, dict]:
    """{event: payload} of a refresh of these sources, each event once."""
    found = news_of(chosen, dict.fromkeys(sources or ("guidelines",)), outcome.as_json(), run="0f3c")
    assert len({(each.event, each.source) for each in found}) == len(found)
    return {each.event: dict(each.payload) for each in found}


def test_a_refused_candidate_is_told_with_the_questions_it_fails_and_what_ranks_instead(chosen, encoder):
    candidate = small_candidate(chosen.home, encoder)
    lost = tuple(f"guidelines-critical-{n}" for n in range(25))
    report = report_of(candidate, guidelines=source_audit("guidelines", 100, 110, lost=lost))
    write_json(chosen.home / "audits" / f"{candidate.digest()}.json", report.model_dump(mode="json"))
    outcome = Outcome()
    outcome.refused_by_audit(candidate.digest(), report.failures(), ["guidelines"])
    (payload,) = told(chosen, outcome).values()
    assert set(payload) == set(KINDS["refused"].payload)
    assert payload["candidate"] == candidate.digest() and payload["exit_code"] == Rejected.exit_code
    assert (payload["failing"], payload["failing_critical"]) == (35, 25)
    assert payload["questions"][0] == {"id": lost[0], "critical": True, "rank": 0, "top": ["D-0007", "D-0008"]}
    assert len(payload["questions"]) == 20 and len(json.dumps(payload)) < 20_000
    assert payload["serving"]["release"] == json.loads((chosen.home / "current.json").read_bytes())["release"]


def test_a_source_that_is_held_up_by_another_says_so_and_names_no_question(chosen, encoder):
    candidate = small_candidate(chosen.home, encoder)
    report = report_of(candidate, formulary=(50, 100))
    write_json(chosen.home / "audits" / f"{candidate.digest()}.json", report.model_dump(mode="json"))
    outcome = Outcome()
    outcome.refused_by_audit(candidate.digest(), report.failures(), ["guidelines"])
    payload = told(chosen, outcome)[KINDS["refused"].event]
    assert "beside formulary" in payload["reason"] and payload["questions"] == []


def test_what_is_refused_before_an_audit_is_invalid(chosen):
    outcome = Outcome()
    outcome.refused("guidelines", Rejected("18 % fewer.", next="Look."))
    (payload,) = told(chosen, outcome).values()
    assert set(payload) == set(KINDS["invalid"].payload) and payload["reason"] == "18 % fewer."


def test_a_wrong_setting_is_told_and_a_publisher_who_is_down_is_not(chosen):
    """P46: a publisher who cannot be reached is told of once, when the source is late."""
    outcome = Outcome()
    outcome.refused("guidelines", Retryable("The network is down.", next="Wait."))
    outcome.refused("formulary", Misconfigured("There is no suite.", next="Add it."))
    assert set(told(chosen, outcome, "guidelines", "formulary")) == {KINDS["invalid"].event}
    assert outcome.state() == "Refused"
    alone = Outcome()
    alone.refused("guidelines", Retryable("The network is down.", next="Wait."))
    assert told(chosen, alone) == {} and alone.state() == "Postponed"


def test_receipts_that_could_not_be_written_are_told(chosen):
    outcome = Outcome()
    outcome.without_receipts("guidelines", Misconfigured("The bucket denies it.", next="Grant it."))
    assert set(told(chosen, outcome)[KINDS["receipts"].event]) == set(KINDS["receipts"].payload)
    assert outcome.state() == "Failed"


def test_quarantined_files_come_with_their_owners_and_a_bound(chosen):
    files = chosen.home / "drops" / "guidelines" / "files" / "ward"
    files.mkdir(parents=True)
    (files / "0.pdf.probatum.toml").write_text('owner = "Pharmacy"\n', "utf-8")
    (files / "1.pdf.probatum.toml").write_text("owner = [", "utf-8")
    items = [{"id": f"case-{n}", "files": (f"ward/{n}.pdf",), "reason": "r", "next": "n"} for n in range(30)]
    outcome = Outcome()
    outcome.quarantined("guidelines", items, ["ward/1.pdf"])
    payload = told(chosen, outcome)[KINDS["quarantined"].event]
    assert set(payload) == set(KINDS["quarantined"].payload)
    assert [case["owner"] for case in payload["cases"][:3]] == ["Pharmacy", "", ""]
    assert [case["former_version_serves"] for case in payload["cases"][:3]] == [False, True, False]
    assert (len(payload["cases"]), payload["more"]) == (20, 10)
    assert payload["receipts"].endswith("drops/guidelines/receipts/index.html")


def test_success_names_what_still_waits(chosen):
    file = SnapshotFile("visit.md", "0" * 64, 10)
    case = Quarantine(chosen.home).put("guidelines", "2026-10", [file], reason="r", next="n")
    payload = told(chosen, Outcome())[SUCCEEDED]
    assert set(payload) == set(RECOVERY[SUCCEEDED])
    assert payload["open_cases"] == [case.id] and payload["published"] is False
    assert told(chosen, Outcome(), "formulary")[SUCCEEDED]["open_cases"] == []


def test_the_table_of_alerts_in_the_readme_is_the_one_of_the_code():
    """P52: names and payloads of events are what is documented."""
    assert table() in README.read_text("utf-8")


def test_the_words_of_an_alert_need_no_prefect():
    """P52: what an alert says is worked out by the library."""
    code = "import sys, probatum.messages, probatum.news, probatum.routes; print('prefect' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"
