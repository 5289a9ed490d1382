"""Which addresses may be asked: https on an allowed host, or this machine when a person named it.

    check_address("https://www.cdc.gov/a.zip", frozenset({"www.cdc.gov"}))     passes
    resolve("www.cdc.gov", 443)                                                ("23.7.8.9", …)

A name is resolved here and the connection goes to what was judged, so that a name that points elsewhere a moment later
gains nothing. An allowed host may well be private (10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, fc00::/7): a hospital's
intranet is. It is never this machine, its link or a cloud's metadata service, whatever the name server says.
"""

import ipaddress
import socket
from urllib.parse import urlsplit

from probatum.errors import Misconfigured

_Ip = ipaddress.IPv4Address | ipaddress.IPv6Address
_PRIVATE = tuple(map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")))
_METADATA = tuple(  # of clouds; 169.254.169.254 and 100.100.100.200 are neither public nor private, so refused anyway
    map(ipaddress.ip_network, ("168.63.129.16/32", "192.0.0.0/24", "fd00:ec2::/32", "fd20:ce::/32"))
)
_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # an IPv4 address in its last four bytes
_ADDRESSES = 4  # of one name that are tried; each may cost a timeout


def check_address(url: str, allowed_hosts: frozenset[str], *, loopback: bool = True) -> None:
    """https to an allowed host, or http(s) on loopback; else Misconfigured.

    loopback: whether this machine may be asked; not when another one redirects to it.
    """
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
    except ValueError:
        raise Misconfigured("That is no address that can be asked.", next="Check it for typing errors.") from None
    this_machine = parts.scheme in ("http", "https") and loopback and is_loopback(host)
    if not this_machine and parts.scheme != "https":
        raise Misconfigured(f"{parts.scheme or 'a bare'} address refused.", next="Use https.")
    if not this_machine and host not in allowed_hosts:
        raise Misconfigured(
            f"Host {host} is not on the list of allowed hosts.",
            next="If it is the publisher's, add it to PROBATUM_ALLOWED_HOSTS.",
        )
    if "@" in parts.netloc:
        raise Misconfigured(
            f"The address at {host} carries a user name or a password.", next="Ask for an address without them."
        )


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def resolve(host: str, port: int) -> tuple[str, ...]:
    """The numeric addresses of a host that may be asked. Raises Misconfigured if one may not, OSError if it has none.

    One forbidden address among several refuses the host: whoever answers for the name is not to be trusted with a choice.
    """
    found = dict.fromkeys(
        entry[4][0] for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    )
    for address in found:
        if not _may_be(ipaddress.ip_address(address), this_machine=is_loopback(host)):
            raise Misconfigured(
                f"The name server sends {host} to {address}, which is not asked from here.",
                next="Find out who answers for that name; an intranet's host has an address of its network.",
            )
    return tuple(found)[:_ADDRESSES]


def _may_be(address: _Ip, *, this_machine: bool) -> bool:
    address = _inner(address)
    if this_machine:
        return address.is_loopback
    if any(address in network for network in _METADATA) or address.is_multicast:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.is_site_local:
        return False
    return address.is_global or any(address in network for network in _PRIVATE)


def _inner(address: _Ip) -> _Ip:
    """The IPv4 address that an IPv6 one stands for, if it does."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address
