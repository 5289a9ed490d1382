"""Does maintenance keep everything that is needed, and take away what is not, however old it all is?"""

import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import lancedb
import pytest
from backdating import backdate
from small_home import answers, drugs, questions, report_of, write
from small_runs import chosen

from probatum import locks
from probatum.candidates import candidate_of
from probatum.ended import ended
from probatum.errors import Rejected, Retryable
from probatum.files import write_json, write_sealed
from probatum.leftovers import remove_leftovers
from probatum.locks import one_refresh
from probatum.maintenance import maintain
from probatum.publish import Publisher
from probatum.release import Candidate, Releases
from probatum.retention import decide, keep, let_go, read_policy
from probatum.rows import document_rows
from probatum.scrub import scrub
from probatum.seams import fault_at
from probatum.search import Searcher
from probatum.store import DOCUMENTS, Store
from probatum.upkeep import TableCare
from probatum.verify import verify

ASKED = [asked["question"] for source in questions().values() for asked in source[::29]]
A_YEAR_LATER = datetime.now(UTC) + timedelta(days=365)


def publish(home, encoder, documents):
    """Another release of the formulary."""
    serving = Releases(home).current()
    state = write(home, encoder, "formulary", documents, serving=serving.sources["formulary"])
    return let_through(home, candidate_of(serving, encoder.identity, {"formulary": state}))


def let_through(home, candidate):
    """Published by an audit that is kept, as every audit is."""
    report = report_of(candidate)
    write_sealed(home / "audits" / f"{report.candidate}.json", report.model_dump(mode="json"))
    return Publisher(home).publish(candidate, report, actor="t")


def tiers(n):
    """The list of the month n: every drug has another tier."""
    return [replace(d, meta=d.meta | {"tier": f"{n}"}) for d in drugs()]


def some_tiers(n):
    """The list of the month n: a third of the drugs has another tier, and in every second month one drug is not there."""
    found = [replace(d, meta=d.meta | {"tier": f"{n}"}) if i % 3 == n % 3 else d for i, d in enumerate(drugs())]
    return found[n % 2 :]


@pytest.fixture(scope="module")
def ten_once(published_once, tmp_path_factory):
    """(home, expectations, ids): ten releases, each with other tiers, the last ones kept by the policy."""
    folder = tmp_path_factory.mktemp("ten")
    home = shutil.copytree(published_once.home, folder / "home")
    expectations = shutil.copytree(published_once.expectations, folder / "expectations")
    ids = [published_once.manifest.id]
    for n in range(9):
        ids.append(publish(home, published_once.encoder, some_tiers(n)).id)
    return home, expectations, ids


@pytest.fixture
def ten(ten_once, tmp_path, encoder):
    home, expectations, ids = ten_once
    return chosen(shutil.copytree(home, tmp_path / "home"), expectations), ids


def size_of(home):
    return sum(path.stat().st_size for path in home.rglob("*") if path.is_file())


def test_what_is_kept_answers_as_before_and_what_expired_is_gone(ten, encoder):
    """P19: a year later the newest six stay, bit for bit; the others are gone from the disk and say so."""
    settings, ids = ten
    before = {i: answers(Searcher.of(settings.home, Releases(settings.home).read(i), encoder), ASKED) for i in ids}
    size = size_of(settings.home)
    done = maintain(settings, actor="t", now=A_YEAR_LATER)
    assert done.broken == () and done.expired == tuple(ids[:4]) and list(done.kept) != []
    assert set(done.kept) == set(ids[4:])
    for release in ids[4:]:
        verify(settings.home, Releases(settings.home).read(release))
        found = answers(Searcher.of(settings.home, Releases(settings.home).read(release), encoder), ASKED)
        assert found == before[release]
    for release in ids[:4]:
        with pytest.raises(Rejected, match=f"Release {release} expired on"):
            Searcher.of(settings.home, Releases(settings.home).read(release), encoder)
        with pytest.raises(Rejected, match="expired"):
            Publisher(settings.home).rollback(release, actor="t")
    assert size_of(settings.home) < 0.8 * size and done.versions > 0
    assert scrub(settings.home).broken == ()


def test_maintenance_and_refreshes_work_when_every_tag_is_older_than_seven_days(ten, encoder):
    """P19: LanceDB's own optimize() fails on such a home, after it has committed half of its work; ours is never affected."""
    settings, _ = ten
    backdate(settings.home, days=30)
    table = lancedb.connect(settings.home / "lance").open_table("formulary-documents")
    with pytest.raises(RuntimeError, match="tagged version"):
        table.optimize()
    table.delete("id = 'D-0003'")  # rows nobody indexed: the next update brings its indexes up to date
    before = answers(Searcher.of(settings.home, Releases(settings.home).current(), encoder), ASKED)
    done = maintain(settings, actor="t", now=A_YEAR_LATER)
    assert done.broken == () and len(done.expired) == 4 and done.versions > 0
    assert answers(Searcher.open(settings.home, encoder), ASKED) == before
    published = publish(settings.home, encoder, tiers(77))
    verify(settings.home, published)
    assert Searcher.open(settings.home, encoder).search("Apixaban 5 mg tablet", k=1)[0].meta["tier"] == "77"


