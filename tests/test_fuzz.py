"""Random input, made by Hypothesis: frames to a socket, bytes to the parsers, broken files to the converters.

An ordinary run tries a little of it; `scripts/test --fuzz` much more (FUZZ=1).
"""

import itertools
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from chatproject.core.http.framing import Chunked, Head, Malformed, Sized, TooLong
from chatproject.core.server.protocol import Limited
from chatproject.core.websocket.protocol import Connection
from messaging.consumers import FRAME_MAX, ChatConsumer
from messaging.media.kinds import KINDS, Media, Unusable
from tests import hostile
from tests.test_media_files import process
from tests.videos import video

MUCH = bool(os.environ.get("FUZZ"))
#: Frames to a socket, so many before each question whether it is still there.
FRAMES, EACH = (100_000 if MUCH else 2000), 25
#: Seconds for them, for each parser, and for each kind of media.
FRAMES_SECONDS, PARSER_SECONDS, MEDIA_SECONDS = (1800.0, 120.0, 120.0) if MUCH else (10.0, 3.0, 3.0)

_QUIET = settings(
    deadline=None, database=None, print_blob=True, suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
)  # fmt: skip
#: Examples of one round; another one follows while there is time.
_BOUNDED = settings(_QUIET, max_examples=50)


class Until:
    """A time after which no more examples are tried."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def __bool__(self) -> bool:
        return time.monotonic() < self._end


def rounds(every: Callable[[], None], until: Until) -> None:
    """Try as many rounds of examples as there is time for, at least one.

    Hypothesis itself knows no end but a number: it would go on to make examples that nobody tries.
    """
    every()
    while until:
        every()


# Frames to a socket ---------------------------------------------------------------------------------------------------

NAMES = (
    "toUid", "msg", "groupId", "content", "type", "clientId", "chatId", "isGroup", "messageId", "cursors", "ids", "_id",
    "senderId", "upTo", "before", "after", "limit", "locationData", "mentions", "replyTo", "mediaUrl", "isTyping",
)  # fmt: skip


def values(known: list[str]) -> st.SearchStrategy[Any]:
    scalars = st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=40), st.sampled_from(known)
    )
    return st.recursive(
        scalars,
        lambda inner: st.one_of(
            st.lists(inner, max_size=5),
            st.dictionaries(st.one_of(st.sampled_from(NAMES), st.text(max_size=10)), inner, max_size=6),
        ),
        max_leaves=20,
    )


def frames(known: list[str]) -> st.SearchStrategy[str | bytes]:
    some = values(known)
    #: What a person could ask for; leaving or joining a group is asked for too.
    events = st.one_of(st.sampled_from(sorted(ChatConsumer.handlers)), st.text(max_size=20))
    asked = st.fixed_dictionaries(
        {"event": events},
        optional={"data": st.one_of(some, st.dictionaries(st.sampled_from(NAMES), some)), "ack": some},
    )
    written = st.one_of(asked, some).map(lambda one: json.dumps(one, ensure_ascii=True))
    cut = st.tuples(written, st.integers(0, 60), st.text(max_size=3)).map(lambda it: it[0][: it[1]] + it[2])
    odd = ["[" * 5000, '{"a":' * 5000, "9" * 5000, "-0e99999", '"\\ud800"', "NaN", "", "{}", "[]", "\x00", "\ufeff{}"]
    text = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
    return st.one_of(written, written, cut, text, st.sampled_from(odd), st.binary(max_size=200))


@pytest.mark.timeout(3600 if MUCH else 300)
def test_no_frame_closes_a_socket_or_is_answered_with_a_traceback(person: Any, group: Any, quiet_log: None) -> None:
    ann, bob = person("ann"), person("bob")
    room = group(ann, bob)
    anns, bobs = ann.connect(), bob.connect()
    said = anns.call("EmitGroupMsg", {"groupId": room["id"], "content": "hello", "type": "text"})
    known = [ann.id, bob.id, room["id"], said["id"], "text", "location", "image", "2026-01-01T00:00:00Z"]

    until = Until(FRAMES_SECONDS)
    anns.send_raw("x" * (FRAME_MAX + 1))

    sent = 0

    @settings(_QUIET, max_examples=8)
    @given(st.lists(frames(known), min_size=EACH, max_size=EACH))
    def every(batch: list[str | bytes]) -> None:
        nonlocal sent
        if not until or sent >= FRAMES:
            return
        for frame in batch:
            anns.send_raw(frame)
        sent += EACH
        assert anns.call("SocketHeartBeat")  # and refusals in a row would count as abuse
        anns.forget()

    while until and sent < FRAMES:
        every()
    print(f"{sent} frames")
    assert bobs.call("SocketHeartBeat")


# Bytes to the parsers -------------------------------------------------------------------------------------------------


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({cut % (len(data) + 1) for cut in cuts} | {0, len(data)})
    return [data[start:end] for start, end in itertools.pairwise(places)]


class Transport:
    """Takes what a connection writes, as uvloop's would."""

    def __init__(self) -> None:
        self.written, self.is_closing = b"", False

    def write(self, data: bytes) -> None:
        if not self.is_closing:
            self.written += data

    def close(self) -> None:
        self.is_closing = True

    abort = close

    def pause_reading(self) -> None:
        pass

    resume_reading = pause_reading


