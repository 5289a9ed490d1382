"""Does each rule of the gate find what it is for, and leave alone what is in order?"""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probatum import digests
from probatum.asking import negatives_hold
from probatum.audit_report import NegativeResult, QuestionResult
from probatum.canaries import Canaries, canary_texts, compare
from probatum.encoder_identity import EMBEDDED_NAME
from probatum.errors import Damaged, Misconfigured
from probatum.golden import Expected, GoldenQuestion, read_golden, read_negatives
from probatum.golden_checks import Documents, needing_review, questions_kept, questions_stand, retired_ids
from probatum.known_differences import reviewed_documents, waiting_for_review
from probatum.poisoning import Texts, copies, hubs, newcomers, repeated
from probatum.recall import ann_recall, recall_at_10
from probatum.thresholds import Gate, gate

EXPECTATIONS = Path(__file__).parents[2] / "expectations"
GATE = gate(EXPECTATIONS, "guidelines")
SAID = {"severity": "routine", "rationale": "Written.", "role": "test writer", "reviewed_on": "2026-11-20"}


def question(identity="q", text="how much adrenaline into the thigh of a child", *expects, **rest):
    expected = [{"document": d} if isinstance(d, str) else d for d in expects or ("a.md",)]
    said = {"id": identity, "source": "guidelines", "slice": "s", "question": text, **SAID}
    return GoldenQuestion.model_validate(said | (rest or {"expects": expected}))


def result(identity="q", top=("a.md", "b.md", "c.md"), critical=True):
    return QuestionResult(id=identity, slice="s", critical=critical, rank=1, strict_rank=1, top=top)


