"""What happens when a file is fetched again, or its transfer breaks: never a mixed file, never the same bytes for nothing.

A publisher's server on loopback that knows ETags, dates and ranges; each test makes it do one thing wrong.
"""

import base64
import hashlib
import json
import re
import threading
from dataclasses import replace
from datetime import date

import pytest
from http_servers import LIMITS, NOBODY, refusal, sends, serving
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from probatum import digests
from probatum.errors import Misconfigured, Rejected, Retryable
from probatum.fetched import FetchedTable
from probatum.records import SourceRelease
from probatum.safeio import Known, download
from probatum.safeio.checksums import read_sha256
from probatum.snapshots import Snapshots

BODY = bytes(range(256)) * 2000  # 500 KiB
OTHER = BODY[::-1]
RELEASE = SourceRelease("icd10", "2026", date(2025, 10, 1), "public domain", "https://allowed.example/a.zip")


class Publisher:
    """Answers conditions and ranges as it should. `breaks_at`: bytes after which the connection dies, one a request."""

    def __init__(self, body=BODY, etag='"v1"', modified="Wed, 01 Oct 2025 08:00:00 GMT", breaks_at=(), **headers):
        self.body, self.etag, self.modified, self.breaks_at = body, etag, modified, list(breaks_at)
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}
        self.ranges, self.statuses = True, []

    def __call__(self, handler):
        begin, status = 0, 200
        asked = handler.headers
        version = ("If-None-Match", self.etag) if asked["If-None-Match"] else ("If-Modified-Since", self.modified)
        if asked[version[0]] and asked[version[0]] == version[1]:
            self.statuses.append(304)
            return self._head(handler, 304, {})
        if self.ranges and asked["Range"] and asked["If-Range"] == self.etag:
            begin, status = int(re.fullmatch(r"bytes=(\d+)-", asked["Range"])[1]), 206
        self.statuses.append(status)
        sent = self.body[begin:]
        said = {"Content-Length": str(len(sent))} | self.headers
        if status == 206:
            said["Content-Range"] = f"bytes {begin}-{len(self.body) - 1}/{len(self.body)}"
        self._head(handler, status, said)
        if self.breaks_at and (end := self.breaks_at.pop(0)) is not None:
            handler.wfile.write(sent[:end])
            handler.close_connection = True
            handler.connection.shutdown(2)
        else:
            handler.wfile.write(sent)

    def _head(self, handler, status, headers):
        handler.send_response(status)
        for name, value in {"ETag": self.etag, "Last-Modified": self.modified, **headers}.items():
            if value:
                handler.send_header(name, value)
        handler.end_headers()


def fetch(url, folder, **given):
    folder.mkdir(exist_ok=True)
    answer = download(url, folder / "a.zip", limits=LIMITS, allowed_hosts=NOBODY, **given)
    return answer, (folder / "a.zip").read_bytes() if answer.status == 200 else None


def take(home, url):
    return Snapshots(home).take(RELEASE, [("a.zip", url)], LIMITS, NOBODY).files[0]


# Asking for news


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


# Going on where it broke


def test_a_transfer_that_breaks_goes_on_where_it_broke(tmp_path):
    """P46: resets in the middle cost what was missing, not the whole."""
    publisher = Publisher(breaks_at=[100_000, 200_000])
    with serving(publisher) as server:
        assert fetch(f"{server.url}/a.zip", tmp_path)[1] == BODY
    assert publisher.statuses == [200, 206, 206]
    assert [h.get("If-Range") for h in server.headers] == [None, '"v1"', '"v1"']


