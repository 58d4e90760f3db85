"""HTTP itself, byte by byte: how requests end, how long they may take, and what is no request."""

import json
import logging
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from chatproject.core.http import probes
from chatproject.core.logs import WARNINGS_MAX, Fewer, OneLine
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

    def at_once(self) -> bytes:
        """What comes in the next packet."""
        return self._socket.recv(1 << 16)

    def response(self, *, is_whole: bool = False) -> tuple[int, dict[str, str], bytes]:
        """The next response: status, headers, body. `is_whole`: with its head, whatever that says of a body."""
        first = self._read.readline()
        assert first, "the connection has ended"
        headers = {}
        while line := self._read.readline().decode().strip():
            name, _, value = line.partition(": ")
            headers[name.lower()] = value
        body = b""
        if is_whole:
            pass
        elif headers.get("transfer-encoding") == "chunked":
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


def test_the_head_of_a_response_comes_with_its_body_and_alone_where_there_is_none(line: Open, person: Any) -> None:
    ann = person("ann")
    one = line()
    me = f"Authorization: Bearer {ann.token}"
    one.send("HEAD /me HTTP/1.1", me)
    status, headers, _ = one.response(is_whole=True)
    assert status == 200 and int(headers["content-length"]) > 0
    one.send("POST /login HTTP/1.1", "Content-Length: 2", "Expect: 100-continue")
    assert one.response(is_whole=True)[0] == 100  # before the body is sent
    one.write(b"{}")
    assert one.status() == 400
    one.send("GET /me HTTP/1.1", me)
    assert ann.id.encode() in one.at_once().partition(b"\r\n\r\n")[2]


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
    "another's address": (400, "GET http://example.org/healthz HTTP/1.1\r\nHost: {host}\r\n\r\n"),
    "an address without a host": (400, "GET http:/healthz HTTP/1.1\r\nHost: {host}\r\n\r\n"),
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


def test_a_request_may_name_the_whole_address(line: Open) -> None:
    one = line()
    one.send(f"GET http://{one.host.upper()}/healthz HTTP/1.1")
    assert one.status() == 200


def test_a_client_of_http_1_0_needs_no_host_and_is_answered_once(line: Open) -> None:
    one = line()
    one.send("GET /healthz HTTP/1.0", host=False)
    status, headers, _ = one.response()
    assert (status, headers["connection"]) == (200, "close")
    assert one.ends()


# Time -----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def large(person: Any) -> tuple[Person, str]:
    """Somebody, and the address of a large file of theirs: uploaded while the server has patience."""
    ann: Person = person("ann")
    return ann, ann.upload(bytes(9 * 1024 * 1024), "large", "files")["mediaUrl"]


