"""Can anything but a proven candidate be served, and can what served before be had back?"""

import json
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest
from small_home import answers, drugs, protocols, questions, report_of, small_candidate, source_audit, write

from probatum.audit import audit
from probatum.audit_report import LEAST_QUESTIONS
from probatum.candidates import candidate_of
from probatum.errors import Conflict, Damaged, Misconfigured, Rejected
from probatum.publish import Publisher
from probatum.release import Releases
from probatum.seams import fault_at
from probatum.search import Searcher

ASKED = [asked["question"] for source in questions().values() for asked in source[::12]]


@pytest.fixture(scope="module")
def unpublished(encoder, tmp_path_factory):
    """(home, candidate): written once; a refused publish leaves it as it was."""
    home = tmp_path_factory.mktemp("unpublished")
    return home, small_candidate(home, encoder)


def changed(published, **facts):
    """A candidate made from what serves, in which one drug is gone and one is called otherwise."""
    documents = drugs()[1:]
    documents[0] = replace(documents[0], meta=documents[0].meta | {"tier": "9"} | facts)
    serving = Releases(published.home).current()
    state = write(published.home, published.encoder, "formulary", documents, serving=serving.sources["formulary"])
    return candidate_of(serving, published.encoder.identity, {"formulary": state})


@pytest.mark.parametrize(
    ("formulary", "guidelines", "said"),
    [
        ((90, 100), (100, 100), "formulary: hit rate @3 is 0.900, not above 0.90"),
        ((100, 100), (900, 1000), "guidelines: hit rate @3 is 0.900, not above 0.90"),
        ((89, 100), (810, 810), "formulary: hit rate @3 is 0.890"),  # .99 of all questions, .89 of one source's
        ((0, 0), (100, 100), "formulary: only 0 golden questions"),
        ((99, 99), (100, 100), f"formulary: only 99 golden questions ({LEAST_QUESTIONS} needed)"),
        ((0, 100), (0, 100), "guidelines: hit rate @3 is 0.000"),
    ],
)
def test_a_candidate_at_or_below_ninety_percent_in_any_source_is_refused(unpublished, formulary, guidelines, said):
    """P3: strictly more than .90 for every source, on at least a hundred questions, or publish() itself refuses."""
    home, candidate = unpublished
    with pytest.raises(Rejected) as refused:
        Publisher(home).publish(candidate, report_of(candidate, formulary=formulary, guidelines=guidelines), actor="t")
    assert said in refused.value.happened
    assert Releases(home).current() is None and not Releases(home).all()


def test_ninety_one_of_a_hundred_is_enough(unpublished, tmp_path):
    """P3: the bound is strict, not higher."""
    home, candidate = shutil.copytree(unpublished[0], tmp_path / "copy"), unpublished[1]
    report = report_of(candidate, formulary=(91, 100), guidelines=(91, 100))
    assert Publisher(home).publish(candidate, report, actor="t") == Releases(home).current()


def test_a_hit_at_rank_four_is_no_hit(unpublished):
    """P3: the rate is of the first three hits."""
    home, candidate = unpublished
    audited = source_audit("formulary", 100, 100)
    fourth = tuple(q.model_copy(update={"rank": 4}) for q in audited.questions[:10])
    audited = audited.model_copy(update={"questions": fourth + audited.questions[10:]})
    with pytest.raises(Rejected, match=r"0\.900"):
        Publisher(home).publish(candidate, report_of(candidate, formulary=audited), actor="t")


def test_an_audit_of_another_candidate_lets_nothing_through(unpublished):
    """P3: a passing report is of one candidate only."""
    home, candidate = unpublished
    other = candidate.model_copy(update={"sources": {"guidelines": candidate.sources["guidelines"]}})
    with pytest.raises(Rejected, match="The audit is of candidate"):
        Publisher(home).publish(candidate, report_of(other), actor="t")
    assert Releases(home).current() is None


def test_an_audit_that_leaves_a_source_out_lets_nothing_through(unpublished):
    """P3: every source of the candidate is in the report, or it is refused."""
    home, candidate = unpublished
    report = report_of(candidate)
    for kept in ({}, {"formulary": report.sources["formulary"]}):
        with pytest.raises(Rejected, match="does not cover"):
            Publisher(home).publish(candidate, report.model_copy(update={"sources": kept}), actor="t")
    nothing = candidate.model_copy(update={"sources": {}})
    with pytest.raises(Rejected, match="Nothing was audited"):
        Publisher(home).publish(nothing, report_of(nothing), actor="t")
    assert Releases(home).current() is None


