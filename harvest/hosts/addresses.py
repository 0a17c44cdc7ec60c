"""Where requests may go: http and https alone, and never to an address that the public internet does not have.

A name is judged by the address that is really connected to, so that no answer of a name server, no redirect and no
second look-up can lead elsewhere. Address blocks: https://www.iana.org/assignments/iana-ipv4-special-registry/ and
https://www.iana.org/assignments/iana-ipv6-special-registry/ (through `ipaddress`, and what it lets pass below).
"""

from __future__ import annotations

import re
import socket
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import ClassVar
from urllib.parse import urlsplit

__all__ = ["BadUrl", "PrivateAddress", "Unfetched", "check_url", "is_public", "literal"]

SCHEMES = ("http", "https")
# Relays and protocol assignments that `is_global` of Python 3.11 lets pass, and forms of IPv4 inside IPv6.
_CLOSED = (IPv4Network("192.0.0.0/24"), IPv4Network("192.88.99.0/24"))
_UNICAST = IPv6Network("2000::/3")
_CLOSED_6 = (IPv6Network("3fff::/20"), IPv6Network("2001:10::/28"))
_NAT64 = IPv6Network("64:ff9b::/96")
_NUMERIC = re.compile(r"(?:0x[0-9a-f]*|[0-9]+)(?:\.(?:0x[0-9a-f]*|[0-9]+)){0,3}", re.IGNORECASE)


class Unfetched(Exception):
    """Why an address is not asked for, or its answer not taken; `word` begins the reason of its row. Never retried."""

    word: ClassVar[str] = "ignored"


class BadUrl(Unfetched):
    """An address that no request can be sent to."""

    word = "url"


class PrivateAddress(Unfetched):
    """An address of this machine, of its networks, or of nobody; `address` is the numeric one."""

    word = "private_address"

    def __init__(self, host: str, address: str | None = None) -> None:
        self.host, self.address = host, address or host
        is_named = f" is {self.address}, which" if self.address != host else ""
        super().__init__(
            f"{host}{is_named} is not an address of the public internet; `allow_private_addresses: true` in the source "
            "config lets requests go there"
        )


def is_public(address: str) -> bool:
    """Whether a numeric address belongs to the public internet.

    >>> is_public("93.184.216.34"), is_public("::ffff:10.0.0.1"), is_public("64:ff9b::a9fe:a9fe")
    (True, False, False)
    """
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    return _is_public_4(found) if isinstance(found, IPv4Address) else _is_public_6(found)


def literal(host: str) -> str | None:
    """The address that a URL's host is, in any way of writing that C libraries take; None for a name.

    >>> literal("0x7f.1"), literal("[::1]"), literal("example.org")
    ('127.0.0.1', '::1', None)
    """
    bare = host.strip("[]").rstrip(".").partition("%")[0]
    try:
        return str(ip_address(bare))
    except ValueError:
        pass
    if not _NUMERIC.fullmatch(bare):
        return None
    try:
        return socket.inet_ntoa(socket.inet_aton(bare))
    except OSError:
        return None


def check_url(url: str, *, allows_private: bool) -> None:
    """Raises BadUrl for what is no http or https address, PrivateAddress for a literal one that is not public.

    Names are judged when they are connected to.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise BadUrl(f"{url[:200]} is no address: {error}") from None
    if parts.scheme.lower() not in SCHEMES:
        raise BadUrl(f"{parts.scheme or 'nothing'}: addresses are not asked for, only http and https ones")
    if not host:
        raise BadUrl(f"{url[:200]} names no host")
    if not allows_private:
        address = _closed(host)
        if address:
            raise PrivateAddress(host, address)


@lru_cache(maxsize=4096)
def _closed(host: str) -> str | None:
    """The address of a literal host that is not public, also of localhost, which a proxy would look up itself."""
    if host == "localhost" or host.rstrip(".").endswith(".localhost"):
        return "127.0.0.1"
    address = literal(host)
    return address if address is not None and not is_public(address) else None


def _is_public_4(address: IPv4Address) -> bool:
    return address.is_global and not address.is_multicast and not any(address in network for network in _CLOSED)


def _is_public_6(address: IPv6Address) -> bool:
    if address.ipv4_mapped is not None:
        return _is_public_4(address.ipv4_mapped)
    if address in _NAT64:
        return _is_public_4(IPv4Address(address.packed[-4:]))
    if address.sixtofour is not None and not _is_public_4(address.sixtofour):
        return False
    return address in _UNICAST and address.is_global and not any(address in network for network in _CLOSED_6)
