"""The WebSocket protocol itself, byte by byte: what the RFC allows is understood, and what
it forbids ends the socket.
"""

import base64
import json
import os
import socket
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
LAST = 0x80


class Wire:
    """A connection that a test reads and writes as bytes."""

    def __init__(self, server: str, token: str = "", path: str = "/ws/chat/", **headers: str) -> None:
        at = urlsplit(server)
        self._socket = socket.create_connection((at.hostname, at.port), timeout=60)
        self._read = self._socket.makefile("rb")
        given = {
            "Host": at.netloc, "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": base64.b64encode(bytes(16)).decode(), "Authorization": f"Bearer {token}",
        } | {name.replace("_", "-"): value for name, value in headers.items()}  # fmt: skip
        lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in given.items() if value)]
        self._request = "\r\n".join([*lines, "", ""]).encode()

    def begin(self) -> list[str]:
        """Do the handshake and return the head of the response."""
        self._socket.sendall(self._request)
        head = []
        while line := self._read.readline().decode().strip():
            head.append(line)
        return head

    def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self._socket.sendall(piece)

    def next(self, *kinds: int) -> tuple[int, bytes]:
        """The next frame of these kinds, or of any kind."""
        while True:
            head = self._read.read(2)
            assert len(head) == 2, "the connection has ended"
            size = head[1]
            if size >= 126:
                size = int.from_bytes(self._read.read(2 if size == 126 else 8))
            payload = self._read.read(size)
            if not kinds or head[0] & 15 in kinds:
                return head[0] & 15, payload

    def answer(self, ack: int) -> dict[str, Any]:
        """The data of the next ack or error."""
        while True:
            frame = json.loads(self.next(TEXT)[1])
            if frame.get("ack") == ack:
                return dict(frame)

    def closed(self) -> int:
        """The close code, once the connection has ended."""
        payload = self.next(CLOSE)[1]
        assert self._read.read() == b""
        return int.from_bytes(payload[:2])

    def close(self) -> None:
        self._read.close()
        self._socket.close()


def masked(first: int, payload: bytes) -> bytes:
    mask, size = os.urandom(4), len(payload)
    if size < 126:
        head = bytes((first, LAST | size))
    elif size < 65536:
        head = bytes((first, LAST | 126)) + size.to_bytes(2)
    else:
        head = bytes((first, LAST | 127)) + size.to_bytes(8)
    return head + mask + bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))


def beat(ack: int, padding: int = 0) -> bytes:
    return json.dumps({"event": "SocketHeartBeat", "data": {"padding": "ü" * padding}, "ack": ack}).encode()


@pytest.fixture
def wire(server: str, person: Any) -> Iterator[Callable[..., Wire]]:
    """`wire()` opens the connection of a signed-in person, before its handshake."""
    opened: list[Wire] = []

    def new(**more: str) -> Wire:
        opened.append(Wire(server, person("ann").token, **more))
        return opened[-1]

    yield new
    for one in opened:
        one.close()


@pytest.fixture
def anns(wire: Callable[..., Wire]) -> Wire:
    anns = wire()
    assert anns.begin()[0].startswith("HTTP/1.1 101")
    return anns


@pytest.mark.parametrize("padding", [0, 100, 1000, 10_000])
def test_a_message_may_come_in_one_frame_in_many_and_byte_by_byte(anns: Wire, padding: int) -> None:
    anns.send(masked(LAST | TEXT, beat(1, padding)))
    assert anns.answer(1)["event"] == "ack"
    text = beat(2, padding)
    third = len(text) // 3
    anns.send(
        masked(TEXT, text[:third]),
        masked(LAST | PING, b"between"),
        masked(0, text[third : 2 * third]),
        masked(0, b""),
        masked(LAST, text[2 * third :]),
    )
    assert anns.next(PONG) == (PONG, b"between")
    assert anns.answer(2)["event"] == "ack"
    whole = masked(LAST | TEXT, beat(3, padding)) + masked(LAST | TEXT, beat(4))
    if padding < 1000:
        anns.send(*(whole[place : place + 1] for place in range(len(whole))))
    else:
        anns.send(whole[:7], whole[7:1009], whole[1009:])
    assert anns.answer(3)["event"] == anns.answer(4)["event"] == "ack"


