"""Do people decide what is asked: is a draft never a question, and does every change keep the set whole and its record?"""

import json
import os
import shutil
import subprocess
import sys

import pytest
from small_home import drugs, marked, protocols, report_of, write
from small_runs import chosen as settings_of

from probatum import cli, golden_review, pipeline
from probatum.candidates import candidate_of
from probatum.drafts import Drafts
from probatum.errors import Misconfigured, Rejected
from probatum.files import write_json
from probatum.golden import digest_of, read_golden
from probatum.golden_files import GoldenFiles
from probatum.journal import Journal
from probatum.proposals import Proposal, add, proposals
from probatum.publish import Publisher
from probatum.release import Releases
from probatum.seams import fault_at
from probatum.settings import reset

REVIEWED = {
    "actor": "kim",
    "role": "chief pharmacist",
    "slice": "lay",
    "severity": "routine",
    "rationale": "It is what the wards call it.",
}
NEW = ("D-9001", "D-9002")


@pytest.fixture
def chosen(published):
    return settings_of(published.home, published.expectations)


@pytest.fixture
def updated(published, chosen):
    """The same after a release with two new drugs, one protocol less."""
    new = [marked(drugs()[0], "Zinc oxide 15 % ointment", NEW[0]), marked(drugs()[0], "Aciclovir 5 % cream", NEW[1])]
    publish(published, formulary=[*drugs(), *new], guidelines=protocols()[1:])
    return chosen


def publish(published, **documents):
    serving = Releases(published.home).current()
    states = {
        source: write(published.home, published.encoder, source, held, serving=serving.sources[source])
        for source, held in documents.items()
    }
    made = candidate_of(serving, published.encoder.identity, states)
    return Publisher(published.home).publish(made, report_of(made), actor="prefect")


def the_draft(chosen, document=NEW[0]):
    (review,) = golden_review.review(chosen, "formulary")
    return next(draft for draft in review.drafts if draft.document == document)


def golden_bytes(chosen):
    return {path.name: path.read_bytes() for path in sorted((chosen.expectations / "golden").iterdir())}


def told(chosen, beginning="golden-"):
    records = Journal(chosen.home / "journal.jsonl").records()
    return [record for record in records if record["action"].startswith(beginning)]


def command(monkeypatch, chosen, *arguments):
    """A command line, as typed; what it ended with."""
    monkeypatch.setattr("sys.argv", ["probatum", "golden", *arguments])
    monkeypatch.setenv("PROBATUM_HOME", str(chosen.home))
    monkeypatch.setenv("PROBATUM_EXPECTATIONS", str(chosen.expectations))
    reset()
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code


