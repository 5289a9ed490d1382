"""Safe input: archives, XML, text and downloads from people we do not control.

Everything here refuses before it suffers: an archive is judged by its directory before a byte is unpacked and by its
real bytes while it is; XML with a document type or an entity is refused outright; text must decode in an encoding
the publisher is known to use; a download is https (or loopback), from an allowed host, within size and time.
"""

import ipaddress
import lzma
import time
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from unicodedata import category
from urllib.parse import urljoin, urlsplit

import httpx
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse
from httpx_retries import Retry, RetryTransport

from probatum.errors import Misconfigured, Rejected, Retryable

MIB = 1024 * 1024
_DIRECTORY_ENTRY = b"PK\x01\x02"  # what every entry of a zip's directory begins with
_CONNECT_S, _READ_S = 15.0, 60.0
_RETRIES, _LONGEST_WAIT_S = 3, 60.0  # a publisher who asks for more patience than this is tried again by the next run
_SLOWEST_BYTES_PER_S = 1024  # slower than this over a minute is an endless download
_REDIRECTS = 5


@dataclass(frozen=True)
class Limits:
    """What an input may cost. Beyond any of these it is refused, whatever it holds."""

    file_bytes: int = 200 * MIB  # the largest official zip seen is 20 MB
    total_bytes: int = 1024 * MIB
    files: int = 5_000
    unpacked_bytes: int = 400 * MIB  # of one archive
    archive_ratio: int = 200  # zips of plain text reach 10 to 20
    archive_entries: int = 10_000
    pages: int = 2_000
    parse_seconds: int = 300  # one unit, wall clock
    parse_memory_bytes: int = 4096 * MIB  # address space of the reading process
    xml_depth: int = 200
    download_seconds: int = 1800  # one file, from the first byte to the last
    retry_seconds: float = 1.0  # before the first retry of a download; doubled for each further one


ASK_AGAIN = "Ask the publisher or the data owner for a sound copy and run the refresh again."


class Archive:
    """A zip whose directory has been judged; `names` are its files, `read` unpacks one within the limits."""

    def __init__(self, path: Path, limits: Limits):
        self.path, self._limits = path, limits
        self._count(_entries_in(path))  # opening a zip reads its whole directory, which may be the attack
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError, NotImplementedError, ValueError):
            raise Rejected(f"{path.name} is not a whole zip archive.", next=ASK_AGAIN) from None
        self._judge()
        self.names = tuple(i.filename for i in self._zip.infolist() if not i.is_dir())

    def __enter__(self) -> "Archive":
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def read(self, name: str) -> bytes:
        """The bytes of one member; never more than the limits allow, whatever its directory entry says."""
        allowed = self._limits.unpacked_bytes
        try:
            with self._zip.open(name) as stream:
                data = stream.read(allowed + 1)
        except (zipfile.BadZipFile, zipfile.zlib.error, lzma.LZMAError, EOFError, NotImplementedError, OSError):
            raise Rejected(f"{name} in {self.path.name} does not unpack.", next=ASK_AGAIN) from None
        if len(data) > allowed:
            raise Rejected(f"{name} unpacks to more than {allowed >> 20} MiB.", next=ASK_AGAIN)
        return data

    def _judge(self) -> None:
        entries, limits, what = self._zip.infolist(), self._limits, self.path.name
        self._count(len(entries))
        seen: set[str] = set()
        for entry in entries:
            if entry.flag_bits & 0x1:
                raise Rejected(f"{what} is encrypted.", next="Ask for it without a password.")
            if not is_plain_name(entry.filename):
                raise Rejected(f"{what} holds an entry that points outside it.", next=ASK_AGAIN)
            if (entry.external_attr >> 16) & 0o170000 == 0o120000:
                raise Rejected(f"{what} holds a symbolic link.", next=ASK_AGAIN)
            folded = entry.filename.casefold()
            if folded in seen:
                raise Rejected(f"{what} holds two entries of one name.", next=ASK_AGAIN)
            seen.add(folded)
        unpacked, packed = sum(e.file_size for e in entries), max(self.path.stat().st_size, 1)
        if unpacked > limits.unpacked_bytes or unpacked / packed > limits.archive_ratio:
            raise Rejected(
                f"{what} would unpack to {unpacked >> 20} MiB, {unpacked // packed} times its size "
                f"({limits.unpacked_bytes >> 20} MiB and {limits.archive_ratio} times allowed).",
                next=ASK_AGAIN,
            )

    def _count(self, entries: int) -> None:
        if entries > self._limits.archive_entries:
            raise Rejected(
                f"{self.path.name} holds {entries} entries ({self._limits.archive_entries} allowed).", next=ASK_AGAIN
            )


