"""A publisher that fails for a week: every run ends in its own time with its own words, and the eighth gets the file."""

import socket
import struct
import time
from contextlib import contextmanager
from datetime import date

import pytest
from http_servers import LIMITS, NOBODY, sends, serving

from probatum import digests
from probatum.errors import Retryable
from probatum.records import SourceRelease
from probatum.safeio import transport
from probatum.snapshots import Snapshots

BODY = b"the file " * 20_000
RELEASE = SourceRelease("icd10", "2026", date(2025, 10, 1), "public domain", "https://allowed.example/a.zip")
BOUND_S = 10  # of one run, with the short waits of these tests; 1 + 2 + 4 s of waiting and 16 requests at most


def resets_after(count, **headers):
    """Half a body, then a reset as a dying machine sends it."""

    def answer(handler):
        handler.send_response(200)
        for name, value in {"Content-Length": str(len(BODY)), **headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(BODY[:count])
        handler.wfile.flush()
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        handler.close_connection = True
        handler.connection.close()

    return answer


WEEK = {
    "asks for an hour": lambda day: sends(b"busy", 429, Retry_After="3600"),
    "asks for no time": lambda day: sends(b"busy", 429, Retry_After="0"),
    "is broken": lambda day: sends(b"broken", 500 + day % 5),
    "resets": lambda day: resets_after(day * 10_000),
    "resets what could go on": lambda day: resets_after(day * 10_000, ETag=f'"{day}"'),
    "hangs up": lambda day: lambda handler: handler.connection.shutdown(2),
    "is not there": lambda day: None,
    "has no name": lambda day: None,
}


@contextmanager
def a_day(answer):
    if answer:
        with serving(answer) as server:
            yield server.url
    else:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        yield f"http://127.0.0.1:{port}"


@pytest.mark.parametrize("trouble", WEEK)
def test_a_week_of_trouble_stores_nothing_and_the_eighth_run_gets_the_file(tmp_path, monkeypatch, trouble):
    """P46: bounded retries each day, the same exit code each day, and no trace of it when the publisher is back."""
    monkeypatch.setattr(transport, "READ_S", 1.0)
    if trouble == "has no name":
        monkeypatch.setattr(socket, "getaddrinfo", _nobody_knows)
    asked = []
    for day in range(1, 8):
        with a_day(WEEK[trouble](day)) as url:
            began = time.monotonic()
            with pytest.raises(Retryable) as refused:
                Snapshots(tmp_path).take(RELEASE, [("a.zip", f"{url}/a.zip")], LIMITS, NOBODY)
            asked.append(time.monotonic() - began)
        assert refused.value.exit_code == 10 and "Run the refresh again" in refused.value.next
        assert not (tmp_path / "blobs").exists() and not (tmp_path / "snapshots").exists()
        assert not (tmp_path / "fetched").exists()
    assert max(asked) < BOUND_S
    monkeypatch.undo()
    with serving(sends(BODY, ETag='"8"')) as server:
        snapshot = Snapshots(tmp_path).take(RELEASE, [("a.zip", f"{server.url}/a.zip")], LIMITS, NOBODY)
    assert snapshot.files[0].sha256 == digests.of_bytes(BODY) and len(server.asked) == 1


def test_a_publisher_who_is_never_well_is_asked_a_bounded_number_of_times(tmp_path):
    """P46: retries of the request within retries of the transfer are still few."""
    turn = []

    def answer(handler):
        turn.append(1)
        (sends(b"busy", 503) if len(turn) % 4 else resets_after(10))(handler)

    with serving(answer) as server, pytest.raises(Retryable):
        Snapshots(tmp_path).take(RELEASE, [("a.zip", f"{server.url}/a.zip")], LIMITS, NOBODY)
    assert len(server.asked) == 16


def _nobody_knows(*_, **__):
    raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
