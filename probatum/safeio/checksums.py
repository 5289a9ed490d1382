"""What a publisher says the bytes must be: in headers, in a `<file>.sha256` beside it, or in the address itself.

    https://host/codes.zip#sha256=3f9c…                 these bytes and no others
    https://host/codes.zip#sha256=published             as https://host/codes.zip.sha256 says: "3f9c…  codes.zip"
    Repr-Digest: sha-256=:P5y…=:   Digest: SHA-256=P5y…=   Content-MD5: Q2h…==

A checksum that is there and does not agree refuses the file. MD5 and SHA-1 find broken transfers, not forgers; neither
does any header find one, for it comes from where the bytes do. An ETag is no checksum.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from probatum.errors import Misconfigured, Rejected

PUBLISHED = "published"
_ALGORITHMS = {"sha-512": "sha512", "sha-256": "sha256", "sha": "sha1", "md5": "md5"}
_HEX64 = re.compile(r"[0-9a-f]{64}")
_DIGEST = re.compile(r"\s*([A-Za-z0-9-]+)=:?([A-Za-z0-9+/=]+?):?\s*(?:;[^,]*)?")
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class Claim:
    """What the bytes of a whole file must hash to, and who says so."""

    algorithm: str  # as hashlib calls it
    hex: str
    said_by: str


def asked_for(url: str) -> tuple[str, str]:
    """(the address without its fragment, sha256 in hex or "published" or "")."""
    try:
        parts = urlsplit(url)
    except ValueError:
        raise Misconfigured("That is no address that can be asked.", next="Check it for typing errors.") from None
    wanted = parts.fragment.removeprefix("sha256=").lower() if parts.fragment.startswith("sha256=") else ""
    if parts.fragment.startswith("sha256=") and wanted != PUBLISHED and not _HEX64.fullmatch(wanted):
        raise Misconfigured(
            "The address ends in #sha256= and no sha256.", next="Write 64 hexadecimal digits after it, or `published`."
        )
    return parts._replace(fragment="").geturl(), wanted


def beside(url: str) -> str:
    """Where publishers who publish checksums put that of a file."""
    parts = urlsplit(url)
    return parts._replace(path=parts.path + ".sha256").geturl()


def read_sha256(data: bytes, name: str) -> str:
    """The sha256 of `name` in a checksum file: one bare digest, or lines of `<digest>  <name>`. Raises Rejected."""
    lines = [line.split(maxsplit=1) for line in data.decode("ascii", "replace").splitlines() if line.strip()]
    named = [
        parts[0].lower() for parts in lines if len(parts) == 2 and parts[1].strip().lstrip("*").split("/")[-1] == name
    ]
    bare = [parts[0].lower() for parts in lines if len(parts) == 1 and len(lines) == 1]
    found = set(named or bare)
    if len(found) != 1 or not _HEX64.fullmatch(digest := found.pop()):
        raise Rejected(
            f"The publisher's checksum file names no one sha256 of {name}.",
            next="Look at it; without #sha256=published the file is fetched without it.",
        )
    return digest


def in_headers(headers: Mapping[str, str], *, whole: bool) -> tuple[Claim, ...]:
    """What the headers of an answer claim of the whole file. whole: the answer carries all of it, not a range."""
    given = [(name, headers.get(name, "")) for name in ("repr-digest", "digest")]
    if whole:
        given += [("content-digest", headers.get("content-digest", ""))]
        given += [("content-md5", f"md5={headers['content-md5']}")] if "content-md5" in headers else []
    return tuple(
        Claim(_ALGORITHMS[match[1].lower()], hexed, f"its {name}")
        for name, value in given
        for match in map(_DIGEST.fullmatch, value.split(","))
        if match and match[1].lower() in _ALGORITHMS and (hexed := _hexed(match[2], match[1].lower()))
    )


def check(path: Path, claims: tuple[Claim, ...], host: str) -> None:
    """Raises Rejected when the file is not what is claimed of it."""
    hashes = {claim.algorithm: hashlib.new(claim.algorithm, usedforsecurity=False) for claim in claims}
    with path.open("rb") as stream:
        while hashes and (block := stream.read(_BLOCK_BYTES)):
            for each in hashes.values():
                each.update(block)
    for claim in claims:
        if (seen := hashes[claim.algorithm].hexdigest()) != claim.hex:
            raise Rejected(
                f"Publisher checksum mismatch: what {host} sent has {claim.algorithm} {seen[:12]}…, "
                f"{claim.said_by} says {claim.hex[:12]}….",
                next="Fetch it again later; if it stays so, ask the publisher which of the two is right.",
            )


def _hexed(coded: str, algorithm: str) -> str:
    try:
        digest = base64.b64decode(coded, validate=True)
    except binascii.Error:
        return ""
    right = len(digest) == hashlib.new(_ALGORITHMS[algorithm], usedforsecurity=False).digest_size
    return digest.hex() if right else ""
