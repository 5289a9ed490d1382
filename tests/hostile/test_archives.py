"""Zips made to hurt are refused by their directory, before they cost memory, disk or minutes."""

import io
import os
import random
import resource
import struct
import time
import zipfile
import zlib

import pytest

from probatum.errors import Rejected
from probatum.safeio import MIB, Archive, Limits, is_plain_name

LIMITS = Limits(unpacked_bytes=20 * MIB, archive_ratio=50, archive_entries=500)
LINES = b"".join(b"%05d A%02d     0 words of no meaning\n" % (n, n % 100) for n in range(2000))


def zipped(path, members, compression=zipfile.ZIP_DEFLATED):
    """A zip of {name or ZipInfo: bytes}, in order; names may repeat when given as pairs."""
    pairs = members.items() if isinstance(members, dict) else members
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in pairs:
            archive.writestr(name, data)
    return path


def refusal(path, limits=LIMITS, member=None):
    with pytest.raises(Rejected) as refused, Archive(path, limits) as archive:
        if member:
            archive.read(member)
    assert path.name in refused.value.happened and refused.value.next
    return refused.value.happened


def test_an_ordinary_zip_is_read(tmp_path):
    path = zipped(tmp_path / "codes.zip", {"folder/order.txt": LINES, "readme.txt": b"read me"})
    with Archive(path, LIMITS) as archive:
        assert archive.names == ("folder/order.txt", "readme.txt")
        assert archive.read("folder/order.txt") == LINES


def test_a_bomb_is_refused_by_its_ratio_without_being_unpacked(tmp_path):
    """P25: 200 MB in some 200 kB are refused in less than five seconds and without the memory they would take."""
    path = zipped(tmp_path / "bomb.zip", {"order.txt": b"\0" * (200 * MIB)})
    assert path.stat().st_size < MIB
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    said = refusal(path, Limits())
    assert "200 MiB" in said and "times its size" in said
    assert time.monotonic() - began < 5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50 * 1024  # kB
    assert os.listdir(tmp_path) == ["bomb.zip"]


def test_an_archive_is_refused_by_its_size_even_at_an_honest_ratio(tmp_path):
    """P25: what is too large is too large."""
    noise = random.Random(7).randbytes(3 * MIB)
    path = zipped(tmp_path / "large.zip", {"order.txt": noise})
    assert "would unpack to 3 MiB" in refusal(path, Limits(unpacked_bytes=2 * MIB))
    with Archive(path, Limits(unpacked_bytes=3 * MIB)) as archive:
        assert archive.read("order.txt") == noise


def test_too_many_entries_are_refused(tmp_path):
    """P25: entries are counted."""
    path = zipped(tmp_path / "many.zip", {f"{n}.txt": b"" for n in range(501)})
    assert "holds 501 entries (500 allowed)" in refusal(path)
    with Archive(zipped(tmp_path / "enough.zip", {f"{n}.txt": b"" for n in range(500)}), LIMITS) as archive:
        assert len(archive.names) == 500


def test_a_million_entries_are_refused_before_the_directory_is_read(tmp_path):
    """P25: a directory of a million entries costs neither seconds nor memory, even when its last record says "one"."""
    entry = struct.pack("<4s4B4HL2L5H2L", b"PK\x01\x02", 20, 0, 20, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0) + b"a"
    path = tmp_path / "directory.zip"
    with path.open("wb") as out:
        for _ in range(100):
            out.write(entry * 10_000)
        out.write(struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, len(entry) * 1_000_000, 0, 0))
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    assert "holds 1000000 entries" in refusal(path)
    assert time.monotonic() - began < 2
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50 * 1024  # kB


def test_a_member_that_lies_about_its_size_never_gives_more_than_it_said(tmp_path):
    """P25: the directory says another size than there is; what is beyond it is never unpacked."""
    path = zipped(tmp_path / "liar.zip", {"order.txt": LINES * 200})
    data = bytearray(path.read_bytes())
    entry = data.index(b"PK\x01\x02")
    struct.pack_into("<L", data, entry + 24, 10)  # the uncompressed size
    path.write_bytes(data)
    assert "does not unpack" in refusal(path, member="order.txt")
    struct.pack_into("<L", data, entry + 16, zlib.crc32(LINES[:10]))  # and the checksum lies with it
    path.write_bytes(data)
    with Archive(path, LIMITS) as archive:
        assert archive.read("order.txt") == LINES[:10]


def test_entries_that_share_their_bytes_are_added_up(tmp_path):
    """P25: overlapping entries make a large sum of a small file; the sum is judged."""
    once = zipped(tmp_path / "once.zip", {"a.txt": LINES * 100}).read_bytes()
    start = once.index(b"PK\x01\x02")
    end = once.index(b"PK\x05\x06")
    entry = once[start:end]
    entries = b"".join(entry.replace(b"a.txt", f"{n:05d}".encode()) for n in range(400))
    path = tmp_path / "overlap.zip"
    path.write_bytes(
        once[:start] + entries + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 400, 400, len(entries), start, 0)
    )
    assert "would unpack to" in refusal(path) or "does not unpack" in refusal(path, member="00001")


