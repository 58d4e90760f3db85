"""Where a client connects from, as limits count it."""

import ipaddress
from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any

UNKNOWN = "unknown"
#: One name for all trusted proxies.
PROXY = "proxy"
#: Where a proxy on this machine connects from, even one that TRUSTED_PROXIES does not name.
_THIS_MACHINE = frozenset((UNKNOWN, "127.0.0.1", "::1/128"))

Networks = Sequence[IPv4Network | IPv6Network]


@lru_cache(32)
def networks(texts: tuple[str, ...]) -> Networks:
    """The networks of a setting such as TRUSTED_PROXIES."""
    return [ipaddress.ip_network(text, strict=False) for text in texts]


def is_trusted(peer: str, trusted: Networks) -> bool:
    """Whether `peer` is a trusted proxy. One on a Unix socket has no address, and is, if any are."""
    address = _parsed(peer)
    if address is None:
        return not peer and bool(trusted)
    return any(address in network for network in trusted)


def of_client(peer: str, forwarded_for: Iterable[str], trusted: Networks) -> str:
    """The client's address: the peer's or, when the peer is a trusted proxy, the last address of
    X-Forwarded-For that is none.
    """
    return counted_as(_last(peer, forwarded_for, trusted))


def of_scope(scope: Any, trusted: Networks) -> str:
    """`of_client` for an ASGI scope."""
    forwarded_for = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"]
    return of_client((scope.get("client") or ("",))[0], forwarded_for, trusted)


def held_by(peer: str, forwarded_for: Iterable[str], trusted: Networks) -> str:
    """Like `of_client`, but PROXY where only trusted proxies are known: all clients may be behind
    them.
    """
    address = _last(peer, forwarded_for, trusted)
    return PROXY if is_trusted(address, trusted) else counted_as(address)


def _last(peer: str, forwarded_for: Iterable[str], trusted: Networks) -> str:
    address = peer
    for forwarded in reversed(",".join(forwarded_for).split(",")):
        if not is_trusted(address, trusted):
            break
        address = forwarded.strip() or address
    return address


@lru_cache(4096)
def counted_as(address: str) -> str:
    """One name for all addresses of a client.

    An IPv6 network (/64) counts as one address: a single host has all of it. UNKNOWN for a Unix
    socket, and for nonsense from a proxy that is trusted.
    """
    parsed = _parsed(address)
    if isinstance(parsed, IPv6Address):
        # ::1 is one host; its network holds others.
        return str(ipaddress.ip_network((parsed, 128 if parsed.is_loopback else 64), strict=False))
    return UNKNOWN if parsed is None else str(parsed)


def is_shared(name: str) -> bool:
    """Whether any number of clients may have this name: this machine's own address, and PROXY."""
    return name == PROXY or name in _THIS_MACHINE


@lru_cache(4096)
def _parsed(address: str) -> IPv4Address | IPv6Address | None:
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])  # without the zone of a link-local one
    except ValueError:
        return None
    return (parsed.ipv4_mapped or parsed) if isinstance(parsed, IPv6Address) else parsed
