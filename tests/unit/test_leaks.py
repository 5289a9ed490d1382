"""Is a question that an adapter is judged by noticed among what it would learn from, in whatever words?"""

import json

import numpy as np
import pytest

from probatum.errors import Misconfigured, Rejected
from probatum.training.leaks import kept_questions, leaks, must_not_leak

KEPT = {
    "q-1": "broken collarbone after a fall from a bicycle",
    "q-2": "HTN in pregnancy",
    "q-3": "how much paracetamol may a child of four have in a day",
    "q-4": "Ménière's disease",
}
LEARNT = [
    "Fracture of clavicle",
    "Hypertension",
    "Dosage of paracetamol in children",
    "Disorder of vestibular function",
]


def test_official_names_that_mean_the_same_are_no_leak(encoder):
    """P44: a text about the same thing in other words is what there is to learn."""
    assert leaks(LEARNT, KEPT, encoder.encode) == []
    must_not_leak(LEARNT, KEPT, encoder.encode)


@pytest.mark.parametrize(
    ("text", "id", "how"),
    [
        ("broken collarbone after a fall from a bicycle", "q-1", "the same"),
        (" HTN in pregnancy ", "q-2", "the same"),
        ("htn in Pregnancy!", "q-2", "the same but for case"),
        ("MENIERE'S DISEASE", "q-4", "the same but for case"),
        ("a broken collarbone after a fall from the bicycle", "q-1", "nearly the same"),
        ("how much paracetamol can a child of four have in a day", "q-3", "nearly the same"),
    ],
)
def test_a_question_kept_for_judging_stops_the_build_and_is_named(encoder, text, id, how):
    """P44: exact, case-folded and near duplicates of a golden question stop the build, which lists their ids."""
    with pytest.raises(Rejected, match=rf"1 questions kept for judging .*{id} \({how}\)") as refused:
        must_not_leak([*LEARNT, text], KEPT, encoder.encode)
    assert KEPT[id] not in str(refused.value)
    assert "Nothing was trained" in str(refused.value)


def test_every_question_is_named_once_and_many_are_counted(encoder):
    """P44: the list is of questions, however many texts give one away."""
    kept = {f"q-{n:02d}": f"question number {n}" for n in range(30)}
    with pytest.raises(Rejected, match=r"30 questions .* and 10 more"):
        must_not_leak([*kept.values(), *(text.upper() for text in kept.values())], kept, None)


def test_without_an_encoder_only_the_words_are_compared():
    assert [
        leak.id for leak in leaks(["htn in pregnancy", "a broken collarbone after a fall from the bicycle"], KEPT, None)
    ] == ["q-2"]


def test_the_comparison_agrees_with_one_pair_at_a_time(encoder):
    """P44: in parts or one by one, the same questions are found."""
    texts = [f"{text} {n}" for n in range(3) for text in (*LEARNT, *KEPT.values())]
    by_hand = {
        (identity, text)
        for identity, question in KEPT.items()
        for text in texts
        if float(np.dot(encoder.encode([text])[0], encoder.encode([question])[0])) > 0.95
    }
    assert {(leak.id, texts[leak.place]) for leak in leaks(texts, KEPT, encoder.encode)} == by_hand
    assert {identity for identity, _ in by_hand} == set(KEPT)


def test_golden_questions_and_probes_are_what_is_kept(tmp_path):
    for folder, name in (("golden", "icd10.jsonl"), ("golden", "icd10-negative.jsonl"), ("probes", "icd10.jsonl")):
        path = tmp_path / folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({"id": f"{folder}-{name}", "question": f"of {folder} {name}"}) + "\n\n")
    assert len(kept_questions(tmp_path)) == 3


def test_a_line_that_cannot_be_read_is_no_way_around_the_gate(tmp_path):
    (tmp_path / "golden").mkdir()
    (tmp_path / "golden" / "icd10.jsonl").write_text('{"id": "a", "question": "b"}\n{"id": "c"\n')
    with pytest.raises(Misconfigured, match=r"icd10\.jsonl line 2"):
        kept_questions(tmp_path)