#: Bytes from a client that end the connection, and the close code.
ENDINGS: dict[str, tuple[int, bytes]] = {
    "not masked": (1002, bytes((LAST | TEXT, 2)) + b"hi"),
    "compressed, which nobody agreed on": (1002, masked(LAST | 0x40 | TEXT, beat(1))),
    "an unknown kind of frame": (1002, masked(LAST | 3, b"")),
    "an unknown kind of control frame": (1002, masked(LAST | 11, b"")),
    "goes on with nothing": (1002, masked(LAST, b"goes on with nothing")),
    "another message within": (1002, masked(TEXT, b"one") + masked(LAST | TEXT, b"another within")),
    "a part of a ping": (1002, masked(PING, b"a part of a question")),
    "a long ping": (1002, masked(LAST | PING, bytes(126))),
    "half a code": (1002, masked(LAST | CLOSE, b"x")),
    "a code that is not sent": (1002, masked(LAST | CLOSE, (1005).to_bytes(2))),
    "a text that is none": (1007, masked(LAST | TEXT, b"\xff\xfe")),
    "a reason that is no text": (1007, masked(LAST | CLOSE, (1000).to_bytes(2) + b"\xff")),
    "a large frame": (1009, masked(LAST | BINARY, bytes(1024 * 1024 + 1))[:100]),
    "a large message": (1009, masked(BINARY, bytes(1024 * 1024)) + masked(LAST, b"x")),
    "goodbye": (1000, masked(LAST | CLOSE, (1000).to_bytes(2) + b"bye")),
    "goodbye with a code of its own": (4999, masked(LAST | CLOSE, (4999).to_bytes(2))),
    "goodbye without a code": (0, masked(LAST | CLOSE, b"")),
}


@pytest.mark.parametrize("kind", ENDINGS)
def test_a_broken_frame_and_a_goodbye_end_the_socket_with_their_code(anns: Wire, kind: str) -> None:
    code, frames = ENDINGS[kind]
    anns.send(frames)
    assert anns.closed() == code


def test_what_is_not_a_handshake_is_refused_as_http(wire: Callable[..., Wire]) -> None:
    assert wire(Sec_WebSocket_Version="12").begin()[0] == "HTTP/1.1 426 Upgrade Required"
    assert wire(Sec_WebSocket_Key="short").begin()[0] == "HTTP/1.1 400 Bad Request"
    assert wire(Sec_WebSocket_Key="").begin()[0] == "HTTP/1.1 400 Bad Request"
    assert wire(path="/ws/other/").begin()[0] == "HTTP/1.1 403 Forbidden"


def test_the_answer_proves_that_the_question_was_read(wire: Callable[..., Wire]) -> None:
    assert "sec-websocket-accept: ICX+Yqv66kxgM0FcWaLWlFLwTAI=" in wire().begin()


def test_frames_that_come_with_the_handshake_are_taken(wire: Callable[..., Wire]) -> None:
    anns = wire()
    early = masked(LAST | TEXT, beat(1)) + masked(LAST | PING, b"early") + masked(LAST | TEXT, beat(2))
    anns.send(anns._request + early[:-5])
    assert anns._read.readline().startswith(b"HTTP/1.1 101")
    while anns._read.readline().strip():
        pass
    assert anns.answer(1)["event"] == "ack"
    anns.send(early[-5:])
    assert anns.answer(2)["event"] == "ack"
    anns.send(masked(LAST | TEXT, beat(3)))
    assert anns.answer(3)["event"] == "ack"


def test_early_frames_of_a_handshake_that_is_refused_are_not_taken(wire: Callable[..., Wire]) -> None:
    for refused in (wire(path="/ws/other/"), wire(Sec_WebSocket_Key="short")):
        refused.send(refused._request + masked(LAST | TEXT, beat(1)))
        assert refused._read.readline().startswith(b"HTTP/1.1 40")
    broken = wire()
    broken.send(broken._request + b"\x00" * 10)
    assert broken._read.readline().startswith(b"HTTP/1.1 101")
    while broken._read.readline().strip():
        pass
    assert broken.closed() == 1002