_LIMITED = Limited()


def parsed(parts: list[bytes]) -> tuple[list[Any], bytes, bool]:
    """What an open socket's application receives, what is written, and whether it is closed."""
    transport = Transport()
    given_: Any = (SimpleNamespace(loaded_app=None), _LIMITED, transport, None)
    connection = Connection(*given_)
    connection._is_open = connection._is_answered = True
    for part in parts:
        if not transport.is_closing:
            connection.data_received(part)
    if connection._timer is not None:
        connection._timer.cancel()
    return connection._inbox, transport.written, transport.is_closing


def frame_bytes() -> st.SearchStrategy[bytes]:
    def frame(first: int, is_masked: int, mask: bytes, payload: bytes, length: int | None) -> bytes:
        size = len(payload) if length is None else length
        head = bytes((first, is_masked << 7 | (size if size < 126 else 126 if size < 65536 else 127)))
        head += b"" if size < 126 else size.to_bytes(2) if size < 65536 else size.to_bytes(8)
        hidden = bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))
        return head + (mask + hidden if is_masked else payload)

    first = st.one_of(st.sampled_from([0x81, 0x82, 0x01, 0x00, 0x80, 0x88, 0x89, 0x8A]), st.integers(0, 255))
    payload = st.one_of(st.binary(max_size=140), st.text(max_size=100).map(lambda text: text.encode(errors="replace")))
    return st.builds(
        frame, first, st.sampled_from([1, 1, 1, 1, 0]), st.binary(min_size=4, max_size=4), payload,
        st.one_of(st.none(), st.none(), st.none(), st.integers(0, 2**63 - 1)),
    )  # fmt: skip


async def test_a_socket_understands_the_same_however_its_bytes_are_cut() -> None:
    until = Until(PARSER_SECONDS)

    @_BOUNDED
    @given(
        st.one_of(st.lists(frame_bytes(), max_size=8).map(b"".join), st.binary(max_size=300)),
        st.lists(st.integers(0, 2000), max_size=12),
    )
    def every(data: bytes, cuts: list[int]) -> None:
        if not until:
            return
        received, written, is_closed = parsed([data])
        assert (received, written, is_closed) == parsed(pieces(data, cuts))
        assert (received, written, is_closed) == parsed([data[place : place + 1] for place in range(len(data))])
        if is_closed:
            assert b"\x88" in written, "it was closed without a close frame"

    rounds(every, until)


Framing = Callable[[], Head | Sized | Chunked]


