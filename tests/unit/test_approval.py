"""Does what needs a person's approval wait for it, and does the journal say who approved or declined it, and why?"""

import getpass
import http.server
import json
import threading
from dataclasses import replace

import prefect
import pytest
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_CSRF_SUPPORT_ENABLED, temporary_settings
from small_home import drugs, protocols, report_of, write
from small_runs import chosen as settings_of

from probatum import approval, cli, pipeline
from probatum.alert_kinds import DECIDED
from probatum.candidates import candidate_of
from probatum.doctor import examine
from probatum.encoder import Encoder
from probatum.errors import Conflict, Damaged, Misconfigured, Rejected
from probatum.files import write_json
from probatum.journal import Journal
from probatum.publish import Publisher
from probatum.release import Releases
from probatum.seams import fault_at
from probatum.settings import reset
from probatum.thresholds import needs_approval
from probatum.waiting import WaitingRoom, changes

WHY = "The committee met on Tuesday and agreed."


@pytest.fixture
def chosen(published, monkeypatch):
    """The settings of the small release, in which changes of the guidelines need approval."""
    text = (published.expectations / "thresholds.toml").read_text("utf-8")
    assert text.count("[guidelines]\n") == 1
    text = text.replace("[guidelines]\n", "[guidelines]\napproval = true\n")
    (published.expectations / "thresholds.toml").write_text(text, "utf-8")
    monkeypatch.setattr(Encoder, "load", classmethod(lambda *_, **__: published.encoder))
    return settings_of(published.home, published.expectations)


def candidate(published, source="guidelines", note="new"):
    """A candidate of what serves, in which something is said of every document of one source; kept as a refresh keeps it."""
    documents = [
        replace(d, meta=d.meta | {"note": note}) for d in {"guidelines": protocols, "formulary": drugs}[source]()
    ]
    serving = Releases(published.home).current()
    state = write(published.home, published.encoder, source, documents, serving=serving.sources[source])
    made = candidate_of(serving, published.encoder.identity, {source: state})
    write_json(published.home / "candidates" / f"{made.digest()}.json", made.model_dump(mode="json"))
    state_file = published.home / "candidates" / f"state-{note}.json"
    write_json(state_file, {"source": source, "state": state.model_dump(mode="json")})
    return made


@pytest.fixture
def waits(published, chosen):
    """A candidate of the guidelines that passed its audit and waits."""
    made = candidate(published)
    assert pipeline.audit(chosen, made.digest()).passed
    assert approval.wait(chosen, made.digest(), actor="prefect")[1]
    return made.digest()


@pytest.fixture
def posted():
    """The events that came to a Prefect server: one that is asked for its health, its version, and takes events."""
    events = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self._answer(json.dumps(prefect.__version__ if self.path.endswith("version") else True).encode())

        def do_POST(self):
            sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            events.extend(sent if self.path == "/api/events" else [])
            self._answer(b"")

        def _answer(self, body):
            self.send_response(200 if body else 204)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}/api"
    with temporary_settings({PREFECT_API_URL: address, PREFECT_CLIENT_CSRF_SUPPORT_ENABLED: False}):
        yield events
    server.shutdown()
    server.server_close()


def told(home, *actions):
    return [r for r in Journal(home / "journal.jsonl").records() if r["action"] in actions]


def command(monkeypatch, chosen, *arguments):
    """A command line, as typed; what it ended with."""
    monkeypatch.setattr("sys.argv", ["probatum", *arguments])
    monkeypatch.setenv("PROBATUM_HOME", str(chosen.home))
    monkeypatch.setenv("PROBATUM_EXPECTATIONS", str(chosen.expectations))
    reset()
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code


class TestWhoNeedsApproval:
    def test_only_a_source_that_says_so(self, chosen):
        assert needs_approval(chosen.expectations, "guidelines")
        assert not needs_approval(chosen.expectations, "formulary") and not needs_approval(chosen.expectations, "ours")

    @pytest.mark.parametrize("said", ["approval = 1", 'approval = "true"', "approval = [true]", "approval ="])
    def test_what_is_neither_true_nor_false_stops_everything(self, tmp_path, said):
        """P51: a slip never reads as "nobody needs to look"."""
        (tmp_path / "thresholds.toml").write_text(f"[guidelines]\n{said}\n")
        with pytest.raises(Misconfigured, match=r"thresholds\.toml"):
            needs_approval(tmp_path, "guidelines")

    def test_where_the_file_is_missing_nobody_guesses(self, tmp_path):
        with pytest.raises(Misconfigured, match="cannot be read"):
            needs_approval(tmp_path, "guidelines")

    def test_a_candidate_that_leaves_the_source_as_it_is_needs_none(self, published, chosen):
        made = candidate(published, "formulary")
        assert pipeline.audit(chosen, made.digest()).passed
        assert pipeline.publish(chosen, made.digest(), actor="prefect").parent == published.manifest.id

    def test_what_changes_is_what_serves_otherwise(self, published, chosen):
        made = candidate(published)
        assert changes(made, published.manifest).keys() == {"guidelines"}
        assert changes(made, None).keys() == {"guidelines", "formulary"}


