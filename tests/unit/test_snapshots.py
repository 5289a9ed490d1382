"""Snapshots hold the publisher's bytes as they came: immutable, addressed by digest, within limits."""

import hashlib
import os
import stat
from datetime import date

import pytest

from probatum.errors import Damaged, Rejected
from probatum.records import SourceRelease
from probatum.safeio import MIB, Limits
from probatum.seams import fault_at
from probatum.snapshots import Snapshots

RELEASE = SourceRelease("icd10", "2026-10-01", date(2026, 10, 1), "public domain", "test")
LIMITS = Limits(file_bytes=2 * MIB, total_bytes=3 * MIB, files=4)


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def take(home, files, release=RELEASE, limits=LIMITS):
    """A snapshot of {name: bytes}."""
    folder = home.parent / "drop"
    folder.mkdir(exist_ok=True)
    pairs = []
    for number, (name, data) in enumerate(files.items()):
        path = folder / f"{number}"
        path.write_bytes(data)
        pairs.append((name, str(path)))
    return Snapshots(home).take(release, pairs, limits, frozenset())


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


def everything(home):
    return {str(p.relative_to(home)): p.read_bytes() for p in home.rglob("*") if p.is_file()}


def test_the_bytes_are_there_under_their_digest_and_nothing_else_is(home):
    """P29: what came is what is kept, and its name says what it is."""
    snapshot = take(home, {"order.txt": b"codes", "a/index.xml": b"<index/>"})
    assert [(f.name, f.sha256, f.size) for f in snapshot.files] == [
        ("order.txt", sha256(b"codes"), 5),
        ("a/index.xml", sha256(b"<index/>"), 8),
    ]
    assert set(everything(home)) == {
        f"blobs/{sha256(b'codes')}",
        f"blobs/{sha256(b'<index/>')}",
        f"snapshots/icd10/{snapshot.digest()}.json",
    }
    assert Snapshots(home).read("icd10", snapshot.digest()) == snapshot


def test_the_bytes_are_read_only(home):
    """P29: nobody may write into a snapshot, by accident or otherwise."""
    blob = Snapshots(home).blob(take(home, {"order.txt": b"codes"}).files[0].sha256)
    assert stat.S_IMODE(blob.stat().st_mode) == 0o444


def test_a_change_of_the_publishers_file_changes_no_snapshot(home, tmp_path):
    """P29: the copy is ours."""
    snapshot = take(home, {"order.txt": b"codes"})
    (tmp_path / "drop" / "0").write_bytes(b"other")
    assert Snapshots(home).blob(snapshot.files[0].sha256).read_bytes() == b"codes"


def test_the_same_bytes_again_change_nothing(home):
    """P12: one snapshot, not a byte written twice."""
    first = take(home, {"order.txt": b"codes"})
    before = {name: (home / name).stat().st_mtime_ns for name in everything(home)}
    assert take(home, {"order.txt": b"codes"}).digest() == first.digest()
    assert {name: (home / name).stat().st_mtime_ns for name in everything(home)} == before


def test_the_order_of_the_files_does_not_matter(home):
    """P12: a folder has no order."""
    one = take(home, {"a.txt": b"1", "b.txt": b"2"})
    other = take(home, {"b.txt": b"2", "a.txt": b"1"})
    assert one.digest() == other.digest()


@pytest.mark.parametrize(
    ("files", "release"),
    [
        ({"order.txt": b"other"}, RELEASE),
        ({"Order.txt": b"codes"}, RELEASE),
        ({"order.txt": b"codes", "more.txt": b""}, RELEASE),
        ({"order.txt": b"codes"}, SourceRelease("icd10", "2026-10", date(2026, 10, 1), "public domain", "test")),
        ({"order.txt": b"codes"}, SourceRelease("icd10", "2026-10-01", date(2026, 10, 2), "public domain", "test")),
    ],
)
def test_other_bytes_names_or_release_are_another_snapshot(home, files, release):
    """P29: what came before stays as it came, beside what came later."""
    first = take(home, {"order.txt": b"codes"})
    assert take(home, files, release).digest() != first.digest()
    assert Snapshots(home).read("icd10", first.digest()) == first
    Snapshots(home).verify(first.files[0].sha256)


