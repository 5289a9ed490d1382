"""Which addresses may be asked: https on an allowed host, or this machine when a person named it."""

import ipaddress
from urllib.parse import urlsplit

from probatum.errors import Misconfigured


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
