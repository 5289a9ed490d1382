"""Downloads: from an allowed host over verified TLS, within size, time and pace; the whole file or nothing.

    download("https://www.cdc.gov/a.zip", target, limits=limits, allowed_hosts=frozenset({"www.cdc.gov"}))
        Answer(status=200, etag='"5f-6c"', last_modified="Wed, 01 Oct 2025 08:00:00 GMT")
    download(…, known=Known('"5f-6c"', "", "3f9c…"))
        Answer(status=304, …)          nothing came: the bytes are those known

A transfer that breaks goes on where it broke, within the run and, with `keep_in`, in the next one, as long as the
publisher says by a strong ETag that it is the same file. What is done with the bytes is not decided here.
"""

import time
from dataclasses import dataclass, replace
from pathlib import Path
from ssl import SSLCertVerificationError
from urllib.parse import urljoin, urlsplit

import httpx

from probatum import digests
from probatum.errors import Misconfigured, ProbatumError, Rejected, Retryable
from probatum.safeio import checksums, transport
from probatum.safeio.addresses import check_address, is_loopback
from probatum.safeio.checksums import Claim
from probatum.safeio.limits import MIB, Limits
from probatum.safeio.partial import Partial, validator

_SLOWEST_BYTES_PER_S = 1024  # slower than this over a minute is an endless download
_REDIRECTS = 5
_BREAKS = 3  # of one transfer, after each of which it goes on; then it is left to the next run
_CHECKSUM_FILE_BYTES = 64 * 1024
_LATER = "Run the refresh again later."


@dataclass(frozen=True)
class Known:
    """What an earlier answer said of the bytes that are here: enough to ask whether they are still those."""

    etag: str
    last_modified: str
    sha256: str


@dataclass(frozen=True)
class Answer:
    status: int  # 200: the file is at the target; 304: the publisher says that it is the known one
    etag: str
    last_modified: str


def download(
    url: str,
    target: Path,
    *,
    limits: Limits,
    allowed_hosts: frozenset[str],
    known: Known | None = None,
    keep_in: Path | None = None,
    authorities: Path | None = None,
) -> Answer:
    """Fetch `url` into `target`. Redirects are followed only to allowed hosts; a half download leaves nothing there.

    known: ask only for what is newer. keep_in: a folder for transfers that broke. authorities: see `transport.asking`.

    Raises Retryable when the host does not deliver now, Rejected when what it delivers is not wanted, Misconfigured for an
    address that may not be asked.
    """
    url, wanted = checksums.asked_for(url)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial, key = Partial(target.with_name(target.name + ".part")), digests.of_text(url)[:32]
    try:
        with transport.asking(limits, authorities) as client:
            fetching = _Fetching(client, partial, limits, allowed_hosts)
            if wanted == checksums.PUBLISHED:
                wanted = fetching.published_sha256(url)
            if keep_in:
                partial.take_up(keep_in, key)
            if known and wanted not in ("", known.sha256):
                known = None
            pinned = (Claim("sha256", wanted, "its address"),) if wanted else ()
            answer = fetching.file(url, known, pinned)
    except BaseException as error:
        if keep_in and isinstance(error, Retryable | KeyboardInterrupt):
            partial.keep(keep_in, key)
        partial.restart()
        raise
    if answer.status == 200:
        partial.path.replace(target)
    return answer