def test_a_candidate_without_a_stored_audit_is_refused(published, monkeypatch):
    """P3: the pipeline's publish, too, asks for the report of exactly this candidate, whole."""
    from probatum import pipeline, settings
    from probatum.files import write_json

    monkeypatch.setenv("PROBATUM_HOME", str(published.home))
    settings.reset()
    candidate, before = changed(published), Releases(published.home).current()
    write_json(published.home / "candidates" / f"{candidate.digest()}.json", candidate.model_dump(mode="json"))
    report = published.home / "audits" / f"{candidate.digest()}.json"
    with pytest.raises(Damaged, match=r"audit report .* is missing"):
        pipeline.publish(settings.settings(), candidate.digest(), actor="t")
    report.write_text('{"candidate": "')
    with pytest.raises(Damaged, match="not readable"):
        pipeline.publish(settings.settings(), candidate.digest(), actor="t")
    report.write_text("{}")
    with pytest.raises(Misconfigured, match="another version"):
        pipeline.publish(settings.settings(), candidate.digest(), actor="t")
    write_json(report, report_of(before_as_candidate(before)).model_dump(mode="json"))
    with pytest.raises(Rejected, match="The audit is of candidate"):
        pipeline.publish(settings.settings(), candidate.digest(), actor="t")
    assert Releases(published.home).current() == before


def before_as_candidate(manifest):
    from probatum.release import Candidate

    return Candidate(parent=manifest.parent, sources=manifest.sources, encoder=manifest.encoder)


def test_a_failed_table_check_is_enough_to_refuse(unpublished):
    home, candidate = unpublished
    audited = source_audit("formulary", 100, 100)
    check = audited.checks[0].model_copy(update={"passed": False, "seen": "2 rows, first D-0001#record"})
    for checks, said in (((check,), "id-unique failed .2 rows, first D-0001"), ((), "no table was checked")):
        with pytest.raises(Rejected, match=said):
            report = report_of(candidate, formulary=audited.model_copy(update={"checks": checks}))
            Publisher(home).publish(candidate, report, actor="t")


def test_a_lost_critical_question_refuses_a_candidate_that_is_right_on_ninety_five_percent(unpublished):
    """P4: the message names the question and what ranks first now."""
    home, candidate = unpublished
    report = report_of(candidate, formulary=source_audit("formulary", 95, 99, lost=("formulary-047",)))
    assert report.sources["formulary"].hit_rate(3) == 0.95
    with pytest.raises(Rejected) as refused:
        Publisher(home).publish(candidate, report, actor="t")
    assert "critical question formulary-047 is lost: D-0007, D-0008 now rank first" in refused.value.happened
    assert Releases(home).current() is None


def test_a_critical_question_that_search_no_longer_answers_refuses_the_real_candidate(published):
    """P4: the same through the audit that asks for real: the drug that answers was taken off the list."""
    path = published.expectations / "golden" / "formulary.jsonl"
    asked = [json.loads(line) for line in path.read_text().splitlines()]
    about_the_first = [q for q in asked if q["expects"] == [{"document": "D-0000"}]]
    for question in about_the_first[1:]:
        asked.remove(question)
    about_the_first[0]["severity"] = "critical"
    path.write_text("\n".join(map(json.dumps, asked)))
    candidate, before = changed(published), Releases(published.home).current()
    report = audit(published.home, published.expectations, candidate, published.encoder, serving=before)
    audited = report.sources["formulary"]
    assert audited.hit_rate(3) > 0.95 and audited.needs_review == (about_the_first[0]["id"],)
    top = Searcher.of(published.home, candidate, published.encoder).search(
        about_the_first[0]["question"], source="formulary"
    )[0]
    with pytest.raises(
        Rejected, match=f"critical question {about_the_first[0]['id']} is lost: {top.document_id}, .*rank"
    ):
        Publisher(published.home).publish(candidate, report, actor="t")
    assert Releases(published.home).current() == before


def test_a_candidate_made_from_a_release_that_no_longer_serves_is_a_conflict(published):
    late, first = changed(published, note="late"), changed(published, note="first")
    now = Publisher(published.home).publish(first, report_of(first), actor="t")
    with pytest.raises(Conflict, match=f"made from release {published.manifest.id}, but {now.id} serves now"):
        Publisher(published.home).publish(late, report_of(late), actor="t")
    assert Releases(published.home).current() == now and len(Releases(published.home).all()) == 2


def test_a_first_candidate_is_a_conflict_once_anything_serves(published, encoder):
    first = before_as_candidate(published.manifest)
    with pytest.raises(Conflict, match="made from release none"):
        Publisher(published.home).publish(first, report_of(first), actor="t")


