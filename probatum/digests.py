"""Digests: sha256 in hex, and canonical JSON so that the same value always has the same digest."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

import orjson

_BLOCK_BYTES = 1 << 20


def of_bytes(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def of_text(text: str) -> str:
    return of_bytes(text.encode())


def of_json(value: object) -> str:
    """Digest of a JSON value, independent of key order."""
    return of_bytes(canonical(value))


def canonical(value: object) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def of_file(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def of_pairs(pairs: Iterable[tuple[str, str]]) -> str:
    """Digest of (id, hash) pairs whatever order they come in; ids hold no line feed."""
    digest = hashlib.sha256()
    for identity, value in sorted(pairs):
        digest.update(f"{identity}\t{value}\n".encode())
    return digest.hexdigest()
