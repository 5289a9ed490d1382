"""Does every store behave the same: a folder, a bucket with versions and one without, and another maker's server?"""

import hashlib
import os
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from s3_servers import BUCKET, ENVIRONMENT, make_bucket, moto_server, raw_client, rclone_server

from probatum.errors import Rejected, Retryable
from probatum.objects import Object, Objects, store_at

LIMIT = 1 << 20
PLAIN_KEYS = [
    "a.csv",
    "2026/list v2.csv",
    "a+b.csv",
    "a%20b.csv",
    "100%.csv",
    ".hidden",
    "ü/µg ≤ 5.csv",
    "q'\"<&>#?.csv",
    "😀.txt",
]


class Place:
    """A store under test, and a way to change what is in it behind its back."""

    def __init__(self, origin: str, endpoint: str = "", *, kind: str, prefix: str = ""):
        self.origin, self.endpoint, self.kind, self.prefix = origin, endpoint, kind, prefix
        self._s3 = raw_client("s3", endpoint) if endpoint else None
        self.bucket = origin.removeprefix("s3://").split("/")[0]

    def store(self) -> Objects:
        return store_at(self.origin, endpoint=self.endpoint)

    def drop(self, key: str, data: bytes) -> None:
        if self._s3:
            self._s3.put_object(Bucket=self.bucket, Key=self.prefix + key, Body=data)
        else:
            path = Path(self.origin) / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)

    def take_away(self, key: str) -> None:
        if self._s3:
            self._s3.delete_object(Bucket=self.bucket, Key=self.prefix + key)
        else:
            (Path(self.origin) / key).unlink()


@pytest.fixture(scope="module")
def moto():
    with moto_server() as endpoint:
        yield endpoint


@pytest.fixture(scope="module")
def rclone(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rclone")
    (folder / BUCKET).mkdir()
    with rclone_server(folder) as endpoint:
        yield endpoint


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(params=["folder", "bucket", "bucket with versions", "another maker's"])
def place(request, tmp_path) -> Place:
    if request.param == "folder":
        (tmp_path / "drop").mkdir()
        return Place(str(tmp_path / "drop"), kind=request.param)
    name, prefix = f"b-{uuid.uuid4().hex}", "drop zone+1/"
    if request.param == "another maker's":
        name, prefix = BUCKET, f"{uuid.uuid4().hex}/"
        endpoint = request.getfixturevalue("rclone")
    else:
        endpoint = request.getfixturevalue("moto")
        make_bucket(endpoint, name, versions=request.param.endswith("versions"))
    return Place(f"s3://{name}/{prefix}", endpoint, kind=request.param, prefix=prefix)


def listed(place: Place) -> dict[str, Object]:
    return {found.key: found for found in place.store().list()}


def test_what_was_dropped_is_listed_with_its_size_and_time(place):
    place.drop("a.csv", b"x" * 10)
    place.drop("sub/b.csv", b"")
    found = listed(place)
    assert {key: each.size for key, each in found.items()} == {"a.csv": 10, "sub/b.csv": 0}
    for each in found.values():
        assert each.version and each.modified.utcoffset() == timedelta(0)
        assert abs(datetime.now(UTC) - each.modified) < timedelta(minutes=1)


def test_nothing_dropped_is_nothing_listed(place):
    assert listed(place) == {}


def test_every_name_is_listed_as_it_is_and_fetched_by_it(place, tmp_path):
    for n, key in enumerate(PLAIN_KEYS):
        place.drop(key, f"content {n}".encode())
    found, store = listed(place), place.store()
    assert set(found) == set(PLAIN_KEYS)
    for n, key in enumerate(PLAIN_KEYS):
        store.fetch(found[key], tmp_path / "got", limit_bytes=LIMIT)
        assert (tmp_path / "got").read_bytes() == f"content {n}".encode()


def test_a_version_stays_while_nothing_changes_and_changes_with_the_bytes(place):
    place.drop("a.csv", b"one")
    first, again = listed(place)["a.csv"], listed(place)["a.csv"]
    place.drop("a.csv", b"two!")
    assert first == again and listed(place)["a.csv"].version != first.version


def test_an_object_that_was_overwritten_is_the_old_one_or_none(place, tmp_path):
    """P29: exactly what was listed, or nothing; never the new bytes under the old name."""
    place.drop("a.csv", b"one")
    old = listed(place)["a.csv"]
    place.drop("a.csv", b"two")
    try:
        place.store().fetch(old, tmp_path / "got", limit_bytes=LIMIT)
    except Retryable:
        assert place.kind != "bucket with versions" and not (tmp_path / "got").exists()
    else:
        assert place.kind == "bucket with versions" and (tmp_path / "got").read_bytes() == b"one"
    place.store().fetch(listed(place)["a.csv"], tmp_path / "new", limit_bytes=LIMIT)
    assert (tmp_path / "new").read_bytes() == b"two"


def test_what_was_deleted_is_gone(place, tmp_path):
    place.drop("a.csv", b"one")
    place.drop("b.csv", b"two")
    old = listed(place)["a.csv"]
    place.take_away("a.csv")
    assert set(listed(place)) == {"b.csv"}
    if place.kind != "bucket with versions":
        with pytest.raises(Retryable):
            place.store().fetch(old, tmp_path / "got", limit_bytes=LIMIT)
        assert not (tmp_path / "got").exists()


def test_a_large_object_is_refused_before_and_while_it_comes(place, tmp_path):
    """P28: the limit holds against what the listing says and against what comes."""
    place.drop("a.csv", b"x" * 5000)
    found, store = listed(place)["a.csv"], place.store()
    with pytest.raises(Rejected, match="4999 allowed"):
        store.fetch(found, tmp_path / "got", limit_bytes=4999)
    with pytest.raises(Retryable):
        store.fetch(replace(found, size=10), tmp_path / "got", limit_bytes=4999)
    assert not (tmp_path / "got").exists()
    store.fetch(found, tmp_path / "got", limit_bytes=5000)


def test_many_blocks_arrive_byte_for_byte(place, tmp_path):
    data = os.urandom(3 * LIMIT + 17)
    place.drop("big.bin", data)
    place.store().fetch(listed(place)["big.bin"], tmp_path / "got", limit_bytes=4 * LIMIT)
    assert hashlib.sha256((tmp_path / "got").read_bytes()).digest() == hashlib.sha256(data).digest()


def test_a_receipt_is_put_read_and_taken_back(place):
    store = place.store()
    key = "receipts/list v2+ü 100%.csv.json"
    assert store.get(key) is None
    store.put(key, b'{"read": 1}', "application/json")
    assert store.get(key) == b'{"read": 1}' and set(listed(place)) == {key}
    store.put(key, b"{}", "application/json")
    assert store.get(key) == b"{}"
    store.delete(key)
    store.delete(key)
    assert store.get(key) is None and listed(place) == {}


def test_whether_a_condition_holds_is_found_out_and_leaves_nothing_to_be_read(place):
    """A server that ignores "only if nothing is there" loses commits without a word; rclone's is one."""
    for _ in range(2):
        assert place.store().conditional_put_works() == (place.kind != "another maker's")
    assert listed(place) == {}
