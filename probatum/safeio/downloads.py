"""Downloads: from an allowed host over verified TLS, within size, time and pace; the whole file or nothing."""

import time
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx
from httpx_retries import Retry, RetryTransport

from probatum.errors import Misconfigured, Rejected, Retryable
from probatum.safeio.addresses import check_address, is_loopback
from probatum.safeio.limits import Limits

_CONNECT_S, _READ_S = 15.0, 60.0
_RETRIES, _LONGEST_WAIT_S = 3, 60.0  # a publisher who asks for more patience than this is tried again by the next run
_SLOWEST_BYTES_PER_S = 1024  # slower than this over a minute is an endless download
_REDIRECTS = 5


def download(url: str, target: Path, *, limits: Limits, allowed_hosts: frozenset[str]) -> None:
    """Fetch `url` into `target`. Redirects are followed only to allowed hosts; a half download leaves nothing.

    Raises Retryable when the host does not deliver now, Rejected when what it delivers is not wanted, Misconfigured for an
    address that may not be asked.
    """
    partial = target.with_name(target.name + ".part")
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with httpx.Client(
            transport=RetryTransport(
                retry=Retry(
                    total=_RETRIES,
                    backoff_factor=limits.retry_seconds / 2,
                    backoff_jitter=0.5,
                    max_backoff_wait=_LONGEST_WAIT_S,
                )
            ),
            timeout=httpx.Timeout(_READ_S, connect=_CONNECT_S),
            headers={"accept-encoding": "identity"},  # the publisher's bytes, not what they unpack to
            follow_redirects=False,
            trust_env=False,
        ) as client:
            _stream(client, url, partial, limits, allowed_hosts)
    except httpx.InvalidURL:
        partial.unlink(missing_ok=True)
        raise Misconfigured("That is no address that can be asked.", next="Check it for typing errors.") from None
    except httpx.HTTPError as error:
        partial.unlink(missing_ok=True)
        raise Retryable(
            f"{urlsplit(url).hostname} did not deliver ({type(error).__name__}).", next="Run the refresh again later."
        ) from None
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    partial.replace(target)


def _stream(client: httpx.Client, url: str, partial: Path, limits: Limits, allowed_hosts: frozenset[str]) -> None:
    loopback = True
    for _ in range(_REDIRECTS + 1):
        check_address(url, allowed_hosts, loopback=loopback)
        loopback = is_loopback(urlsplit(url).hostname or "")
        with client.stream("GET", url) as response:
            if response.has_redirect_location:
                url = _joined(url, response.headers["location"])
                continue
            if response.status_code == 429 or response.status_code >= 500:
                raise Retryable(
                    f"{urlsplit(url).hostname} answered {response.status_code}.", next="Run the refresh again later."
                )
            if response.status_code != 200:
                raise Rejected(f"{urlsplit(url).hostname} answered {response.status_code}.", next="Check the address.")
            _save(response, partial, limits)
            return
    raise Rejected(f"{urlsplit(url).hostname} redirects without end.", next="Check the address.")


def _joined(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError:
        raise Rejected(f"{urlsplit(url).hostname} redirects to no address.", next="Check the address.") from None


def _save(response: httpx.Response, partial: Path, limits: Limits) -> None:
    began, got = time.monotonic(), 0
    with partial.open("wb") as out:
        for block in response.iter_bytes():  # as they come: waiting for whole blocks would let a drip last for days
            got += len(block)
            if got > limits.file_bytes:
                raise Rejected(
                    f"The download passed {limits.file_bytes >> 20} MiB.",
                    next="Check the address, or raise the limit of the source.",
                )
            taken = time.monotonic() - began
            if taken > limits.download_seconds or (taken > _READ_S and got < taken * _SLOWEST_BYTES_PER_S):
                raise Retryable("The download is too slow to end.", next="Run the refresh again later.")
            out.write(block)