class TestDrafts:
    def test_a_first_release_has_none_for_all_of_it_is_new(self, chosen):
        assert [(review.source, review.drafts) for review in golden_review.review(chosen)] == [
            ("formulary", ()), ("guidelines", ()),
        ]  # fmt: skip

    def test_every_document_that_a_release_brought_is_one(self, updated):
        """P50: what came with a release and nobody asks for is put before a person."""
        formulary, guidelines = golden_review.review(updated)
        assert [draft.document for draft in formulary.drafts] == list(NEW) and guidelines.drafts == ()
        draft = formulary.drafts[0]
        assert draft.prompt == "new: D-9001; nobody asks for it yet; write how a user would ask"
        assert draft.question == "" and draft.release == Releases(updated.home).current().id

    def test_they_wait_through_later_releases_and_while_their_document_serves(self, published, updated):
        first = Releases(updated.home).current().id
        publish(published, formulary=[*drugs(), marked(drugs()[0], "Zinc oxide 15 % ointment", NEW[0])])
        assert [(d.document, d.release) for d in golden_review.review(updated, "formulary")[0].drafts] == [
            (NEW[0], first)
        ]

    def test_releases_nobody_looked_at_are_made_up_for(self, published, updated):
        """They are found whoever published, also after a process was killed before it could look."""
        shutil.rmtree(updated.home / "drafts", ignore_errors=True)
        publish(published, formulary=[*drugs(), *(marked(drugs()[0], f"Salve {i}", i) for i in (*NEW, "D-9003"))])
        assert [d.document for d in golden_review.review(updated, "formulary")[0].drafts] == [*NEW, "D-9003"]

    def test_publishing_looks_at_once(self, published, chosen):
        state = write(published.home, published.encoder, "formulary", [*drugs(), marked(drugs()[0], "Zinc", NEW[0])])
        made = candidate_of(Releases(published.home).current(), published.encoder.identity, {"formulary": state})
        write_json(published.home / "candidates" / f"{made.digest()}.json", made.model_dump(mode="json"))
        write_json(published.home / "audits" / f"{made.digest()}.json", report_of(made).model_dump(mode="json"))
        pipeline.publish(chosen, made.digest(), actor="prefect")
        kept = json.loads((published.home / "drafts" / "formulary.json").read_bytes())
        assert list(kept["new"]) == [NEW[0]] and "Zinc" not in json.dumps(kept)

    def test_one_that_is_asked_for_is_none(self, updated):
        golden_review.approve(updated, the_draft(updated).id, question="cream for nappy rash", **REVIEWED)
        assert [d.document for d in golden_review.review(updated, "formulary")[0].drafts] == [NEW[1]]

    def test_a_family_that_is_asked_for_covers_its_documents(self, updated):
        golden_review.approve(updated, the_draft(updated).id, question="creams we stock", family="D-900", **REVIEWED)
        assert golden_review.review(updated, "formulary")[0].drafts == ()

    def test_one_nobody_needs_is_declined_with_a_reason(self, updated):
        """P37: one record."""
        golden_review.decline(updated, the_draft(updated).id, actor="kim", why="Ordered by nobody.")
        assert [d.document for d in golden_review.review(updated, "formulary")[0].drafts] == [NEW[1]]
        (record,) = told(updated)
        assert (record["action"], record["actor"], record["why"]) == ("golden-decline", "kim", "Ordered by nobody.")


class TestADraftIsNoQuestion:
    @pytest.mark.parametrize(
        "words",
        ["", "  ", "zinc", "Zinc oxide 15 % ointment", "zinc OXIDE  15 % ointment", "new: D-9001; nobody asks for it yet; write how a user would ask"],
    )  # fmt: skip
    def test_without_a_persons_words_it_is_not_approved(self, updated, words):
        """P50: no text made from a template becomes a golden question."""
        before = golden_bytes(updated)
        with pytest.raises(Rejected, match=r"no question yet|the title of its document"):
            golden_review.approve(updated, the_draft(updated).id, question=words, **REVIEWED)
        assert golden_bytes(updated) == before and told(updated) == []

    def test_what_one_person_wrote_another_approves(self, updated):
        draft = the_draft(updated)
        edited = golden_review.edit(updated, draft.id, "cream for nappy rash", actor="ward nurse")
        assert (edited.question, edited.written_by) == ("cream for nappy rash", "ward nurse")
        made = golden_review.approve(updated, draft.id, **REVIEWED)
        assert made.question == "cream for nappy rash" and made.expects[0].document == NEW[0]

    def test_words_that_name_a_patient_are_kept_nowhere(self, updated):
        """P34: neither in the queue nor among the questions."""
        words = "zinc for patient name: Martha Huber, MRN 4711-0815-33"
        for keep in (
            lambda: golden_review.edit(updated, the_draft(updated).id, words, actor="kim"),
            lambda: golden_review.approve(updated, the_draft(updated).id, question=words, **REVIEWED),
            lambda: golden_review.propose(updated, "formulary", words, document=NEW[0], actor="kim"),
        ):
            with pytest.raises(Rejected, match="name a patient") as refused:
                keep()
            assert "Huber" not in str(refused.value)
        kept = [p for p in (*updated.home.rglob("*"), *updated.expectations.rglob("*")) if p.is_file()]
        assert not [path for path in kept if b"Huber" in path.read_bytes()]