class TestWaiting:
    def test_publish_without_approval_is_refused_and_says_who_is_needed(self, published, chosen, waits):
        """P3: a flow that forgets to wait still cannot publish."""
        with pytest.raises(Rejected, match=r"changes in guidelines has to be approved.*probatum approve"):
            pipeline.publish(chosen, waits, actor="prefect")
        assert Releases(published.home).current() == published.manifest

    def test_the_same_candidate_again_is_no_news(self, chosen, waits):
        (before, current), *_ = approval.pending(chosen)
        assert current and before.candidate == waits and before.releases.keys() == {"guidelines"}
        entry, news = approval.wait(chosen, waits, actor="prefect")
        assert not news and entry.since == before.since and len(approval.pending(chosen)) == 1

    def test_a_newer_candidate_of_the_source_takes_its_place(self, published, chosen, waits):
        newer = candidate(published, note="newer")
        assert approval.wait(chosen, newer.digest(), actor="prefect")[1]
        assert [entry.candidate for entry, _ in approval.pending(chosen)] == [newer.digest()]
        with pytest.raises(Rejected, match="No candidate"):
            approval.approve(chosen, waits, actor="lead", why=WHY)

    def test_a_candidate_of_another_source_waits_beside_it(self, published, chosen, waits):
        other = candidate(published, "formulary")
        approval.wait(chosen, other.digest(), actor="somebody")
        assert {entry.candidate for entry, _ in approval.pending(chosen)} == {waits, other.digest()}

    @pytest.mark.parametrize("wrong", ["", "abc", "zzzz", "../../current"])
    def test_what_does_not_wait_cannot_be_decided(self, chosen, waits, wrong):
        for decide in (approval.approve, approval.decline):
            with pytest.raises(Rejected, match="probatum pending"):
                decide(chosen, wrong, actor="lead", why=WHY)

    def test_a_damaged_file_says_what_to_do(self, chosen, waits):
        (chosen.home / "waiting" / f"{waits}.json").write_text("{")
        with pytest.raises(Damaged, match="run the same refresh again"):
            approval.pending(chosen)


