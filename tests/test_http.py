"""HTTP itself, byte by byte: how requests end, how long they may take, and what is no request."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from chatproject.core.http import health
from chatproject.core.server import protocol
from tests.people import Person

Open = Callable[..., "Line"]


class Line:
    """A connection that a test writes as bytes, and reads as responses."""

    def __init__(self, server: str, source: str = "") -> None:
        at = urlsplit(server)
        self.host = at.netloc
        assert at.hostname and at.port
        self._socket = socket.create_connection((at.hostname, at.port), 60, (source, 0) if source else None)
        self._read = self._socket.makefile("rb")

    def send(self, *lines: str | bytes, body: bytes = b"", host: bool = True) -> None:
        """Send a request: its first line, its other lines, and what follows the empty one."""
        given = [line.encode() if isinstance(line, str) else line for line in lines]
        if host:
            given.insert(1, f"Host: {self.host}".encode())
        self.write(b"\r\n".join([*given, b"", body]))

    def write(self, data: bytes) -> None:
        self._socket.sendall(data)

    def response(self) -> tuple[int, dict[str, str], bytes]:
        """The next response: status, headers, body."""
        first = self._read.readline()
        assert first, "the connection has ended"
        headers = {}
        while line := self._read.readline().decode().strip():
            name, _, value = line.partition(": ")
            headers[name.lower()] = value
        body = b""
        if headers.get("transfer-encoding") == "chunked":
            while size := int(self._read.readline(), 16):
                body += self._read.read(size)
                self._read.readline()
            self._read.readline()
        else:
            body = self._read.read(int(headers.get("content-length", "0")))
        return int(first.split()[1]), headers, body

    def status(self) -> int:
        return self.response()[0]

    def ends(self) -> bool:
        """Wait until the server has closed, and return whether it sent nothing more."""
        try:
            return self._read.read() == b""
        except ConnectionResetError:
            return True

    def is_held(self) -> bool:
        """Whether the server's end is open, in whatever state this one is."""
        mine, theirs = (at[1] for at in (self._socket.getsockname(), self._socket.getpeername()))
        ends = (one.split()[1:4] for one in Path("/proc/net/tcp").read_text().splitlines()[1:])
        return any(
            (int(local[-4:], 16), int(remote[-4:], 16), state) == (theirs, mine, "01") for local, remote, state in ends
        )

    def close(self) -> None:
        self._read.close()
        self._socket.close()


@pytest.fixture
def line(server: str) -> Iterator[Open]:
    """`line()` opens a connection."""
    opened: list[Line] = []

    def new(**more: str) -> Line:
        opened.append(Line(server, **more))
        return opened[-1]

    yield new
    for one in opened:
        one.close()


# One request at a time ------------------------------------------------------------------------------------------------


def test_requests_that_come_together_are_answered_in_order_and_one_by_one(line: Open, quiet_log: None) -> None:
    one = line()
    many = [f"GET /no/{number} HTTP/1.1\r\nHost: {one.host}\r\n\r\n" for number in range(200)]
    body = f"POST /login HTTP/1.1\r\nHost: {one.host}\r\nContent-Length: 9\r\n\r\nnot JSON.GET /healthz HTTP/1.1\r\nHost: {one.host}\r\n\r\n"
    one.write("".join([*many, body]).encode())
    assert [one.status() for _ in many] == [404] * 200
    assert one.status() == 400
    status, _, said = one.response()
    assert status == 200 and b'"status"' in said


def test_requests_that_come_byte_by_byte_are_understood(line: Open) -> None:
    one = line()
    wholes = [
        f"\r\n\r\nGET /healthz HTTP/1.1\r\nHost: {one.host}\r\n\r\n",
        f"POST /login HTTP/1.1\r\nHost: {one.host}\r\nTransfer-Encoding: chunked\r\n\r\n1;a=b\r\n{{\r\n2\r\n}} \r\n0\r\nA: b\r\n\r\n",
        f"POST /login HTTP/1.1\r\nHost: {one.host}\r\nContent-Length: 2\r\n\r\n{{}}",
    ]
    for whole, status in zip(wholes, (200, 400, 400), strict=True):
        for place in range(len(whole)):
            one.write(whole[place : place + 1].encode())
        assert one.status() == status


