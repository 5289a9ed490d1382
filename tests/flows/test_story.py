"""From drift to a better adapter that serves, and what keeps anything else from serving: on a real server, with a cpu and a gpu pool.

The tests of this file tell one story and are run in order. The automation that retrains stands twice, so each event asks for two.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from processes import wait_for
from sinks import mail_sink, web_sink
from small_runs import loaded_once
from small_story import Story, golden_of_the_house, make_story, taught
from watched import ROUTES, Watched

from probatum.adapters.registry import Adapters
from probatum.drift.ledger import Ledger
from probatum.drift.rules import drift_rules
from probatum.drift.watching import Watch
from probatum.release import Manifest, Releases, today

pytestmark = pytest.mark.slow
_KEPT_QUESTION = "kept in which fridge, the tackra"


@dataclass
class Told:
    """The story, and the server it is told on."""

    story: Story
    watched: Watched

    def look(self, weeks: int) -> None:
        """A watch so many weeks from today, as it would be then; what it finds is told by the next run of the deployment."""
        Watch(self.story.chosen, actor="test").retrieval(today() + timedelta(weeks=weeks))

    def watch(self) -> None:
        run = self.watched.server.run_of("watch")
        assert self.watched.server.ended(run)["type"] == "COMPLETED", self.watched.server.log()

    def retrain(self, **parameters: object) -> dict:
        """A run of its own, on the pool gpu; its state when it ended."""
        return self.watched.server.ended(self.watched.server.run_of("retrain", **parameters), 600)

    @property
    def ledger(self):
        return Ledger(self.story.home, "retrieval", drift_rules(self.story.expectations)).state()

    @property
    def serving(self) -> Manifest:
        return Releases(self.story.home).current()

    def checkpoints(self) -> list:
        return list(self.story.home.glob("work/retrain-retrieval-*/training/*/curve.json"))


@pytest.fixture(scope="module")
def told(encoder, tmp_path_factory) -> Iterator[Told]:
    folder = tmp_path_factory.mktemp("story")
    with loaded_once(encoder):
        story = make_story(folder, steps=40)
    with web_sink() as web, mail_sink() as mail:
        started = None
        try:
            (story.expectations / "alerts.toml").write_text(ROUTES, "utf-8")
            started = Watched(folder, story.expectations, web, mail)
            started.prepare(twice=["retrain"])
            started.server.start("worker", "start", "--pool", "cpu")
            yield Told(story, started)
        finally:
            if started:
                started.stop()


def test_while_nothing_has_drifted_a_retrain_is_not_needed(told, encoder):
    """P42: what the quarterly schedule asks ends with the figures; nothing is claimed and nothing is trained."""
    with loaded_once(encoder):
        told.look(-3)
    worker = told.watched.server.start("worker", "start", "--pool", "gpu")
    state = told.retrain()
    assert state["type"] == "COMPLETED" and state["message"].startswith("not needed: "), state
    assert "steady, 1.000 right" in state["message"] and told.ledger.retrains == ()
    told.watched.kill("gpu")
    assert worker.poll() is not None


def test_probes_that_degrade_are_told_of_and_ask_for_a_retrain_on_the_pool_gpu(told, encoder):
    """P42: words of the house are gone from the list; the gate had no question of it, the probes have."""
    with loaded_once(encoder):
        told.story.lose_the_words()
        told.look(-1)
    told.watch()
    (drifted,) = told.watched.heard("retrieval has drifted")
    assert "at publication" in drifted and "tackra" not in drifted
    (drift,) = told.ledger.drifts
    runs = wait_for(
        lambda: (found := told.watched.started("retrain"))[1:3] and found, 120, "both runs", told.watched.server.log
    )
    assert [run["parameters"] for run in runs[1:]] == [{"behaviour": "retrieval", "drift": drift.id}] * 2
    assert {run["work_pool_name"] for run in runs} == {"gpu"}


def test_without_a_worker_with_a_gpu_nothing_is_trained_anywhere_and_somebody_is_told(told):
    """P42: the runs wait, although a worker of the other pool has nothing to do."""
    (late,) = told.watched.heard("a run of retrain did not start")
    assert "prefect work-pool inspect" in late
    assert told.checkpoints() == [] and told.ledger.retrains == ()
    assert all(run["state"]["type"] == "SCHEDULED" for run in told.watched.started("retrain")[1:])


def test_a_training_that_is_killed_is_gone_on_with_by_the_next_run(told):
    """P45: from its checkpoint, under the same claim; the challenger wins, passes the gate and is what serves."""
    told.watched.server.start("worker", "start", "--pool", "gpu")
    wait_for(lambda: _steps(told) >= 5, 300, "a checkpoint", told.watched.server.log)
    told.watched.kill("gpu")
    (claim,) = told.ledger.retrains
    before = told.serving
    assert claim.outcome == "" and before.encoder.adapter == ""
    told.watched.server.start("worker", "start", "--pool", "gpu")
    wait_for(lambda: told.ledger.retrains[0].outcome, 600, "the retrain to end", told.watched.server.log)
    (ended,) = told.ledger.retrains
    assert (ended.key, ended.outcome, ended.drift) == (claim.key, "promoted", told.ledger.drifts[0].id)
    adapters, serving = Adapters(told.story.home), told.serving
    record = adapters.record(serving.encoder.adapter)
    assert record.trained.resumed >= 1 and record.trained.steps == 40
    assert adapters.champion("retrieval", "retrieval") == serving.encoder.adapter
    assert (
        serving.parent == before.id and serving.sources == before.sources
    )  # questions are read otherwise, texts are not
    assert told.checkpoints() == []


def test_one_drift_is_retrained_for_once_however_often_it_is_told(told):
    """P42: of the two runs of the event one trained, one found that it was done or was killed; a third is not needed."""
    wait_for(lambda: all(run["state"]["type"] in ("COMPLETED", "CRASHED") for run in told.watched.started("retrain")), 300, "all runs", told.watched.server.log)  # fmt: skip
    state = told.retrain(behaviour="retrieval", drift=told.ledger.drifts[0].id)
    assert state["type"] == "COMPLETED" and state["message"].startswith("not needed: ")
    assert len(told.ledger.retrains) == 1


def test_when_the_probes_are_well_again_that_is_told(told):
    """P42: measured by what the champion before was at its publication."""
    told.look(1)
    assert told.ledger.open is None
    told.watch()
    (well,) = told.watched.heard("retrieval is well again")
    assert "retrieval has drifted, since" in well and f"Release {told.serving.id}" in well


def test_a_question_that_judges_is_not_learnt_from(told):
    """P44: somebody chose it, so the training stops; the id is told, and the words are not."""
    golden_of_the_house(told.story, _KEPT_QUESTION, "furosemide")
    told.story.teach_this(_KEPT_QUESTION.upper())
    state = told.retrain(forced=True, why="more words of the house")
    assert state["name"] == "Refused" and "formulary-house (the same but for case)" in state["message"]
    (said,) = told.watched.heard("retrieval was retrained, and what serves stays")
    assert "formulary-house" in said and "fridge" not in said
    told.story.teach()


def test_a_question_that_names_a_patient_is_not_learnt_from(told):
    """P38: an adapter would remember it."""
    told.story.teach_this("tackra for Mrs Okafor, MRN: 00412345")
    state = told.retrain(forced=True, why="more words of the house")
    assert (
        state["name"] == "Refused"
        and "lesson-more (" in state["message"]
        and "medical record number" in state["message"]
    )
    assert "Okafor" not in json.dumps(told.watched.events("probatum.behaviour.kept"))
    told.story.teach()


def test_a_challenger_that_loses_a_golden_question_never_serves(told):
    """P43: taught that each word means another drug, it is trained, tried, and rejected by the audit; the champion stays."""
    families = list(taught())
    told.story.teach(dict(zip(families, families[1:] + families[:1], strict=True)))
    champion = told.serving
    state = told.retrain(forced=True, why="the reviewers were wrong")
    assert state["name"] == "Refused" and "critical question formulary-house is lost" in state["message"]
    assert told.serving == champion
    *_, worse = told.ledger.retrains
    assert worse.outcome == "kept"
    adapters = Adapters(told.story.home)
    rejected = [life for life in adapters.all().values() if life.status == "rejected"]
    assert len(rejected) == 1 and adapters.champion("retrieval", "retrieval") == champion.encoder.adapter


def test_no_word_of_a_question_is_in_what_prefect_keeps(told):
    """P38: ids and figures only, in runs, events and artifacts."""
    kept = json.dumps(told.watched.started("retrain")) + json.dumps(told.watched.server.post("/artifacts/filter"))
    kept += "".join(
        json.dumps(told.watched.events(f"probatum.behaviour.{each}")) for each in ("drifted", "recovered", "kept")
    )
    assert told.ledger.drifts[0].id in kept
    assert not [word for word in (*taught().values(), "fridge", "cupboard") if word in kept]


def _steps(told: Told) -> int:
    """Steps that the checkpoint has behind it; 0 without one."""
    return max((json.loads(path.read_bytes())["step"] for path in told.checkpoints()), default=0)
