"""Is a copy of a home, taken at any moment, a home: whole, with the same answers, and with nothing left to do?"""

import shutil

import pytest
from small_home import answers, questions
from small_runs import chosen, drop, loaded_once, protocol, protocols, refresh, served, write_expectations

from probatum.release import Releases
from probatum.seams import fault_at
from probatum.search import Searcher
from probatum.verify import verify
from sources.guidelines import Guidelines

ASKED = ("gout treatment", "burns treatment", "who meets once a month?")


class Stopped(Exception):
    """A copy is taken here."""


@pytest.fixture(scope="module")
def runs(encoder, tmp_path_factory):
    """(settings, origin) of a home in which twelve protocols serve."""
    folder = tmp_path_factory.mktemp("runs")
    settings, origin = chosen(folder / "home", write_expectations(folder / "expectations")), folder / "2026-07"
    with loaded_once(encoder):
        refresh(settings, Guidelines(), drop(origin, protocols()))
        yield settings, str(origin)


def restored(home, folder):
    """A backup put where there was nothing, under another path."""
    return shutil.copytree(home, folder / "elsewhere" / "restored")


def test_a_restored_home_is_whole(published, tmp_path):
    """P22: every digest is that of the release."""
    copy = restored(published.home, tmp_path)
    shutil.rmtree(published.home)
    manifest = Releases(copy).current()
    assert manifest == published.manifest and verify(copy, manifest)["tables"] == 4


def test_a_restored_home_gives_the_same_answers_bit_by_bit(published, tmp_path):
    """P22: documents, texts, places and scores, to every golden question of the small release."""
    asked = [q["question"] for each in questions().values() for q in each]
    before = answers(published.searcher(), asked)
    copy = restored(published.home, tmp_path)
    shutil.rmtree(published.home)
    assert answers(Searcher.open(copy, published.encoder), asked) == before and len(asked) > 200


def test_a_refresh_of_what_serves_does_nothing_in_a_restored_home(runs, tmp_path):
    """P22: not one byte of what is served, of the tables or of the kept files is written anew."""
    settings, origin = runs
    copy = chosen(restored(settings.home, tmp_path), settings.expectations)
    before = files_of(copy.home)
    refresh(copy, Guidelines(), origin)
    assert served(copy.home) == served(settings.home)
    after = files_of(copy.home)
    assert {path: after.get(path) for path in before} == before and after.keys() == before.keys()


def test_a_restored_home_takes_the_next_release(runs, tmp_path):
    """P22: and what was read before is not read again from paths that are gone."""
    settings, _ = runs
    copy = chosen(restored(settings.home, tmp_path), settings.expectations)
    files = protocols() | {"gout.md": protocol("gout", "Rest the joint."), "burns.md": "<html>Sign in</html>"}
    manifest = refresh(copy, Guidelines(), drop(tmp_path / "2026-10", files))
    assert verify(copy.home, manifest)["tables"] > 0 and manifest.sources["guidelines"].quarantined == ("burns.md",)
    assert "Rest the joint" in texts_of(copy.home) and "running water" in texts_of(copy.home)


@pytest.mark.parametrize("seam", ["after-write-guidelines-documents", "after-manifest", "after-pointer"])
def test_a_copy_taken_during_a_publish_is_wholly_the_old_or_wholly_the_new(runs, tmp_path, seam):
    """P22: the pointer is written last, and nothing is written into what it pointed to; the copy goes on from there."""
    settings, _ = runs
    home = chosen(shutil.copytree(settings.home, tmp_path / "home"), settings.expectations)
    october = drop(tmp_path / "2026-10", protocols() | {"gout.md": protocol("gout", "Rest the joint.")})
    with fault_at(seam, Stopped()), pytest.raises(Stopped):
        refresh(home, Guidelines(), october)
    copy = chosen(restored(home.home, tmp_path), settings.expectations)
    serving, old = Releases(copy.home).current(), Releases(settings.home).current()
    assert (serving.id == old.id) == (seam != "after-pointer")
    verify(copy.home, serving)
    if serving.id == old.id:
        assert answers(Searcher.open(copy.home), ASKED) == answers(Searcher.open(settings.home), ASKED)
    assert ("Rest the joint" in texts_of(copy.home)) == (seam == "after-pointer")
    manifest = refresh(copy, Guidelines(), october)
    assert "Rest the joint" in texts_of(copy.home) and verify(copy.home, manifest)


def texts_of(home):
    return " ".join(hit.text for question in ASKED for hit in Searcher.open(home).search(question, k=20))


def files_of(home):
    """What a no-op must not touch: everything but notes of looks and locks."""
    kept = ("blobs", "snapshots", "lance", "releases", "vectors", "candidates", "quarantine", "work")
    return {
        str(path.relative_to(home)): path.read_bytes()
        for name in kept
        for path in (home / name).rglob("*")
        if path.is_file()
    }