def test_a_request_that_was_answered_before_it_was_whole_hides_none_behind_it(
    line: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The body of the first, which nobody reads, looks like a request."""
    one = line()
    inner = b"GET /login HTTP/1.1\r\n\r\n"
    one.send("GET /healthz HTTP/1.1", f"Content-Length: {len(inner)}")
    one.write(inner + f"GET /nowhere HTTP/1.1\r\nHost: {one.host}\r\n\r\n".encode())
    assert [one.status(), one.status()] == [200, 404]


# What is no request ---------------------------------------------------------------------------------------------------

REFUSED: dict[str, tuple[int, str]] = {
    "no Host": (400, "GET /healthz HTTP/1.1\r\n\r\n"),
    "two Hosts": (400, "GET /healthz HTTP/1.1\r\nHost: {host}\r\nHost: {host}\r\n\r\n"),
    "no HTTP": (400, "hush hush\r\n\r\n"),
    "the first HTTP": (505, "GET /healthz\r\n\r\n"),
    "another version": (505, "GET /healthz HTTP/2.0\r\nHost: {host}\r\n\r\n"),
    "a length and chunks": (400, "POST /login HTTP/1.1\r\nHost: {host}\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    "two lengths": (400, "POST /login HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\nhello"),
    "a length without end": (400, "POST /login HTTP/1.1\r\nHost: {host}\r\nContent-Length: " + "9" * 5000 + "\r\n\r\n"),
    "an unknown coding": (400, "POST /login HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: gzip\r\n\r\n"),
    "two codings": (501, "POST /login HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
    "chunks in HTTP/1.0": (501, "POST /login HTTP/1.0\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    "a chunk of no size": (400, "POST /login HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"),
    "a chunk of a huge size": (400, "POST /login HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n" + "f" * 17 + "\r\n"),
    "a chunk that is longer than it says": (400, "POST /login HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n"),
    "a chunk's size in a line without end": (400, "POST /login HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n1;" + "x" * 300),
    "thousands of chunks of a byte": (400, "POST /login HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n" + "1\r\n{{\r\n" * 3000),
    "trailers without end": (431, "POST /login HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + "a: b\r\n" * 200),
    "an upgrade with a body": (400, "POST /login HTTP/1.1\r\nHost: {host}\r\nConnection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 5\r\n\r\nhello"),
    "a tunnel": (400, "CONNECT example.org:443 HTTP/1.1\r\nHost: {host}\r\n\r\n"),
    "too many lines": (431, "GET /healthz HTTP/1.1\r\nHost: {host}\r\n" + "X-Abc: d\r\n" * 99 + "\r\n"),
    "too many bytes": (431, "GET /healthz HTTP/1.1\r\nHost: {host}\r\nX-Abc: " + "d" * 65536 + "\r\n\r\n"),
    "an address without end": (431, "GET /" + "a" * 70_000 + " HTTP/1.1\r\nHost: {host}\r\n\r\n"),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_request_is_refused_and_its_connection_closed(line: Open, kind: str, quiet_log: None) -> None:
    status, text = REFUSED[kind]
    one = line()
    one.write(text.format(host=one.host).encode())
    answer, headers, _ = one.response()
    assert (answer, headers["connection"]) == (status, "close")
    one.close()


def test_a_head_may_have_a_hundred_lines_and_a_length_of_sixty_kilobytes(line: Open) -> None:
    one = line()
    one.send("GET /healthz HTTP/1.1", *["X-Abc: d"] * 98)
    assert one.status() == 200
    one.send("GET /healthz HTTP/1.1", *[f"X-Abc: {'d' * 30_000}"] * 2)
    assert one.status() == 200


def test_a_head_without_end_is_not_kept(line: Open) -> None:
    one = line()
    one.send("GET /healthz HTTP/1.1")
    assert one.status() == 200
    one.write(f"GET /healthz HTTP/1.1\r\nHost: {one.host}\r\nX-Abc: ".encode())
    with pytest.raises(OSError):  # noqa: PT011, PT012 (reset, or a broken pipe)
        for _ in range(1000):
            one.write(b"d" * 65536)


def test_a_client_of_http_1_0_needs_no_host_and_is_answered_once(line: Open) -> None:
    one = line()
    one.send("GET /healthz HTTP/1.0", host=False)
    status, headers, _ = one.response()
    assert (status, headers["connection"]) == (200, "close")
    assert one.ends()


# Time -----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that waits for a second, instead of ten."""
    for name in ("HEAD", "FIRST", "WRITE"):
        monkeypatch.setattr(protocol, f"{name}_TIMEOUT_SECONDS", 1.0)
    monkeypatch.setattr(protocol, "PACE_SECONDS", 1.0)


def test_who_is_silent_is_cut_off(line: Open, impatient: None) -> None:
    assert line().ends()


def test_a_head_that_comes_in_drops_is_cut_off(line: Open, impatient: None) -> None:
    one = line()
    one.write(b"GET /healthz HTTP/1.1\r\n")
    with pytest.raises(OSError):  # noqa: PT011, PT012 (reset, or a broken pipe)
        while True:
            one.write(b"X-Abc: d\r\n")
            time.sleep(0.1)


@pytest.mark.parametrize("how", ["Content-Length: 100000", "Transfer-Encoding: chunked"])
def test_a_body_that_stops_is_answered_that_it_is_late(line: Open, impatient: None, how: str) -> None:
    one = line()
    one.send("POST /login HTTP/1.1", how)
    assert one.status() == 408
    one.close()


def test_a_body_at_a_minimum_pace_is_taken(line: Open, impatient: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "PACE_BYTES", 100)
    one = line()
    one.send("POST /login HTTP/1.1", "Content-Length: 3000", "Content-Type: application/json")
    for _ in range(30):
        one.write(b" " * 100)
        time.sleep(0.1)
    assert one.status() == 400


def test_a_client_that_does_not_read_its_response_is_cut_off(
    line: Open, impatient: None, person: Any, quiet_log: None
) -> None:
    ann: Person = person("ann")
    stored = ann.upload(bytes(9 * 1024 * 1024), "large", "files")
    one = line()
    one.send(f"GET {stored['mediaUrl']} HTTP/1.1", f"Authorization: Bearer {ann.token}")
    give_up = time.monotonic() + 60
    while one.is_held():
        assert time.monotonic() < give_up, "the server holds the connection"
        time.sleep(0.05)


# How much one address holds -------------------------------------------------------------------------------------------

#: This machine too, but an address that has limits.
ELSEWHERE, ELSEWHERE_TOO = "127.0.0.2", "127.0.0.3"
UPGRADE = (
    "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
)  # fmt: skip


def well(one: Line, *more: str) -> bool:
    one.send("GET /healthz HTTP/1.1", *more)
    return one.status() == 200


def test_an_address_that_holds_too_many_connections_loses_those_that_it_used_least(line: Open, settings: Any) -> None:
    settings.CONNECTIONS_PER_ADDRESS = 8
    others, mine = line(source=ELSEWHERE_TOO), [line(source=ELSEWHERE) for _ in range(8)]
    assert well(others) and all(well(one) for one in mine)
    more = [line(source=ELSEWHERE) for _ in range(4)]
    assert all(well(one) for one in more)
    assert all(one.ends() for one in mine[:4])
    assert all(well(one) for one in (*mine[4:], others))


def test_an_address_with_too_many_unfinished_requests_loses_the_oldest(line: Open, settings: Any) -> None:
    settings.CONNECTIONS_PER_ADDRESS = 16
    mine = [line(source=ELSEWHERE) for _ in range(8)]
    for number, one in enumerate(mine):
        assert well(one)
        one.send("POST /login HTTP/1.1", "Content-Length: 2", "Content-Type: application/json")
        assert well(line(source=ELSEWHERE_TOO)), f"after {number}"
    assert all(one.ends() for one in mine[:4])
    for one in mine[4:]:
        one.write(b"{}")
        assert one.status() == 400


def test_a_whole_request_of_a_full_address_is_refused_only_while_all_others_are_answered(
    line: Open, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.CONNECTIONS_PER_ADDRESS = 2
    entered, goes_on = threading.Semaphore(0), threading.Event()

    def wait() -> None:
        entered.release()
        assert goes_on.wait(60)

    monkeypatch.setattr(health, "_ask_redis", wait)
    busy = [line(source=ELSEWHERE) for _ in range(2)]
    for one in busy:
        one.send("GET /healthz HTTP/1.1")
        assert entered.acquire(timeout=60)
    status, headers, _ = line(source=ELSEWHERE).response()
    assert (status, headers["retry-after"]) == (503, "5")
    goes_on.set()
    assert all(one.status() == 200 for one in busy)
    assert well(line(source=ELSEWHERE))


def test_a_proxy_holds_the_connections_of_everybody_and_each_client_its_own(
    line: Open, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.TRUSTED_PROXIES = [ELSEWHERE]
    settings.CONNECTIONS_PER_ADDRESS = 2
    entered, goes_on = threading.Semaphore(0), threading.Event()

    def wait() -> None:
        entered.release()
        assert goes_on.wait(60)

    with monkeypatch.context() as patched:
        patched.setattr(health, "_ask_redis", wait)
        busy = [line(source=ELSEWHERE) for _ in range(2)]
        for one in busy:
            one.send("GET /healthz HTTP/1.1", "X-Forwarded-For: 203.0.113.1, 198.51.100.7")
            assert entered.acquire(timeout=60)
    idle = [line(source=ELSEWHERE) for _ in range(10)]
    assert all(well(one, "X-Forwarded-For: 198.51.100.8") for one in idle)
    assert all(well(one) for one in idle), "a proxy that names nobody"
    idle[0].send("GET /healthz HTTP/1.1", "X-Forwarded-For: 198.51.100.7")
    assert idle[0].status() == 503
    goes_on.set()
    assert all(one.status() == 200 for one in busy)
    assert well(idle[1], "X-Forwarded-For: 198.51.100.7")


def test_an_address_has_a_number_of_sockets_and_a_closed_one_makes_place(
    line: Open, settings: Any, person: Any
) -> None:
    settings.SOCKETS_PER_ADDRESS = 3
    token = f"Authorization: Bearer {person('ann').token}"

    def opened(source: str, *more: str) -> Line | None:
        one = line(source=source)
        one.send("GET /ws/chat/ HTTP/1.1", *UPGRADE, token, *more)
        status = one.status()
        assert status in (101, 503)
        return one if status == 101 else None

    mine = [opened(ELSEWHERE) for _ in range(3)]
    assert all(mine) and opened(ELSEWHERE) is None
    assert opened(ELSEWHERE_TOO) and opened("")
    assert mine[0] is not None
    mine[0].close()
    give_up = time.monotonic() + 30
    while opened(ELSEWHERE) is None:
        assert time.monotonic() < give_up, "the socket that was closed is still counted"

    settings.TRUSTED_PROXIES = [ELSEWHERE_TOO]
    forwarded = [opened(ELSEWHERE_TOO, "X-Forwarded-For: 198.51.100.7") for _ in range(3)]
    assert all(forwarded) and opened(ELSEWHERE_TOO, "X-Forwarded-For: 198.51.100.7") is None
    assert opened(ELSEWHERE_TOO, "X-Forwarded-For: 198.51.100.8")
