"""Ports for servers that end and start again on the same one."""

import atexit
import random
import socket

#: Below what systems give to connections that go out (32768 and more on Linux): there, one of those could take the port of
#: a server that is just not running; even a client that looks for the server could, and would then talk to itself.
_PORTS = range(20_000, 32_000)

_leases: list[socket.socket] = []


@atexit.register
def _end_leases() -> None:
    for lease in _leases:
        lease.close()


def lease() -> int:
    """A port of 127.0.0.1 that is free, and is given to no other process of tests on this machine until this one ends."""
    while True:
        port = random.choice(_PORTS)
        lease = socket.socket(socket.AF_UNIX)
        with socket.socket() as probe:
            try:
                lease.bind(f"\0chat-test-port-{port}")  # in Linux's abstract names, which end with their process
                probe.bind(("127.0.0.1", port))
            except OSError:
                lease.close()
                continue
        _leases.append(lease)
        return port