def test_a_reader_that_holds_an_expired_release_is_told_so(ten, encoder):
    """P19: opened before, asked after its tables were cleaned up: one sentence with the release and the day, never wrong hits."""
    settings, ids = ten
    held = Searcher.of(settings.home, Releases(settings.home).read(ids[0]), encoder)
    opened = Searcher.of(settings.home, Releases(settings.home).read(ids[1]), encoder)
    before = answers(opened, ASKED)
    maintain(settings, actor="t", now=A_YEAR_LATER)
    with pytest.raises(Rejected, match=f"Release {ids[0]} expired on .* tables were cleaned up"):
        answers(held, ASKED)
    try:
        assert answers(opened, ASKED) == before  # what it has in memory is right
    except Rejected as told:
        assert f"Release {ids[1]} expired" in told.happened


def test_what_serves_its_parent_and_what_somebody_keeps_never_expire(ten):
    """P19: whatever the numbers and the clock say; the reasons stand in the decision."""
    settings, ids = ten
    keep(settings.home, ids[1], actor="auditor", why="The incident of June is not closed.")
    Publisher(settings.home).rollback(ids[3], actor="t")
    policy = read_policy(settings.expectations).model_copy(update={"keep_last": 2, "keep_days": 0})
    kept = decide(settings.home, policy, A_YEAR_LATER + timedelta(days=36_500)).kept
    assert set(kept) == {ids[3], ids[2], ids[1], ids[8], ids[9]}
    assert (kept[ids[3]], kept[ids[2]], kept[ids[1]]) == ("serves", "came before what serves", "kept by auditor")
    assert let_go(settings.home, ids[1]) and not let_go(settings.home, ids[1])
    assert ids[1] not in decide(settings.home, policy, A_YEAR_LATER).kept


def test_a_young_release_stays_however_many_came_after_it(ten):
    """P19: by the reviewed number of days."""
    settings, ids = ten
    assert set(decide(settings.home, read_policy(settings.expectations)).kept) == set(ids)


def test_a_candidate_that_waits_for_approval_survives_and_can_be_published(ten, encoder):
    """P19: it has no release yet, so no release's tag protects it."""
    settings, _ = ten
    home, serving = settings.home, Releases(settings.home).current()
    state = write(home, encoder, "formulary", tiers(50), serving=serving.sources["formulary"])
    waiting = candidate_of(serving, encoder.identity, {"formulary": state})
    write_json(home / "candidates" / f"{waiting.digest()}.json", waiting.model_dump(mode="json"))
    write(
        home, encoder, "formulary", tiers(51), serving=serving.sources["formulary"]
    )  # a later one, newest in the table
    maintain(settings, actor="t", now=datetime.now(UTC) + timedelta(days=30))
    assert let_through(home, waiting) == Releases(home).current()
    assert Searcher.open(home, encoder).search("Apixaban 5 mg tablet", k=1)[0].meta["tier"] == "50"


def test_a_table_of_a_refused_candidate_goes_once_nobody_can_want_it(ten, encoder):
    """P19: that of another encoder, which no release names; young ones stay, for somebody may still be trying."""
    settings, _ = ten
    store = Store(settings.home / "lance")
    store.update("formulary-texts-0123456789", document_rows(drugs()), schema=DOCUMENTS)
    assert maintain(settings, actor="t").dropped == ()
    assert maintain(settings, actor="t", now=A_YEAR_LATER).dropped == ("formulary-texts-0123456789",)
    assert "formulary-texts-0123456789" not in store.names() and scrub(settings.home).broken == ()


def test_nothing_is_deleted_while_anything_is_damaged(ten):
    """P19: what looks superfluous may be the last whole copy."""
    settings, _ = ten
    blob = next((settings.home / "blobs").iterdir())
    blob.chmod(0o644)
    blob.write_bytes(blob.read_bytes()[:-1])
    before = {p: p.read_bytes() for p in settings.home.rglob("*") if p.is_file() and "locks" not in p.parts}
    done = maintain(settings, actor="t", now=A_YEAR_LATER)
    assert [each.path for each in done.broken][:1] == [f"blobs/{blob.name}"] and done.expired == ()
    assert {p: p.read_bytes() for p in before} == before


def test_maintenance_waits_for_no_refresh_and_no_refresh_starts_meanwhile(ten, monkeypatch):
    """P15: what a writer has not named yet looks like an orphan."""
    settings, _ = ten
    monkeypatch.setattr(locks, "_WAIT_S", 0.1)
    with (
        one_refresh(settings.home, ["formulary"]),
        pytest.raises(Retryable, match=r"formulary is already running \(process"),
    ):
        maintain(settings, actor="t", now=A_YEAR_LATER)


