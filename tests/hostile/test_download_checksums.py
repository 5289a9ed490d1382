"""What the publisher says the bytes must be holds: in headers, in a file beside the file, in the address."""

import base64
import hashlib

import pytest
from http_servers import refusal, sends, serving
from publisher import BODY, OTHER, Publisher, fetch, take

from probatum import digests
from probatum.errors import Misconfigured, Rejected
from probatum.safeio.checksums import read_sha256


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
