"""One bad file of a guideline release does not take the others with it, and never takes away what served before."""

import json
import shutil

import pytest
from small_runs import (
    chosen,
    drop,
    loaded_once,
    protocol,
    protocols,
    refresh,
    retire,
    served,
    write,
    write_expectations,
)

from probatum.errors import Rejected
from probatum.quarantine import Quarantine
from probatum.release import Releases
from probatum.search import Searcher
from probatum.snapshots import Snapshots
from sources.guidelines import Guidelines

PAGE = b"<!DOCTYPE html><html><body>Please sign in.</body></html>"
BAD = {
    "an empty file": b"",
    "a sign-in page": PAGE,
    "binary": b"%PDF-1.7\n" + bytes(range(256)),
    "a picture": b"\x89PNG\r\n\x1a\n\0\0",
}


@pytest.fixture(scope="module", autouse=True)
def one_encoder(encoder):
    with loaded_once(encoder):
        yield


@pytest.fixture(scope="module")
def published_once(tmp_path_factory):
    folder = tmp_path_factory.mktemp("protocols")
    settings = chosen(folder / "home", write_expectations(folder / "expectations"))
    refresh(settings, Guidelines(), drop(folder / "2026-07", protocols()))
    return settings


@pytest.fixture
def serving(published_once, tmp_path):
    """The settings of a home in which twelve protocols serve."""
    return chosen(shutil.copytree(published_once.home, tmp_path / "home"), published_once.expectations)


def texts_of(settings, document):
    """All that the serving release says of a document."""
    found = Searcher.open(settings.home).search(document.removesuffix(".md").replace("-", " "), k=20)
    return " ".join(hit.text for hit in found if hit.document_id == document)


def state_of(settings):
    return Releases(settings.home).current().sources["guidelines"]


def test_one_bad_file_is_set_aside_and_the_others_go_on(serving, tmp_path):
    """P7: the new release serves with the former version of the bad file, and says which file that is."""
    files = protocols() | {"burns.md": PAGE, "gout.md": protocol("gout", "Allopurinol is not started in the attack.")}
    refresh(serving, Guidelines(), drop(tmp_path / "2026-10", files))
    assert state_of(serving).release == "2026-10-01" and state_of(serving).documents.rows == 12
    assert state_of(serving).quarantined == ("burns.md",)
    assert "Allopurinol is not started" in texts_of(serving, "gout.md")
    assert "running water for 20 minutes" in texts_of(serving, "burns.md")
    (kept,) = Quarantine(serving.home).all()
    reason = json.loads((serving.home / "quarantine" / kept.id / "reason.json").read_text())
    assert reason["files"][0]["name"] == "burns.md" and "web page" in reason["reason"] and reason["next"]
    assert Snapshots(serving.home).blob(reason["files"][0]["sha256"]).read_bytes() == PAGE


def test_a_file_that_stays_bad_keeps_its_former_version_however_often(serving, tmp_path):
    """P7: the third release, too, serves what was last read of it, and the day it is mended the new one."""
    for month in ("08", "09", "10"):
        files = protocols() | {"burns.md": PAGE, "gout.md": protocol("gout", f"Reviewed in month {month}.")}
        refresh(serving, Guidelines(), drop(tmp_path / f"2026-{month}", files))
        assert f"Reviewed in month {month}" in texts_of(serving, "gout.md")
        assert "running water for 20 minutes" in texts_of(serving, "burns.md")
        assert state_of(serving).quarantined == ("burns.md",)
    mended = protocols() | {"burns.md": protocol("burns", "Do not use ice.")}
    refresh(serving, Guidelines(), drop(tmp_path / "2026-11", mended))
    assert "Do not use ice" in texts_of(serving, "burns.md")
    assert state_of(serving).quarantined == ()


def test_what_a_release_leaves_out_does_not_come_back_with_a_bad_file(serving, tmp_path):
    """P8: a protocol that was withdrawn stays withdrawn when a broken file of its name turns up later."""
    without = {name: text for name, text in protocols().items() if name != "burns.md"}
    (serving.home.parent / "expectations").mkdir(exist_ok=True)
    refreshed = chosen(serving.home, _without_questions_of("burns.md", serving, tmp_path))
    refresh(refreshed, Guidelines(), drop(tmp_path / "2026-08", without))
    assert texts_of(refreshed, "burns.md") == ""
    refresh(refreshed, Guidelines(), drop(tmp_path / "2026-09", without | {"burns.md": PAGE}))
    assert texts_of(refreshed, "burns.md") == "" and state_of(refreshed).documents.rows == 11


