"""Does a retrain end as it should where a person has to approve, where texts are encoded anew, and where no release names the behaviour?"""

import json
import os
import random
import subprocess
import sys
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import pytest
from databases import ready_home
from expecting import ROOT
from small_runs import loaded_once
from small_story import make_story

from bench.behaviour_sets import SIGNED, write_sets
from bench.invented_notes import letter, visits
from bench.tiny_base import make_base
from probatum.adapters.registry import Adapters
from probatum.behaviours import Example, Facts, Sets, read_behaviour
from probatum.drift.readings import figures_of, read_figures
from probatum.encoder_identity import of_questions
from probatum.journal import Journal
from probatum.release import Manifest, Releases
from probatum.training.language_model import Base, LanguageModel
from probatum.training.writing import outputs_of, with_adapter

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not os.environ.get("PROBATUM_TRAINING"), reason="retrains three times, for minutes: with PROBATUM_TRAINING=1"
    ),
]
_ANSWER = "Review: in one week."
_WORDS = sorted({word for visit in islice(visits(random.Random(1)), 200) for word in letter(visit).split()})
_REVIEW_LINE = """
about = "The line that says when a patient is seen again"
kind = "text"
task = "Write the review line."
prompt = "Write the review line: when the patient is seen again."
data = { train = "train.jsonl", held_out = "held-out.jsonl", probes = "probes.jsonl", general = "general.jsonl", rehearsal = "rehearsal.jsonl" }
budget = { minutes = 5, steps = 120, batch = 8, learning_rate = 1e-2, evaluate_every = 50, patience = 3 }
limits = { new_tokens = 12, prompt_tokens = 2000 }
bounds = { compliance = 0.9, general_loss = 0.1 }
[[rule]]
name = "review-line"
kind = "last-line"
pattern = 'Review: in one week\\..*'  # so small a model does not learn to stop
why = "Without it nobody is called back"
"""


@dataclass(frozen=True)
class Ran:
    home: Path
    expectations: Path
    before: Manifest
    base: Base
    told: dict

    def release(self, name: str) -> Manifest:
        return Releases(self.home).read(name)