def test_a_changed_byte_is_found_by_its_digest(home):
    """P13: the re-hash names the file."""
    sha = take(home, {"order.txt": b"codes"}).files[0].sha256
    Snapshots(home).verify(sha)
    blob = Snapshots(home).blob(sha)
    blob.chmod(0o644)
    blob.write_bytes(b"cedes")
    with pytest.raises(Damaged, match=f"{sha[:12]}… has changed on disk"):
        Snapshots(home).verify(sha)


def test_a_missing_file_is_reported(home):
    """P13: gone is damaged."""
    sha = take(home, {"order.txt": b"codes"}).files[0].sha256
    (home / "blobs" / sha).unlink()
    with pytest.raises(Damaged, match="is missing"):
        Snapshots(home).blob(sha)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"a.txt": b"x" * (2 * MIB + 1)}, r"a\.txt is 2 MiB \(2 allowed\)"),
        ({"a.txt": b"x" * (2 * MIB), "b.txt": b"y" * (MIB + 1)}, "is more than 3 MiB"),
        ({f"{n}.txt": b"" for n in range(5)}, r"has 5 files \(4 allowed\)"),
    ],
)
def test_too_much_is_refused_and_no_snapshot_is_made(home, files, said):
    """P25: size of one, size of all, number."""
    with pytest.raises(Rejected, match=said):
        take(home, files)
    assert not (home / "snapshots").exists()


def test_the_limits_themselves_are_allowed(home):
    assert len(take(home, {"a.txt": b"x" * (2 * MIB), "b.txt": b"y" * MIB, "c.txt": b"", "d.txt": b""}).files) == 4


@pytest.mark.parametrize(
    "name",
    ["", ".", "../a.txt", "/a.txt", "a/../../b.txt", "C:\\a.txt", "a\nb.txt", "a\0b.txt", "\x1b[2J.txt", "\udce4.txt"],
)
def test_a_name_that_points_outside_or_is_no_text_is_refused(home, name):
    """P25: with a message that can itself be printed and stored."""
    with pytest.raises(Rejected, match="not plain text") as refused:
        take(home, {name: b"codes"})
    assert refused.value.happened.encode("ascii")
    assert not (home / "snapshots").exists()


@pytest.mark.parametrize("name", ["Ärzteliste 2026.txt", "a/b/c.txt", "…", "处方集.csv", "x" * 300, "#&?%20.txt"])
def test_an_unusual_name_is_fine(home, name):
    snapshot = take(home, {name: b"codes"})
    assert Snapshots(home).read("icd10", snapshot.digest()).files[0].name == name


def test_a_file_that_is_gone_is_refused_in_words(home, tmp_path):
    """P51: between looking and taking a file may vanish."""
    with pytest.raises(Rejected, match=r"a\.txt cannot be copied into the home \(No such file or directory\)"):
        Snapshots(home).take(RELEASE, [("a.txt", str(tmp_path / "gone"))], LIMITS, frozenset())
    assert list((home / "incoming").iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_refused_in_words(home, tmp_path):
    path = tmp_path / "secret"
    path.write_bytes(b"codes")
    path.chmod(0)
    with pytest.raises(Rejected, match="Permission denied"):
        Snapshots(home).take(RELEASE, [("a.txt", str(path))], LIMITS, frozenset())


def test_a_stop_between_bytes_and_snapshot_leaves_bytes_that_the_next_run_uses(home):
    """P5: bytes without a snapshot are no snapshot, and no harm."""
    with fault_at("after-fetch", KeyboardInterrupt()), pytest.raises(KeyboardInterrupt):
        take(home, {"order.txt": b"codes"})
    assert not (home / "snapshots").exists()
    assert take(home, {"order.txt": b"codes"}).files[0].sha256 == sha256(b"codes")


def test_a_damaged_or_missing_snapshot_is_reported(home):
    """P13: half a description is not read as a whole one."""
    digest = take(home, {"order.txt": b"codes"}).digest()
    path = home / "snapshots" / "icd10" / f"{digest}.json"
    path.write_text('{"release"')
    with pytest.raises(Damaged, match="is not readable"):
        Snapshots(home).read("icd10", digest)
    with pytest.raises(Damaged, match="is missing"):
        Snapshots(home).read("icd10", "0" * 64)