def test_a_transfer_that_keeps_breaking_is_left_to_the_next_run_which_goes_on(tmp_path):
    """P46: bounded within a run; what has come is kept for the next, and then gone."""
    publisher = Publisher(breaks_at=[50_000] * 4)
    with serving(publisher) as server:
        with pytest.raises(Retryable):
            take(tmp_path, f"{server.url}/a.zip")
        assert not (tmp_path / "blobs").exists() and not (tmp_path / "fetched").exists()
        assert sorted(path.suffix for path in (tmp_path / "incoming" / "broken").iterdir()) == [".json", ".part"]
        assert take(tmp_path, f"{server.url}/a.zip").sha256 == digests.of_bytes(BODY)
    assert publisher.statuses == [200, 206, 206, 206, 206]
    assert server.headers[4]["Range"] == "bytes=200000-"
    assert [path for path in (tmp_path / "incoming").rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("publisher", [{"etag": None}, {"etag": 'W/"v1"'}], ids=["no tag", "weak tag"])
def test_without_a_strong_tag_a_transfer_begins_anew(tmp_path, publisher):
    """P29: nothing says that the rest is the rest of the same file."""
    publisher = Publisher(**publisher, breaks_at=[100_000] * 4)
    with serving(publisher) as server:
        refusal(Retryable, f"{server.url}/a.zip", tmp_path, keep_in=tmp_path / "kept")
        assert publisher.statuses == [200] * 4 and not (tmp_path / "kept").exists()
        assert fetch(f"{server.url}/a.zip", tmp_path)[1] == BODY
    assert all("Range" not in headers for headers in server.headers)


def test_a_server_that_knows_no_ranges_starts_over(tmp_path):
    publisher = Publisher(breaks_at=[100_000, 300_000])
    publisher.ranges = False
    with serving(publisher) as server:
        assert fetch(f"{server.url}/a.zip", tmp_path)[1] == BODY
    assert publisher.statuses == [200, 200, 200]


def test_a_file_that_changes_in_the_middle_of_its_transfer_is_never_mixed(tmp_path):
    """P29: If-Range asks for the rest of the old one or the whole new one."""
    publisher = Publisher(breaks_at=[100_000])

    def answer(handler):
        if publisher.statuses:
            publisher.body, publisher.etag = OTHER, '"v2"'
        publisher(handler)

    with serving(answer) as server:
        got, body = fetch(f"{server.url}/a.zip", tmp_path)
    assert body == OTHER and got.etag == '"v2"' and publisher.statuses == [200, 200]


LIES = {
    "another total": {"Content-Range": f"bytes 100000-{len(BODY)}/{len(BODY) + 1}"},
    "another beginning": {"Content-Range": f"bytes 0-{len(BODY) - 1}/{len(BODY)}"},
    "another end": {"Content-Range": f"bytes 100000-200000/{len(BODY)}"},
    "another version": {"ETag": '"v2"'},
    "no range": {"Content-Range": ""},
    "not bytes": {"Content-Range": "pages 1-2/3"},
    "no total": {"Content-Range": f"bytes 100000-{len(BODY) - 1}/*"},
    "packed": {"Content-Encoding": "gzip"},
    "unsatisfiable": None,
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_a_rest_that_is_not_the_rest_of_this_file_starts_over(tmp_path, lie):
    """P29: another total, place or version is another file, though it says 206."""
    publisher = Publisher(breaks_at=[100_000])

    def answer(handler):
        if "Range" not in handler.headers:
            return publisher(handler)
        if lie is None:
            return sends(b"", 416)(handler)
        rest = OTHER[100_000:]
        said = {"ETag": '"v1"', "Content-Range": f"bytes 100000-{len(BODY) - 1}/{len(BODY)}"} | lie
        handler.send_response(206)
        for name, value in ({"Content-Length": str(len(rest))} | said).items():
            if value:
                handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(rest)

    with serving(answer) as server:
        assert fetch(f"{server.url}/a.zip", tmp_path)[1] == BODY
    assert ["Range" in headers for headers in server.headers] == [False, True, False]


def test_a_rest_that_is_too_long_ends_the_run_at_the_limit(tmp_path):
    """P28: the limit counts what came before the break, too."""
    publisher = Publisher(breaks_at=[len(BODY) - 1000])
    with serving(publisher) as server:
        limits = replace(LIMITS, file_bytes=len(BODY) - 500)
        refusal(Rejected, f"{server.url}/a.zip", tmp_path, limits, keep_in=tmp_path / "kept")
    assert publisher.statuses == [200, 206] and not (tmp_path / "kept").exists()


@pytest.mark.parametrize("harm", ["changed", "longer", "shorter", "undescribed", "nonsense", "of another version"])
def test_what_was_kept_and_is_not_as_described_is_thrown_away(tmp_path, harm):
    """P29: between two runs anything may happen to half a file."""
    publisher, kept = Publisher(breaks_at=[100_000] * 4), tmp_path / "kept"
    with serving(publisher) as server:
        url = f"{server.url}/a.zip"
        refusal(Retryable, url, tmp_path, keep_in=kept)
        part, described = next(kept.glob("*.part")), next(kept.glob("*.json"))
        came = part.read_bytes()
        assert came == BODY[: len(came)] and len(came) == 400_000
        if harm in ("changed", "longer", "shorter"):
            part.write_bytes({"changed": b"x" + came[1:], "longer": came + b"x", "shorter": came[:-1]}[harm])
        elif harm == "undescribed":
            described.unlink()
        elif harm == "nonsense":
            described.write_bytes(b'{"size": "many"}')
        else:
            publisher.body, publisher.etag = OTHER, '"v2"'
        assert fetch(url, tmp_path / "again", keep_in=kept)[1] == publisher.body
    assert list(kept.glob("*.part")) == [] or harm == "undescribed"


def test_two_who_fetch_the_same_file_do_not_take_the_same_half(tmp_path):
    """P29: what was kept goes to one of them."""
    publisher, kept = Publisher(breaks_at=[100_000] * 4), tmp_path / "kept"
    with serving(publisher) as server:
        refusal(Retryable, f"{server.url}/a.zip", tmp_path, keep_in=kept)
        got = []
        both = [
            threading.Thread(target=lambda n=n: got.append(fetch(f"{server.url}/a.zip", tmp_path / n, keep_in=kept)[1]))
            for n in ("one", "two")
        ]
        for each in both:
            each.start()
        for each in both:
            each.join(30)
    assert got == [BODY, BODY]
    assert publisher.statuses[4:].count(206) <= 1


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    breaks=st.lists(st.none() | st.integers(0, 3000), max_size=12),
    body=st.binary(min_size=1, max_size=3000),
    ranges=st.booleans(),
    changes_after=st.integers(1, 12),
)
def test_whatever_breaks_the_file_is_one_version_whole(tmp_path_factory, breaks, body, ranges, changes_after):
    """P29: over any breaks, runs and a change in between, what arrives is the old file or the new one."""
    publisher, home = Publisher(body, breaks_at=breaks), tmp_path_factory.mktemp("home")
    publisher.ranges = ranges
    new = body[::-1] + b"!"

    def answer(handler):
        if len(publisher.statuses) >= changes_after:
            publisher.body, publisher.etag = new, '"v2"'
        publisher(handler)

    with serving(answer) as server:
        for _ in range(6):
            try:
                file = take(home, f"{server.url}/a.zip")
                break
            except Retryable:
                assert not (home / "blobs").exists()
    assert Snapshots(home).blob(file.sha256).read_bytes() in (body, new)


# What the publisher says the bytes must be


def coded(algorithm, data):
    return base64.b64encode(hashlib.new(algorithm, data).digest()).decode()


HEADERS = {
    "Content_MD5": lambda data: coded("md5", data),
    "Digest": lambda data: f"SHA-256={coded('sha256', data)},unixsum=30637",
    "Repr_Digest": lambda data: f"unknown=:AAAA:, sha-512=:{coded('sha512', data)}:",
    "Content_Digest": lambda data: f"sha-256=:{coded('sha256', data)}:",
}


@pytest.mark.parametrize("header", HEADERS)
def test_a_checksum_in_a_header_is_held_against_the_bytes(tmp_path, header):
    """P29: publisher checksum mismatch refuses the file."""
    with serving(Publisher(**{header: HEADERS[header](BODY)})) as server:
        assert fetch(f"{server.url}/a.zip", tmp_path)[1] == BODY
    with serving(Publisher(**{header: HEADERS[header](OTHER)})) as server:
        refused = refusal(Rejected, f"{server.url}/a.zip", tmp_path / "b")
    assert "Publisher checksum mismatch" in refused.happened and len(server.asked) == 1


@pytest.mark.parametrize("value", ["", "=", "md5", "sha-256=:not base64:", "SHA-256=AAAA", "sha-256=:AAAA:;q=1", ",,,"])
def test_a_checksum_that_is_none_is_passed_over(tmp_path, value):
    with serving(Publisher(Digest=value, Repr_Digest=value, Content_MD5=value)) as server:
        assert fetch(f"{server.url}/a.zip", tmp_path)[1] == BODY


def test_a_mixed_file_that_a_checksum_finds_is_fetched_whole(tmp_path):
    """P29: a server that keeps its tag and changes its bytes: what was put together is thrown away."""
    publisher = Publisher(breaks_at=[100_000], Repr_Digest=HEADERS["Repr_Digest"](OTHER))

    def answer(handler):
        if publisher.statuses:
            publisher.body = OTHER
        publisher(handler)

    with serving(answer) as server:
        assert fetch(f"{server.url}/a.zip", tmp_path)[1] == OTHER
    assert publisher.statuses == [200, 206, 200]


def test_bytes_that_are_pinned_in_the_address_are_those_or_none(tmp_path):
    """P29: #sha256= behind an address is never sent, and holds."""
    with serving(Publisher()) as server:
        url = f"{server.url}/a.zip"
        assert fetch(f"{url}#sha256={digests.of_bytes(BODY)}", tmp_path)[1] == BODY
        assert fetch(f"{url}#sha256={digests.of_bytes(BODY).upper()}", tmp_path)[1] == BODY
        refused = refusal(Rejected, f"{url}#sha256={'0' * 64}", tmp_path / "b")
        assert "Publisher checksum mismatch" in refused.happened
        for wrong in ("", "00", "g" * 64, "0" * 65):
            refusal(Misconfigured, f"{url}#sha256={wrong}", tmp_path / "b")
        assert fetch(f"{url}#page=3", tmp_path)[1] == BODY
    assert set(server.asked) == {"/a.zip"}


def test_known_bytes_that_are_not_the_pinned_ones_are_no_reason_to_ask_for_news(tmp_path):
    with serving(Publisher()) as server:
        url = f"{server.url}/a.zip"
        take(tmp_path, url)
        with pytest.raises(Rejected) as refused:
            take(tmp_path, f"{url}#sha256={'0' * 64}")
        assert "mismatch" in refused.value.happened
        assert take(tmp_path, f"{url}#sha256={digests.of_bytes(BODY)}").sha256 == digests.of_bytes(BODY)
    assert ["If-None-Match" in headers for headers in server.headers] == [False, False, True]


def _beside(said):
    publisher = Publisher()
    return lambda handler: (sends(said) if ".sha256" in handler.path else publisher)(handler)


@pytest.mark.parametrize("line", ["{}", "{}  a.zip\n", "{} *a.zip\r\n", "0" * 64 + "  b.zip\n{}  ./a.zip\n"])
def test_a_checksum_file_beside_the_file_is_asked_and_held_against_it(tmp_path, line):
    """P29: a publisher's <file>.sha256 is fetched first and holds."""
    with serving(_beside(line.format(digests.of_bytes(BODY)).encode())) as server:
        assert fetch(f"{server.url}/a.zip?key=1#sha256=published", tmp_path)[1] == BODY
    assert server.asked == ["/a.zip.sha256?key=1", "/a.zip?key=1"]
    with serving(_beside(line.format("f" * 64).encode())) as server:
        refused = refusal(Rejected, f"{server.url}/a.zip#sha256=published", tmp_path / "b")
    assert "Publisher checksum mismatch" in refused.happened


@pytest.mark.parametrize("said", [b"", b"<html>", b"abc  a.zip", b"f" * 64 + b"  b.zip", b"\xff\xfe", b"f" * 70_000])
def test_a_checksum_file_that_says_nothing_of_the_file_refuses_it(tmp_path, said):
    with serving(_beside(said)) as server:
        refusal(Rejected, f"{server.url}/a.zip#sha256=published", tmp_path)
    assert server.asked == ["/a.zip.sha256"]


def test_two_checksums_of_one_name_are_none():
    for lines in (b"%s  a.zip\n%s  a.zip" % (b"0" * 64, b"1" * 64), b"%s\n%s" % (b"0" * 64, b"0" * 64)):
        with pytest.raises(Rejected):
            read_sha256(lines, "a.zip")