class TestApproving:
    def test_one_line_is_added_and_every_other_is_as_it_was(self, updated):
        before = golden_bytes(updated)
        made = golden_review.approve(updated, the_draft(updated).id, question="cream for nappy rash", **REVIEWED)
        after = golden_bytes(updated)
        assert after["guidelines.jsonl"] == before["guidelines.jsonl"]
        assert after["formulary.jsonl"].startswith(before["formulary.jsonl"])
        line = json.loads(after["formulary.jsonl"][len(before["formulary.jsonl"]) :])
        assert line == made.model_dump(mode="json", exclude_defaults=True)
        assert {key: line[key] for key in ("role", "severity", "slice", "rationale")} == {
            key: REVIEWED[key] for key in ("role", "severity", "slice", "rationale")
        }

    def test_the_gate_asks_it_from_then_on(self, updated):
        release = Releases(updated.home).current().sources["formulary"].release
        before = digest_of(read_golden(updated.expectations, "formulary", release))
        made = golden_review.approve(updated, the_draft(updated).id, question="cream for nappy rash", **REVIEWED)
        asked = read_golden(updated.expectations, "formulary", release)
        assert asked[-1] == made and digest_of(asked) != before

    def test_it_leaves_one_record_with_the_set_before_and_after_and_no_words(self, updated):
        """P37: who approved which question; the digests are those the audits name."""
        release = Releases(updated.home).current().sources["formulary"].release
        before = digest_of(read_golden(updated.expectations, "formulary", release))
        made = golden_review.approve(updated, the_draft(updated).id, question="cream for nappy rash", **REVIEWED)
        (record,) = told(updated)
        assert (record["action"], record["actor"], record["question"]) == ("golden-approve", "kim", made.id)
        assert record["set_before"] == before
        assert record["set_after"] == digest_of(read_golden(updated.expectations, "formulary", release))
        assert "nappy" not in json.dumps(record)

    def test_the_id_is_that_of_its_words_whoever_approves_it_and_when(self, published, updated, tmp_path):
        copy = settings_of(shutil.copytree(updated.home, tmp_path / "c"), shutil.copytree(updated.expectations, tmp_path / "e"))  # fmt: skip
        ids = [
            golden_review.approve(each, the_draft(each).id, question=words, **REVIEWED | {"role": role}).id
            for each, words, role in ((updated, "cream for nappy rash", "a lead"), (copy, " Cream for  nappy rash ", "b lead"))
        ]  # fmt: skip
        assert ids[0] == ids[1] and ids[0].startswith("formulary-lay-")

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"severity": "fatal"}, "severity will not do"),
            ({"role": ""}, "role will not do"),
            ({"rationale": ""}, "rationale will not do"),
            ({"slice": "Lay people"}, "names no slice"),
            ({"slice": ""}, "names no slice"),
            ({"document": "D-7777"}, "document D-7777 is not in what serves"),
            ({"family": "E11"}, "family E11 is not in what serves"),
            ({"document": "D-0001", "family": "D-0"}, "what it expects will not do"),
            ({"anchor": "do not clamp"}, "its anchor stands no more in D-9001"),
        ],
    )
    def test_what_is_missing_or_does_not_stand_is_named(self, updated, change, said):
        """P50: role, severity, slice and rationale are there, and what is expected stands in what serves."""
        before, draft = golden_bytes(updated), the_draft(updated)
        with pytest.raises(Rejected, match=said):
            golden_review.approve(updated, draft.id, question="cream for nappy rash", **REVIEWED | change)
        assert golden_bytes(updated) == before and told(updated) == []

    def test_an_anchor_that_stands_is_taken_whatever_its_blanks(self, updated):
        made = golden_review.approve(
            updated, the_draft(updated).id, question="cream for nappy rash", anchor="zinc  OXIDE 15 %", **REVIEWED
        )
        assert made.expects[0].anchor == "zinc  OXIDE 15 %"

    @pytest.mark.parametrize("words", ["Do we stock Apixaban 5 mg tablet?", "do we STOCK  apixaban 5 mg tablet?"])
    def test_what_is_asked_already_is_refused_by_its_id(self, updated, words):
        """P3: a hundred copies of an easy question make no set."""
        assert b"Do we stock Apixaban 5 mg tablet?" in golden_bytes(updated)["formulary.jsonl"]
        with pytest.raises(Rejected, match=r"asks this already, as formulary-\d+") as refused:
            golden_review.approve(updated, the_draft(updated).id, question=words, **REVIEWED)
        assert "pixaban" not in str(refused.value)

    def test_questions_in_a_file_beside_count_as_asked(self, updated):
        beside = updated.expectations / "golden" / "formulary-negative.jsonl"
        beside.write_text(json.dumps({"id": "n-1", "source": "formulary", "question": "Cream for nappy rash"}) + "\n")
        with pytest.raises(Rejected, match="as n-1"):
            golden_review.approve(updated, the_draft(updated).id, question="cream for nappy rash", **REVIEWED)

    def test_nothing_else_than_what_waits_can_be_approved(self, updated):
        for wrong in ("", "d-0000000000", "formulary-001", "../x"):
            with pytest.raises(Rejected, match="waits for review"):
                golden_review.approve(updated, wrong, question="cream for nappy rash", **REVIEWED)


