"""When may a retrain begin, what does a dead one leave to the next, and what is frozen before it is read?"""

import json

import pytest
from s3_servers import ENVIRONMENT, make_bucket, moto_server, raw_client
from small_adapters import add_adapter, make_adapter
from small_home import questions, report_of

from probatum import cli, pipeline
from probatum.adapters.registry import Adapters
from probatum.drift.ledger import REFUSED, Ledger
from probatum.drift.rules import drift_rules
from probatum.drift.verdict import Verdict
from probatum.errors import Misconfigured, Retryable
from probatum.publish import Publisher
from probatum.release import today
from probatum.settings import Settings, reset
from probatum.training.pairs import lessons_of, part_of, reviewed_lessons
from probatum.training.retraining import KEPT, PROMOTED, begin, champion_of, end, frozen, one_retrain, work_of

TERMS = 'sides = "query"\nrank = 8\ngeneral_loss = 0.02\n[budget]\nminutes = 5\nsteps = 10\nbatch = 8\nlearning_rate = 1e-3\n'


@pytest.fixture
def chosen(published) -> Settings:
    (published.expectations / "retrieval.toml").write_text(TERMS, "utf-8")
    return Settings(home=published.home, expectations=published.expectations)


def drifts(chosen: Settings) -> str:
    """What serves has drifted; the id of the drift."""
    ledger = Ledger(chosen.home, "retrieval", drift_rules(chosen.expectations))
    ledger.note(Verdict("retrieval", today().isoformat(), champion_of(chosen, "retrieval"), "drifted", ("why",), before=0.9, now=0.8), actor="test")  # fmt: skip
    return ledger.state().open.id


def started(chosen: Settings, **more):
    with one_retrain(chosen, "retrieval"):
        return begin(chosen, "retrieval", actor="test", **more)


def test_without_a_drift_nothing_is_claimed(chosen):
    """P42: unless somebody forces it, which is journalled with the reason."""
    begun = started(chosen)
    assert not begun.go and begun.why.startswith("nothing has drifted")
    assert started(chosen, forced=True, why="the committee asks").go


def test_a_drift_is_claimed_once_and_the_claim_of_a_dead_run_is_gone_on_with(chosen):
    """P45: the same key, so the same folder, with what was copied and trained in it."""
    drift = drifts(chosen)
    first = started(chosen, drift=drift)
    work_of(chosen, first).mkdir(parents=True)
    again = started(chosen, drift=drift)
    assert (again.go, again.again, again.key) == (True, True, first.key)
    end(chosen, again, KEPT, minutes=3, actor="test", report="# figures\n")
    assert not work_of(chosen, first).exists()
    third = started(chosen, drift=drift)
    assert not third.go and "never twice" in third.why
    assert (chosen.home / "drift" / "retrieval" / "retrains" / f"{first.key}.md").read_text("utf-8") == "# figures\n"


def test_a_run_that_died_after_its_adapter_served_is_settled_and_not_done_again(chosen, published, tmp_path):
    """P45: the pointer moved, and the ledger was not told; another training would be a second one for one drift."""
    precise = chosen.model_copy(update={"encoder_precision": published.manifest.encoder.precision})
    begun = started(precise, drift=drifts(precise))
    identity = add_adapter(chosen.home, make_adapter(tmp_path / "adapter", precise), "query")
    Adapters(chosen.home).move(identity, "audited", actor="test")
    candidate = pipeline.read_candidate(precise, pipeline.wear(precise, identity))
    Publisher(chosen.home).publish(candidate, report_of(candidate), actor="test")
    again = started(precise)
    assert not again.go and again.key == begun.key and "had ended" in again.why
    (noted,) = Ledger(chosen.home, "retrieval", drift_rules(chosen.expectations)).state().retrains
    assert noted.outcome == PROMOTED


def test_what_a_gate_refused_may_be_asked_for_again_when_it_is_mended(chosen):
    """P42: nothing was trained, so neither the drift nor the quarter is used up; the minutes are."""
    drift = drifts(chosen)
    refused = started(chosen, drift=drift)
    end(chosen, refused, REFUSED, actor="test")
    second = started(chosen, drift=drift)
    assert second.go and second.key != refused.key
    ledger = Ledger(chosen.home, "retrieval", drift_rules(chosen.expectations))
    assert [r.minutes for r in ledger.state().retrains] == [1, 5]


