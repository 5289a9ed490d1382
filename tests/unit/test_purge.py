"""Is what was purged really gone, everywhere, and is everything else as it was?"""

import shutil
import subprocess
from dataclasses import replace

import pytest
from small_home import marked, protocols, questions, take, write
from small_runs import chosen
from typer.testing import CliRunner

from probatum import digests, settings
from probatum.audit import audit
from probatum.candidates import candidate_of
from probatum.cli import app
from probatum.encoder import Encoder
from probatum.errors import Misconfigured, Rejected
from probatum.publish import Publisher
from probatum.purge import begun, purge
from probatum.release import Releases
from probatum.scrub import scrub
from probatum.seams import fault_at
from probatum.search import Searcher
from probatum.store import Store
from probatum.upkeep import TableCare
from probatum.verify import verify

MARKER = "Zzyzxquillon Haversham"
ASKED = [q["question"] for each in questions().values() for q in each][::11]


def publish(home, encoder, expectations, source, documents):
    serving = Releases(home).current()
    state = write(home, encoder, source, documents, serving=serving.sources[source])
    candidate = candidate_of(serving, encoder.identity, {source: state})
    return Publisher(home).publish(candidate, audit(home, expectations, candidate, encoder, serving=serving), actor="t")


def secret(n=0):
    """A protocol that names somebody."""
    about = protocols()[0]
    words = f"Visit report {n}: {MARKER} came in again"
    return replace(marked(about, words, "visit.md"), file="visit.md", sha256=digests.of_text(words))


@pytest.fixture(scope="module")
def held_once(published_once, tmp_path_factory):
    """(home, ids): published three times with the marker, while other rows change beside it."""
    home = shutil.copytree(published_once.home, tmp_path_factory.mktemp("held") / "home")
    encoder, ids = published_once.encoder, [published_once.manifest.id]
    for n in range(3):
        ids.append(publish(home, encoder, published_once.expectations, "guidelines", [*others(n), secret(n % 2)]).id)
    remove_drop(home)
    return home, ids


@pytest.fixture
def held(held_once, published_once, tmp_path, monkeypatch):
    """(settings, ids): a copy of that home."""
    monkeypatch.setattr(Encoder, "load", classmethod(lambda *_, **__: published_once.encoder))
    home, ids = held_once
    return chosen(shutil.copytree(home, tmp_path / "home"), published_once.expectations), ids


def others(n):
    """The protocols, more of them changed from month to month."""
    return [replace(d, meta=d.meta | {"n": "1"}) if i <= n else d for i, d in enumerate(protocols())]


def remove_drop(home):
    """The folder the tests drop files into is no part of a home."""
    shutil.rmtree(home / "drop")


def holding(home, words):
    """Every file below `home` in which the words stand, as the system's own search finds them."""
    ran = subprocess.run(["grep", "-r", "-l", "-a", "-i", "-F", words, str(home)], capture_output=True, text=True)
    return sorted(ran.stdout.splitlines())


def still_in_tables(home, words):
    """(table, version) in which a row holds it, deleted or not."""
    cares = [TableCare(home / "lance", name) for name in Store(home / "lance").names()]
    return [(care.name, version) for care in cares for version in care.versions() if held_in(care, version, words)]


def held_in(care, version, words):
    columns = [field.name for field in care.schema() if str(field.type) == "string"]
    return care.holds(version, lambda row: words in str(row), columns)


@pytest.mark.parametrize("what", [MARKER, "visit.md"])
def test_what_was_purged_is_nowhere_in_the_home(held, encoder, what):
    """P36: published three times under tags, found by its text or its id; no file, table, index or cache holds it after."""
    chosen_home, _ = held
    home = chosen_home.home
    assert holding(home, "Haversham") and still_in_tables(home, MARKER)
    vectors = {p: p.stat().st_size for p in (home / "vectors").glob("*.sqlite")}
    assert Searcher.open(home, encoder).search(MARKER, k=1)[0].document_id == "visit.md"
    done = purge(chosen_home, what, actor="privacy officer", why="Names a patient.")
    assert done.left == () and done.documents == 1 and done.files == 2
    assert holding(home, "Haversham") == [] and holding(home, "zzyzx") == []
    assert still_in_tables(home, MARKER) == []
    assert not any("Haversham" in hit.text for hit in Searcher.open(home, encoder).search(MARKER, k=50))
    assert begun(home) is None and vectors
    for path in vectors:
        assert encoder.encode([secret().text])[0].astype("<f4").tobytes() not in path.read_bytes()


def test_everything_else_answers_as_before(held, encoder):
    """P36: the golden questions have the same answers; the new release passed the gate and is whole to the last byte."""
    chosen_home, ids = held
    home, before = chosen_home.home, {}
    for question in ASKED:
        before[question] = [
            h.document_id for h in Searcher.open(home, encoder).search(question, k=5) if h.document_id != "visit.md"
        ]
    done = purge(chosen_home, MARKER, actor="privacy officer", why="Names a patient.")
    now = Releases(home).current()
    assert (
        now.id == done.serving
        and now.parent == ids[-1]
        and now.sources["formulary"] == Releases(home).read(ids[0]).sources["formulary"]
    )
    searcher = Searcher.open(home, encoder)
    for question in ASKED:
        found = [h.document_id for h in searcher.search(question, k=5)]
        assert found[: len(before[question])][:3] == before[question][:3], question
    assert verify(home, now)["tables"] == 4 and scrub(home).broken == ()