class _Fetching:
    """One download: its client, its limits, and what has come so far."""

    def __init__(self, client: httpx.Client, partial: Partial, limits: Limits, allowed_hosts: frozenset[str]):
        self._client, self._partial, self._limits, self._allowed = client, partial, limits, allowed_hosts
        self._ends = time.monotonic() + limits.download_seconds

    def file(self, url: str, known: Known | None, pinned: tuple[Claim, ...]) -> Answer:
        """The whole file in the partial one, checked; or the publisher's word that it is the known one."""
        for breaks in range(_BREAKS + 1):
            try:
                answer = self._ask(url, known)
                if answer is None:  # that was no answer to what was asked: once more without any condition
                    self._partial.restart()
                    known, answer = None, self._ask(url, None, fresh=True)
                if answer is None:
                    raise Rejected(f"{_host(url)} answered 304 without being asked.", next="Check the address.")
                if answer.status == 304 or self._is_sound(url, pinned):
                    return answer
            except _Broken as broken:
                if breaks == _BREAKS:
                    raise _undelivered(url, broken.__cause__) from None
                time.sleep(self._limits.retry_seconds * 2**breaks)
            except httpx.HTTPError as error:
                raise _undelivered(url, error) from None
            except httpx.InvalidURL:
                raise Misconfigured(
                    "That is no address that can be asked.", next="Check it for typing errors."
                ) from None
        raise Retryable(f"{_host(url)} sends another file each time it is asked for the rest.", next=_LATER)

    def published_sha256(self, url: str) -> str:
        """What `<file>.sha256` says, fetched under the same rules as the file."""
        few = replace(self._limits, file_bytes=_CHECKSUM_FILE_BYTES)
        beside = _Fetching(self._client, self._partial, few, self._allowed)
        beside.file(checksums.beside(url), None, ())
        said = self._partial.path.read_bytes()
        self._partial.restart()
        return checksums.read_sha256(said, urlsplit(url).path.rsplit("/", 1)[-1])

    def _is_sound(self, url: str, pinned: tuple[Claim, ...]) -> bool:
        """Whether the file is as long and as claimed. False: it was put together and is not; it is begun anew."""
        partial = self._partial
        try:
            if partial.total not in (None, partial.size):
                raise Rejected(
                    f"{_host(url)} sent {partial.size} bytes of a file of {partial.total}.", next="Check the address."
                )
            checksums.check(partial.path, pinned + partial.claims, _host(url))
        except Rejected:
            if not partial.resumed:
                raise
            partial.restart()
            return False
        return True

    def _ask(self, url: str, known: Known | None, *, fresh: bool = False) -> Answer | None:
        """Follow redirects to the answer and take it in. None: it answers something that was not asked."""
        headers, loopback, origin = self._headers(known, fresh), True, url
        for _ in range(_REDIRECTS + 1):
            _check(url, self._allowed, loopback)
            loopback = is_loopback(urlsplit(url).hostname or "")
            with (
                transport.Watch(transport.ANSWER_S, self._ends - time.monotonic()) as watch,
                self._client.stream("GET", url, headers=headers, extensions={"trace": watch}) as response,
            ):
                if not response.has_redirect_location:
                    return self._take(response, _host(url), watch, known, headers)
                url = _joined(url, response.headers["location"])
        raise Rejected(f"{_host(origin)} redirects without end.", next="Check the address.")

    def _headers(self, known: Known | None, fresh: bool) -> dict[str, str]:
        if self._partial.may_go_on:
            return {"range": f"bytes={self._partial.size}-", "if-range": self._partial.etag}
        asked = {"cache-control": "no-cache"} if fresh else {}
        if known and validator(known.etag):
            asked["if-none-match"] = known.etag
        if known and validator(known.last_modified):
            asked["if-modified-since"] = known.last_modified
        return asked

    def _take(
        self, response: httpx.Response, host: str, watch: transport.Watch, known: Known | None, asked: dict[str, str]
    ) -> Answer | None:
        status, partial = response.status_code, self._partial
        if status == 304:
            conditional = "if-none-match" in asked or "if-modified-since" in asked
            if not (known and conditional and _same(response.headers.get("etag"), known.etag)):
                return None
            return Answer(304, known.etag, validator(response.headers.get("last-modified")) or known.last_modified)
        if "range" in asked and (status == 416 or (status == 206 and not partial.goes_on_with(response.headers))):
            return None
        if status in transport.BUSY or status >= 500:
            raise Retryable(f"{host} answered {status}.", next=_LATER)
        if status != 200 and not ("range" in asked and status == 206):
            raise Rejected(f"{host} answered {status}.", next="Check the address.")
        if status == 200:
            partial.describe(response.headers)
        try:
            self._save(response)
        except httpx.TransportError as error:
            if watch.hung_up:
                raise _slow() from None
            raise _Broken from error
        if watch.hung_up:  # a body without a declared length ends with its connection, whoever ended that
            raise _slow()
        return Answer(200, partial.etag, partial.last_modified)

    def _save(self, response: httpx.Response) -> None:
        partial, limits = self._partial, self._limits
        began, got = time.monotonic(), 0
        with partial.path.open("ab") as out:
            for block in response.iter_bytes():  # as they come: waiting for whole blocks would let a drip last for days
                got += len(block)
                if partial.size + len(block) > limits.file_bytes:
                    raise Rejected(
                        f"The download passed {_sized(limits.file_bytes)}.",
                        next="Check the address, or raise the limit of the source.",
                    )
                now = time.monotonic()
                taken = now - began
                if now > self._ends or (taken > transport.READ_S and got < taken * _SLOWEST_BYTES_PER_S):
                    raise _slow()
                out.write(block)
                partial.size += len(block)


def _sized(count: int) -> str:
    return f"{count >> 20} MiB" if count >= MIB else f"{count >> 10} KiB"


class _Broken(Exception):
    """The connection broke while the body came."""


def _slow() -> Retryable:
    return Retryable("The download is too slow to end.", next=_LATER)


def _undelivered(url: str, error: BaseException | None) -> ProbatumError:
    reason, cause = type(error).__name__, error
    while cause:
        if isinstance(cause, SSLCertVerificationError):
            return Retryable(
                f"{_host(url)} shows a certificate that is not accepted ({cause.verify_message}).",
                next="Tell the publisher. For an intranet's own authority set PROBATUM_TLS_AUTHORITIES.",
            )
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpx.ConnectError) and str(error):
        reason = f"{reason}: {error}"
    return Retryable(f"{_host(url)} did not deliver ({reason}).", next=_LATER)


def _check(url: str, allowed_hosts: frozenset[str], loopback: bool) -> None:
    check_address(url, allowed_hosts, loopback=loopback)
    if httpx.URL(url).host != (urlsplit(url).hostname or "").lower():  # what is judged must be what is asked
        raise Misconfigured("That is no address that can be asked.", next="Check it for typing errors.")


def _joined(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError:
        raise Rejected(f"{_host(url)} redirects to no address.", next="Check the address.") from None


def _same(given: str | None, known: str) -> bool:
    """Whether two ETags name one version, weakly; who gives none does not contradict."""
    return not given or not known or given.removeprefix("W/") == known.removeprefix("W/")


def _host(url: str) -> str:
    return urlsplit(url).hostname or "the host"