def test_the_status_says_what_a_retrain_would_be_told(chosen, monkeypatch, capsys):
    """P42: by the budget of the behaviour, too: one that is too dear is not said to be possible."""

    def status() -> dict:
        monkeypatch.setenv("PROBATUM_HOME", str(chosen.home))
        monkeypatch.setenv("PROBATUM_EXPECTATIONS", str(chosen.expectations))
        monkeypatch.setattr("sys.argv", ["probatum", "drift", "status", "--json"])
        reset()
        with pytest.raises(SystemExit):
            cli.main()
        return json.loads(capsys.readouterr().out)

    drift = drifts(chosen)
    assert (status()["may_retrain"], status()["drift"]) == (True, drift)
    dear = TERMS.replace("minutes = 5", "minutes = 700")
    (chosen.expectations / "retrieval.toml").write_text(dear, "utf-8")
    told = status()
    assert not told["may_retrain"] and "700 minutes of a GPU are asked for" in told["why"]
    assert started(chosen).why in told["why"]
    (chosen.expectations / "retrieval.toml").unlink()
    assert "told without its model and budget" in status()["why"]


def test_a_drift_that_is_over_starts_nothing(chosen):
    drifts(chosen)
    assert not started(chosen, drift="0" * 16).go


def test_two_runs_of_one_behaviour_never_train_at_once(chosen):
    """P42: the second is told who does it."""
    with one_retrain(chosen, "retrieval"), pytest.raises(Retryable, match=r"retrieval is already being retrained \(process"), one_retrain(chosen, "retrieval"):  # fmt: skip
        pass


def test_an_unknown_behaviour_is_refused_before_anything_is_claimed(chosen):
    with pytest.raises(Misconfigured, match="There is no behaviour soap-notes"), one_retrain(chosen, "soap-notes"):
        pass


def test_training_data_are_copied_before_they_are_read(chosen, tmp_path):
    """P45: what changes meanwhile does not change what a training that goes on has begun with."""
    owners = tmp_path / "owners" / "soap-note"
    owners.mkdir(parents=True)
    (owners / "train.jsonl").write_text("{}\n", "utf-8")
    (owners / "notes.txt").write_text("not an example", "utf-8")
    here = chosen.model_copy(update={"training_data": str(owners.parent)})
    copied = frozen(here, "soap-note", tmp_path / "work")
    (owners / "train.jsonl").write_text("{}\n{}\n", "utf-8")
    assert frozen(here, "soap-note", tmp_path / "work") == copied
    assert [p.name for p in (copied / "soap-note").iterdir()] == ["train.jsonl"]
    assert (copied / "soap-note" / "train.jsonl").read_text("utf-8") == "{}\n"
    with pytest.raises(Misconfigured, match="PROBATUM_TRAINING_DATA is empty"):
        frozen(chosen, "soap-note", tmp_path / "other")


def test_a_reviewed_question_is_asked_as_it_stands_in_the_part_of_what_it_expects(chosen):
    """P44: of a category that is kept to judge by, nothing is learnt; and it stands in a file of its own."""
    from small_home import drugs, protocols

    asked = questions()["formulary"][0] | {"id": "lesson-1", "question": "Water tablets for swollen ankles"}
    (chosen.expectations / "lessons").mkdir()
    (chosen.expectations / "lessons" / "formulary.jsonl").write_text(json.dumps(asked) + "\n", "utf-8")
    family = next(d.family for d in drugs() if d.id == asked["expects"][0]["document"])
    lessons = lessons_of([*drugs(), *protocols()], reviewed_lessons(chosen.expectations))
    (query,) = [q for q in lessons.queries if q.kind == "reviewed"]
    assert (query.text, query.families) == ("Water tablets for swollen ankles", frozenset({family}))
    assert query in lessons.of(part_of(family))


def test_training_data_may_lie_in_a_bucket(chosen, tmp_path, monkeypatch):
    """P45: copied from it in the same way, and nothing but the sets of this behaviour."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    with moto_server() as endpoint:
        make_bucket(endpoint, "owners", versions=True)
        s3 = raw_client("s3", endpoint)
        for key in ("notes/soap-note/train.jsonl", "notes/soap-note/old/train.jsonl", "notes/triage-level/train.jsonl"):
            s3.put_object(Bucket="owners", Key=key, Body=key.encode())
        here = chosen.model_copy(update={"training_data": "s3://owners/notes", "object_endpoint": endpoint})
        copied = frozen(here, "soap-note", tmp_path / "work")
    found = {str(path.relative_to(copied)): path.read_text("utf-8") for path in copied.rglob("*") if path.is_file()}
    assert found == {"soap-note/train.jsonl": "notes/soap-note/train.jsonl"}