@pytest.mark.parametrize("seam", ["after-mark", "after-untag", "after-clean"])
def test_maintenance_that_is_killed_goes_on_where_it_was(ten, encoder, seam):
    """P19: nothing is called damaged, what is kept is whole, and the second pass ends as an undisturbed one."""
    settings, ids = ten
    with fault_at(seam, KeyboardInterrupt()), pytest.raises(KeyboardInterrupt):
        maintain(settings, actor="t", now=A_YEAR_LATER)
    verify(settings.home, Releases(settings.home).current())
    done = maintain(settings, actor="t", now=A_YEAR_LATER)
    assert done.broken == () and set(done.kept) == set(ids[4:])
    assert {i for i in ids if ended(settings.home, i)} == set(ids[:4])
    for table in Store(settings.home / "lance").names():
        care = TableCare(settings.home / "lance", table)
        assert len(care.versions()) <= len(ids[4:]) + 1
        assert {tag.removeprefix("release-") for tag in care.tags()} == set(ids[4:])


def test_compaction_changes_no_answer(ten, encoder):
    """P20: every golden question, every field of ten hits and the last bit of each score, before and after."""
    settings, _ = ten
    home, asked = settings.home, [q["question"] for each in questions().values() for q in each]
    serving = Releases(home).current()
    before = answers(Searcher.of(home, as_candidate(serving), encoder), asked)
    tables = {}
    for table in (serving.sources["formulary"].documents, serving.sources["formulary"].texts):
        care = TableCare(home / "lance", table.name)
        assert care.compact(most_fragments=1, most_deleted=0.01)
        tables[table.name] = table.model_copy(update={"version": care.versions()[-1]})
        assert not care.compact(most_fragments=1, most_deleted=0.01)
    state = serving.sources["formulary"]
    state = state.model_copy(update={"documents": tables[state.documents.name], "texts": tables[state.texts.name]})
    compacted = as_candidate(serving, formulary=state)
    assert compacted.digest() == serving.candidate
    assert answers(Searcher.of(home, compacted, encoder), asked) == before and len(asked) > 200
    now = let_through(home, compacted)
    assert verify(home, now)["tables"] == 4 and scrub(home).broken == ()


def as_candidate(manifest, **changed):
    return Candidate(
        parent=manifest.id,
        sources={**manifest.sources, **changed},
        encoder=manifest.encoder,
        editions=manifest.editions,
    )


def clock_at(moment):
    class At(datetime):
        @classmethod
        def now(cls, tz=None):
            return cls.fromisoformat(moment).replace(tzinfo=tz)

    return At


def test_releases_are_in_the_order_of_their_parents_when_the_clock_jumps_back(published, encoder, monkeypatch):
    """P23: a day back, over the end of a year, on a leap day: no id comes twice, and the order is that of the parents."""
    home = published.home
    clock = ["2028-02-29T23:59:59", "2028-02-28T23:59:59", "2028-03-01T00:00:00", "2027-12-31T23:59:59", "2028-01-01T00:00:00", "2028-01-01T00:00:00"]  # fmt: skip
    made = [published.manifest.id]
    for n, now in enumerate(clock):
        monkeypatch.setattr("probatum.publish.datetime", clock_at(now))
        made.append(publish(home, encoder, tiers(n)).id)
    assert [manifest.id for manifest in Releases(home).all()] == made and len(set(made)) == len(made)
    assert Publisher(home).rollback(None, actor="t").id == made[-2]
    assert scrub(home).broken == ()
    policy = read_policy(published.expectations).model_copy(update={"keep_last": 3, "keep_days": 0})
    later = datetime(2030, 1, 1, tzinfo=UTC)
    assert set(decide(home, policy, later).kept) == {made[-1], made[-2], made[-3]}


def test_pages_about_refused_candidates_go_and_those_of_releases_stay(published):
    """The report, its summary and what was said of the tables, and the folders they lay in."""
    home, released = published.home, published.manifest.candidate
    for candidate in (released, "f" * 64):
        for name in (f"{candidate}.html", f"{candidate}.md", f"{candidate}/data-docs/formulary/index.html"):
            path = home / "reports" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("<p>6 of 128</p>", "utf-8")
    waits = home / "candidates" / f"{'f' * 64}.json"
    write_json(waits, {"sources": {}})
    pages = sorted((home / "reports").rglob("*"))
    remove_leftovers(home, days=30, needed=frozenset({"f" * 64}), now=A_YEAR_LATER)
    assert sorted((home / "reports").rglob("*")) == pages
    waits.unlink()
    assert remove_leftovers(home, days=30, needed=frozenset(), now=datetime.now(UTC)) == 0
    assert remove_leftovers(home, days=30, needed=frozenset(), now=A_YEAR_LATER) == 3
    assert sorted(path.name for path in (home / "reports").iterdir()) == [
        released,
        f"{released}.html",
        f"{released}.md",
    ]
    assert (home / "reports" / released / "data-docs" / "formulary" / "index.html").exists()