class TestProposals:
    @pytest.fixture
    def proposed(self, updated):
        """Three owners' questions: about a section of a file, about a record, about nobody knows what."""
        section = Proposal("p-1", "guidelines", "how often do we turn a patient?", "Turning", "pressure-ulcers.md", "ward 5", "2026-11-20")  # fmt: skip
        nothing = Proposal("p-2", "guidelines", "who is told first?", "", "unknown.pdf", "ward 6", "2026-11-20")
        record = Proposal("p-3", "formulary", "thins the blood, twice a day", "D-0003", "drugs.csv", "pharmacy", "2026-11-20")  # fmt: skip
        add(updated.home, "guidelines", [section, nothing])
        add(updated.home, "formulary", [record])
        return updated

    def test_they_queue_beside_the_drafts(self, proposed):
        formulary, guidelines = golden_review.review(proposed)
        assert [p.id for p in formulary.proposals] == ["p-3"] and [p.id for p in guidelines.proposals] == ["p-1", "p-2"]

    @pytest.mark.parametrize(
        ("identity", "expected"),
        [("p-1", {"document": "pressure-ulcers.md", "section": "Turning"}), ("p-3", {"document": "D-0003"})],
    )
    def test_what_one_is_about_is_found_by_its_file_or_its_record(self, proposed, identity, expected):
        made = golden_review.approve(proposed, identity, **REVIEWED)
        assert made.expects[0].model_dump(exclude_defaults=True) == expected
        assert identity not in [p.id for review in golden_review.review(proposed) for p in review.proposals]
        decided = next(p for s in ("guidelines", "formulary") for p in proposals(proposed.home, s) if p.id == identity)
        assert (decided.status, decided.actor) == ("approved", "kim")

    def test_about_what_nobody_can_tell_is_asked(self, proposed):
        with pytest.raises(Rejected, match=r"which document p-2 is about.*--document"):
            golden_review.approve(proposed, "p-2", **REVIEWED)
        assert (
            golden_review.approve(proposed, "p-2", document="seizures.md", **REVIEWED).expects[0].document
            == "seizures.md"
        )

    def test_a_decision_stays_when_the_owner_sends_the_file_again(self, proposed):
        golden_review.decline(proposed, "p-2", actor="kim", why="Nobody asks that.")
        add(proposed.home, "guidelines", [Proposal("p-2", "guidelines", "who is told first?", "", "unknown.pdf", "ward 6", "2026-12-01")])  # fmt: skip
        assert [p.id for p in golden_review.review(proposed, "guidelines")[0].proposals] == ["p-1"]

    def test_anybody_may_propose_one(self, updated):
        proposed = golden_review.propose(updated, "formulary", "pill against clots", document="D-0002", actor="kim")
        made = golden_review.approve(updated, proposed.id, **REVIEWED)
        assert made.expects[0].document == "D-0002" and made.source == "formulary"
        with pytest.raises(Rejected, match="no source 'ours'"):
            golden_review.propose(updated, "ours", "pill against clots", document="", actor="kim")
        with pytest.raises(Rejected, match="No document of formulary that serves is called 'D-9999'"):
            golden_review.propose(updated, "formulary", "pill against clots", document="D-9999", actor="kim")


