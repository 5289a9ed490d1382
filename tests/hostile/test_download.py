"""A download goes only where it may, takes only so much, and leaves the whole file or nothing.

A real server on loopback; its answers come from a function that a test gives.
"""

import datetime
import socket
import threading
import time
from dataclasses import replace
from email.utils import format_datetime

import pytest
from http_servers import LIMITS, NOBODY, redirects_to, refusal, sends, serving

from probatum.errors import Misconfigured, Rejected, Retryable
from probatum.safeio import MIB, check_address, download, transport
from probatum.snapshots import Snapshots
from sources.icd10 import Icd10


def test_what_is_sent_arrives_byte_for_byte(tmp_path):
    body = bytes(range(256)) * 1000
    with serving(sends(body, Content_Type="application/zip")) as server:
        download(f"{server.url}/a.zip", tmp_path / "a.zip", limits=LIMITS, allowed_hosts=NOBODY)
    assert (tmp_path / "a.zip").read_bytes() == body
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://www.cdc.gov/codes.zip", "http address refused"),
        ("http://169.254.169.254/latest/meta-data/", "http address refused"),
        ("https://169.254.169.254/latest/meta-data/", "not on the list of allowed hosts"),
        ("https://[fd00:ec2::254]/latest/meta-data/", "not on the list of allowed hosts"),
        ("https://10.0.0.1/codes.zip", "not on the list of allowed hosts"),
        ("https://elsewhere.example/codes.zip", "not on the list of allowed hosts"),
        ("https://allowed.example.evil.example/codes.zip", "not on the list of allowed hosts"),
        ("https://allowed.example@evil.example/codes.zip", "not on the list of allowed hosts"),
        ("https://localhost.evil.example/codes.zip", "not on the list of allowed hosts"),
        ("file:///etc/passwd", "file address refused"),
        ("ftp://allowed.example/codes.zip", "ftp address refused"),
        ("//allowed.example/codes.zip", "a bare address refused"),
        ("gopher://127.0.0.1:70/", "gopher address refused"),
        ("https://[allowed.example/codes.zip", "no address that can be asked"),
        ("https://allowed.example:port/codes.zip", "no address that can be asked"),
    ],
)
def test_only_allowed_hosts_over_https_are_asked(tmp_path, url, said):
    """P28: another host, plain http, link-local metadata, files and other schemes are refused before anything is asked."""
    refused = refusal(Misconfigured, url, tmp_path, hosts=frozenset({"allowed.example"}))
    assert said in refused.happened


def test_an_allowed_host_over_https_and_this_machine_may_be_asked():
    hosts = frozenset({"allowed.example"})
    for url in (
        "https://allowed.example/a",
        "https://ALLOWED.example:443/a",
        "http://127.0.0.1:1/a",
        "http://localhost/a",
        "http://[::1]/a",
    ):
        check_address(url, hosts)


def test_the_refusal_names_the_setting_that_allows_a_host(tmp_path):
    """P51: what to do is in the message."""
    assert "PROBATUM_ALLOWED_HOSTS" in refusal(Misconfigured, "https://elsewhere.example/a.zip", tmp_path).next


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://elsewhere.example/stolen.zip",
        "http://elsewhere.example/stolen.zip",
        "//elsewhere.example/stolen.zip",
        "http://169.254.169.254/latest/meta-data/",
        "file:///etc/passwd",
    ],
)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_another_host_is_refused(tmp_path, elsewhere, status):
    """P28: where a server points is checked as what a person types."""
    with serving(redirects_to(elsewhere, status)) as server:
        refused = refusal(Misconfigured, f"{server.url}/a.zip", tmp_path)
    assert "address refused" in refused.happened or "not on the list of allowed hosts" in refused.happened
    assert server.asked == ["/a.zip"]


def test_a_redirect_to_no_address_is_refused(tmp_path):
    with serving(redirects_to("http://[broken")) as server:
        assert "redirects to no address" in refusal(Rejected, f"{server.url}/a.zip", tmp_path).happened


def test_another_machine_may_not_redirect_to_this_one():
    """P28: loopback is for who types it, not for a publisher's server to point at."""
    for url in ("http://127.0.0.1:9200/", "http://localhost/", "http://[::1]/"):
        with pytest.raises(Misconfigured):
            check_address(url, frozenset({"allowed.example"}), loopback=False)