@pytest.fixture
def impatient(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
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
    status, headers, said = one.response()
    assert (status, headers["content-type"]) == (408, "application/problem+json")
    assert json.loads(said)["code"] == "too_slow"
    one.close()


def test_a_body_at_a_minimum_pace_is_taken(line: Open, impatient: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "PACE_BYTES", 100)
    monkeypatch.setattr(protocol, "PACE_SECONDS", 2.0)
    one = line()
    one.send("POST /login HTTP/1.1", "Content-Length: 5000", "Content-Type: application/json")
    for _ in range(50):
        one.write(b" " * 100)
        time.sleep(0.1)
    assert one.status() == 400


def test_a_client_that_does_not_read_its_response_is_cut_off(
    line: Open, large: tuple[Person, str], impatient: None, quiet_log: None
) -> None:
    ann, address = large
    one = line()
    one.send(f"GET {address} HTTP/1.1", f"Authorization: Bearer {ann.token}")
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

    monkeypatch.setattr(probes, "_ask_redis", wait)
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
        patched.setattr(probes, "_ask_redis", wait)
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


# What a request says --------------------------------------------------------------------------------------------------


def test_trailers_of_a_body_are_no_headers(line: Open, person: Any) -> None:
    ann: Person = person("ann")
    one = line()
    chunks = b"Transfer-Encoding: chunked"
    for trailer in (f"Authorization: Bearer {ann.token}", f"Cookie: sessionid={ann.token}"):
        one.send("POST /private/send HTTP/1.1", chunks, body=f"2\r\n{{}}\r\n0\r\n{trailer}\r\n\r\n".encode())
        assert one.status() == 401
    token = f"Authorization: Bearer {ann.token}"
    one.send("POST /me HTTP/1.1", chunks, token, body=b"0\r\nAuthorization: Bearer wrong\r\n\r\n")
    assert one.status() == 405, "the header counts, and not the trailer"


def test_trailers_pass_no_limit_of_an_address(line: Open, person: Any, settings: Any) -> None:
    settings.TRUSTED_PROXIES = ["127.0.0.1"]
    settings.RATE_SIGNIN_FAILURES = "3/1h"
    body = json.dumps({"name": person("ann").name, "password": "wrong"}).encode()
    one, statuses = line(), []
    for number in range(6):
        trailer = f"X-Forwarded-For: 203.0.113.{number}".encode()
        chunk = b"%x\r\n%b\r\n0\r\n%b\r\n\r\n" % (len(body), body, trailer)
        one.send(
            "POST /login HTTP/1.1", "Transfer-Encoding: chunked", "Content-Type: application/json",
            "X-Forwarded-For: 198.51.100.1", body=chunk,
        )  # fmt: skip
        statuses.append(one.status())
    assert statuses[-1] == 429


def test_a_body_in_chunks_is_read_like_any_other(line: Open, person: Any, group: Any) -> None:
    ann, bob = person("ann"), person("bob")
    one = line()
    given = (f"Authorization: Bearer {ann.token}", "Transfer-Encoding: chunked", "Content-Type: application/json")
    for path, body, status in (
        ("/private/send", {"receiverId": bob.id, "content": "hello", "type": "text"}, 201),
        ("/private/send?short=no", {"receiverId": bob.id, "content": "hello again", "type": "text"}, 201),
        ("/group/create", {"name": "in chunks", "memberIds": [bob.id]}, 201),
        ("/private/send", {"content": "to nobody"}, 400),
    ):
        data = json.dumps(body).encode()
        chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (data[:5], data[5:]))
        one.send(f"POST {path} HTTP/1.1", *given, body=chunks + b"0\r\n\r\n")
        answer, _, said = one.response()
        assert answer == status, said
    assert bob.get("/private/messages", senderId=ann.id, receiverId=bob.id)[-1]["content"] == "hello again"


RANGES: dict[str, tuple[int, ...]] = {
    "bytes=0-" + "9" * 5000: (206,),
    "bytes=" + "9" * 5000 + "-": (416,),
    "bytes=-" + "9" * 5000: (206,),
    "bytes=" + "0" * 5000 + "-" + "0" * 5000: (206,),
    "bytes=-0": (416,),
    "bytes=5-2": (200,),
    "bytes=1000-": (416,),
    "bytes=-": (200,),
    "bytes=": (200,),
    "bytes=--5": (200,),
    "bytes=+1-2": (200,),
    "bytes=1_0-2_0": (200,),
    "bytes=0x0-0x1": (200,),
    "bytes=\xb2-\xb3": (200,),
    "bytes=0-1,2-3": (200,),
    "bytes=" + ",".join(["0-1"] * 5000): (200,),
    "lines=0-1": (200,),
    "B" * 5000: (200,),
}


@pytest.mark.parametrize("asked", RANGES, ids=range(len(RANGES)))
def test_a_hostile_range_is_refused_or_answered_with_the_whole_file(
    line: Open, person: Any, asked: str, quiet_log: None
) -> None:
    ann: Person = person("ann")
    stored = ann.upload(b"0123456789", "digits", "files")
    one = line()
    header = f"Range: {asked}".encode("latin-1")
    one.send(f"GET {stored['mediaUrl']} HTTP/1.1", f"Authorization: Bearer {ann.token}", header)
    status, headers, body = one.response()
    assert status in RANGES[asked]
    if status == 416:
        assert headers["content-range"] == "bytes */10"
    elif status == 200:
        assert body == b"0123456789"
    one.send("GET /static/css/base.css HTTP/1.1", header)
    assert one.status() in (200, 206, 404, 416)