def test_releases_that_held_it_have_ended_and_others_have_not(held, encoder):
    """P36: who goes back to one of them is told why that cannot be; the first release, which never held it, can be had back."""
    chosen_home, ids = held
    done = purge(chosen_home, MARKER, actor="privacy officer", why="Names a patient.")
    assert done.releases == tuple(ids[1:])
    for release in ids[1:]:
        with pytest.raises(Rejected, match="held something that was purged"):
            Publisher(chosen_home.home).rollback(release, actor="t")
    assert Publisher(chosen_home.home).rollback(ids[0], actor="t").id == ids[0]
    assert Searcher.open(chosen_home.home, encoder).search("chest drain", k=1)


def test_a_version_in_which_it_was_only_deleted_is_purged_too(held, encoder):
    """P36: to delete a row leaves its bytes, and a tag keeps them."""
    chosen_home, _ = held
    last = publish(chosen_home.home, encoder, chosen_home.expectations, "guidelines", others(2))
    remove_drop(chosen_home.home)
    assert not any(h.document_id == "visit.md" for h in Searcher.open(chosen_home.home, encoder).search(MARKER, k=50))
    assert still_in_tables(chosen_home.home, MARKER)
    done = purge(chosen_home, MARKER, actor="privacy officer", why="Names a patient.")
    assert still_in_tables(chosen_home.home, MARKER) == [] and holding(chosen_home.home, "Haversham") == []
    assert last.id in done.releases and Releases(chosen_home.home).current().candidate == last.candidate


def test_the_journal_says_who_and_why_and_not_what(held):
    """P36: and it is still whole."""
    chosen_home, _ = held
    purge(chosen_home, MARKER, actor="privacy officer", why="Names a patient; case 114.")
    record = Publisher(chosen_home.home).journal().records()[-1]
    assert (record["action"], record["actor"], record["why"]) == (
        "purge",
        "privacy officer",
        "Names a patient; case 114.",
    )
    assert (
        b"Haversham" not in (chosen_home.home / "journal.jsonl").read_bytes()
        and Publisher(chosen_home.home).journal().verify()
    )


def test_the_bytes_that_were_purged_are_not_taken_again(held):
    """P36: the owner's folder still holds the file; the next refresh says so and takes nothing."""
    chosen_home, _ = held
    purge(chosen_home, MARKER, actor="privacy officer", why="Names a patient.")
    with pytest.raises(Rejected, match=r"visit.md holds the very bytes that were purged on .* by privacy officer"):
        take(chosen_home.home, "guidelines", [*protocols(), secret(0)])
    assert not [p for p in (chosen_home.home / "blobs").iterdir() if b"Haversham" in p.read_bytes()]


@pytest.mark.parametrize("seam", ["purge-begun", "purge-ended-releases", "purge-forgot-files"])
def test_a_purge_that_is_killed_is_finished_by_the_next(held, encoder, seam):
    """P36: it is known that one began, and the same words again end it."""
    chosen_home, _ = held
    with fault_at(seam, KeyboardInterrupt()), pytest.raises(KeyboardInterrupt):
        purge(chosen_home, MARKER, actor="privacy officer", why="Names a patient.")
    assert begun(chosen_home.home)["actor"] == "privacy officer"
    assert purge(chosen_home, MARKER, actor="privacy officer", why="Names a patient.").left == ()
    assert begun(chosen_home.home) is None and holding(chosen_home.home, "Haversham") == []
    assert still_in_tables(chosen_home.home, MARKER) == [] and scrub(chosen_home.home).broken == ()


@pytest.mark.parametrize(
    ("what", "why", "error"),
    [("nobody.md and nothing", "No reason.", Rejected), ("short", "Because.", Rejected), (MARKER, " ", Misconfigured), (MARKER, f"It says {MARKER}.", Misconfigured), ("Write the time into the chart", "Too much.", Rejected)],
)  # fmt: skip
def test_what_is_not_there_too_short_or_everywhere_is_refused(held, what, why, error, monkeypatch):
    monkeypatch.setattr("probatum.purge._MOST_DOCUMENTS", 10)
    chosen_home, _ = held
    before = {p: p.read_bytes() for p in chosen_home.home.rglob("*") if p.is_file() and "locks" not in p.parts}
    with pytest.raises(error, match=r"Nothing here|too few|empty|holds what|documents \(10 at most"):
        purge(chosen_home, what, actor="t", why=why)
    assert {p: p.read_bytes() for p in before} == before


def test_the_words_can_come_from_standard_input(held, monkeypatch):
    """P36: so that they stand in no shell's history and no list of processes."""
    chosen_home, _ = held
    monkeypatch.setenv("PROBATUM_HOME", str(chosen_home.home))
    monkeypatch.setenv("PROBATUM_EXPECTATIONS", str(chosen_home.expectations))
    settings.reset()
    done = CliRunner().invoke(app, ["purge", "-", "--why", "Names a patient.", "--json"], input=f"{MARKER}\n")
    assert done.exit_code == 0, done.output
    assert holding(chosen_home.home, "Haversham") == [] and "Haversham" not in done.output