def test_a_redirect_on_the_same_host_is_followed(tmp_path):
    def answer(handler):
        (sends(b"the file") if handler.path == "/new.zip" else redirects_to("/new.zip"))(handler)

    with serving(answer) as server:
        download(f"{server.url}/old.zip", tmp_path / "a.zip", limits=LIMITS, allowed_hosts=NOBODY)
    assert server.asked == ["/old.zip", "/new.zip"]
    assert (tmp_path / "a.zip").read_bytes() == b"the file"


def test_redirects_without_end_are_refused(tmp_path):
    """P28: a loop ends after a few turns."""
    with serving(redirects_to(lambda handler: handler.path + "a")) as server:
        assert "redirects without end" in refusal(Rejected, f"{server.url}/a", tmp_path).happened
    assert len(server.asked) == 6


@pytest.mark.parametrize("declared", ["honest", "none", "small"])
def test_an_endless_body_is_cut_off(tmp_path, declared):
    """P28: no more is taken than the limit, whatever length is declared."""
    sent = []

    def answer(handler):
        handler.send_response(200)
        if declared == "honest":
            handler.send_header("Content-Length", str(10**12))
        handler.end_headers()
        while True:
            handler.wfile.write(b"x" * 65536)
            sent.append(65536)
            if sum(sent) > 200 * MIB:
                return

    with serving(answer) as server:
        assert "passed 1 MiB" in refusal(Rejected, f"{server.url}/a.zip", tmp_path).happened
    assert sum(sent) < 30 * MIB  # what the sockets held
    assert len(server.asked) == 1


def test_a_compressed_answer_is_not_asked_for_and_cannot_grow_beyond_the_limit(tmp_path):
    """P28: a body that unpacks to gigabytes on the way is cut off like any other."""
    import gzip

    bomb, accepted = gzip.compress(b"\0" * (64 * MIB)), []

    def answer(handler):
        accepted.append(handler.headers["Accept-Encoding"])
        sends(bomb, Content_Encoding="gzip")(handler)

    with serving(answer) as server:
        refusal(Rejected, f"{server.url}/a.zip", tmp_path)
    assert accepted == ["identity"]


def test_a_drip_is_given_up(tmp_path, monkeypatch):
    """P28: a byte now and then keeps no run waiting; the pace is looked at as the bytes come, not block by block."""
    monkeypatch.setattr(transport, "READ_S", 0.5)

    def answer(handler):
        handler.send_response(200)
        handler.end_headers()
        for _ in range(200):
            handler.wfile.write(b"x")
            time.sleep(0.05)

    with serving(answer) as server:
        began = time.monotonic()
        assert "too slow" in refusal(Retryable, f"{server.url}/a.zip", tmp_path).happened
    assert time.monotonic() - began < 5


def test_a_download_ends_in_time_even_at_a_fair_pace(tmp_path):
    """P28: the time of one file is limited."""

    def answer(handler):
        handler.send_response(200)
        handler.end_headers()
        for _ in range(100):
            handler.wfile.write(b"x" * 4096)
            time.sleep(0.05)

    with serving(answer) as server:
        began = time.monotonic()
        assert (
            "too slow"
            in refusal(Retryable, f"{server.url}/a.zip", tmp_path, replace(LIMITS, download_seconds=1)).happened
        )
    assert time.monotonic() - began < 4


def test_a_silent_server_is_given_up(tmp_path, monkeypatch):
    """P46: no answer is an answer, after a while."""
    monkeypatch.setattr(transport, "READ_S", 0.3)
    silence = threading.Event()
    with serving(lambda handler: silence.wait(10)) as server:
        began = time.monotonic()
        assert "ReadTimeout" in refusal(Retryable, f"{server.url}/a.zip", tmp_path).happened
        silence.set()
    assert time.monotonic() - began < 6


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_busy_publisher_is_asked_a_few_times_and_then_later(tmp_path, status):
    """P46: retried within one run a bounded number of times, then left to the next run, with its own exit code."""
    with serving(sends(b"busy", status)) as server:
        began = time.monotonic()
        refused = refusal(Retryable, f"{server.url}/a.zip", tmp_path)
    assert f"answered {status}" in refused.happened and refused.exit_code == 10
    assert 1 <= len(server.asked) <= 4
    assert time.monotonic() - began < 5


def _in_an_hour() -> str:
    return format_datetime(datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1), usegmt=True)