class TestWhatNoLongerStands:
    def test_a_question_whose_document_was_withdrawn_needs_review_and_stays(self, updated):
        """P50: reported, never dropped."""
        before = golden_bytes(updated)
        (review,) = golden_review.review(updated, "guidelines")
        assert len(review.needs_review) == 7
        assert set(review.needs_review.values()) == {"document anaphylaxis.md is not in what serves"}
        assert golden_bytes(updated) == before

    def test_one_whose_anchor_is_gone_too(self, updated):
        path = updated.expectations / "golden" / "guidelines.jsonl"
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        kept = [line for line in lines if line["expects"] == [{"document": "seizures.md"}]][:3]
        expects = [
            [{"document": "seizures.md", "anchor": "Lorazepam 4 mg"}],
            [{"document": "seizures.md", "anchor": "lorazepam 8 mg"}],
            [{"document": "seizures.md", "anchor": "lorazepam 8 mg"}, {"document": "falls-prevention.md"}],
        ]
        path.write_text("".join(json.dumps(k | {"expects": e}) + "\n" for k, e in zip(kept, expects, strict=True)))
        (review,) = golden_review.review(updated, "guidelines")
        assert review.needs_review == {kept[1]["id"]: "its anchor stands no more in seizures.md"}

    def test_a_question_of_another_release_is_not_looked_at(self, updated):
        path = updated.expectations / "golden" / "guidelines.jsonl"
        lines = [json.loads(line) | {"release": "1999"} for line in path.read_text().splitlines()]
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        assert golden_review.review(updated, "guidelines")[0].needs_review == {}

    def test_one_that_expects_nothing_is_not_looked_at(self, updated):
        """A question that must not be answered has no document to lose."""
        beside = updated.expectations / "golden" / "guidelines-negative.jsonl"
        beside.write_text(json.dumps({"id": "n-1", "source": "guidelines", "question": "x y", "expects": []}) + "\n")
        assert "n-1" not in golden_review.review(updated, "guidelines")[0].needs_review


class TestRetiring:
    def retire(self, chosen, identity="guidelines-000"):
        return golden_review.retire(chosen, identity, actor="kim", why="Its protocol was withdrawn.", role="ward lead")

    def test_the_question_moves_with_its_reason_and_the_others_stay_byte_for_byte(self, updated):
        before = golden_bytes(updated)
        self.retire(updated)
        after = golden_bytes(updated)
        first, rest = before["guidelines.jsonl"].split(b"\n", 1)
        assert after["guidelines.jsonl"] == rest and after["formulary.jsonl"] == before["formulary.jsonl"]
        (line,) = (updated.expectations / "retired" / "guidelines.jsonl").read_text().splitlines()
        line = json.loads(line)
        assert line.keys() == {"id", "reason", "role", "retired_on", "question"}
        assert (line["id"], line["reason"], line["role"]) == (
            "guidelines-000",
            "Its protocol was withdrawn.",
            "ward lead",
        )
        assert line["question"] == json.loads(first)

    def test_it_leaves_one_record(self, updated):
        """P37: who retired which question, and why."""
        self.retire(updated)
        (record,) = told(updated)
        assert (record["action"], record["actor"], record["question"], record["why"]) == (
            "golden-retire", "kim", "guidelines-000", "Its protocol was withdrawn.",
        )  # fmt: skip
        assert record["set_before"] != record["set_after"]

    def test_one_of_a_file_beside_is_found(self, updated):
        beside = updated.expectations / "golden" / "guidelines-negative.jsonl"
        beside.write_text(json.dumps({"id": "n-1", "source": "guidelines", "question": "x y"}) + "\n")
        self.retire(updated, "n-1")
        assert beside.read_bytes() == b""

    @pytest.mark.parametrize("missing", ["why", "role"])
    def test_without_a_reason_or_a_role_nothing_happens(self, updated, missing):
        before = golden_bytes(updated)
        with pytest.raises(Misconfigured, match=f"--{missing} is empty"):
            golden_review.retire(
                updated, "guidelines-000", actor="kim", **{"why": "Gone.", "role": "lead"} | {missing: " "}
            )
        assert golden_bytes(updated) == before

    def test_what_is_not_there_is_refused(self, updated):
        with pytest.raises(Rejected, match="no golden question 'x'"):
            self.retire(updated, "x")

    def test_it_is_shown_afterwards(self, updated):
        self.retire(updated)
        assert golden_review.show(updated, "guidelines-000")["kind"] == "retired"


