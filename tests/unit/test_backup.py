"""Does a backup taken while others work restore to a home that is whole, and does a damaged home get its files back?"""

import shutil
import threading

import pytest
from small_home import answers, questions
from small_runs import chosen

from probatum import backup as backups
from probatum import locks
from probatum.backup import restore, take, thin_out
from probatum.drill import drill
from probatum.encoder import Encoder
from probatum.errors import Damaged, Misconfigured, Rejected, Retryable
from probatum.mending import mend
from probatum.publish import Publisher
from probatum.release import Releases
from probatum.scrub import scrub
from probatum.seams import _installed, fault_at
from probatum.search import Searcher
from probatum.verify import verify

ASKED = [q["question"] for each in questions().values() for q in each]


@pytest.fixture
def backup(published, tmp_path):
    return take(published.home, tmp_path / "backups", actor="t")


def test_a_backup_restored_into_an_empty_home_answers_bit_by_bit_as_before(published, backup, tmp_path):
    """P22: every digest, every golden question, every bit of every score; the journal says who restored what."""
    before = answers(published.searcher(), ASKED)
    assert (backup.release, backup.files > 50) == (published.manifest.id, True)
    shutil.rmtree(published.home)
    home = tmp_path / "elsewhere" / "home"
    assert restore(backup.path, home, actor="on call") == published.manifest
    assert verify(home, Releases(home).current())["tables"] == 4 and scrub(home).broken == ()
    assert answers(Searcher.open(home, published.encoder), ASKED) == before and len(ASKED) > 200
    assert [r["action"] for r in Publisher(home).journal().records()] == ["publish", "restore"]
    assert Publisher(home).journal().verify() == 2


def test_a_backup_taken_while_others_publish_is_wholly_one_release(published, tmp_path):
    """P22: releases are published and rolled back all the time; each of the backups is whole and serves one of them."""
    from small_home import report_of

    from probatum.candidates import candidate_of

    home, stop, failed = published.home, threading.Event(), []
    same = candidate_of(published.manifest, published.encoder.identity, {})

    def publish_all_the_time():
        try:
            while not stop.is_set():
                serving = Releases(home).current()
                candidate = same.model_copy(update={"parent": serving.id})
                Publisher(home).publish(candidate, report_of(candidate), actor="t")
                Publisher(home).rollback(None, actor="t")
        except BaseException as error:
            failed.append(error)
            raise

    publishing = threading.Thread(target=publish_all_the_time)
    publishing.start()
    try:
        taken = [take(home, tmp_path / f"backups-{n}", actor="t") for n in range(3)]
    finally:
        stop.set()
        publishing.join()
    assert not failed and len(Releases(home).all()) > 2
    for n, backup in enumerate(taken):
        other = tmp_path / f"restored-{n}"
        manifest = restore(backup.path, other, actor="t")
        assert manifest.id == backup.release and verify(other, manifest)["tables"] == 4
        assert scrub(other).broken == ()


def test_a_backup_that_was_not_finished_is_none(published, tmp_path):
    """P22: killed in between, nothing in the folder looks like a backup."""
    folder = tmp_path / "backups"
    with fault_at("after-backup-pointer", KeyboardInterrupt()), pytest.raises(KeyboardInterrupt):
        take(published.home, folder, actor="t")
    assert backups.backups(folder) == [] and list(folder.iterdir()) == []
    with pytest.raises(Misconfigured, match="is no backup"):
        restore(folder, tmp_path / "elsewhere", actor="t")


def test_a_home_that_is_not_empty_is_not_overwritten(published, backup):
    """P22: whoever restores at three in the morning names the wrong folder once."""
    before = {p: p.read_bytes() for p in published.home.rglob("*") if p.is_file()}
    with pytest.raises(Rejected, match="is not empty"):
        restore(backup.path, published.home, actor="t")
    assert {p: p.read_bytes() for p in published.home.rglob("*") if p.is_file()} == before


def test_a_backup_with_one_flipped_bit_is_not_restored(published, backup, tmp_path):
    """P22: the file is named, and no half restored home is left behind."""
    path = sorted((backup.path / "lance").rglob("data/*.lance"))[0]
    flip(path)
    with pytest.raises(Damaged, match=f"{path.name} in the backup is not what was copied"):
        restore(backup.path, tmp_path / "elsewhere", actor="t")
    assert not (tmp_path / "elsewhere").exists() and not list(tmp_path.glob(".elsewhere*"))


def test_only_so_many_backups_stay(published, backup, tmp_path):
    for n in range(3):
        shutil.copytree(backup.path, backup.path.with_name(f"2099-01-0{n + 1}T000000Z-{backup.release}"))
    gone = thin_out(backup.path.parent, 2)
    assert gone[0] == backup.path.name and len(gone) == 2
    assert [b.path.name[:10] for b in backups.backups(backup.path.parent)] == ["2099-01-02", "2099-01-03"]


def test_no_clean_up_runs_while_a_backup_is_taken(published, tmp_path, monkeypatch):
    """P22: what is being copied stays."""
    monkeypatch.setattr(locks, "_WAIT_S", 0.1)
    told = []

    def try_to_clean(name):
        if name == "after-backup-pointer":
            with (
                pytest.raises(Retryable, match="Maintenance, a purge or a backup is already running"),
                locks.one_upkeep(published.home),
            ):
                pass
            told.append(name)

    with _installed(try_to_clean):
        take(published.home, tmp_path / "backups", actor="t")
    assert told


def test_the_drill_restores_and_asks_and_notices_what_is_wrong(published, backup, monkeypatch):
    """P22: the golden questions are asked in the restored home and in this one; a backup that was tampered with fails the drill."""
    settings = chosen(published.home, published.expectations)
    done = drill(settings, backup.path, published.encoder)
    assert (done.release, done.questions) == (published.manifest.id, len(ASKED)) and done.files == backup.files
    assert not list(backup.path.parent.glob(".drill*"))
    flip(sorted((backup.path / "lance").rglob("part_0_invert.lance"))[0])
    with pytest.raises(Damaged, match="not what was copied"):
        drill(settings, backup.path, published.encoder)


def test_a_damaged_home_gets_its_files_back_from_a_backup(published, backup):
    """P13: each is put back only when the backup has the very bytes that were written, and nothing else is touched."""
    home = published.home
    data = sorted((home / "lance").rglob("data/*.lance"))[0]
    index = sorted((home / "lance").rglob("_indices/*/page_data.lance"))[0]
    seals, release = sorted((home / "seals").iterdir())[0], home / "releases" / f"{published.manifest.id}.json"
    blob = sorted((home / "blobs").iterdir())[0]
    before = {p: p.read_bytes() for p in (data, index, seals, release, blob)}
    for path in (data, seals, release, blob):
        flip(path)
    index.unlink()
    assert scrub(home).broken
    mended, left = mend(home, backup.path, actor="on call")
    assert left == [] and {p: p.read_bytes() for p in before} == before
    assert len(mended) == 5 and scrub(home).broken == ()
    assert Publisher(home).journal().records()[-1]["action"] == "mended" and Encoder is not None


def flip(path, at=0.5):
    """One bit, in the middle of a file."""
    raw = bytearray(path.read_bytes())
    raw[int(len(raw) * at)] ^= 0x10
    path.chmod(0o644)
    path.write_bytes(raw)
