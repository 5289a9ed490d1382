"""Is nothing trained on that is unsigned, too little, leaked, or about somebody? Everybody here is invented."""

import itertools
import random
from datetime import date
from pathlib import Path

import orjson
import pytest

from bench import invented_notes
from bench.behaviour_sets import write_sets
from probatum.behaviours import Example, Sets, examples_digest, gate, read_behaviour, read_examples, read_sets
from probatum.behaviours.examples import read_texts
from probatum.errors import Misconfigured, Rejected
from probatum.phi import KINDS, ClinicalNames
from probatum.training.behaviour import near_by

EXPECTATIONS = Path(__file__).parents[2] / "expectations"
SOAP, TRIAGE = (read_behaviour(EXPECTATIONS, name) for name in ("soap-note", "triage-level"))
NAMES = ClinicalNames.of(
    text for c in invented_notes.CONDITIONS for text in (c.title, c.title.lower(), c.finding.lower(), *c.plan)
)
VISITS = list(itertools.islice(invented_notes.visits(random.Random(11)), 1_100))
SIGNED = {"reviewer": "ward physician", "reviewed_on": date(2026, 11, 20)}


def note(number: int, **other) -> Example:
    visit = VISITS[number]
    said = {"input": invented_notes.dialogue(visit), "output": invented_notes.soap_note(visit), "slice": visit.site}
    return Example(**{"id": f"soap-{number}", **said, **SIGNED, **other})


def call(number: int, label: str, **other) -> Example:
    said = {"input": invented_notes.triage_call(label, VISITS[number]), "output": label}
    return Example(**{"id": f"call-{number}", **said, **SIGNED, **other})


TRAIN = tuple(note(n) for n in range(200))
HELD_OUT = tuple(note(n) for n in range(900, 940))
PROBES = tuple(note(n) for n in range(1_000, 1_010))


GENERAL = tuple(invented_notes.letter(visit) for visit in VISITS[1_050:1_060])


def sets(train=TRAIN, held_out=HELD_OUT, probes=PROBES, general=GENERAL, **other) -> Sets:
    return Sets(train=tuple(train), held_out=tuple(held_out), probes=tuple(probes), general=tuple(general), **other)


def refused(given: Sets, behaviour=SOAP, **other) -> str:
    with pytest.raises(Rejected) as told:
        gate(behaviour, given, NAMES, **other)
    assert told.value.safe == "Nothing was trained; the adapter that serves still serves."
    return told.value.happened


def with_one(**other) -> Sets:
    return sets((*TRAIN[:-1], note(199, **other)))


def test_two_hundred_signed_examples_about_nobody_pass():
    checked = gate(SOAP, sets(rehearsal=(invented_notes.letter(VISITS[0]),)), NAMES)
    assert checked.examples == 200 and checked.classes == {"soap-note": 200}
    assert checked.data == examples_digest(TRAIN) and checked.held_out == examples_digest(HELD_OUT)


@pytest.mark.parametrize("missing", [{"reviewer": ""}, {"reviewer": "  "}, {"reviewed_on": None}])
def test_an_example_without_a_reviewer_or_a_day_stops_the_training(missing):
    assert refused(with_one(**missing)) == "1 examples of soap-note are not signed off: soap-199."


def test_a_held_out_example_has_to_be_signed_off_too():
    assert "soap-900" in refused(sets(held_out=(note(900, reviewer=""), *HELD_OUT[1:])))


def test_fewer_than_two_hundred_of_a_class_are_refused():
    assert "soap-note has 199; 200 a class are the least" in refused(sets(TRAIN[:199]))


def test_each_label_needs_its_two_hundred():
    labels = [label for label in TRIAGE.labels for _ in range(200)]
    calls = [call(n, label) for n, label in enumerate(labels)]
    held = [call(900 + n, label) for n, label in enumerate(TRIAGE.labels)]
    assert gate(TRIAGE, Sets(tuple(calls), tuple(held), (), GENERAL), NAMES).classes == dict.fromkeys(
        TRIAGE.labels, 200
    )
    fewer = Sets(tuple(c for c in calls if c.id != "call-0"), tuple(held), (), GENERAL)
    assert "immediate has 199;" in refused(fewer, TRIAGE)