class TestStopped:
    @pytest.mark.parametrize("seam", ["golden-noted", "golden-written", "golden-told"])
    def test_an_approval_is_finished_with_one_record(self, updated, seam):
        """P37: killed anywhere between the wish and its record."""
        with fault_at(seam, KeyboardInterrupt()), pytest.raises(KeyboardInterrupt):
            golden_review.approve(updated, the_draft(updated).id, question="cream for nappy rash", **REVIEWED)
        for _ in range(2):
            pipeline.settle(updated, actor="prefect")
        assert golden_bytes(updated)["formulary.jsonl"].count(b"nappy rash") == 1
        assert [record["actor"] for record in told(updated)] == ["kim"]

    @pytest.mark.parametrize("seam", ["golden-noted", "golden-retired", "golden-written", "golden-told"])
    def test_a_retirement_is_finished_with_one_record(self, updated, seam):
        """P37: the question is never in both files, nor in neither, once anything ran after it."""
        with fault_at(seam, KeyboardInterrupt()), pytest.raises(KeyboardInterrupt):
            golden_review.retire(updated, "guidelines-000", actor="kim", why="Withdrawn.", role="lead")
        golden_review.review(updated)
        assert b'"guidelines-000"' not in golden_bytes(updated)["guidelines.jsonl"]
        assert len((updated.expectations / "retired" / "guidelines.jsonl").read_text().splitlines()) == 1
        assert [record["action"] for record in told(updated)] == ["golden-retire"]

    def test_the_same_question_retired_and_approved_again_has_each_its_record(self, updated):
        draft, words = the_draft(updated).id, "cream for nappy rash"
        for _ in range(2):
            made = golden_review.approve(updated, draft, question=words, **REVIEWED)
            golden_review.retire(updated, made.id, actor="kim", why="Withdrawn.", role="lead")
        assert [r["action"] for r in told(updated)] == ["golden-approve", "golden-retire"] * 2

    def test_a_declined_draft_is_told_by_the_next_run(self, updated):
        """P37: killed between the decision and its record."""
        with fault_at("before-record", KeyboardInterrupt()), pytest.raises(KeyboardInterrupt):
            golden_review.decline(updated, the_draft(updated).id, actor="kim", why="Ordered by nobody.")
        for _ in range(2):
            pipeline.settle(updated, actor="prefect")
        assert [(r["action"], r["actor"]) for r in told(updated)] == [("golden-decline", "kim")]


class TestWhereNothingCanBeWritten:
    def test_it_says_so_and_names_the_way_out(self, updated):
        """P51: the questions of an installed package are nobody's to change."""
        draft = the_draft(updated).id
        for path in (updated.expectations, *updated.expectations.rglob("*")):
            path.chmod(0o555 if path.is_dir() else 0o444)
        approved = ["approve", draft, "--question", "cream for nappy rash", "--role", "lead", "--severity", "routine"]
        for change in (
            [*approved, "--slice", "lay", "--rationale", "It is what the wards call it."],
            ["retire", "guidelines-000", "--why", "Withdrawn.", "--role", "lead"],
        ):
            ended = as_somebody_else(updated, *change)
            assert ended.returncode == Misconfigured.exit_code, ended.stdout + ended.stderr
            assert "cannot be changed" in ended.stderr and "PROBATUM_EXPECTATIONS" in ended.stderr

    def test_the_files_stay_as_readable_as_they_were(self, updated):
        path = updated.expectations / "golden" / "formulary.jsonl"
        path.chmod(0o664)
        golden_review.approve(updated, the_draft(updated).id, question="cream for nappy rash", **REVIEWED)
        assert path.stat().st_mode & 0o777 == 0o664
        golden_review.retire(updated, "formulary-000", actor="kim", why="Withdrawn.", role="lead")
        assert (updated.expectations / "retired" / "formulary.jsonl").stat().st_mode & 0o777 == 0o644
        assert [p.name for p in (updated.expectations / "golden").iterdir() if p.name.startswith(".")] == []