@pytest.mark.parametrize(
    "name",
    [
        "../order.txt",
        "a/../../order.txt",
        "..\\order.txt",
        "/etc/order.txt",
        "\\\\server\\share\\order.txt",
        "C:\\order.txt",
        "c:order.txt",
        ".",
        "./",
        "new\nline.txt",
        "\x1b[2Jcleared.txt",
    ],
)
def test_a_name_that_leaves_its_folder_or_cannot_be_shown_is_refused(tmp_path, name):
    """P25: no entry points outside the archive, on any system, and none drives a terminal."""
    assert not is_plain_name(name)
    info = zipfile.ZipInfo("placeholder")
    info.filename = name
    assert "points outside" in refusal(zipped(tmp_path / "names.zip", [("fine.txt", b"x"), (info, b"x")]))


@pytest.mark.parametrize(
    "name", ["order.txt", "a/b/c.xml", "Ärzte-Liste (2026).xml", "a..b.txt", "..hidden", "non\u00a0breaking.pdf"]
)
def test_ordinary_names_are_fine(name):
    assert is_plain_name(name)


def test_a_symbolic_link_is_refused(tmp_path):
    """P25: a link could read what nobody sent."""
    link = zipfile.ZipInfo("order.txt")
    link.create_system, link.external_attr = 3, 0o120777 << 16
    assert "symbolic link" in refusal(zipped(tmp_path / "link.zip", [(link, b"/etc/passwd")]))


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("second", ["order.txt", "ORDER.TXT", "Order.txt"])
def test_two_entries_of_one_name_are_refused(tmp_path, second):
    """P25: which of the two would be read is nobody's guess, on a disk that folds case or not."""
    assert "two entries of one name" in refusal(zipped(tmp_path / "twice.zip", [("order.txt", b"1"), (second, b"2")]))


def test_an_encrypted_zip_is_refused(tmp_path):
    """P25: a password is asked for in words, not by a crash."""
    path = zipped(tmp_path / "locked.zip", {"order.txt": LINES})
    data = bytearray(path.read_bytes())
    for signature, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + at] |= 1
    path.write_bytes(data)
    assert "is encrypted" in refusal(path)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_truncated_zip_is_refused(tmp_path, share):
    """P7: half a zip is no zip."""
    path = zipped(tmp_path / "half.zip", {"order.txt": LINES, "index.xml": LINES})
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    assert "not a whole zip archive" in refusal(path)


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_member_with_damaged_bytes_does_not_unpack(tmp_path, compression):
    """P7: every compression a zip may use ends in the same refusal, never in a crash of its own."""
    path = zipped(tmp_path / "bits.zip", {"order.txt": LINES}, compression)
    whole = path.read_bytes()
    for at in range(60, whole.index(b"PK\x01\x02"), max(1, len(whole) // 40)):
        data = bytearray(whole)
        data[at] ^= 0xFF
        path.write_bytes(data)
        assert "does not unpack" in refusal(path, Limits(), "order.txt")


def test_a_compression_that_is_not_known_is_refused(tmp_path):
    path = zipped(tmp_path / "odd.zip", {"order.txt": LINES})
    data = bytearray(path.read_bytes())
    for signature, at in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        struct.pack_into("<H", data, data.index(signature) + at, 97)
    path.write_bytes(data)
    assert "does not unpack" in refusal(path, member="order.txt")


def test_a_zip_in_a_zip_is_not_opened(tmp_path):
    """P25: nothing unpacks what it was not asked to; an archive inside is one more member."""
    inner = io.BytesIO()
    zipped(inner, {"order.txt": LINES})
    with Archive(zipped(tmp_path / "nested.zip", {"inner.zip": inner.getvalue()}), LIMITS) as archive:
        assert archive.names == ("inner.zip",)
        assert archive.read("inner.zip") == inner.getvalue()


def test_ten_thousand_broken_bytes_never_end_in_anything_but_a_refusal(tmp_path):
    """P25: whatever is done to a zip, it is read or refused."""
    chance = random.Random(20261120)
    whole = zipped(tmp_path / "whole.zip", {f"{n}.txt": LINES[: 200 * n] for n in range(1, 6)}).read_bytes()
    path = tmp_path / "mutated.zip"
    refused = 0
    for _ in range(400):
        data = bytearray(whole)
        for _ in range(chance.choice((1, 2, 25))):
            data[chance.randrange(len(data))] = chance.randrange(256)
        path.write_bytes(data)
        try:
            with Archive(path, LIMITS) as archive:
                for name in archive.names:
                    archive.read(name)
        except Rejected:
            refused += 1
    assert refused > 200