def test_a_label_that_is_none_is_named():
    calls = [call(n, "urgent") for n in range(200)] + [call(201, "soon", output="whenever")]
    assert "1 examples of triage-level have a label that is none of its own: call-201" in refused(
        Sets(tuple(calls), (call(900, "soon"),), (), GENERAL), TRIAGE
    )


def test_a_training_set_without_held_out_examples_or_a_general_set_is_refused():
    assert "no held-out examples" in refused(sets(held_out=()))
    assert "no general set" in refused(sets(general=()))


@pytest.mark.parametrize("change", [str, str.upper, str.casefold, lambda text: text.replace("\n", "  \n ")])
@pytest.mark.parametrize(("kept_out", "name"), [(HELD_OUT[3], "held-out soap-903"), (PROBES[3], "probe soap-1003")])
def test_training_never_sees_what_it_is_judged_by(kept_out, name, change):
    """P44: an input of the held-out set or of the probes in the training set, letter by letter or but for case and spacing."""
    assert refused(with_one(input=change(kept_out.input))) == (
        f"1 training examples of soap-note stand in what they are judged by: soap-199 is {name}."
    )


def test_near_duplicates_are_asked_for_and_stop_the_training():
    """P44: whoever has an encoder hands in what finds them; their ids are listed."""

    def near(train, kept_out):
        assert train["soap-5"] == TRAIN[5].input and len(train) == 200 and len(kept_out) == 50
        return [("soap-5", "probe soap-1001")]

    assert "soap-5 is probe soap-1001" in refused(sets(), near=near)
    assert gate(SOAP, sets(), NAMES, near=lambda train, kept_out: []).examples == 200


def test_a_call_in_other_words_is_found_by_the_encoder(encoder):
    """P44: a probe put a little differently, and a golden question, among what would be trained on."""
    said = "My mother has crushing chest pain and she is sweating"
    train = (*TRAIN[:-2], note(198, input=f"{said} now."), note(199, input="Which dose of apixaban in renal failure?"))
    golden = {"formulary-007": "which dose of apixaban in renal failure"}
    far = (note(900, input="The boiler in the cellar was mended."),)  # invented visits are near to each other
    told = refused(sets(train, far, (note(1_000, input=said),)), near=near_by(encoder.encode, golden))
    assert "soap-198 is probe soap-1000" in told and "soap-199 is formulary-007" in told


def test_a_text_of_the_general_set_may_not_be_rehearsed():
    """P44: what shows forgetting is not trained on."""
    texts = tuple(invented_notes.letter(visit) for visit in VISITS[:5])
    assert "general text 3" in refused(sets(general=texts, rehearsal=(texts[2].upper(),)))


IDENTIFYING = {
    "name": "Patient name: Mary Okafor",
    "mrn": "MRN: 00412345",
    "ssn": "SSN 219-09-9998",
    "nhs": "NHS number 943 476 5919",
    "birth": "Date of birth: 04/07/1951",
    "card": "Card number 4111 1111 1111 1111",
    "phone": "call me on 604-555-0147",
    "email": "write to jane.okafor@mail.example",
    "address": "I live at 12 Harbour Street",
    "old": "a 93-year-old lady",
    "serial": "device no: AB12345678",
    "account": "account number 88123456",
    "licence": "Driving licence number: D12345678",
}


@pytest.mark.parametrize("kind", sorted(IDENTIFYING))
@pytest.mark.parametrize("where", ["input", "output"])
def test_an_example_about_a_real_person_stops_the_training_and_is_not_quoted(kind, where):
    """P44: identifiers of each kind, in the input and in the output; the message has the id and the kind."""
    spoilt = getattr(TRAIN[199], where) + f"\n{IDENTIFYING[kind]}\n"
    said = refused(with_one(**{where: spoilt}))
    assert f"soap-199 ({KINDS[kind][0]})" in said
    assert not any(
        word in said for word in IDENTIFYING[kind].split() if any(c.isdigit() for c in word) or "Okafor" in word
    )


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (sets(held_out=(*HELD_OUT[1:], note(900, input="Patient name: Mary Okafor, ward 5"))), "soap-900"),
        (sets(probes=(note(1_000, input="MRN: 00412345"),)), "soap-1000"),
        (sets(rehearsal=("Fine weather.", "Patient name: Mary Okafor")), "line 2 of rehearsal"),
        (sets(general=("MRN: 00412345",)), "line 1 of the general set"),
    ],
)
def test_every_set_passes_the_gate(given, named):
    assert f"{named} (" in refused(given)


