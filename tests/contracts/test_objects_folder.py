"""What is peculiar to folders: links, names that lead outside, files that are being written, and what is no file."""

import os

import pytest

from probatum.errors import Misconfigured, Retryable
from probatum.objects import store_at


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "drop").mkdir()
    return tmp_path / "drop"


def test_links_and_pipes_are_not_listed(folder, tmp_path):
    """P28: what lies outside the folder is not in it, whoever points there."""
    (tmp_path / "secret").write_text("x")
    (folder / "link").symlink_to(tmp_path / "secret")
    (folder / "linked").symlink_to(tmp_path, target_is_directory=True)
    os.mkfifo(folder / "pipe")
    (folder / "a").write_text("x")
    assert [found.key for found in store_at(str(folder)).list()] == ["a"]


def test_a_file_that_turns_into_a_link_is_not_followed(folder, tmp_path):
    (tmp_path / "secret").write_text("x")
    (folder / "a").write_text("y")
    found = next(store_at(str(folder)).list())
    (folder / "a").unlink()
    (folder / "a").symlink_to(tmp_path / "secret")
    with pytest.raises((Retryable, Misconfigured)):
        store_at(str(folder)).fetch(found, tmp_path / "got", limit_bytes=10)
    assert not (tmp_path / "got").exists()


@pytest.mark.parametrize("key", ["../secret", "/etc/passwd", "a//b", "./a", "a/../../secret", "", ".", "a/", "a\x00b"])
def test_a_key_that_leads_outside_or_is_no_path_is_refused(folder, tmp_path, key):
    """P28: receipts are written where they belong."""
    (tmp_path / "secret").write_text("x")
    store = store_at(str(folder))
    for call in (lambda: store.put(key, b"y", "text/plain"), lambda: store.get(key), lambda: store.delete(key)):
        with pytest.raises(Misconfigured):
            call()
    assert (tmp_path / "secret").read_text() == "x"


def test_a_file_that_grows_while_it_is_read_is_refused(folder, tmp_path):
    """P29: a file that is still being copied is not half taken."""
    (folder / "a").write_bytes(b"x" * 100)
    found = next(store_at(str(folder)).list())
    with (folder / "a").open("ab") as out:
        out.write(b"y")
    with pytest.raises(Retryable):
        store_at(str(folder)).fetch(found, tmp_path / "got", limit_bytes=1000)
    assert not (tmp_path / "got").exists()


def test_a_file_that_changes_without_changing_its_size_is_another_version(folder, tmp_path):
    (folder / "a").write_bytes(b"one")
    found = next(store_at(str(folder)).list())
    (folder / "a").write_bytes(b"two")
    os.utime(folder / "a", ns=(0, found.modified.microsecond))
    with pytest.raises(Retryable):
        store_at(str(folder)).fetch(found, tmp_path / "got", limit_bytes=1000)


def test_no_folder_is_a_matter_of_configuration(tmp_path):
    with pytest.raises(Misconfigured):
        store_at(str(tmp_path / "gone"))


def test_what_is_being_put_is_not_listed(folder):
    store = store_at(str(folder))
    store.put("sub/a.json", b"{}", "application/json")
    assert (folder / ".probatum").is_dir() and list((folder / ".probatum").iterdir()) == []
    assert [found.key for found in store.list()] == ["sub/a.json"]