class TestApproving:
    def test_it_publishes_and_leaves_one_record_with_who_and_why(self, published, chosen, waits):
        """P37: one record says who approved which candidate into which release, and why."""
        manifest = approval.approve(chosen, waits[:12], actor="lead", why=WHY)
        assert Releases(published.home).current() == manifest and manifest.candidate == waits
        (record,) = told(published.home, "publish", "approve", "found")[1:]
        assert (record["action"], record["actor"], record["why"]) == ("approve", "lead", WHY)
        assert (record["release"], record["parent"]) == (manifest.id, published.manifest.id)
        assert approval.pending(chosen) == []

    def test_after_another_release_it_is_a_conflict_that_says_what_to_do(self, published, chosen, waits):
        other = candidate(published, "formulary").digest()
        assert pipeline.audit(chosen, other).passed
        second = pipeline.publish(chosen, other, actor="prefect")
        assert approval.pending(chosen)[0][1] is False
        with pytest.raises(Conflict, match=rf"{second.id} serves now.*probatum refresh guidelines"):
            approval.approve(chosen, waits, actor="lead", why=WHY)
        assert Releases(published.home).current() == second and len(approval.pending(chosen)) == 1
        assert told(published.home, "approve", "decline") == []
        again = candidate(published)  # the refresh that was asked for
        assert approval.wait(chosen, again.digest(), actor="prefect")[1]
        assert len(approval.pending(chosen)) == 1
        assert approval.approve(chosen, again.digest(), actor="lead", why=WHY).parent == second.id

    def test_what_passes_no_longer_is_refused_whatever_its_first_audit_said(self, published, chosen, waits):
        """P3: the audit is made again, with the questions of the day of approval."""
        path = chosen.expectations / "golden" / "guidelines.jsonl"
        lost = json.loads(path.read_text("utf-8").splitlines()[0]) | {
            "id": "guidelines-late", "severity": "critical", "question": "colour of the moon", "expects": [{"document": "gone.md"}],
        }  # fmt: skip
        with path.open("a", encoding="utf-8") as out:
            out.write(json.dumps(lost) + "\n")
        with pytest.raises(Rejected, match="guidelines-late"):
            approval.approve(chosen, waits, actor="lead", why=WHY)
        assert Releases(published.home).current() == published.manifest and len(approval.pending(chosen)) == 1
        assert told(published.home, "approve") == []

    def test_without_a_reason_nothing_is_decided(self, chosen, waits):
        for decide in (approval.approve, approval.decline):
            with pytest.raises(Misconfigured, match="--why is empty"):
                decide(chosen, waits, actor="lead", why="  ")
        assert len(approval.pending(chosen)) == 1

    @pytest.mark.parametrize(("seam", "published_then"), [("after-manifest", False), ("after-pointer", True)])
    def test_stopped_half_way_there_is_a_release_with_its_record_or_neither(
        self, published, chosen, waits, seam, published_then
    ):
        """P37: killed between the pointer and its record; the next run writes it, in the name of who approved."""
        with fault_at(seam, KeyboardInterrupt()), pytest.raises(KeyboardInterrupt):
            approval.approve(chosen, waits, actor="lead", why=WHY)
        for _ in range(2):
            pipeline.settle(chosen, actor="prefect")
        records = told(published.home, "approve", "found")
        assert [(r["actor"], r["why"]) for r in records] == ([("lead", WHY)] if published_then else [])
        assert len(approval.pending(chosen)) == (0 if published_then else 1)
        if not published_then:
            assert approval.approve(chosen, waits, actor="lead", why=WHY).candidate == waits

    def test_after_a_rollback_it_may_wait_and_be_approved_again(self, published, chosen, waits):
        approval.approve(chosen, waits, actor="lead", why=WHY)
        Publisher(published.home).rollback(None, actor="on call")
        assert approval.wait(chosen, waits, actor="prefect")[1]
        assert approval.approve(chosen, waits, actor="lead", why=WHY).parent == published.manifest.id
        assert len(told(published.home, "approve")) == 2


class TestDeclining:
    def test_it_changes_nothing_served_and_leaves_one_record(self, published, chosen, waits):
        """P37: one record says who declined which candidate, and why."""
        approval.decline(chosen, waits, actor="lead", why="Not yet.")
        (record,) = told(published.home, "decline")
        assert (record["actor"], record["candidate"], record["why"]) == ("lead", waits, "Not yet.")
        assert approval.pending(chosen) == [] and Releases(published.home).current() == published.manifest
        with pytest.raises(Rejected, match="declined already, by lead"):
            approval.decline(chosen, waits, actor="lead", why="Still not.")

    def test_the_same_content_is_refused_by_the_next_refresh_and_other_content_is_not(self, published, chosen, waits):
        approval.must_not_be_declined(chosen, "guidelines", "new")
        approval.decline(chosen, waits, actor="lead", why="Not yet.")
        with pytest.raises(Rejected, match=r"was declined by lead on .*: Not yet\..*probatum approve"):
            approval.must_not_be_declined(chosen, "guidelines", "new")
        candidate(published, note="other")
        approval.must_not_be_declined(chosen, "guidelines", "other")

    def test_it_stays_declined_when_another_source_was_published_since(self, published, chosen, waits):
        approval.decline(chosen, waits, actor="lead", why="Not yet.")
        other = candidate(published, "formulary", note="drugs")
        Publisher(published.home).publish(other, report_of(other), actor="prefect")
        candidate(published)
        with pytest.raises(Rejected, match="was declined"):
            approval.must_not_be_declined(chosen, "guidelines", "new")

    def test_it_can_be_taken_back_even_when_it_cannot_be_published_any_more(self, published, chosen, waits):
        approval.decline(chosen, waits, actor="lead", why="Not yet.")
        other = candidate(published, "formulary", note="drugs")
        Publisher(published.home).publish(other, report_of(other), actor="prefect")
        with pytest.raises(Conflict):
            approval.approve(chosen, waits, actor="lead", why="After all.")
        approval.must_not_be_declined(chosen, "guidelines", "new")
        assert [r["why"] for r in told(published.home, "decline-taken-back")] == ["After all."]

    def test_what_was_declined_can_be_approved_after_all(self, published, chosen, waits):
        approval.decline(chosen, waits, actor="lead", why="Not yet.")
        assert approval.approve(chosen, waits, actor="lead", why="After all.").candidate == waits

    def test_stopped_before_its_record_the_next_run_writes_it_once(self, published, chosen, waits):
        """P37: killed between the decision and its record."""
        with fault_at("before-record", KeyboardInterrupt()), pytest.raises(KeyboardInterrupt):
            approval.decline(chosen, waits, actor="lead", why="Not yet.")
        assert told(published.home, "decline") == []
        for _ in range(2):
            pipeline.settle(chosen, actor="prefect")
        assert [(r["actor"], r["why"]) for r in told(published.home, "decline")] == [("lead", "Not yet.")]


