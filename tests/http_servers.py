"""Real web servers on loopback, whose answers come from a function that a test gives, and certificates to show."""

import datetime
import http.server
import ipaddress
import ssl
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from probatum.errors import ProbatumError
from probatum.safeio import MIB, Limits, download

LIMITS = Limits(file_bytes=MIB, retry_seconds=0.01)
NOBODY = frozenset()
DAY = datetime.timedelta(days=1)


class Server:
    """`answer(handler)` writes the answer; `asked` holds the paths in the order they came, `headers` theirs."""

    def __init__(self, answer):
        self.asked, self.headers, self._answer = [], [], answer
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked.append(self.path)
                outer.headers.append(self.headers)
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


def refusal(kind, url, tmp_path, limits=LIMITS, hosts=NOBODY, **given) -> ProbatumError:
    """The refusal of a download that left nothing behind."""
    target = tmp_path / "incoming" / "file.zip"
    with pytest.raises(kind) as refused:
        download(url, target, limits=limits, allowed_hosts=hosts, **given)
    assert not target.parent.exists() or list(target.parent.iterdir()) == []
    assert type(refused.value) is kind and refused.value.next
    return refused.value


class Authority:
    """A certificate authority of a test's own; `pem` is what to trust."""

    def __init__(self, folder: Path):
        self._folder, self._key = folder, ec.generate_private_key(ec.SECP256R1())
        folder.mkdir(parents=True, exist_ok=True)
        self._name = _named("a test's authority")
        certificate = (
            _certificate(self._name, self._name, self._key.public_key(), -DAY, 30 * DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        self.pem = folder / "authority.pem"
        self.pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def context(self, name: str, *, begins=-DAY, ends=DAY, signs_itself: bool = False) -> ssl.SSLContext:
        """What a server shows that claims to be `name` (a host or an address)."""
        key = ec.generate_private_key(ec.SECP256R1())
        by, signing = (_named(name), key) if signs_itself else (self._name, self._key)
        builder = _certificate(_named(name), by, key.public_key(), begins, ends)
        builder = builder.add_extension(x509.SubjectAlternativeName([_general(name)]), critical=False)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key())
        certificate = builder.add_extension(issuer, critical=False).sign(signing, hashes.SHA256())
        shown = self._folder / f"{name.replace(':', '_')}-{certificate.serial_number}.pem"
        shown.write_bytes(
            certificate.public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(shown)
        return context


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _certificate(subject, issuer, key, begins, ends) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + begins)
        .not_valid_after(now + ends)
    )
