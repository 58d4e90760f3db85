"""The WebSocket protocol itself, byte by byte: what the RFC allows is understood, and what
it forbids ends the socket.
"""

import base64
import json
import os
import socket
import zlib
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from chatproject.core.server import serve
from chatproject.core.websocket import protocol

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
LAST, COMPRESSED = 0x80, 0x40
#: What ends each compressed message, and is not sent.
TAIL = b"\x00\x00\xff\xff"
DEFLATE = "permessage-deflate"


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
        #: Texts that came compressed, and bytes of all payloads.
        self.compressed, self.read = list[str](), 0

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
            self.read += size
            if head[0] & COMPRESSED:
                payload = unpacked(payload)
                self.compressed.append(payload.decode())
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


def packed(text: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return (compressor.compress(text) + compressor.flush(zlib.Z_SYNC_FLUSH)).removesuffix(TAIL)


def unpacked(payload: bytes) -> bytes:
    """One message by itself: whatever came before is not needed to read it."""
    return zlib.decompressobj(-zlib.MAX_WBITS).decompress(payload + TAIL)


def masked(first: int, payload: bytes) -> bytes:
    mask, size = os.urandom(4), len(payload)
    if size < 126:
        head = bytes((first, LAST | size))
    elif size < 65536:
        head = bytes((first, LAST | 126)) + size.to_bytes(2)
    else:
        head = bytes((first, LAST | 127)) + size.to_bytes(8)
    stretched = (mask * (size // 4 + 1))[:size]
    return head + mask + (int.from_bytes(payload) ^ int.from_bytes(stretched)).to_bytes(size)


def beat(ack: int, padding: int = 0) -> bytes:
    return json.dumps({"event": "SocketHeartBeat", "data": {"padding": "ü" * padding}, "ack": ack}).encode()


@pytest.fixture
def wire(server: str, person: Any) -> Iterator[Callable[..., Wire]]:
    """`wire()` opens the connection of a signed-in person, before its handshake; `token`: of this one."""
    opened: list[Wire] = []

    def new(token: str = "", **more: str) -> Wire:
        opened.append(Wire(server, token or person("ann").token, **more))
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
    "compressed, which nobody agreed on": (1002, masked(LAST | COMPRESSED | TEXT, packed(beat(1)))),
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


# Compression ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("offered", "agreed"),
    [
        (DEFLATE, True),
        (f"{DEFLATE}; client_max_window_bits", True),
        (f"{DEFLATE}; server_no_context_takeover; client_no_context_takeover", True),
        (f"x-webkit-deflate-frame, {DEFLATE}; server_max_window_bits=10, {DEFLATE}", True),
        (f"{DEFLATE}; server_max_window_bits=10", False),  # one frame is for all
        (f"{DEFLATE}; server_max_window_bits=99", False),
        (f"{DEFLATE}; unknown", False),
        (f"{DEFLATE}; ", False),
        (";,=", False),
        ("x" * 1000, False),
    ],
)
def test_compression_is_agreed_on_where_it_is_offered_as_we_have_it(
    wire: Callable[..., Wire], offered: str, agreed: bool
) -> None:
    anns = wire(Sec_WebSocket_Extensions=offered)
    head = anns.begin()
    (answer,) = [line for line in head if line.startswith("sec-websocket-extensions:")] or [""]
    assert head[0].startswith("HTTP/1.1 101") and (DEFLATE in answer) == agreed
    if agreed:
        assert {"server_no_context_takeover", "client_no_context_takeover"} <= {*answer.replace(";", " ").split()}
        anns.send(masked(LAST | COMPRESSED | TEXT, packed(beat(1, 1000))))
        assert anns.answer(1)["event"] == "ack"
    anns.send(masked(LAST | TEXT, beat(2)))
    assert anns.answer(2)["event"] == "ack"


@pytest.fixture
def compressing(wire: Callable[..., Wire]) -> Wire:
    anns = wire(Sec_WebSocket_Extensions=DEFLATE)
    anns.begin()
    return anns


def test_a_compressed_message_may_come_in_parts_and_beside_plain_ones(compressing: Wire) -> None:
    text = packed(beat(1, 5000))
    third = len(text) // 3
    compressing.send(
        masked(COMPRESSED | TEXT, text[:third]),
        masked(LAST | PING, b"between"),
        masked(0, text[third : 2 * third]),
        masked(LAST, text[2 * third :]),
        masked(LAST | TEXT, beat(2)),
        masked(LAST | COMPRESSED | TEXT, packed(beat(3))),
    )
    assert compressing.next(PONG) == (PONG, b"between")
    assert [compressing.answer(ack)["event"] for ack in (1, 2, 3)] == ["ack"] * 3


#: What ends a connection that compresses, and the close code.
PACKED_ENDINGS: dict[str, tuple[int, bytes]] = {
    "no compressed data": (1002, masked(LAST | COMPRESSED | TEXT, b"\xff\xff\xff")),
    "a compressed ping": (1002, masked(LAST | COMPRESSED | PING, b"")),
    "the mark at a later part": (1002, masked(TEXT, b"a") + masked(LAST | COMPRESSED, b"b")),
    "another extension": (1002, masked(LAST | COMPRESSED | 0x20 | TEXT, packed(b"a"))),
    "no text within": (1007, masked(LAST | COMPRESSED | TEXT, packed(b"\xff\xfe"))),
    "a hundred megabytes in a hundred kilobytes": (1009, masked(LAST | COMPRESSED | TEXT, packed(bytes(10**8)))),
    "in parts": (1009, masked(COMPRESSED | TEXT, packed(bytes(10**7))[:5000]) + masked(LAST, packed(bytes(10**7))[5000:])),
}  # fmt: skip


@pytest.mark.parametrize("kind", PACKED_ENDINGS)
def test_what_is_compressed_wrongly_or_unpacks_to_too_much_ends_the_socket(compressing: Wire, kind: str) -> None:
    code, frames = PACKED_ENDINGS[kind]
    compressing.send(frames)
    assert compressing.closed() == code


def test_a_text_that_is_too_long_for_the_chat_is_refused_by_its_number_also_when_compressed(compressing: Wire) -> None:
    compressing.send(masked(LAST | COMPRESSED | TEXT, packed(beat(1, 15_000))))
    answer = compressing.answer(1)
    assert (answer["event"], answer["data"]["code"]) == ("error", "too_large")


def test_events_and_answers_of_any_length_come_compressed_whole_and_in_order(
    wire: Callable[..., Wire], person: Any
) -> None:
    ann, bob = person("ann"), person("bob")
    # Three pages of 200 kB: what waits for a socket that does not read may be one megabyte.
    said = [
        ann.post("/private/send", {"receiverId": bob.id, "content": f"{one} " + "早上好 " * 300}, status=201)["content"]
        for one in range(60)
    ]
    readers = [wire(token=bob.token), wire(token=bob.token, Sec_WebSocket_Extensions=DEFLATE)]
    answers = []
    for reader in readers:
        reader.begin()
        history = {"event": "GetMessageHistory", "data": {"chatId": ann.id, "isGroup": False, "limit": 60}}
        reader.send(*(masked(LAST | TEXT, json.dumps({**history, "ack": ack}).encode()) for ack in (1, 2, 3)))
        reader.send(masked(LAST | TEXT, beat(4)))
        answers.append([reader.answer(ack)["data"] for ack in (1, 2, 3)])
        assert reader.answer(4)["event"] == "ack"
    plain, small = readers
    assert answers[0] == answers[1]
    assert [one["content"] for one in answers[1][0]["messages"]] == said
    assert not plain.compressed and small.compressed and 20 * small.read < plain.read
    ann.post("/private/send", {"receiverId": bob.id, "content": "晚安 " * 300}, status=201)
    ann.post("/private/send", {"receiverId": bob.id, "content": "short"}, status=201)
    for reader in readers:
        contents: list[str] = []
        while len(contents) < 2:  # between unread counts, whose number depends on the moment
            frame = json.loads(reader.next(TEXT)[1])
            contents += [frame["data"]["content"]] if frame["event"] == "OnPrivate" else []
        assert contents == ["晚安 " * 300, "short"] or contents == [("晚安 " * 300).strip(), "short"]


def test_what_floods_is_counted_as_it_unpacks(compressing: Wire) -> None:
    frame = masked(LAST | COMPRESSED | TEXT, packed(beat(1, 10_000)))
    assert len(frame) < 1000
    for _ in range(400):
        try:
            compressing.send(frame)
        except OSError:
            break
    assert int.from_bytes(compressing.next(CLOSE)[1][:2]) == 4429


def test_who_leaves_while_others_are_pinged_stops_no_ping(
    server: str, person: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serve, "SLICE", 1)  # each is looked after by itself, over a second
    monkeypatch.setattr(protocol, "PING_EVERY_SECONDS", 1)
    ann = person("ann")
    stays, *leave = wires = [Wire(server, ann.token) for _ in range(40)]
    for wire in wires:
        assert "101" in wire.begin()[0]
    for wire in wires:
        wire.next(PING)
        wire.send(masked(LAST | PONG, b""))
    for wire in leave:
        wire.close()
    for _ in range(3):
        stays.next(PING)
        stays.send(masked(LAST | PONG, b""))
    stays.close()