def test_of_two_processes_that_publish_from_one_parent_exactly_one_wins(published, tmp_path):
    """P14, in small: both candidates passed, both name the same parent, both start at once."""
    script = (
        "import sys, time, pathlib\n"
        "from probatum.release import Candidate\n"
        "from probatum.audit_report import AuditReport\n"
        "from probatum.publish import Publisher\n"
        "from probatum.errors import Conflict\n"
        "home, candidate, report, go = map(pathlib.Path, sys.argv[1:])\n"
        "candidate = Candidate.model_validate_json(candidate.read_bytes())\n"
        "report = AuditReport.model_validate_json(report.read_bytes())\n"
        "print('ready', flush=True)\n"
        "while not go.exists(): time.sleep(0.001)\n"
        "try: print(Publisher(home).publish(candidate, report, actor='t').id)\n"
        "except Conflict as lost: print('conflict', lost.exit_code)\n"
    )
    running = []
    for name in ("one", "other"):
        candidate = changed(published, note=name)
        files = [tmp_path / f"{name}.candidate", tmp_path / f"{name}.report"]
        files[0].write_text(candidate.model_dump_json())
        files[1].write_text(report_of(candidate).model_dump_json())
        command = [sys.executable, "-c", script, published.home, *files, tmp_path / "go"]
        running.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
    for process in running:
        assert process.stdout.readline() == "ready\n"
    (tmp_path / "go").touch()
    said = sorted(process.communicate(timeout=60)[0].strip() for process in running)
    serving = Releases(published.home).current()
    assert said == [serving.id, "conflict 30"] and serving.parent == published.manifest.id
    assert len(Releases(published.home).all()) == 2
    assert Publisher(published.home).journal().verify() == 2


@pytest.mark.parametrize(
    "bytes_of",
    [b"", b"{", b"[]", b"null", b"\x00" * 64, b'{"release": 7, "digest": "x"}', b'{"release": "2020-01-01.1"}'],
)
def test_a_damaged_pointer_fails_closed_and_names_the_way_back(published, bytes_of):
    """P13, in small: nothing is searched or published by guess; a rollback by name mends it."""
    (published.home / "current.json").write_bytes(bytes_of)
    candidate = before_as_candidate(published.manifest)
    for attempt in (
        published.searcher,
        lambda: Publisher(published.home).publish(candidate, report_of(candidate), actor="t"),
        lambda: Publisher(published.home).rollback(None, actor="t"),
    ):
        with pytest.raises(Damaged, match="probatum rollback RELEASE"):
            attempt()
    assert Publisher(published.home).rollback(published.manifest.id, actor="t") == Releases(published.home).current()
    assert published.searcher().search("Apixaban 5 mg tablet", k=1)


