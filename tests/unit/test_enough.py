"""Does search say when nothing it has is good enough, and never of a question it can answer?"""

import json

import pytest
from small_home import drugs

from probatum import cli
from probatum.asking import ask_negative
from probatum.encoder_identity import EMBEDDED_NAME
from probatum.enough import calibrated, is_enough
from probatum.golden import GoldenQuestion
from probatum.search import nothing_good_enough

OFF = ("which bus goes to the railway station", "who won the match last night", "wifi password for visitors")
HERE = (
    "metformin tablet",
    "who may order apixaban 5 mg",
    "when is a central line dressing changed",
    "calcium in hyperkalaemia",
)


@pytest.mark.parametrize("question", OFF)
def test_what_nothing_answers_is_told_and_the_nearest_is_still_shown(published_once, question):
    """P17: the hits are there, each saying that it is none to rely on."""
    hits = published_once.searcher().search(question)
    assert hits and nothing_good_enough(hits) and not any(hit.enough for hit in hits)


@pytest.mark.parametrize("question", HERE)
def test_what_is_answered_is_not_told_to_be_unanswerable(published_once, question):
    assert not nothing_good_enough(published_once.searcher().search(question))


@pytest.mark.parametrize("drug", drugs()[::6], ids=lambda drug: drug.id)
def test_an_exact_code_is_always_enough(published_once, drug):
    assert not nothing_good_enough(published_once.searcher().search(drug.id, source="formulary"))


def test_one_source_that_answers_is_enough(published_once):
    """Without a source named, each hit speaks for its own."""
    hits = published_once.searcher().search("levothyroxine 25 microgram tablet")
    assert {hit.enough for hit in hits if hit.source == "formulary"} == {True} and not nothing_good_enough(hits)
    assert nothing_good_enough([])


def test_a_floor_is_of_one_encoder_and_one_kind_of_source():
    assert not is_enough(EMBEDDED_NAME, 0.4, of_sections=False) and is_enough(EMBEDDED_NAME, 0.4, of_sections=True)
    assert is_enough("another", -1.0, of_sections=False) and not calibrated("another")


def test_a_negative_question_passes_when_search_says_so(published_once):
    said = {"severity": "routine", "rationale": "Elsewhere.", "role": "test writer", "reviewed_on": "2026-11-20"}
    asked = {"id": "n", "source": "formulary", "slice": "s", "unanswerable": True, **said}
    searcher = published_once.searcher()
    told = [ask_negative(searcher, GoldenQuestion.model_validate(asked | {"question": q})) for q in (OFF[0], HERE[0])]
    assert [each.passed for each in told] == [True, False]


@pytest.mark.parametrize(("question", "nothing"), [(OFF[0], True), (HERE[0], False)])
def test_the_command_line_says_so_in_words_and_for_machines(published_once, monkeypatch, capsys, question, nothing):
    from probatum import settings
    from probatum.search import Searcher

    monkeypatch.setenv("PROBATUM_HOME", str(published_once.home))
    settings.reset()
    searcher = published_once.searcher()
    monkeypatch.setattr(Searcher, "open", classmethod(lambda *_: searcher))
    cli.app(["search", question, "--json"], standalone_mode=False)
    told = json.loads(capsys.readouterr().out)
    assert told["nothing_good_enough"] is nothing and told["hits"]
    cli.app(["search", question], standalone_mode=False)
    assert ("Nothing good enough was found." in capsys.readouterr().out) is nothing
