"""Do people hear of what happens, once: from a real server, through its automations and a worker, to a web and a mail server?

Every automation stands twice on this server, so that Prefect fires twice for each event.
"""

import json
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from processes import wait_for
from sinks import mail_sink, web_sink
from small_runs import drop, protocol, protocols, write_expectations
from watched import ROUTES, Watched

from tasks.automations import TAG

pytestmark = pytest.mark.slow
CANARY = "zugzwangweather"
PATIENT = "Patient: Zebulon Quartermain\nMRN: 48151623\nDate of birth: 1961-04-12\n"


@pytest.fixture(scope="module")
def watched(tmp_path_factory) -> Iterator[Watched]:
    with web_sink() as web, mail_sink() as mail:
        started = None
        try:
            folder = tmp_path_factory.mktemp("alerts")
            started = Watched(folder, write_expectations(folder / "expectations"), web, mail)
            started.prepare()
            yield started
        finally:
            if started:
                started.stop()


def test_the_automations_are_installed_once_and_follow_what_is_named(watched):
    """P47: install does nothing a second time, mends what was changed by hand, removes what is no longer named, and leaves off what is off."""
    assert set(watched.installed.values()) == {"created"} and len(watched.installed) == 9
    again = json.loads(watched.probatum("alerts", "install", "--json"))
    assert set(again.values()) == {"unchanged"}
    there = {each["name"]: each for each in watched.automations()}
    by_hand = there["Probatum: dead runs"]
    by_hand["trigger"]["within"] = 3600
    keys = ("name", "description", "tags", "trigger", "actions")
    put = {key: by_hand[key] for key in keys} | {"enabled": False}
    watched.server.api.put(f"/automations/{by_hand['id']}", json=put).raise_for_status()
    old = {key: by_hand[key] for key in keys} | {"name": "Probatum: of old", "enabled": True}
    watched.server.post("/automations/", old)
    assert "Probatum: of old: no longer named" in watched.probatum("alerts", "list")
    said = json.loads(watched.probatum("alerts", "install", "--json"))
    assert said.pop("Probatum: of old") == "removed"
    assert said.pop("Probatum: dead runs") == "updated; somebody switched it off"
    assert set(said.values()) == {"unchanged"}
    (now,) = [each for each in watched.automations() if each["name"] == "Probatum: dead runs"]
    assert now["trigger"]["within"] == 90 and not now["enabled"]
    watched.server.api.patch(f"/automations/{now['id']}", json={"enabled": True}).raise_for_status()


def test_a_last_resort_that_the_server_cannot_write_to_is_refused(watched):
    """P51: found out when it is installed, not on the day nobody sends alerts."""
    routes = watched.expectations / "alerts.toml"
    routes.write_text(ROUTES.replace('last_resort = "all"', 'last_resort = "committee"'), "utf-8")
    said = watched.probatum("alerts", "install")
    routes.write_text(ROUTES, "utf-8")
    assert watched.code == 50 and "secret/mail" in watched.errors and "notification block" in watched.errors
    assert said == ""


def test_a_test_goes_through_every_channel_and_names_those_that_do_not_work(watched):
    """P39: the address of a channel, which holds its secret, is in no message."""
    said = json.loads(watched.probatum("alerts", "test", "--json"))
    assert watched.code == 10
    assert said["all"] == said["committee"] == "sent"
    assert "did not take the message" in said["broken"] and "a-secret" not in str(said)
    assert watched.subjects() == ["Probatum: a test"]
    assert [text.splitlines()[0] for text in watched.mail.texts()] == ["Probatum: a test"]


def test_a_refresh_that_publishes_tells_nobody(watched):
    watched.server.start("worker", "start", "--pool", "cpu")
    state = watched.refresh(drop(watched.folder / "first", protocols()))
    assert state["type"] == "COMPLETED", state["message"] + watched.server.log()
    wait_for(lambda: len(watched.notifiers()) >= 2, 120, "both notifiers of the success", watched.server.log)
    wait_for(watched.quiet, 120, "the notifiers to end", watched.server.log)
    assert watched.subjects() == ["Probatum: a test"]


def test_a_refused_refresh_and_a_quarantined_document_are_told_once_each(watched):
    """P4: people hear which question was lost and what ranks first now, what still serves, and what to do; once, though Prefect fires twice."""
    _ask_of_burns(watched.expectations)
    files = {name: text for name, text in protocols().items() if name != "burns.md"}
    files["croup.md"] = protocol("croup", said=f"This is the {CANARY} of the text.")
    files["visit.md"] = f"# Visit\n\n{PATIENT}\nThe burn was cooled at home.\n"
    state = watched.refresh(drop(watched.folder / "second", files))
    assert (state["type"], state["name"]) == ("FAILED", "Refused"), state["message"] + watched.server.log()
    (refused,) = watched.heard("guidelines: the candidate is refused")
    serving = json.loads((watched.server.home / "current.json").read_bytes())["release"]
    assert "critical question guidelines-burns is lost" in refused
    assert "guidelines-burns (critical): " in refused and ".md now rank" in refused
    assert f"Release {serving}, with guidelines " in refused
    assert "Run `probatum audit --candidate" in refused
    assert f"/runs/flow-run/{state['run']}" in refused
    (quarantined,) = watched.heard("guidelines: a file in quarantine")
    assert "visit.md" in quarantined and "probatum quarantine show" in quarantined
    assert len(watched.events("probatum.release.refused")) == 1
    started = [run for run in watched.notifiers() if run["name"] == "notify-probatum.release.refused"]
    assert len(started) == 2 and all(run["state"]["type"] == "COMPLETED" for run in started)
    assert [text.splitlines()[0] for text in watched.mail.texts()[1:]] == [
        "Probatum: guidelines: the candidate is refused"
    ]