def test_a_manifest_that_is_not_the_one_published_is_not_served(published):
    path = published.home / "releases" / f"{published.manifest.id}.json"
    whole = path.read_text()
    for wrong in (whole.replace("2026-10-01", "2026-10-02", 1), whole[: len(whole) // 2], "{}"):
        path.write_text(wrong)
        with pytest.raises(Damaged):
            published.searcher()
    path.unlink()
    with pytest.raises(Damaged, match="names a release that is not there"):
        published.searcher()


def test_tables_that_do_not_hold_what_was_audited_are_not_published(published):
    """A candidate names table versions; its digest, and so the audit, names content. publish() compares the two."""
    candidate = changed(published)
    good = candidate.sources["formulary"]
    before = published.manifest.sources["formulary"]
    for table, wrong, said in (
        ("documents", before.documents.version, "holds other rows"),
        ("texts", before.texts.version, "holds other rows"),
        ("texts", 9999, "cannot be opened"),
    ):
        moved = good.model_copy(update={table: getattr(good, table).model_copy(update={"version": wrong})})
        forged = candidate.model_copy(update={"sources": {**candidate.sources, "formulary": moved}})
        assert forged.digest() == candidate.digest()
        with pytest.raises(Damaged, match=said):
            Publisher(published.home).publish(forged, report_of(forged), actor="t")
    assert Releases(published.home).current() == published.manifest


def test_a_rollback_answers_bit_for_bit_as_before(published):
    """P6: top ten of every question, every field of every hit and the last bit of its score."""
    before = answers(published.searcher(), ASKED)
    candidate = changed(published)
    second = Publisher(published.home).publish(candidate, report_of(candidate), actor="t")
    during = answers(published.searcher(), ASKED)
    assert during != before and not any('"document_id": "D-0000"' in said for _, said, _ in during)
    assert Publisher(published.home).rollback(None, actor="t").id == published.manifest.id
    assert answers(published.searcher(), ASKED) == before
    assert Publisher(published.home).rollback(second.id, actor="t") == second
    assert answers(published.searcher(), ASKED) == during


def test_a_rollback_loads_no_encoder_and_no_prefect(published):
    """P6: what moves the pointer needs neither."""
    script = (
        "import sys, pathlib\n"
        "from probatum.publish import Publisher\n"
        "Publisher(pathlib.Path(sys.argv[1])).rollback(sys.argv[2], actor='t')\n"
        "assert not {'torch', 'prefect', 'sentence_transformers'} & sys.modules.keys()\n"
    )
    subprocess.run([sys.executable, "-c", script, published.home, published.manifest.id], check=True, timeout=60)


@pytest.mark.parametrize("wanted", [None, "2020-01-01.1", "../current", "", "x" * 300, "\x00"])
def test_a_rollback_to_nothing_is_refused_and_changes_nothing(published, wanted):
    with pytest.raises(Rejected, match="There is no release"):
        Publisher(published.home).rollback(wanted, actor="t")
    assert Releases(published.home).current() == published.manifest


def test_a_rollback_where_nothing_serves_says_so(small_home):
    with pytest.raises(Rejected, match="Nothing serves here") as told:
        Publisher(small_home).rollback(None, actor="t")
    assert "still serves" not in str(told.value)


@pytest.mark.parametrize("seam", ["after-manifest", "after-pointer"])
def test_a_publish_that_dies_leaves_the_old_or_the_new_release(published, seam):
    """P5, in small: between manifest and pointer the old one serves; after the pointer the new one."""
    candidate = changed(published)
    with fault_at(seam, KeyboardInterrupt()), pytest.raises(KeyboardInterrupt):
        Publisher(published.home).publish(candidate, report_of(candidate), actor="t")
    serving = Releases(published.home).current()
    assert serving.candidate == (candidate.digest() if seam == "after-pointer" else published.manifest.candidate)
    assert published.searcher().search("Apixaban 5 mg tablet", k=1)
    if seam == "after-manifest":
        again = Publisher(published.home).publish(candidate, report_of(candidate), actor="t")
        assert Releases(published.home).current() == again


def test_who_published_and_rolled_back_stands_in_the_journal(published):
    candidate = changed(published)
    second = Publisher(published.home).publish(candidate, report_of(candidate), actor="pharmacist")
    Publisher(published.home).rollback(None, actor="on call")
    records = Publisher(published.home).journal().records()
    assert [(r["action"], r["actor"], r["release"]) for r in records] == [
        ("publish", "test", published.manifest.id),
        ("publish", "pharmacist", second.id),
        ("rollback", "on call", published.manifest.id),
    ]


def test_release_ids_never_repeat_even_after_a_rollback(published):
    ids = [published.manifest.id]
    for note in "ab":
        candidate = changed(published, note=note)
        ids.append(Publisher(published.home).publish(candidate, report_of(candidate), actor="t").id)
        Publisher(published.home).rollback(published.manifest.id, actor="t")
    assert len(set(ids)) == 3


def test_a_candidate_of_one_source_leaves_the_other_as_it_serves(published):
    """What serves of guidelines is in the next release, version for version."""
    candidate = changed(published)
    assert candidate.sources["guidelines"] == published.manifest.sources["guidelines"]
    second = Publisher(published.home).publish(candidate, report_of(candidate), actor="t")
    assert second.sources["guidelines"] == published.manifest.sources["guidelines"]
    assert {hit.document_id for hit in published.searcher().search("chest drain", source="guidelines")} <= {
        document.id for document in protocols()
    }


@pytest.mark.parametrize("again", ["settle", "rollback"])
def test_a_publish_killed_before_its_record_is_journalled_by_whoever_comes_next(unpublished, again, tmp_path):
    """P5: the pointer had moved, so the release serves; the journal says that it was found serving, once."""
    home, candidate = shutil.copytree(unpublished[0], tmp_path / "own"), unpublished[1]
    with fault_at("after-pointer", KeyboardInterrupt()), pytest.raises(KeyboardInterrupt):
        Publisher(home).publish(candidate, report_of(candidate), actor="first")
    serving = Releases(home).current()
    assert serving and Publisher(home).journal().records() == []
    for _ in range(2):
        if again == "settle":
            Publisher(home).settle(actor="next")
        else:
            Publisher(home).rollback(serving.id, actor="next")
    told = [(r["action"], r["actor"], r["release"]) for r in Publisher(home).journal().records()]
    assert told[0] == ("found", "next", serving.id) and [t[0] for t in told].count("found") == 1
    assert Publisher(home).journal().verify() == len(told)


def test_a_damaged_journal_does_not_keep_anybody_from_going_back(published):
    """P6: `verify` names the line; rolling back does not wait for its repair."""
    (published.home / "journal.jsonl").write_bytes(b"{not json}\n")
    assert Publisher(published.home).rollback(published.manifest.id, actor="t") == Releases(published.home).current()