class TestOnTheCommandLine:
    def test_what_waits_is_shown_and_approved(self, published, chosen, waits, monkeypatch, capsys):
        assert command(monkeypatch, chosen, "pending") == 0
        said = capsys.readouterr().out
        assert waits[:12] in said and "guidelines" in said and f"probatum approve {waits[:12]}" in said
        assert command(monkeypatch, chosen, "approve", waits[:12], "--why", WHY, "--json") == 0
        assert json.loads(capsys.readouterr().out)["parent"] == published.manifest.id
        assert command(monkeypatch, chosen, "pending") == 0
        assert "Nothing waits" in capsys.readouterr().out
        assert told(published.home, "approve")[0]["actor"] == getpass.getuser()

    def test_declining_says_what_still_serves(self, published, chosen, waits, monkeypatch, capsys):
        assert command(monkeypatch, chosen, "decline", waits, "--why", "Not yet.") == 0
        assert f"{published.manifest.id} still serves" in capsys.readouterr().out

    def test_a_conflict_ends_with_its_exit_code(self, published, chosen, waits, monkeypatch, capsys):
        other = candidate(published, "formulary")
        Publisher(published.home).publish(other, report_of(other), actor="prefect")
        assert command(monkeypatch, chosen, "approve", waits, "--why", WHY) == 30
        assert command(monkeypatch, chosen, "pending") == 0
        out = capsys.readouterr()
        assert "probatum refresh guidelines" in out.err and "Another release was published" in out.out

    def test_publish_does_not_go_round_it(self, chosen, waits, monkeypatch, capsys):
        assert command(monkeypatch, chosen, "publish", waits) == 20
        assert "has to be approved" in capsys.readouterr().err


def test_the_waiting_room_of_an_empty_home_is_empty(tmp_path):
    assert WaitingRoom(tmp_path / "nowhere").all() == []
    assert not (tmp_path / "nowhere").exists()


class TestWhoIsTold:
    def test_the_doctor_says_that_a_candidate_waits_until_somebody_decides(self, chosen, waits):
        """P51: and with which command one looks."""
        (said,) = [f for f in examine(chosen) if "waits for approval" in f.what]
        assert (said.level, said.advice) == ("note", "Run `probatum pending`.") and waits[:12] in said.what
        approval.decline(chosen, waits, actor="lead", why="Not yet.")
        assert not [f for f in examine(chosen) if "waits for approval" in f.what]

    @pytest.mark.parametrize("decision", ["approve", "decline"])
    def test_a_decision_is_told_to_the_server_that_was_told_of_the_wait(
        self, chosen, waits, monkeypatch, posted, decision
    ):
        """P35: ids and names of releases, no word of why, and nobody's name."""
        assert command(monkeypatch, chosen, decision, waits[:12], "--why", WHY) == 0
        (event,) = posted
        assert event["event"] == DECIDED and WHY not in str(event) and getpass.getuser() not in str(event)
        assert event["payload"] == {
            "candidate": waits, "sources": {"guidelines": "2026-10-01"}, "decision": f"{decision}d"
        }  # fmt: skip

    def test_a_decision_stands_where_the_server_does_not_answer(self, chosen, waits, monkeypatch):
        """P47: nobody waits for Prefect to approve something."""
        with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
            assert command(monkeypatch, chosen, "decline", waits[:12], "--why", WHY) == 0
        assert WaitingRoom(chosen.home).all() == []