def _entries_in(path: Path) -> int:
    """How many entries a zip can have at most, whatever its last record says."""
    count, tail = 0, b""
    with path.open("rb") as stream:
        while block := stream.read(MIB):
            count += (tail + block).count(_DIRECTORY_ENTRY)
            tail = block[-len(_DIRECTORY_ENTRY) + 1 :]
    return count


def is_plain_name(name: str) -> bool:
    """Whether a name from an archive or a listing stays inside its folder on every system, and is text that can be shown."""
    path = PurePosixPath(name.replace("\\", "/"))
    return (
        bool(path.parts)
        and not path.is_absolute()
        and ".." not in path.parts
        and ":" not in path.parts[0]
        and not any(category(char) in ("Cc", "Cs") for char in name)  # controls; bytes that are no text
    )


def xml_events(data, limits: Limits, *, what: str) -> Iterable[tuple[str, object]]:
    """(event, element) pairs of an XML stream, refusing document types, entities and deep nesting.

    data: a binary stream. Raises Rejected for anything that is not well-formed XML.
    """
    depth = 0
    try:
        for event, element in iterparse(data, events=("start", "end"), forbid_dtd=True):
            depth += 1 if event == "start" else -1
            if depth > limits.xml_depth:
                raise Rejected(f"{what} is nested deeper than {limits.xml_depth} levels.", next=ASK_AGAIN)
            yield event, element
    except DefusedXmlException:
        raise Rejected(f"{what} declares a document type or an entity, which is not read.", next=ASK_AGAIN) from None
    except (SyntaxError, ValueError, LookupError):  # the last two for an encoding that expat does not know
        raise Rejected(f"{what} is not well-formed XML.", next=ASK_AGAIN) from None


def decode(data: bytes, encodings: tuple[str, ...], *, what: str) -> str:
    """Text in the first of `encodings` that fits, byte-order mark removed. Raises Rejected; guesses nothing."""
    if b"\0" in data[:4096] and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Rejected(f"{what} holds binary data where text was expected.", next=ASK_AGAIN)
    for encoding in encodings:
        try:
            return data.decode(encoding).removeprefix("\ufeff")
        except UnicodeDecodeError:
            continue
    raise Rejected(
        f"{what} is not text in {' or '.join(encodings)}.",
        next="Save it again as UTF-8, or declare its encoding in the column map.",
    )


def looks_like_html(data: bytes) -> bool:
    """An error page sent with status 200 is HTML whatever its name says."""
    head = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return head.startswith((b"<!doctype html", b"<html", b"<head", b"<body"))


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


def check_address(url: str, allowed_hosts: frozenset[str], *, loopback: bool = True) -> None:
    """https to an allowed host, or http(s) on loopback; else Misconfigured.

    loopback: whether this machine may be asked; not when another one redirects to it.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        raise Misconfigured("That is no address that can be asked.", next="Check it for typing errors.") from None
    host = (parts.hostname or "").lower()
    if parts.scheme in ("http", "https") and loopback and is_loopback(host):
        return
    if parts.scheme != "https":
        raise Misconfigured(f"{parts.scheme or 'a bare'} address refused.", next="Use https.")
    if host not in allowed_hosts:
        raise Misconfigured(
            f"Host {host} is not on the list of allowed hosts.",
            next="If it is the publisher's, add it to PROBATUM_ALLOWED_HOSTS.",
        )


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
