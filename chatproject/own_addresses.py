"""The addresses and names by which other computers may know this one."""

import fcntl
import ipaddress
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress

#: Linux's request for the IPv4 address of an interface.
_SIOCGIFADDR = 0x8915
#: Addresses of documentation: no packet leaves for them, and the system tells which of its own it would use.
_ELSEWHERE = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))
#: Hosts at which a server serves all addresses of its computer.
EVERY_ADDRESS = {"0.0.0.0", "::", ""}  # noqa: S104


def own_hosts() -> list[str]:
    """The computer's addresses in its networks, then its names; IPv6 in brackets."""
    found = dict.fromkeys(_usable(address) for address in (*_of_routes(), *_of_interfaces(), *_of_name()))
    name = socket.gethostname().lower()
    names = [name] if "." in name else [name, f"{name}.local"]
    return [host for host in [*found, *names] if host and host not in ("localhost", "localhost.local")]


def _usable(address: str) -> str:
    with suppress(ValueError):
        parsed = ipaddress.ip_address(address.partition("%")[0])
        if not (parsed.is_loopback or parsed.is_link_local or parsed.is_unspecified or parsed.is_multicast):
            return str(parsed) if parsed.version == 4 else f"[{parsed}]"
    return ""


def _of_routes() -> Iterator[str]:
    for family, elsewhere in _ELSEWHERE:
        with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((elsewhere, 9))
            yield probe.getsockname()[0]


def _of_interfaces() -> Iterator[str]:
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for _, name in socket.if_nameindex():
            with suppress(OSError):  # without an address, or another system than Linux
                asked = struct.pack("256s", name.encode()[:15])
                yield socket.inet_ntoa(fcntl.ioctl(probe.fileno(), _SIOCGIFADDR, asked)[20:24])


def _of_name() -> Iterator[str]:
    with suppress(OSError):
        for *_, address in socket.getaddrinfo(socket.gethostname(), None, type=socket.SOCK_STREAM):
            yield str(address[0])