def as_somebody_else(chosen, *arguments) -> subprocess.CompletedProcess:
    """A command line run without an administrator's right to write what is nobody's to write."""
    rights = "-dac_override,-dac_read_search,-fowner"
    before = ["setpriv", f"--bounding-set={rights}", f"--inh-caps={rights}"] if os.geteuid() == 0 else []
    if before and not shutil.which("setpriv"):
        pytest.skip("an administrator may write everything, and setpriv is not here")
    surroundings = {"PROBATUM_HOME": str(chosen.home), "PROBATUM_EXPECTATIONS": str(chosen.expectations)}
    return subprocess.run(
        [*before, sys.executable, "-m", "probatum.cli", "golden", *arguments],
        capture_output=True, text=True, env=os.environ | surroundings, timeout=120,
    )  # fmt: skip


class TestOnTheCommandLine:
    def test_a_draft_becomes_a_question(self, updated, monkeypatch, capsys):
        assert command(monkeypatch, updated, "drafts") == 0
        shown = capsys.readouterr().out
        draft = the_draft(updated).id
        assert (
            draft in shown
            and "Zinc oxide 15 % ointment" in shown
            and "write how a user would ask" in shown
            and "(none yet)" in shown
        )
        assert command(monkeypatch, updated, "show", draft) == 0
        assert "Zinc oxide 15 % ointment" in capsys.readouterr().out
        assert command(monkeypatch, updated, "edit", draft, "--question", "cream for nappy rash") == 0
        asked = ["--role", "chief pharmacist", "--severity", "critical", "--slice", "lay", "--rationale", "It is zinc."]
        assert command(monkeypatch, updated, "approve", draft, *asked) == 0
        said = capsys.readouterr().out
        assert "is a golden question of formulary" in said and "critical" in said
        assert command(monkeypatch, updated, "list", "--source", "formulary") == 0
        assert "cream for nappy rash" in capsys.readouterr().out

    def test_what_needs_another_look_is_shown_and_retired(self, updated, monkeypatch, capsys):
        assert command(monkeypatch, updated, "review") == 0
        said = capsys.readouterr().out
        assert "7 need another look" in said and "anaphylaxis.md is not in what serves" in said
        assert command(monkeypatch, updated, "retire", "guidelines-000", "--role", "lead", "--why", "Withdrawn.") == 0
        assert command(monkeypatch, updated, "review", "--json") == 0
        lines = capsys.readouterr().out.splitlines()
        assert len(json.loads(lines[-1])["needs_review"]) == 6

    def test_a_refusal_ends_with_its_exit_code(self, updated, monkeypatch, capsys):
        asked = ["--role", "lead", "--severity", "routine", "--slice", "lay", "--rationale", "It is zinc."]
        assert command(monkeypatch, updated, "approve", the_draft(updated).id, *asked) == 20
        assert "has no question yet" in capsys.readouterr().err

    def test_before_the_first_release_there_is_nothing_to_review(self, tmp_path, monkeypatch, capsys):
        assert command(monkeypatch, settings_of(tmp_path / "home", tmp_path / "expectations"), "review") == 50
        assert "No release has been published" in capsys.readouterr().err


def test_the_files_of_an_empty_folder_hold_nothing(tmp_path):
    assert GoldenFiles(tmp_path, tmp_path).sources() == [] and Drafts(tmp_path).declined() == []