@pytest.mark.parametrize("patience", [lambda: "3600", _in_an_hour], ids=["seconds", "date"])
@pytest.mark.parametrize("status", [429, 503])
def test_a_publisher_who_asks_for_an_hour_is_left_alone_by_this_run(tmp_path, status, patience):
    """P46: Retry-After beyond what a run waits ends the run; nobody is asked again before they want to be."""
    with serving(sends(b"busy", status, Retry_After=patience())) as server:
        began = time.monotonic()
        refused = refusal(Retryable, f"{server.url}/a.zip", tmp_path)
    assert f"answered {status} and asks for" in refused.happened
    assert 3590 <= float(refused.happened.split(" asks for ")[1].split()[0]) <= 3600
    assert len(server.asked) == 1 and time.monotonic() - began < 5


def _in_two_seconds() -> str:
    return format_datetime(datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=2), usegmt=True)


@pytest.mark.parametrize("patience", [lambda: "1", _in_two_seconds], ids=["seconds", "date"])
def test_a_publisher_who_asks_for_a_moment_gets_it(tmp_path, patience):
    """P46: Retry-After is waited for when it is short."""
    times = []

    def answer(handler):
        times.append(time.monotonic())
        (sends(b"the file") if len(times) > 1 else sends(b"busy", 429, Retry_After=patience()))(handler)

    with serving(answer) as server:
        download(f"{server.url}/a.zip", tmp_path / "a.zip", limits=LIMITS, allowed_hosts=NOBODY)
    assert len(times) == 2 and 0.9 < times[1] - times[0] < 4


@pytest.mark.parametrize("patience", ["soon", "-5", "1e9", "Thu, 01 Jan 1970 00:00:00 GMT", ""])
def test_patience_that_cannot_be_read_changes_nothing(tmp_path, patience):
    with serving(sends(b"busy", 503, Retry_After=patience)) as server:
        assert "answered 503" in refusal(Retryable, f"{server.url}/a.zip", tmp_path).happened
    assert len(server.asked) == 4


def test_a_publisher_who_recovers_is_heard(tmp_path):
    """P46: a busy moment costs a moment."""

    def answer(handler):
        (sends(b"the file") if len(server.asked) > 2 else sends(b"busy", 503))(handler)

    with serving(answer) as server:
        download(f"{server.url}/a.zip", tmp_path / "a.zip", limits=LIMITS, allowed_hosts=NOBODY)
    assert (tmp_path / "a.zip").read_bytes() == b"the file"


@pytest.mark.parametrize("status", [204, 206, 400, 401, 403, 404, 410])
def test_any_other_answer_than_the_file_is_refused(tmp_path, status):
    with serving(sends(b"", status)) as server:
        assert f"answered {status}" in refusal(Rejected, f"{server.url}/a.zip", tmp_path).happened
    assert len(server.asked) == 1


def test_half_a_body_leaves_nothing(tmp_path):
    """P28: a connection that breaks is a Retryable, and half a file is no file."""
    with serving(sends(b"x" * 1000, declared=5000)) as server:
        assert "did not deliver" in refusal(Retryable, f"{server.url}/a.zip", tmp_path).happened


def test_nobody_listening_is_retryable(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert "127.0.0.1 did not deliver" in refusal(Retryable, f"http://127.0.0.1:{port}/a.zip", tmp_path).happened


def test_an_error_page_with_status_200_becomes_a_snapshot_that_is_refused_when_it_is_read(tmp_path):
    """P7: the bytes are kept as they came, for people to look at; nothing is read from them."""
    page = b"<!DOCTYPE html><html><body>The service is being maintained.</body></html>"
    with serving(sends(page)) as server:
        found = Icd10().find(f"{server.url}/2026-10/codes.zip")
        snapshot = Snapshots(tmp_path).take(found.release, [(f.name, f.location) for f in found.files], LIMITS, NOBODY)
    assert Snapshots(tmp_path).blob(snapshot.files[0].sha256).read_bytes() == page
    with pytest.raises(Rejected, match="web page, probably an error page"):
        list(Icd10().parse({"codes.zip": Snapshots(tmp_path).blob(snapshot.files[0].sha256)}, found.release))


def test_a_refused_download_leaves_no_snapshot(tmp_path):
    """P7: what did not arrive whole is not there at all."""
    with serving(sends(b"x" * 1000, declared=5000)) as server, pytest.raises(Retryable):
        found = Icd10().find(f"{server.url}/2026-10/codes.zip")
        Snapshots(tmp_path).take(found.release, [(f.name, f.location) for f in found.files], LIMITS, NOBODY)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