@pytest.mark.parametrize(
    "host", ["", "evil.example", "evil.example:{port}", "127.0.0.1:{port}, evil.example", "{twice}"]
)
def test_a_socket_without_our_host_is_refused(line: Open, person: Any, host: str) -> None:
    one = line()
    token = f"Authorization: Bearer {person('ann').token}"
    hosts = [f"Host: {one.host}", "Host: evil.example"] if host == "{twice}" else [f"Host: {host}"] if host else []
    port = one.host.rpartition(":")[2]
    given = [given.format(port=port) for given in hosts]
    one.send("GET /ws/chat/ HTTP/1.1", *given, *UPGRADE, token, host=False)
    assert one.status() in (400, 403)
    older = line()
    older.send("GET /ws/chat/ HTTP/1.0", *given, *UPGRADE, token, host=False)
    assert older.status() != 101


# The documents --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/api/schema/", "/api/schema/?format=json", "/api/socket/"])
def test_a_document_is_made_once(line: Open, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    one = line()
    one.send(f"GET {path} HTTP/1.1")
    status, headers, body = one.response()
    assert status == 200 and len(body) > 10_000

    def never(*_: object, **__: object) -> None:
        raise AssertionError("it is made again")

    for made in ("drf_spectacular.generators.SchemaGenerator.get_schema", "messaging.asyncapi.document"):
        monkeypatch.setattr(made, never)
    one.send(f"GET {path} HTTP/1.1", "Accept-Language: tlh, x-none", "X-Other: 1")
    assert one.response()[2] == body
    assert headers["content-type"].startswith(("application/vnd.oai.openapi", "application/json"))


def test_a_documents_language_is_one_of_ours(line: Open) -> None:
    one, seen = line(), set()
    for language in ("en", "zh-hans", "zh-cn", "tlh", "../../etc", "x" * 1000, "%00", "en-GB"):
        one.send(f"GET /api/schema/?lang={language} HTTP/1.1")
        status, _, body = one.response()
        assert status == 200
        seen.add(body)
    assert len(seen) <= 2


# The log --------------------------------------------------------------------------------------------------------------


def logged(record: logging.LogRecord) -> list[str]:
    return OneLine("%(levelname)s %(name)s: %(message)s").format(record).split("\n")


def test_a_line_of_the_log_is_bounded_whatever_is_in_it() -> None:
    for text in ("a" * 100_000, "\n" * 100_000, "\U0001f600\x00" * 50_000, "\u2028" * 3000):
        record = logging.LogRecord("django", logging.WARNING, "", 0, "Invalid HTTP_HOST header: %r", (text,), None)
        (said,) = logged(record)
        assert len(said) < 2100 and "Invalid HTTP_HOST" in said


def test_a_traceback_is_bounded_and_adds_no_line_that_looks_like_another() -> None:
    def deeper(levels: int) -> None:
        if levels:
            deeper(levels - 1)
        raise ValueError(
            "2026-01-01 INFO root: forged\n2026-01-01 INFO root: forged\r" + "x" * 100_000 + "\nlast\n" * 300
        )

    try:
        deeper(200)
    except ValueError:
        record = logging.LogRecord("django", logging.ERROR, "", 0, "it failed", (), sys.exc_info())
    first, *others = logged(record)
    assert first == "ERROR django: it failed"
    assert len(others) < 150 and max(map(len, others)) < 2100
    assert all(line.startswith("  ") for line in others)
    assert "Traceback" in others[0]


def test_a_client_cannot_fill_the_log_with_warnings() -> None:
    fewer = Fewer()

    def passes(level: int, name: str) -> bool:
        return fewer.filter(logging.LogRecord(name, level, "", 0, "a line", (), None))

    assert sum(passes(logging.WARNING, "django.security") for _ in range(10_000)) == WARNINGS_MAX
    assert passes(logging.WARNING, "another") and passes(logging.ERROR, "django.security")
