"""A download goes only where it may, takes only so much, and leaves the whole file or nothing.

A real server on loopback; its answers come from a function that a test gives.
"""

import datetime
import http.server
import ipaddress
import socket
import ssl
import threading
import time
from contextlib import contextmanager
from dataclasses import replace

import pytest

from probatum.errors import Misconfigured, ProbatumError, Rejected, Retryable
from probatum.safeio import MIB, Limits, check_address, download, downloads
from probatum.snapshots import Snapshots
from sources.icd10 import Icd10

LIMITS = Limits(file_bytes=MIB, retry_seconds=0.01)
NOBODY = frozenset()


class Server:
    """`answer(handler)` writes the answer; `asked` holds the paths in the order they came."""

    def __init__(self, answer):
        self.asked, self._answer = [], answer
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked.append(self.path)
                try:
                    outer._answer(self)
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True

            def log_message(self, *_):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"


@contextmanager
def serving(answer, context=None):
    server = Server(answer)
    if context:
        server.http.socket = context.wrap_socket(server.http.socket, server_side=True)
        server.url = server.url.replace("http:", "https:")
    thread = threading.Thread(target=server.http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.http.shutdown()
        server.http.server_close()
        thread.join(5)


def sends(body, status=200, declared=None, **headers):
    def answer(handler):
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(body) if declared is None else declared))
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def redirects_to(address, status=302):
    def answer(handler):
        handler.send_response(status)
        handler.send_header("Location", address(handler) if callable(address) else address)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


def refusal(kind, url, tmp_path, limits=LIMITS, hosts=NOBODY) -> ProbatumError:
    """The refusal of a download that left nothing behind."""
    target = tmp_path / "incoming" / "file.zip"
    with pytest.raises(kind) as refused:
        download(url, target, limits=limits, allowed_hosts=hosts)
    assert not target.parent.exists() or list(target.parent.iterdir()) == []
    assert type(refused.value) is kind and refused.value.next
    return refused.value


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
    monkeypatch.setattr(downloads, "_READ_S", 0.5)

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
    monkeypatch.setattr(downloads, "_READ_S", 0.3)
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


def test_a_publisher_who_asks_for_an_hour_does_not_hold_the_run_for_it(tmp_path, monkeypatch):
    """P46: Retry-After is honoured up to a limit."""
    monkeypatch.setattr(downloads, "_LONGEST_WAIT_S", 0.2)
    with serving(sends(b"busy", 503, Retry_After="3600")) as server:
        began = time.monotonic()
        refusal(Retryable, f"{server.url}/a.zip", tmp_path)
    assert len(server.asked) == 4
    assert 0.5 < time.monotonic() - began < 5


def test_a_publisher_who_recovers_is_heard(tmp_path):
    """P46: a busy moment costs a moment."""

    def answer(handler):
        (sends(b"the file") if len(server.asked) > 2 else sends(b"busy", 503))(handler)

    with serving(answer) as server:
        download(f"{server.url}/a.zip", tmp_path / "a.zip", limits=LIMITS, allowed_hosts=NOBODY)
    assert (tmp_path / "a.zip").read_bytes() == b"the file"


@pytest.mark.parametrize("status", [204, 206, 304, 400, 401, 403, 404, 410])
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


def test_a_certificate_nobody_vouches_for_is_refused(tmp_path):
    """P28: TLS is verified; a certificate that signs itself gets no bytes through."""
    with serving(sends(b"the file"), _self_signed(tmp_path / "tls")) as server:
        refusal(Retryable, f"{server.url}/a.zip", tmp_path)
    assert server.asked == []


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


def _self_signed(folder) -> ssl.SSLContext:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    folder.mkdir()
    pem = serialization.Encoding.PEM
    (folder / "certificate").write_bytes(certificate.public_bytes(pem))
    (folder / "key").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate", folder / "key")
    return context
