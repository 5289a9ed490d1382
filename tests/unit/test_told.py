"""Is everything people do in the journal, once, and does `verify` name the place where somebody changed it?"""

import json
import shutil
from dataclasses import replace

import pytest
from small_home import report_of
from small_runs import chosen as settings_of
from test_approval import candidate, command
from test_golden_review import REVIEWED

from probatum import approval, decisions, golden_review, pipeline
from probatum.encoder import Encoder
from probatum.errors import Damaged
from probatum.journal import Journal
from probatum.publish import Publisher
from probatum.quarantine import CHANGED, REJECTED, RELEASED, Quarantine
from probatum.records import SnapshotFile
from probatum.seams import fault_at

WHO = "kim"


def cases(home):
    """Two cases in quarantine that a person may decide on."""
    put = Quarantine(home).put
    return [
        put("icd10", "2026-10-01", [SnapshotFile("codes.zip", n * 64, 9)], reason="It changed.", next="Ask.", kind=CHANGED)
        for n in "ab"
    ]  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def loaded(encoder):
    """Every audit uses the one encoder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Encoder, "load", classmethod(lambda *_, **__: encoder))
        yield


@pytest.fixture
def chosen(published):
    return settings_of(published.home, published.expectations)


@pytest.fixture(scope="module")
def done_once(published_once, loaded, tmp_path_factory):
    """(home and expectations in which everything was done, [(action, who, what it was done to)] in its order)"""
    folder = tmp_path_factory.mktemp("done")
    home, expectations = (
        shutil.copytree(path, folder / name)
        for path, name in ((published_once.home, "home"), (published_once.expectations, "expectations"))
    )
    done = replace(published_once, home=home, expectations=expectations)
    return done, do_everything(done, settings_of(home, expectations))


@pytest.fixture
def everything(done_once, published):
    """The same in place of the small release, to do anything to."""
    done, expected = done_once
    for source, target in ((done.home, published.home), (done.expectations, published.expectations)):
        shutil.rmtree(target)
        shutil.copytree(source, target)
    return expected


def do_everything(published, chosen):
    home = published.home
    second = candidate(published, "formulary", note="second")
    release = Publisher(home).publish(second, report_of(second), actor=WHO)
    Publisher(home).rollback(None, actor=WHO)
    for note, decide in (("first", approval.decline), ("other", approval.approve)):
        made = candidate(published, note=note)
        pipeline.audit(chosen, made.digest())
        approval.wait(chosen, made.digest(), actor="prefect")
        decide(chosen, made.digest(), actor=WHO, why="We met.")
        if note == "first":
            declined = made.digest()
    approved = Publisher(home).current().id
    item = golden_review.propose(chosen, "formulary", "pill against clots", document="D-0002", actor=WHO)
    dropped = golden_review.propose(chosen, "formulary", "pill against tears", document="D-0002", actor=WHO)
    golden = golden_review.approve(chosen, item.id, **REVIEWED | {"actor": WHO}).id
    golden_review.retire(chosen, golden, actor=WHO, why="Asked by nobody.", role="lead")
    golden_review.decline(chosen, dropped.id, actor=WHO, why="Asked by nobody.")
    released, rejected = cases(home)
    decisions.decide_case(home, released.id, RELEASED, actor=WHO, why="An erratum.")
    decisions.decide_case(home, rejected.id, REJECTED, actor=WHO, why="Not ours.")
    return [
        ("publish", "test", published.manifest.id),
        ("publish", WHO, release.id),
        ("rollback", WHO, published.manifest.id),
        ("decline", WHO, declined),
        ("approve", WHO, approved),
        ("golden-approve", WHO, golden),
        ("golden-retire", WHO, golden),
        ("golden-decline", WHO, dropped.id),
        ("quarantine-released", WHO, released.id),
        ("quarantine-rejected", WHO, rejected.id),
    ]


def told(home):
    """The same as the journal has it."""
    abouts = ("release", "question", "item", "case", "candidate")
    records = Journal(home / "journal.jsonl").records()
    return [(r["action"], r["actor"], next(r[key] for key in abouts if key in r)) for r in records]


def test_everything_done_leaves_one_record_with_who_what_and_when(published, chosen, everything):
    """P37: publish, rollback, approve, decline, questions and quarantine; and settling adds none of them again."""
    assert told(published.home) == everything
    pipeline.settle(chosen, actor="prefect")
    assert told(published.home) == everything
    records = Journal(published.home / "journal.jsonl").records()
    assert [r["time"] for r in records] == sorted(r["time"] for r in records)
    assert Journal(published.home / "journal.jsonl").verify() == len(everything)


def test_no_words_of_a_question_or_a_document_are_in_the_journal(published, everything):
    """P35: ids, digests, and what people gave as their reason."""
    kept = (published.home / "journal.jsonl").read_text("utf-8")
    assert "clots" not in kept and "tears" not in kept and "ablet" not in kept


@pytest.mark.parametrize("decision", [RELEASED, REJECTED])
def test_a_decision_of_a_case_that_was_cut_short_is_told_once_by_the_next_run(published, chosen, decision):
    """P37: killed between the decision and its record; it is told in the name of who decided."""
    case = cases(published.home)[0]
    with fault_at("before-record", KeyboardInterrupt()), pytest.raises(KeyboardInterrupt):
        decisions.decide_case(published.home, case.id, decision, actor=WHO, why="An erratum.")
    for _ in range(2):
        pipeline.settle(chosen, actor="prefect")
    assert told(published.home)[1:] == [(f"quarantine-{decision}", WHO, case.id)]


def test_a_decision_told_before_they_said_when_is_not_told_again(published, chosen):
    case = cases(published.home)[0]
    Quarantine(published.home).decide(case.id, RELEASED, actor=WHO, why="An erratum.")
    Journal(published.home / "journal.jsonl").add("quarantine-released", actor=WHO, case=case.id, why="An erratum.")
    pipeline.settle(chosen, actor="prefect")
    assert len(told(published.home)) == 2


def edit(at, change):
    return lambda lines: [*lines[:at], change(lines[at]), *lines[at + 1 :]]


TAMPERING = {
    "edited": (edit(3, lambda line: line.replace(b"We met.", b"We wept")), "Line 5 "),
    "edited last": (edit(9, lambda line: line.replace(b"Not ours", b"Not mine")), "Line 10 "),
    "another actor": (edit(0, lambda line: line.replace(b'"test"', b'"fest"')), "Line 2 "),
    "deleted": (lambda lines: [*lines[:4], *lines[5:]], "Line 5 "),
    "deleted first": (lambda lines: lines[1:], "Line 1 "),
    "reordered": (lambda lines: [*lines[:6], lines[7], lines[6], *lines[8:]], "Line 7 "),
    "truncated": (lambda lines: lines[:-1], "has 9 lines, its head counts 10"),
    "truncated to nothing": (lambda lines: [], "has 0 lines, its head counts 10"),
    "no record": (edit(2, lambda _: b"publish"), "Line 3 "),
    "put in": (lambda lines: [*lines[:2], lines[1], *lines[2:]], "Line 3 "),
}


@pytest.mark.parametrize(("tamper", "place"), TAMPERING.values(), ids=TAMPERING)
def test_verify_and_journal_name_the_place(published, chosen, everything, monkeypatch, capsys, tamper, place):
    """P37: edit, delete, reorder, truncate a record: the command ends with 40 and says where."""
    path = published.home / "journal.jsonl"
    before = path.read_bytes().splitlines()
    path.write_bytes(b"".join(line + b"\n" for line in tamper(before)))
    assert path.read_bytes().splitlines() != before
    for arguments in (["verify"], ["journal"], ["journal", "--json"]):
        assert command(monkeypatch, chosen, *arguments) == 40
        assert place in capsys.readouterr().err


def test_a_journal_that_is_not_whole_stops_neither_a_publish_nor_a_rollback_and_stays_broken(
    published, chosen, everything
):
    """P6: going back must not wait for a repair."""
    path = published.home / "journal.jsonl"
    path.write_bytes(b"publish\n" + path.read_bytes())
    pipeline.settle(chosen, actor="prefect")
    Publisher(published.home).rollback(published.manifest.id, actor=WHO)
    with pytest.raises(Damaged, match="Line 1 "):
        Journal(path).verify()


class TestTheCommand:
    def run(self, monkeypatch, chosen, capsys, *arguments):
        assert command(monkeypatch, chosen, "journal", "--json", *arguments) == 0
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    def test_it_tells_everything_oldest_first(self, chosen, everything, monkeypatch, capsys):
        found = self.run(monkeypatch, chosen, capsys)
        assert [record["action"] for record in found] == [action for action, _, _ in everything]

    def test_it_tells_what_was_done_to_one_release(self, published, chosen, everything, monkeypatch, capsys):
        found = self.run(monkeypatch, chosen, capsys, "--release", published.manifest.id)
        assert [record["action"] for record in found] == ["publish", "rollback"]

    def test_it_tells_one_kind_of_deed_and_the_newest(self, chosen, everything, monkeypatch, capsys):
        assert [r["action"] for r in self.run(monkeypatch, chosen, capsys, "--action", "approve")] == ["approve"]
        assert [r["action"] for r in self.run(monkeypatch, chosen, capsys, "-n", "1")] == ["quarantine-rejected"]
        assert self.run(monkeypatch, chosen, capsys, "--action", "approve", "--release", "2020-01-01.1") == []

    def test_people_get_a_table(self, chosen, everything, monkeypatch, capsys):
        assert command(monkeypatch, chosen, "journal") == 0
        said = capsys.readouterr().out
        assert "golden-retire" in said and WHO in said and "We met." in said

    def test_a_home_without_one_says_so(self, tmp_path, monkeypatch, capsys):
        assert command(monkeypatch, settings_of(tmp_path, tmp_path), "journal") == 0
        assert "no such record" in capsys.readouterr().out

    def test_verify_counts_the_records(self, chosen, everything, monkeypatch, capsys):
        assert command(monkeypatch, chosen, "verify", "--json") == 0
        assert json.loads(capsys.readouterr().out)["journal records"] == len(everything)