def test_the_same_trouble_is_not_told_again_the_next_morning(watched):
    told = watched.subjects()
    assert watched.refresh(str(watched.folder / "second"))["name"] == "Refused"
    wait_for(lambda: len(watched.events("probatum.release.refused")) == 2, 60, "the second event", watched.server.log)
    wait_for(lambda: len(watched.notifiers()) >= 10, 120, "all notifiers", watched.server.log)
    wait_for(watched.quiet, 120, "the notifiers to end", watched.server.log)
    assert watched.subjects() == told


def test_one_recovery_notice_when_the_source_succeeds_again(watched):
    files = protocols() | {"visit.md": (watched.folder / "second" / "visit.md").read_text("utf-8")}
    state = watched.refresh(drop(watched.folder / "third", files))
    assert state["type"] == "COMPLETED", state["message"]
    (well,) = watched.heard("guidelines is well again")
    assert "the candidate is refused, since" in well and "quarantine" not in well  # that is still there
    assert [text.splitlines()[0] for text in watched.mail.texts()[2:]] == ["Probatum: guidelines is well again"]


def test_a_run_whose_worker_was_killed_is_crashed_by_our_automation_and_told(watched):
    """P47: nobody is left to say that the run is dead, and it does not stay running for ever; what waits for a worker is told of too."""
    killed = watched.server.run_of("refresh-guidelines", source="guidelines", origin=str(watched.folder / "second"))
    beats = lambda: [e for e in watched.events("prefect.flow-run.heartbeat") if killed["id"] in str(e["resource"])]  # noqa: E731
    wait_for(beats, 180, "a heartbeat", watched.server.log)
    watched.kill("cpu")
    assert watched.server.state_of(killed)["type"] == "RUNNING"
    waiting = watched.server.run_of("refresh-guidelines", source="guidelines", origin=str(watched.folder / "first"))
    state = watched.server.ended(killed, 240)
    assert (state["type"], state["message"]) == ("CRASHED", "No heartbeat for 90 s: it is dead.")
    (crashed,) = watched.heard("a run of guidelines crashed")
    assert "No heartbeat for 90 s" in crashed and f"/runs/flow-run/{killed['id']}" in crashed
    (late,) = watched.heard("a run of guidelines did not start")
    assert f"/runs/flow-run/{waiting['id']}" in late
    (pool,) = watched.heard("no worker in pool cpu")
    assert "prefect worker start --pool cpu" in pool
    watched.server.start("worker", "start", "--pool", "cpu")
    assert watched.server.ended(waiting)["type"] == "COMPLETED"
    assert len(watched.heard("cpu is well again")) == 1
    over = watched.heard("guidelines is well again", 2)
    assert len(over) == 2 and "crashed, since" in over[1] and "did not start, since" in over[1]


def test_the_server_itself_writes_to_the_last_resort_when_nobody_can_send(watched):
    """P47: without the notifier and its worker; the events are Prefect's own in form, and are sent by hand because its take 95 seconds."""
    (pool,) = [each for each in watched.server.post("/work_pools/filter") if each["name"] == "alerts"]
    of_the_pool = {"prefect.resource.id": f"prefect.work-pool.{pool['id']}", "prefect.resource.name": "alerts"}
    before = len(watched.notifiers())
    told = _happens(watched, "prefect.work-pool.not-ready", of_the_pool, 1)
    assert "prefect worker start --pool alerts" in told[0] and "probatum alerts test" in told[0]
    run = {"prefect.resource.id": f"prefect.flow-run.{uuid.uuid4()}", "prefect.resource.name": "notify-of-something"}
    tag = {"prefect.resource.id": f"prefect.tag.{TAG}", "prefect.resource.role": "tag"}
    assert _happens(watched, "prefect.flow-run.Failed", run, 2, tag)[1] == told[0]
    assert len(watched.notifiers()) == before


def _happens(watched: Watched, event: str, resource: dict, number: int, *related: dict) -> list[str]:
    """Let the server see an event; what its last resort got so far, a few seconds after the one for this."""
    happened = {
        "event": event,
        "resource": resource,
        "related": list(related),
        "occurred": datetime.now(UTC).isoformat(),
    }
    watched.server.api.post("/events", json=[happened | {"id": str(uuid.uuid4())}]).raise_for_status()
    watched.heard("nobody sends alerts", number, 60)
    time.sleep(3)  # one more would be there by now
    told = watched.heard("nobody sends alerts", number)
    assert len(told) == number
    return told


def test_no_text_of_a_document_no_question_and_no_patient_is_in_any_alert(watched):
    """P35: neither in what people are sent nor in the events and runs that Prefect keeps of it."""
    sent = "\n".join([*watched.web.bodies, *watched.mail.texts()])
    kept = json.dumps(watched.notifiers())
    for event in ("probatum.release.refused", "probatum.document.quarantined", "probatum.source.succeeded"):
        kept += json.dumps(watched.events(event))
    assert "guidelines-burns" in sent and "guidelines-burns" in kept
    for content in (CANARY, "Zebulon", "48151623", "cooled at home", "running water", "scalded"):
        assert content not in sent and content not in kept, content


def _ask_of_burns(expectations: Path) -> None:
    """One more golden question, critical, with a canary in it."""
    path = expectations / "golden" / "guidelines.jsonl"
    known = path.read_text("utf-8").splitlines()
    burns = next(json.loads(line) for line in known if "burns" in line)
    burns |= {"id": "guidelines-burns", "question": f"burns scalded {CANARY}", "severity": "critical"}
    path.write_text("\n".join([*known, json.dumps(burns)]) + "\n", "utf-8")
