"""Are golden questions read as they were reviewed, and is a wrong line refused with its place?"""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from probatum.asking import answers
from probatum.errors import Misconfigured
from probatum.golden import Expected, digest_of, read_golden
from probatum.search import Hit, Member

EXPECTATIONS = Path(__file__).parents[2] / "expectations"
SOURCES = ("icd10", "formulary", "guidelines")
QUESTION = {
    "id": "q-1",
    "source": "icd10",
    "slice": "lay",
    "question": "pink eye",
    "expects": [{"family": "H10"}],
    "severity": "routine",
    "rationale": "The usual name of it.",
    "role": "triage nurse",
    "reviewed_on": "2026-11-20",
}


def read(folder, *lines, release="2026"):
    (folder / "golden").mkdir(exist_ok=True)
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    (folder / "golden" / "icd10.jsonl").write_text(text, "utf-8")
    return read_golden(folder, "icd10", release)


def hit(document_id="H10.9", text="", members=()):
    found = dict.fromkeys(Hit.__dataclass_fields__, "")
    members = tuple(Member(i, "") for i in members)
    return replace(Hit(**found), document_id=document_id, text=text, members=members)


def test_a_question_comes_back_as_it_is_written(tmp_path):
    (read_one,) = read(tmp_path, QUESTION, "", "  ")
    assert json.loads(read_one.model_dump_json(exclude_defaults=True)) == QUESTION and not read_one.critical
    assert read(tmp_path, QUESTION | {"severity": "critical"})[0].critical


def test_no_file_means_no_questions(tmp_path):
    assert read_golden(tmp_path, "icd10", "2026") == []


WRONG = {
    "no JSON": "{",
    "no object": "[]",
    "no question": {k: v for k, v in QUESTION.items() if k != "question"},
    "an empty question": QUESTION | {"question": ""},
    "nothing expected": QUESTION | {"expects": []},
    "an expectation of nothing": QUESTION | {"expects": [{"anchor": "x"}]},
    "a document and a family": QUESTION | {"expects": [{"document": "H10.9", "family": "H10"}]},
    "a misspelt key": QUESTION | {"expect": []},
    "a misspelt key of an expectation": QUESTION | {"expects": [{"familly": "H10"}]},
    "another severity": QUESTION | {"severity": "fatal"},
    "no date of review": QUESTION | {"reviewed_on": "soon"},
    "no role": QUESTION | {"role": ""},
}


@pytest.mark.parametrize("line", WRONG.values(), ids=WRONG.keys())
def test_a_wrong_line_is_refused_with_its_file_and_number(tmp_path, line):
    """P51: a misspelt question must not silently not be asked."""
    with pytest.raises(Misconfigured, match=r"icd10.jsonl, line 3"):
        read(tmp_path, QUESTION, "", line)


def test_an_id_or_a_question_that_is_there_twice_is_refused(tmp_path):
    """P3: or a hundred copies of one easy question would make a set."""
    with pytest.raises(Misconfigured, match="the id 'q-1' twice"):
        read(tmp_path, QUESTION, QUESTION | {"question": "another"})
    with pytest.raises(Misconfigured, match="ask the same"):
        read(tmp_path, QUESTION, QUESTION | {"id": "q-2"})


def test_a_question_of_one_release_is_asked_of_that_release_only(tmp_path):
    lines = [QUESTION, QUESTION | {"id": "q-2", "release": "2026"}, QUESTION | {"id": "q-3", "release": "2027"}]
    lines[1]["question"], lines[2]["question"] = "red eye", "red eye"  # one question, another answer in each release
    assert [q.id for q in read(tmp_path, *lines)] == ["q-1", "q-2"]
    assert [q.id for q in read(tmp_path, *lines, release="2027")] == ["q-1", "q-3"]


def test_the_digest_changes_with_every_word(tmp_path):
    digests = {digest_of(read(tmp_path, QUESTION | change)) for change in (
        {}, {"question": "pink eyes"}, {"severity": "critical"}, {"expects": [{"family": "H11"}]}, {"reviewed_on": "2026-11-21"},
    )}  # fmt: skip
    assert len(digests) == 5
    assert digest_of(read(tmp_path, QUESTION)) == digest_of(read(tmp_path, QUESTION))


@pytest.mark.parametrize(
    ("expected", "found", "right"),
    [
        (Expected(document="H10.9"), hit("H10.9"), True),
        (Expected(document="H10.9"), hit("H10.90"), False),
        (Expected(document="H10.9"), hit("H10", members=["H10.0", "H10.9"]), True),
        (Expected(family="H10"), hit("H10.9"), True),
        (Expected(family="H10"), hit("H11.9"), False),
        (Expected(family="H10"), hit("XH10"), False),
        (Expected(family="H10"), hit("A00", members=["H10.0"]), True),
        (Expected(document="p", anchor="Do not  clamp"), hit("p", "\nDO NOT\nclamp it."), True),
        (Expected(document="p", anchor="Do not clamp"), hit("p", "Do clamp"), False),
        (Expected(document="p", anchor="Do not clamp"), hit("q", "Do not clamp"), False),
    ],
)
def test_a_hit_answers_by_its_document_a_member_it_shows_and_the_quoted_words(expected, found, right):
    assert answers([expected], found) is right
    assert answers([Expected(document="none"), expected], found) is right


def test_counted_strictly_a_member_does_not_answer():
    assert not answers([Expected(document="H10.9")], hit("H10", members=["H10.9"]), members=False)


@pytest.mark.parametrize("source", SOURCES)
def test_the_projects_own_questions_are_enough_reviewed_and_partly_critical(source):
    """P3, P4: at least 120 a source, 15 of them critical; every one with its reason, its role and the day of its review."""
    asked = read_golden(EXPECTATIONS, source, "any")
    assert len(asked) >= 120 and sum(q.critical for q in asked) >= 15
    assert {q.source for q in asked} == {source}
    if source == "icd10":
        assert sum(q.slice == "lay" for q in asked) >= 0.4 * len(asked)