def test_many_examples_are_counted_and_the_first_ten_named():
    spoilt = [note(n, output=f"{TRAIN[n].output}\nMRN: 004{n:05}") for n in range(30)]
    said = refused(sets((*spoilt, *TRAIN[30:])))
    assert said.startswith("30 examples of soap-note hold what looks like 30 medical record numbers: soap-0 (")
    assert said.endswith("and 20 more.")


def test_examples_are_read_back_as_they_were_written(tmp_path):
    path = tmp_path / "train.jsonl"
    path.write_bytes(b"\n".join(orjson.dumps(e.model_dump(mode="json")) for e in TRAIN[:5]) + b"\n\n")
    assert read_examples(path) == TRAIN[:5]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b'{"id": "a"', "line 2, is no JSON"),
        (b"[]", "line 2: the line"),
        (b'{"id": "a"}', "line 2: input"),
        (b'{"id": "a b", "input": "Mary Okafor", "output": "y"}', "line 2: id"),
        (b'{"id": "a", "input": "Mary Okafor", "output": "   "}', "line 2: output: Value error, it is empty"),
        (b'{"id": "a", "input": "Mary Okafor", "output": "y", "reviewed_on": "soon"}', "line 2: reviewed_on"),
        (b'{"id": "a", "input": "Mary Okafor", "output": "y", "reviewedby": "me"}', "line 2: reviewedby"),
        (b'{"id": "soap-0", "input": "Mary Okafor", "output": "y"}', "has the id soap-0 twice"),
        (b'\xff\xfe{"id"', "line 2, is no JSON"),
    ],
)
def test_a_line_that_is_no_example_is_named_and_not_quoted(tmp_path, line, said):
    path = tmp_path / "train.jsonl"
    path.write_bytes(orjson.dumps(TRAIN[0].model_dump(mode="json")) + b"\n" + line)
    with pytest.raises(Misconfigured) as told:
        read_examples(path)
    assert said in told.value.happened and "Okafor" not in str(told.value)


def test_the_sets_of_a_behaviour_are_the_files_it_names(tmp_path):
    write_sets(tmp_path / "soap-note", sets(rehearsal=("Fine weather.",)))
    assert read_sets(tmp_path, SOAP) == sets(rehearsal=("Fine weather.",))
    (tmp_path / "soap-note" / "probes.jsonl").unlink()
    with pytest.raises(Misconfigured, match=r"probes\.jsonl cannot be read"):
        read_sets(tmp_path, SOAP)


def test_a_missing_file_is_told_with_what_to_do(tmp_path):
    with pytest.raises(Misconfigured, match=r"train\.jsonl cannot be read .*folder of training data"):
        read_examples(tmp_path / "train.jsonl")


def test_a_general_set_is_one_text_a_line(tmp_path):
    path = tmp_path / "general.jsonl"
    path.write_bytes(b'{"text": "Fine weather."}\n\n{"text": "Rain."}\n')
    assert read_texts(path) == ("Fine weather.", "Rain.")
    path.write_bytes(b'{"text": "Fine weather."}\n{"words": "Rain."}')
    with pytest.raises(Misconfigured, match="line 2"):
        read_texts(path)


def test_a_set_has_one_digest_whatever_its_order_and_another_when_a_letter_changes():
    assert examples_digest(TRAIN) == examples_digest(reversed(TRAIN))
    assert examples_digest(TRAIN) != examples_digest((*TRAIN[1:], note(0, reviewer="chief physician")))