def unit(*rows):
    vectors = np.array(rows, np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


class TestQuestions:
    """P50: the expectations themselves are checked."""

    DOCUMENTS = Documents({"H10.1": "Acute atopic conjunctivitis", "b.md": "Do NOT clamp\na drain  that bubbles."})

    @pytest.mark.parametrize(
        ("expected", "stands"),
        [
            ({"document": "b.md"}, True),
            ({"document": "c.md"}, False),
            ({"document": "b.m"}, False),
            ({"family": "H10"}, True),
            ({"family": "H11"}, False),
            ({"family": "H10.10"}, False),
            ({"document": "b.md", "anchor": "do not clamp a drain that bubbles"}, True),
            ({"document": "b.md", "anchor": "clamp every drain"}, False),
            ({"family": "H", "anchor": "atopic"}, True),
            ({"family": "H", "anchor": "viral"}, False),
        ],
    )
    def test_an_expectation_stands_while_its_document_holds_its_words(self, expected, stands):
        """P50: by id or by the beginning of one; white space and capitals do not matter."""
        assert self.DOCUMENTS.stands(Expected(**expected)) is stands

    def test_a_question_of_which_nothing_stands_needs_review_and_refuses(self):
        """P50: reported, failing, never dropped; one that was recorded may wait."""
        asked = [question("kept", "what", "b.md", "gone.md"), question("lost", "where", "gone.md")]
        needing = needing_review(asked, self.DOCUMENTS)
        assert needing == ("lost",)
        refused = questions_stand(asked, self.DOCUMENTS, needing, set())
        assert (
            not refused.passed
            and "needs review: lost" in refused.seen
            and "1 expect something that is gone" in refused.seen
        )
        assert questions_stand(asked, self.DOCUMENTS, needing, {"lost"}).passed
        assert not questions_stand(asked, self.DOCUMENTS, needing, {"kept"}).passed

    def test_a_question_that_vanished_needs_a_recorded_reason(self, tmp_path):
        """P50: shrinking the set, or replacing one question by another, is seen by id."""
        assert questions_kept(("a", "b"), ("a", "b", "c"), set()).passed
        swapped = questions_kept(("a", "b"), ("a", "c"), set())
        assert not swapped.passed and swapped.ids == ("b",)
        (tmp_path / "retired").mkdir()
        line = {
            "id": "b",
            "reason": "The protocol was withdrawn.",
            "role": "pharmacist",
            "retired_on": "2026-11-20",
            "question": {},
        }
        (tmp_path / "retired" / "guidelines.jsonl").write_text(json.dumps(line) + "\n")
        assert questions_kept(("a", "b"), ("a", "c"), retired_ids(tmp_path, "guidelines")).passed
        (tmp_path / "retired" / "guidelines.jsonl").write_text(json.dumps(line | {"reason": ""}) + "\n")
        with pytest.raises(Misconfigured, match="line 1, is no retired question"):
            retired_ids(tmp_path, "guidelines")

    @pytest.mark.parametrize(
        ("wrong", "said"),
        [
            ({"unanswerable": True, "expects": [{"document": "a"}]}, "expects and forbids nothing"),
            ({"unanswerable": True, "forbids": [{"document": "a"}]}, "expects and forbids nothing"),
            ({"severity": "routine"}, "expects something, forbids something, or is unanswerable"),
        ],
    )
    def test_a_question_asks_for_one_thing(self, wrong, said):
        with pytest.raises(ValueError, match=said):
            question("q", "what", **wrong)

    def test_negative_questions_stand_in_a_file_of_their_own(self, tmp_path):
        (tmp_path / "golden").mkdir()
        golden, negative = tmp_path / "golden" / "guidelines.jsonl", tmp_path / "golden" / "guidelines-negative.jsonl"
        golden.write_text(question("a", "what").model_dump_json() + "\n")
        negative.write_text(question("b", "where", unanswerable=True).model_dump_json() + "\n")
        assert [q.id for q in read_golden(tmp_path, "guidelines", "x")] == ["a"]
        assert [q.id for q in read_negatives(tmp_path, "guidelines", "x")] == ["b"]
        negative.write_text(question("b", " WHAT ", unanswerable=True).model_dump_json() + "\n")
        with pytest.raises(Misconfigured, match="ask the same"):
            read_negatives(tmp_path, "guidelines", "x")
        negative.write_text(question("b", "where").model_dump_json() + "\n")
        with pytest.raises(Misconfigured, match="forbids nothing and is not unanswerable"):
            read_negatives(tmp_path, "guidelines", "x")

    @pytest.mark.parametrize("source", ["icd10", "formulary", "guidelines"])
    def test_the_projects_own_negative_questions_are_at_least_a_dozen(self, source):
        """P50: of each source a dozen that nothing answers, reviewed, and unlike every other question of it."""
        negatives = read_negatives(EXPECTATIONS, source, "any")
        assert sum(q.unanswerable for q in negatives) >= 12


class TestNegatives:
    def results(self, forbids=(), unanswerable=()):
        of = [
            NegativeResult(id=f"f{n}", slice="s", kind="forbids", passed=ok, top=("x",), returned=() if ok else ("x",))
            for n, ok in enumerate(forbids)
        ]
        return [
            *of,
            *(
                NegativeResult(id=f"u{n}", slice="s", kind="unanswerable", passed=ok, top=("x",))
                for n, ok in enumerate(unanswerable)
            ),
        ]

    @pytest.mark.parametrize(
        ("forbids", "unanswerable", "passes"),
        [
            ([1] * 9, [], True),
            ([1] * 99 + [0], [], False),
            ([], [1] * 6 + [0] * 6, True),
            ([], [1] * 5 + [0] * 7, False),
            ([], [], True),
        ],
    )
    def test_nothing_forbidden_and_enough_told(self, forbids, unanswerable, passes):
        """P8: one withdrawn text that comes back is one too many."""
        assert negatives_hold(self.results(forbids, unanswerable), EMBEDDED_NAME, GATE).passed is passes

    def test_an_encoder_without_floors_is_not_judged_by_them(self):
        found = negatives_hold(self.results([1], [0] * 12), "another", GATE)
        assert found.passed and "no floor is known for another" in found.seen
        assert not negatives_hold(self.results([0], [0] * 12), "another", GATE).passed


ASKED = {"q": question("q", "how much adrenaline into the thigh of a child", "a.md")}


class TestPoisoning:
    def test_a_new_document_before_a_critical_question_needs_review(self):
        """P32: unless the question expects it, it is recorded, or it serves already."""

        def found(serving, reviewed=(), critical=True):
            return newcomers(ASKED, [result(critical=critical)], serving, set(reviewed))

        refused = found({"a.md", "b.md"})
        assert not refused.passed and refused.ids == ("c.md",) and "c.md (for q)" in refused.seen
        assert found({"b.md", "c.md"}).passed and found({"a.md", "b.md"}, ["c.md"]).passed
        assert found({"a.md"}, critical=False).passed and found(None).passed

    @pytest.mark.parametrize(("times", "passes"), [(25, True), (26, False), (100, False)])
    def test_one_document_before_many_questions_is_a_hub(self, times, passes):
        """P32: counted where it is not expected."""
        asked = {f"q{n}": question(f"q{n}", f"what {n}", "a.md") for n in range(100)}
        results = [result(f"q{n}", ("a.md", "hub.md" if n < times else f"d{n}.md")) for n in range(100)]
        found = hubs(asked, results, 1000, set(), GATE)
        assert found.passed is passes and "hub.md with" in found.seen
        assert hubs(asked, results, 1000, {"hub.md"}, GATE).passed

    def test_in_a_handful_of_documents_each_is_often_before_others(self):
        asked = {f"q{n}": question(f"q{n}", f"what {n}", "z.md") for n in range(16)}
        results = [result(f"q{n}", (f"d{n % 8}.md", f"d{(n + 1) % 8}.md", f"d{(n + 2) % 8}.md")) for n in range(16)]
        assert hubs(asked, results, 8, set(), GATE).passed

    def copied(self, *texts, vectors=None, gate=GATE):
        own = unit([1, 0, 0])
        given = Texts(
            [f"d{n}" for n in range(len(texts))],
            texts,
            unit(*([0, 1, 0] for _ in texts)) if vectors is None else vectors,
        )
        return repeated(list(ASKED.values()), own, given, gate)

    @pytest.mark.parametrize(
        ("text", "flagged"),
        [
            ("How much adrenaline into the thigh of a child? None at all.", True),
            ("Q: HOW MUCH ADRENALINE\ninto the thigh of a child", True),
            ("how much adrenaline into the thigh of a small child", True),  # six of seven runs of three
            ("how much adrenaline into the arm of a child", False),  # four of seven
            ("Give adrenaline into the thigh.", False),
            ("", False),
        ],
    )
    def test_a_text_that_repeats_a_question_is_flagged(self, text, flagged):
        """P32: word for word, whatever stands around it."""
        assert self.copied(text) == ({"d0": ("q",)} if flagged else {})

    def test_a_text_whose_vector_is_that_of_a_question_is_flagged(self):
        """P32: in other words, too."""
        assert self.copied("x", "y", vectors=unit([1, 0.1, 0], [1, 0.5, 0])) == {"d0": ("q",)}

    def test_the_name_of_a_drug_is_asked_for_by_its_name(self):
        asked = [question("q", "furosemide 40 mg tablet", "a.md")]
        assert repeated(asked, unit([1, 0]), Texts(["d"], ["furosemide 40 mg tablet"], unit([1, 0])), GATE) == {}

    def test_a_copy_refuses_unless_it_is_expected_or_recorded(self):
        """P32: the document the question expects takes nothing over by repeating it."""
        refused = copies(ASKED, {"b.md": ("q",)}, set())
        assert not refused.passed and "b.md (of q)" in refused.seen
        assert copies(ASKED, {"b.md": ("q",)}, {"b.md"}).passed
        expected = copies(ASKED, {"a.md": ("q",)}, set())
        assert expected.passed and "1 repeat one that does" in expected.seen

    def test_who_reviewed_a_document_is_read_from_the_known_differences(self, tmp_path):
        (tmp_path / "known_differences").mkdir()
        said = {"reason": "Read by the committee.", "role": "committee", "reviewed_on": "2026-11-20"}
        lines = [{"document": "b.md", **said}, {"needs_review": "q7", **said}]
        path = tmp_path / "known_differences" / "guidelines.jsonl"
        path.write_text("\n".join(map(json.dumps, lines)))
        assert reviewed_documents(tmp_path, "guidelines") == {"b.md"}
        assert waiting_for_review(tmp_path, "guidelines") == {"q7"}
        path.write_text(json.dumps({"document": "b.md", "question": "q", **said}))
        with pytest.raises(Misconfigured, match="it needs one of"):
            reviewed_documents(tmp_path, "guidelines")


class TestCanaries:
    def made(self, vectors, encoder="e", texts=None):
        keys = [digests.of_text(t) for t in texts or (f"text {n}" for n in range(len(vectors)))]
        return Canaries(encoder, dict(zip(keys, vectors, strict=True)), {"torch": "2.13"})

    def test_the_same_vectors_pass_and_one_that_moved_does_not(self):
        before = self.made(unit([1, 0], [0, 1]))
        assert compare(before, self.made(unit([1, 0], [0, 1])), GATE).passed
        off = compare(before, self.made(unit([1, 0.05], [0, 1])), GATE)
        assert not off.passed and "1 of 2 texts" in off.seen and "torch 2.13 then" in off.seen

    @pytest.mark.parametrize("wrong", [np.nan, np.inf, 0.0])
    def test_a_vector_that_is_none_is_another_vector(self, wrong):
        before = self.made(unit([1, 0]))
        assert not compare(before, self.made(np.full((1, 2), wrong, np.float32)), GATE).passed

    def test_another_encoder_is_not_compared(self):
        assert compare(self.made(unit([1, 0])), self.made(unit([0, 1]), encoder="f"), GATE).passed
        assert compare(None, self.made(unit([0, 1])), GATE).passed

    def test_other_texts_in_their_place_hide_nothing(self):
        before = self.made(unit([1, 0], [0, 1]))
        assert not compare(before, self.made(unit([1, 0]), texts=["new"]), GATE).passed

    def test_what_is_kept_comes_back_and_damage_is_noticed(self, tmp_path):
        made = self.made(unit([1, 2], [3, 4]))
        digest = made.keep(tmp_path)
        again = Canaries.read(tmp_path, digest)
        assert all((again.vectors[key] == made.vectors[key]).all() for key in made.vectors)
        path = tmp_path / "audits" / "canaries" / f"{digest}.json"
        path.write_text(path.read_text().replace("2.13", "2.14"))
        with pytest.raises(Damaged, match="not what was written"):
            Canaries.read(tmp_path, digest)

    def test_there_are_a_few_dozen_texts(self, tmp_path):
        texts = canary_texts(EXPECTATIONS)
        assert 24 <= len(texts) == len(set(texts)) and max(map(len, texts)) > 300 > 5 > min(map(len, texts))
        with pytest.raises(Misconfigured, match="cannot be read"):
            canary_texts(tmp_path)


class Table:
    """What an index would answer; it stands for a table only as far as recall needs one."""

    has_vector_index = True

    def __init__(self, found):
        self._found = found

    def nearest(self, vector, limit):
        return [{"id": i} for i in self._found[:limit]]


class TestRecall:
    @given(st.integers(0, 10))
    def test_recall_is_the_share_of_the_nearest_that_were_found(self, missed):
        """P20: by an oracle that knows which ten are nearest."""
        vectors = unit(*([1, n / 100] for n in range(40)))
        ids = [f"t{n}" for n in range(40)]
        found = [*ids[: 10 - missed], *ids[30 : 30 + missed]]
        recall = recall_at_10(Table(found), ids, vectors, unit([1, 0]))
        assert recall == pytest.approx(1 - missed / 10)
        assert ann_recall(recall, GATE).passed is (missed == 0)

    def test_which_of_two_equal_texts_is_named_does_not_matter(self):
        vectors = unit(*([1, 0] for _ in range(20)))
        ids = [f"t{n}" for n in range(20)]
        assert recall_at_10(Table(ids[10:]), ids, vectors, unit([1, 0])) == 1.0

    def test_a_table_without_an_index_is_scanned_exactly(self):
        assert "every search is exact" in ann_recall(None, GATE).seen and ann_recall(None, GATE).passed


class TestThresholds:
    def test_the_customers_figures_may_be_raised_and_never_lowered(self, tmp_path):
        """P3: .90 and a hundred questions are the least, whatever the file says."""
        text = (EXPECTATIONS / "thresholds.toml").read_text("utf-8")
        path = tmp_path / "thresholds.toml"
        for old, new in (
            ("hit_rate_above = 0.90", "hit_rate_above = 0.80"),
            ("least_questions = 100", "least_questions = 20"),
            ("asked_twice = 20", ""),
        ):
            path.write_text(text.replace(old, new), "utf-8")
            with pytest.raises(Misconfigured, match="of the gate for icd10"):
                gate(tmp_path, "icd10")
        path.write_text(text.replace("hit_rate_above = 0.90", "hit_rate_above = 0.95"), "utf-8")
        assert gate(tmp_path, "icd10").hit_rate_above == 0.95

    def test_a_source_may_have_a_number_of_its_own(self):
        assert gate(EXPECTATIONS, "formulary").negatives_told > gate(EXPECTATIONS, "guidelines").negatives_told

    def test_every_number_has_its_reason_above_it(self):
        lines = (EXPECTATIONS / "thresholds.toml").read_text("utf-8").splitlines()
        for name in Gate.model_fields:
            at = next(n for n, line in enumerate(lines) if line.startswith(f"{name} = "))
            while not lines[at - 1].startswith("#"):
                at -= 1
                assert lines[at].split(" = ")[0] in Gate.model_fields