def split(framing: Head | Sized | Chunked, parts: list[bytes]) -> tuple[str, bytes, bytes]:
    """How a message ended, its own bytes, and those after it."""
    own, rest, is_whole = b"", b"", False
    try:
        for part in parts:
            if is_whole:
                rest += part
            else:
                one, rest, is_whole = framing.split(part)
                own += one
    except (Malformed, TooLong) as refused:
        return type(refused).__name__, b"", b""
    return "whole" if is_whole else "unfinished", own, rest


CHUNKS = st.lists(
    st.one_of(
        st.binary(min_size=1, max_size=80).map(lambda data: b"%x\r\n%b\r\n" % (len(data), data)),
        st.sampled_from(
            [b"0\r\n\r\n", b"0\r\nA: b\r\n\r\n", b"3;x=y\r\nabc\r\n", b"\r\n", b"\n", b"zz\r\n", b"-1\r\n"]
        ),
        st.binary(max_size=5),
    ),
    max_size=12,
).map(b"".join)
HEADS = st.lists(
    st.one_of(st.sampled_from([b"\r\n", b"\n", b"\r", b"\r\n\r\n", b"GET / HTTP/1.1\r\n"]), st.binary(max_size=30)),
    max_size=130,
).map(b"".join)


@pytest.mark.parametrize(
    ("framing", "data"), [(Head, HEADS), (Chunked, CHUNKS), (lambda: Sized(50), st.binary(max_size=120))],
    ids=["head", "chunks", "length"],
)  # fmt: skip
def test_a_message_ends_at_the_same_place_however_its_bytes_are_cut(
    framing: Framing, data: st.SearchStrategy[bytes]
) -> None:
    until = Until(PARSER_SECONDS)

    @_BOUNDED
    @given(data, st.lists(st.integers(0, 2000), max_size=12))
    def every(data: bytes, cuts: list[int]) -> None:
        if not until:
            return
        whole = split(framing(), [data])
        assert whole == split(framing(), pieces(data, cuts))
        assert whole == split(framing(), [data[place : place + 1] for place in range(len(data))])

    rounds(every, until)


# Broken files to the converters ---------------------------------------------------------------------------------------


def samples(folder: str) -> list[bytes]:
    if folder == "video":
        written = (
            ("mp4", "libx264", "aac"),
            ("webm", "libvpx", "libopus"),
            ("mov", "mjpeg", ""),
            ("matroska", "mpeg4", "flac"),
        )
        return [video(*one, pixels="yuvj420p" if "mjpeg" in one else "yuv420p") for one in written]
    made = hostile.RECORDINGS if folder == "audio" else hostile.IMAGES
    return [data for make in made.values() if len(data := make()) < 300_000][: 40 if MUCH else 6]


@pytest.mark.slow
@pytest.mark.timeout(3600 if MUCH else 300)
@pytest.mark.parametrize("folder", [one.folder for one in KINDS.values() if one.convert])
def test_a_broken_file_is_converted_or_refused(folder: str, tmp_path: Path, quiet_log: None) -> None:
    wholes, until = samples(folder), Until(MEDIA_SECONDS)
    source, target, thumbnail = (tmp_path / name for name in ("source", "target", "thumbnail"))

    @settings(_QUIET, max_examples=5)
    @given(
        st.sampled_from(wholes),
        st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.binary(max_size=8)), max_size=8),
        st.floats(0, 1),
    )
    def every(data: bytes, changes: list[tuple[float, bytes]], kept: float) -> None:
        if not until:
            return
        broken = bytearray(data[: max(1, int(len(data) * kept))] if kept > 0.3 else data)
        for place, change in changes:
            at = int(place * len(broken))
            broken[at : at + len(change)] = change
        source.write_bytes(bytes(broken) or b"x")
        try:
            made = process(folder, source, target, thumbnail, name="file")
        except Unusable:
            assert not target.exists() and not thumbnail.exists()
        else:
            assert isinstance(made, Media) and target.stat().st_size == made.size
            target.unlink()
            thumbnail.unlink(missing_ok=True)

    rounds(every, until)
