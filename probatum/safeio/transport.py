"""How a publisher is asked: at an address that was judged, over verified TLS, with patience that has an end.

    with asking(limits, authorities=None) as client, Watch(120, 1800) as watch:
        client.stream("GET", url, extensions={"trace": watch}) …

Retry-After is honoured up to a minute; who wants to be left alone for longer is asked again by the next run. A server
that lets its headers or its framing drip is hung up on: a timeout of each read alone would wait for days.
"""

import socket
import ssl
import threading
from contextlib import suppress
from pathlib import Path

import httpx
from httpx_retries import Retry, RetryTransport

from probatum.errors import Misconfigured, Retryable
from probatum.safeio.addresses import resolve
from probatum.safeio.limits import Limits

CONNECT_S, READ_S = 15.0, 60.0  # to connect; of silence
ANSWER_S = 120.0  # from the connection to the end of the headers
RETRIES, LONGEST_WAIT_S = 3, 60.0
BUSY = (429, 500, 502, 503, 504)
_AGENT = "probatum (fetches published clinical releases; https only)"


def asking(limits: Limits, authorities: Path | None) -> httpx.Client:
    """authorities: a PEM file of further certificate authorities, such as an intranet's own."""
    retry = Retry(
        total=RETRIES,
        status_forcelist=BUSY,
        backoff_factor=limits.retry_seconds / 2,
        backoff_jitter=0.5,
        max_backoff_wait=LONGEST_WAIT_S,
    )
    return httpx.Client(
        transport=RetryTransport(transport=JudgedTransport(trusted(authorities)), retry=retry),
        timeout=httpx.Timeout(READ_S, connect=CONNECT_S),
        headers={"accept-encoding": "identity", "user-agent": _AGENT},  # the publisher's bytes, not what they unpack to
        follow_redirects=False,
        trust_env=False,
    )


def trusted(authorities: Path | None) -> ssl.SSLContext:
    context = httpx.create_ssl_context(trust_env=False)
    if authorities:
        try:
            context.load_verify_locations(cafile=authorities)
        except OSError:  # ssl.SSLError is one
            raise Misconfigured(
                f"{authorities.name} is no PEM file of certificate authorities.",
                next="Correct PROBATUM_TLS_AUTHORITIES, or leave it empty.",
            ) from None
    return context


class JudgedTransport(httpx.BaseTransport):
    """Resolves a host once, judges every address it has, and connects to those; the certificate is still the name's."""

    def __init__(self, context: ssl.SSLContext):
        # no connection is kept: another name at the same address must show a certificate of its own
        self._inner = httpx.HTTPTransport(
            verify=context, trust_env=False, limits=httpx.Limits(max_keepalive_connections=0)
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        host = request.url.raw_host.decode("ascii")
        try:
            addresses = resolve(host, request.url.port or (443 if request.url.scheme == "https" else 80))
        except (OSError, UnicodeError):
            raise httpx.ConnectError("the name is not known") from None
        response = self._first_to_connect(request, host, addresses)
        if response.status_code in BUSY:
            _respect(response, host)
        return response

    def _first_to_connect(self, request: httpx.Request, host: str, addresses: tuple[str, ...]) -> httpx.Response:
        failed: httpx.TransportError = httpx.ConnectError("the name has no address")
        for address in addresses:
            try:
                return self._inner.handle_request(
                    httpx.Request(
                        request.method,
                        request.url.copy_with(host=address),
                        headers=request.headers,  # Host among them: the name, not the address
                        stream=request.stream,
                        extensions=request.extensions | {"sni_hostname": host},
                    )
                )
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                failed = error
        raise failed

    def close(self) -> None:
        self._inner.close()


def _respect(response: httpx.Response, host: str) -> None:
    """Raises Retryable when the publisher asks for more patience than one run has."""
    try:
        wait = Retry().parse_retry_after(response.headers.get("retry-after", "0"))
    except ValueError:
        return
    if wait > LONGEST_WAIT_S:
        response.close()
        raise Retryable(
            f"{host} answered {response.status_code} and asks for {wait:.0f} s of patience.",
            next="Run the refresh again after that; a schedule does.",
        )


class Watch:
    """Hangs up on a connection whose answer, or whose body, takes too long as a whole. Given to httpx as a trace."""

    def __init__(self, answer_s: float, body_s: float):
        self._answer_s, self._body_s = answer_s, body_s
        self._timer: threading.Timer | None = None
        self._line: socket.socket | None = None
        self.hung_up = False

    def __enter__(self) -> "Watch":
        return self

    def __call__(self, event: str, info: dict) -> None:
        if event == "connection.connect_tcp.complete":
            self._rest()
            # a second handle of the same connection: the first is taken over by TLS
            self._line = info["return_value"].get_extra_info("socket").dup()
            self._set(self._answer_s)
        elif event == "http11.receive_response_headers.complete":
            self._set(self._body_s)

    def __exit__(self, *_: object) -> None:
        self._rest()

    def _set(self, seconds: float) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer = threading.Timer(max(seconds, 0), self._hang_up, [self._line])
        self._timer.daemon = True
        self._timer.start()

    def _rest(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer.join()  # so that a handle it is about to use is still this connection's
        if self._line:
            self._line.close()
        self._timer = self._line = None

    def _hang_up(self, line: socket.socket) -> None:
        self.hung_up = True
        with suppress(OSError):  # it may have ended by itself
            line.shutdown(socket.SHUT_RDWR)