@pytest.fixture(scope="module")
def ran(encoder, tmp_path_factory) -> Ran:
    folder = tmp_path_factory.mktemp("retrains")
    with loaded_once(encoder):
        story = make_story(folder, steps=8)
    rules = story.expectations / "thresholds.toml"
    rules.write_text(rules.read_text("utf-8").replace("[formulary]\n", "[formulary]\napproval = true\n"), "utf-8")
    base = _behaviour(folder, story.expectations)
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "PROBATUM_"))}
    places = {
        "PYTHONPATH": f"{ROOT / 'tests'}",
        "PROBATUM_HOME": str(story.home),
        "PROBATUM_EXPECTATIONS": str(story.expectations),
        "PROBATUM_TRAINING_DATA": str(folder / "notes"),
        "PROBATUM_LANGUAGE_MODEL": str(base.folder),
        "PROBATUM_LANGUAGE_MODEL_SHA256": base.weights,
        "PREFECT_HOME": str(ready_home(folder / "prefect")),
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
    }
    before = Releases(story.home).current()
    command = [sys.executable, ROOT / "tests" / "flows" / "retrain_runs.py"]
    done = subprocess.run(command, cwd=ROOT, env=kept | places, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr[-3000:]
    return Ran(story.home, story.expectations, before, base, json.loads(done.stdout.splitlines()[-1]))


def _behaviour(folder: Path, expectations: Path) -> Base:
    """A behaviour that a language model of nothing learns in seconds: one answer to whatever is asked."""
    (expectations / "behaviours").mkdir()
    (expectations / "behaviours" / "review-line.toml").write_text(_REVIEW_LINE, "utf-8")
    write_sets(folder / "notes" / "review-line", _sets())
    made = make_base(folder / "base", steps=2, width=32, layers=1)
    return Base.of(folder / "base", made.sha256)


def _sets() -> Sets:
    """What is asked are words in no order, so that no two are alike."""
    dice = random.Random(7)

    def some(kind: str, count: int) -> tuple[Example, ...]:
        asked = (" ".join(dice.sample(_WORDS, 12)) for _ in range(count))
        return tuple(Example(id=f"{kind}-{n:04}", input=said, output=_ANSWER, slice="any", **SIGNED) for n, said in enumerate(asked))  # fmt: skip

    texts = tuple(" ".join(dice.sample(_WORDS, 30)) for _ in range(40))
    return Sets(some("train", 200), some("held", 40), some("probe", 40), texts[:10], texts[10:])


def test_where_a_person_has_to_approve_the_candidate_that_wears_it_waits(ran):
    """P42: what serves still serves; after the approval it is the champion, and the approval is in the journal."""
    held = ran.told["held"]
    assert held["type"] == "COMPLETED" and held["outcome"]["outcome"] == "held", held
    assert "waits for somebody to approve it" in held["message"]
    assert ran.told["served meanwhile"] == ran.before.id
    approved, adapter = ran.release(ran.told["approved"]), held["outcome"]["adapter"]
    assert approved.encoder.adapter == adapter and approved.sources == ran.before.sources
    changes = Adapters(ran.home).life(adapter).changes
    assert [change.status for change in changes] == ["trained", "audited", "champion", "retired"]
    told = [(r["action"], r["actor"]) for r in Journal(ran.home / "journal.jsonl").records()]
    assert ("approve", "lead") in told


def test_an_adapter_of_both_sides_has_every_text_encoded_anew_and_passes_the_same_gate(ran):
    """P43: another state of every source, under the identity of what encoded it; the one before is retired."""
    both = ran.told["both"]
    assert both["outcome"]["outcome"] == "promoted", both
    release, before = ran.release(both["outcome"]["release"]), ran.release(ran.told["approved"])
    assert release.parent == before.id and release.encoder.adapter == both["outcome"]["adapter"]
    assert release.sources.keys() == before.sources.keys()
    assert all(release.sources[source] != before.sources[source] for source in before.sources)
    assert of_questions(release.encoder) == release.encoder.digest != before.encoder.digest
    assert Adapters(ran.home).champion("retrieval", "retrieval") == release.encoder.adapter
    assert Releases(ran.home).current() == release


def test_a_behaviour_is_promoted_without_a_release_and_its_probes_are_asked(ran):
    """P42: the figures of the new champion are there for the next watch."""
    told = ran.told["behaviour"]
    assert told["outcome"]["outcome"] == "promoted", told
    assert "is the champion; its probes are asked" in told["message"] and told["outcome"]["release"] == ""
    adapter = Adapters(ran.home).champion("behaviour", "review-line")
    assert adapter == told["outcome"]["adapter"]
    left = read_figures(figures_of(ran.home, "review-line"), "review-line")
    assert left.champion == adapter and len(left.readings) == 40
    assert sum(reading.ok for reading in left.readings) >= 36


def test_a_behaviour_that_has_not_drifted_is_not_trained_again(ran):
    """P42: the quarterly schedule asks, and nothing is spent."""
    again = ran.told["another time"]
    assert again["type"] == "COMPLETED" and again["outcome"]["outcome"] == "not needed"
    assert again["outcome"]["adapter"] == ""


def test_the_champion_of_a_behaviour_writes_what_its_figures_say(ran):
    """P43: loaded from the registry, compared with its reference, asked once more; the base alone writes no such line."""
    definition = read_behaviour(ran.expectations, "review-line")
    folder = Adapters(ran.home).folder(ran.told["behaviour"]["outcome"]["adapter"])
    probes = _sets().probes[:5]
    left = read_figures(figures_of(ran.home, "review-line"), "review-line")
    ok = {reading.id: reading.ok for reading in left.readings}
    outputs = outputs_of(with_adapter(ran.base, folder), definition, probes, definition.task)
    assert [not definition.broken(output.text, Facts()) for output in outputs] == [ok[probe.id] for probe in probes]
    outputs = outputs_of(LanguageModel.load(ran.base), definition, probes, definition.task)
    assert all(definition.broken(output.text, Facts()) for output in outputs)
