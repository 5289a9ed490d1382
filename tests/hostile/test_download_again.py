"""What is asked when a file was fetched before: whether it changed, and not for the same bytes again."""

import json
import re

import pytest
from http_servers import refusal, sends, serving
from publisher import BODY, OTHER, Publisher, fetch, take

from probatum import digests
from probatum.errors import Rejected
from probatum.fetched import FetchedTable
from probatum.safeio import Known
from probatum.snapshots import Snapshots


def test_what_has_not_changed_is_not_sent_again(tmp_path):
    """P29: a 304 is a fact with a date: the bytes are those known, and when the publisher said so is recorded."""
    publisher = Publisher()
    with serving(publisher) as server:
        url, table = f"{server.url}/a.zip", FetchedTable(tmp_path)
        first, before = take(tmp_path, url), table.of(url)
        again, after = take(tmp_path, url), table.of(url)
    assert publisher.statuses == [200, 304] and first == again
    assert first.sha256 == digests.of_bytes(BODY) == after.sha256 and after.size == len(BODY)
    assert (before.status, after.status) == (200, 304)
    assert before.checked <= after.checked and before.changed == after.changed
    assert after.address == "127.0.0.1/a.zip" and after.etag == '"v1"'


@pytest.mark.parametrize(
    "publisher",
    [Publisher(etag='W/"v1"'), Publisher(etag=None), Publisher(modified=None)],
    ids=["weak", "date", "etag"],
)
def test_a_weak_tag_or_a_date_or_a_tag_alone_is_enough_to_ask(tmp_path, publisher):
    with serving(publisher) as server:
        take(tmp_path, f"{server.url}/a.zip")
        assert take(tmp_path, f"{server.url}/a.zip").sha256 == digests.of_bytes(BODY)
    assert publisher.statuses == [200, 304]


def test_what_has_changed_becomes_another_blob_and_the_first_one_stays(tmp_path):
    """P29: new bytes under an old address are new bytes."""
    publisher = Publisher()
    with serving(publisher) as server:
        url = f"{server.url}/a.zip"
        first = take(tmp_path, url)
        publisher.body, publisher.etag, publisher.modified = OTHER, '"v2"', "Thu, 02 Oct 2025 08:00:00 GMT"
        second = take(tmp_path, url)
    assert publisher.statuses == [200, 200]
    assert second.sha256 == digests.of_bytes(OTHER) == FetchedTable(tmp_path).of(url).sha256
    assert Snapshots(tmp_path).blob(first.sha256).read_bytes() == BODY


def test_the_same_bytes_sent_again_have_not_changed(tmp_path):
    publisher = Publisher(etag=None, modified=None)
    with serving(publisher) as server:
        url, table = f"{server.url}/a.zip", FetchedTable(tmp_path)
        take(tmp_path, url)
        before = table.of(url)
        path = next((tmp_path / "fetched").iterdir())
        path.write_text(json.dumps(json.loads(path.read_text()) | {"changed": "2020-01-01T00:00:00Z"}))
        take(tmp_path, url)
    assert publisher.statuses == [200, 200]
    assert table.of(url).changed == "2020-01-01T00:00:00Z" != before.changed


def test_bytes_that_are_gone_are_asked_for_without_conditions(tmp_path):
    """P29: a 304 for bytes that nobody has any more would be no file at all."""
    publisher = Publisher()
    with serving(publisher) as server:
        blob = Snapshots(tmp_path).blob(take(tmp_path, f"{server.url}/a.zip").sha256)
        blob.unlink()
        assert take(tmp_path, f"{server.url}/a.zip").sha256 == digests.of_bytes(BODY)
    assert publisher.statuses == [200, 200] and blob.read_bytes() == BODY


def test_bytes_that_go_while_the_publisher_is_asked_are_asked_for_again(tmp_path):
    publisher, blobs = Publisher(), []

    def answer(handler):
        for blob in blobs:
            blob.unlink(missing_ok=True)
        publisher(handler)

    with serving(answer) as server:
        blobs.append(Snapshots(tmp_path).blob(take(tmp_path, f"{server.url}/a.zip").sha256))
        take(tmp_path, f"{server.url}/a.zip")
    assert publisher.statuses == [200, 304, 200] and blobs[0].read_bytes() == BODY


def test_a_304_that_nobody_asked_for_is_answered_by_asking_once_more(tmp_path):
    """P29: a cache in between that answers what was not asked gets one more chance, then a refusal."""
    publisher, before = Publisher(), []

    def confused(handler):
        before.append(handler.headers["Cache-Control"])
        (publisher if len(before) > 1 else sends(b"", 304))(handler)

    with serving(confused) as server:
        assert fetch(f"{server.url}/a.zip", tmp_path)[1] == BODY
    assert before == [None, "no-cache"]
    with serving(sends(b"", 304)) as server:
        assert "answered 304 without being asked" in refusal(Rejected, f"{server.url}/a.zip", tmp_path).happened
    assert len(server.asked) == 2


def test_a_304_about_another_version_is_not_believed(tmp_path):
    """P29: the publisher confirms a version that is not the one here."""
    publisher = Publisher()

    def answer(handler):
        (sends(b"", 304, ETag='"v7"') if handler.headers["If-None-Match"] else publisher)(handler)

    with serving(answer) as server:
        known = Known('"v1"', "", "0" * 64)
        assert fetch(f"{server.url}/a.zip", tmp_path, known=known)[1] == BODY
    assert len(server.asked) == 2


def test_a_signature_in_an_address_is_written_nowhere(tmp_path):
    """P29: what stands behind the question mark may be a key to the file; two of them are two addresses."""
    with serving(Publisher()) as server:
        for query in ("?sig=s3cret&x=1", "?sig=s3cret&x=2"):
            take(tmp_path, f"{server.url}/a.zip{query}")
    records = list((tmp_path / "fetched").iterdir())
    assert len(records) == 2 and all(re.fullmatch(r"[0-9a-f]{32}\.json", path.name) for path in records)
    assert not any(b"s3cret" in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


@pytest.mark.parametrize("etag", ['"\xfc"', '"' + "x" * 5000 + '"', ""], ids=["not ascii", "endless", "empty"])
def test_a_tag_that_cannot_be_sent_back_is_not(tmp_path, etag):
    """P28: what a publisher says is data, also in a header."""
    with serving(Publisher(etag=etag, modified="r\xf6d")) as server:
        for _ in range(2):
            assert take(tmp_path, f"{server.url}/a.zip").sha256 == digests.of_bytes(BODY)
    assert [name for headers in server.headers for name in headers if name.lower().startswith("if-")] == []


@pytest.mark.parametrize("written", [b"", b"{", b"[]", b'{"etag": "x"}', b'{"address": 1, "nonsense": 2}'])
def test_a_record_that_cannot_be_read_is_as_good_as_none(tmp_path, written):
    with serving(Publisher()) as server:
        take(tmp_path, f"{server.url}/a.zip")
        next((tmp_path / "fetched").iterdir()).write_bytes(written)
        assert take(tmp_path, f"{server.url}/a.zip").sha256 == digests.of_bytes(BODY)
        assert FetchedTable(tmp_path).of(f"{server.url}/a.zip").status == 200