def _without_questions_of(document, settings, tmp_path):
    folder = shutil.copytree(settings.expectations, tmp_path / "fewer")
    retire(folder, "guidelines", document)
    return folder


def test_a_protocol_withdrawn_by_the_file_beside_it_is_gone_from_the_next_release(serving, tmp_path):
    """P8: while the protocol itself still lies in the folder."""
    files = protocols() | {"burns.md.probatum.toml": 'status = "withdrawn"\n'}
    refreshed = chosen(serving.home, _without_questions_of("burns.md", serving, tmp_path))
    refresh(refreshed, Guidelines(), drop(tmp_path / "2026-08", files))
    assert texts_of(refreshed, "burns.md") == "" and state_of(refreshed).documents.rows == 11
    assert state_of(refreshed).quarantined == ()


def test_a_wrong_file_beside_a_protocol_leaves_the_former_version_serving(serving, tmp_path):
    """P7: nobody knows what it was meant to say, so nothing about this protocol changes, and nothing about the others stops."""
    files = protocols() | {"gout.md": protocol("gout", "Rest the joint."), "burns.md": protocol("burns", "Use butter.")}
    files["burns.md.probatum.toml"] = 'stauts = "withdrawn"\n'
    refresh(serving, Guidelines(), drop(tmp_path / "2026-08", files))
    assert "Rest the joint" in texts_of(serving, "gout.md")
    assert "running water" in texts_of(serving, "burns.md") and "butter" not in texts_of(serving, "burns.md")
    (kept,) = Quarantine(serving.home).all()
    assert kept.files == ("burns.md", "burns.md.probatum.toml") and "stauts" in kept.reason


@pytest.mark.parametrize("kind", list(BAD))
def test_a_bad_file_that_is_new_is_left_out(serving, tmp_path, kind):
    """P7: what never could be read is not there, and the rest is."""
    files = protocols() | {"mumps.md": BAD[kind]}
    state = write(serving, Guidelines(), drop(tmp_path / "2026-10", files))
    assert [kept.files[0] for kept in Quarantine(serving.home).all()] == ["mumps.md"]
    raw = json.loads((serving.home / "candidates" / f"state-{state}.json").read_text())["state"]
    assert raw["documents"]["rows"] == 12 and raw["quarantined"] == ["mumps.md"]


def test_a_release_of_which_nothing_can_be_read_is_refused(serving, tmp_path):
    """P7: former versions alone are no new release."""
    before = served(serving.home)
    with pytest.raises(Rejected) as refused:
        write(serving, Guidelines(), drop(tmp_path / "2026-10", dict.fromkeys(protocols(), PAGE)))
    assert "none of its 12 files can be read" in refused.value.happened and refused.value.exit_code == 20
    assert len(Quarantine(serving.home).all()) == 12
    assert served(serving.home) == before
    assert "running water for 20 minutes" in texts_of(serving, "burns.md")


def test_a_first_release_of_which_nothing_can_be_read_is_refused(tmp_path, published_once):
    """P7: and the home stays without a release."""
    settings = chosen(tmp_path / "home", published_once.expectations)
    with pytest.raises(Rejected, match="is a web page"):
        write(settings, Guidelines(), drop(tmp_path / "2026-10", {"burns.md": PAGE}))
    assert Releases(settings.home).current() is None


def test_a_release_without_a_file_to_read_is_refused(serving, tmp_path):
    """P7: a list of nothing is not a release of nothing."""
    origin = drop(tmp_path / "2026-10", {"release.toml": 'name = "2026-10"\nvalid_from = 2026-10-01\n'})
    before = served(serving.home)
    with pytest.raises(Rejected, match="holds no file to read"):
        write(serving, Guidelines(), origin)
    assert served(serving.home) == before


def test_a_release_that_lost_a_third_of_its_files_is_refused(serving, tmp_path):
    """P7: a folder that was half copied is not a release that withdraws the other half."""
    before = served(serving.home)
    with pytest.raises(Rejected, match=r"has 8 documents; of the 12 that serve 4 are gone \(33%, 20% allowed\)"):
        write(serving, Guidelines(), drop(tmp_path / "2026-10", dict(list(protocols().items())[:8])))
    assert served(serving.home) == before and len(Quarantine(serving.home).all()) == 1


def test_a_file_whose_name_is_no_text_is_refused_in_words(serving, tmp_path):
    """P7: a name of bytes from another system ends in a sentence, not in a crash."""
    folder = tmp_path / "2026-10"
    drop(folder, protocols())
    (folder / "h\udce4matom.md").write_text("# Bruises\n\nCool them.\n")
    with pytest.raises(Rejected, match="not plain text"):
        write(serving, Guidelines(), str(folder))
