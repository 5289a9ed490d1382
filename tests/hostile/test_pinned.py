"""Do the bytes of a published release stay what they were, whatever its publisher sends later?"""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from small_runs import chosen, drop, loaded_once, protocols, refresh, retire, served, write, write_expectations

from probatum.errors import Rejected
from probatum.quarantine import CHANGED, RELEASED, Quarantine
from probatum.release import Releases, today
from sources.guidelines import Guidelines

LISTING = 'name = "{}"\nvalid_from = {}\n'


@pytest.fixture
def home(tmp_path, encoder):
    expectations = write_expectations(tmp_path / "expectations")
    with loaded_once(encoder):
        settings = chosen(tmp_path / "home", expectations)
        refresh(settings, Guidelines(), dropped(tmp_path / "first"))
        yield settings


def dropped(folder, name="2026-10", day="2026-10-01", **changed):
    return drop(folder, {**protocols(), **changed, "release.toml": LISTING.format(name, day)})


CORRECTED = {"gout.md": protocols()["gout.md"].replace("500 micrograms", "600 micrograms")}


def test_other_bytes_under_the_name_of_a_published_release_are_quarantined(home, tmp_path):
    """P29: changed bytes under the same release name are quarantined as silently changed, and nothing served changes."""
    before = served(home.home)
    with pytest.raises(Rejected, match="silently changed") as refused:
        refresh(home, Guidelines(), dropped(tmp_path / "again", **CORRECTED))
    (kept,) = Quarantine(home.home).all()
    assert kept.kind == CHANGED and f"probatum quarantine release {kept.id}" in refused.value.next
    assert served(home.home) == before


def test_the_same_bytes_again_are_no_change(home, tmp_path):
    before = served(home.home)
    refresh(home, Guidelines(), dropped(tmp_path / "again"))
    assert served(home.home) == before and Quarantine(home.home).all() == []


def test_who_releases_it_from_quarantine_gets_exactly_these_bytes(home, tmp_path):
    """P29: a correction that is meant goes through once somebody said so, and another one does not."""
    with pytest.raises(Rejected):
        refresh(home, Guidelines(), dropped(tmp_path / "again", **CORRECTED))
    (kept,) = Quarantine(home.home).all()
    Quarantine(home.home).decide(kept.id, RELEASED, actor="pharmacist", why="A typing error was mended.")
    refresh(home, Guidelines(), str(tmp_path / "again"))
    assert Releases(home.home).current().sources["guidelines"].release == "2026-10"
    more = {"gout.md": CORRECTED["gout.md"].replace("600", "700")}
    with pytest.raises(Rejected, match="silently changed"):
        refresh(home, Guidelines(), dropped(tmp_path / "third", **more))


def test_the_same_bytes_under_another_name_are_another_release(home, tmp_path):
    refresh(home, Guidelines(), dropped(tmp_path / "november", "2026-11", "2026-11-01", **CORRECTED))
    assert Releases(home.home).current().sources["guidelines"].release == "2026-11"


def test_a_release_that_was_never_published_may_be_sent_again(home, tmp_path):
    """What was refused is mended under its own name."""
    few = dict(list(protocols().items())[:6])
    with pytest.raises(Rejected, match="are gone"):
        refresh(
            home, Guidelines(), drop(tmp_path / "few", {**few, "release.toml": LISTING.format("2026-12", "2026-12-01")})
        )
    refresh(home, Guidelines(), dropped(tmp_path / "all", "2026-12", "2026-12-01", **CORRECTED))


@pytest.fixture
def undated(monkeypatch):
    """Guidelines found in a place that has no name of its own."""
    find = Guidelines.find

    def found(self, origin, **access):
        offered = find(self, origin, **access)
        return replace(offered, release=replace(offered.release, dated=False))

    monkeypatch.setattr(Guidelines, "find", found)


def test_a_place_without_a_name_of_its_own_is_never_pinned(home, tmp_path, undated):
    """A folder people drop files into is a new release whenever it changes."""
    refresh(home, Guidelines(), dropped(tmp_path / "again", **CORRECTED))
    assert Quarantine(home.home).all() == []


def test_what_is_left_when_the_newest_file_goes_is_in_force(home, tmp_path, undated):
    """P8: a withdrawal dates nothing back, so it is not taken for an edition of long ago."""
    (gone, _), *others = protocols().items()
    left = dict(others)
    retire(home.expectations, "guidelines", gone)
    manifest = refresh(
        home, Guidelines(), drop(tmp_path / "less", {**left, "release.toml": LISTING.format("old", "2020-01-01")})
    )
    state = manifest.in_force(today())["guidelines"]
    assert state.documents.rows == len(left) and state.valid_from == date(2026, 10, 1)


def test_a_document_supersedes_nothing_before_its_own_day(home, tmp_path):
    """P8: what takes force next year does not take away what holds today; in a release of that day it does."""
    later = (today() + timedelta(days=30)).isoformat()
    sidecar = {"burns.md.probatum.toml": f'supersedes = "gout.md"\neffective = {later}\n'}
    files = {**protocols(), **sidecar}
    with pytest.raises(Rejected, match="takes force only"):
        refresh(
            home,
            Guidelines(),
            drop(tmp_path / "early", {**files, "release.toml": LISTING.format("2026-11", "2026-11-01")}),
        )
    write(home, Guidelines(), drop(tmp_path / "staged", {**files, "release.toml": LISTING.format("later", later)}))
