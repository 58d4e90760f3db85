"""Where an HTTP/1 message ends (RFC 9112), in a stream of bytes.

llhttp parses heads and bodies, but also everything that follows them in the same packet: thousands of
requests, and the trailers of a chunked body as if they were headers. So the parser is given no byte past
the end that is found here. Where both disagree about an end, the connection is closed.
"""

import re

#: Bytes and lines of a request's head, and those of a chunked body's trailers.
HEAD_BYTES_MAX, HEAD_LINES_MAX = 64 * 1024, 100
#: Bytes of the line that gives a chunk's size, with its extensions.
SIZE_LINE_MAX = 256
#: Chunks that may be small, and bytes that each further one has on average at least.
SMALL_CHUNKS_MAX, CHUNK_BYTES_MIN = 1000, 64

_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\n]*)?")


class Malformed(Exception):
    """What came is no HTTP."""


class TooLong(Exception):
    """A head or trailers with too many bytes or lines."""


class Head:
    """The lines up to an empty one."""

    __slots__ = ("_lines", "_size", "_tail")

    def __init__(self) -> None:
        self._size = self._lines = 0
        self._tail = b""

    @property
    def has_begun(self) -> bool:
        return self._size > 0

    def split(self, data: bytes) -> tuple[bytes, bytes, bool]:
        """What of `data` belongs to the head, what follows it, and whether the head is whole.

        Raises TooLong.
        """
        if not self._size:
            data = data.lstrip(b"\r\n")  # empty lines before a request mean nothing
        seen = self._tail + data
        end = seen.find(b"\r\n\r\n")
        is_whole = end >= 0
        size = end + 4 - len(self._tail) if is_whole else len(data)
        self._size += size
        if self._size > HEAD_BYTES_MAX:
            raise TooLong
        part = data[:size]
        self._lines += part.count(b"\n")
        if self._lines - is_whole > HEAD_LINES_MAX:
            raise TooLong
        self._tail = seen[-3:]
        return part, data[size:], is_whole


class Sized:
    """A body whose length was announced."""

    __slots__ = ("_left",)

    def __init__(self, length: int) -> None:
        self._left = length

    def split(self, data: bytes) -> tuple[bytes, bytes, bool]:
        """What of `data` belongs to the body, what follows it, and whether the body is whole."""
        part = data[: self._left]
        self._left -= len(part)
        return part, data[len(part) :], not self._left


class Chunked:
    """A body in chunks. Their extensions and the trailers are left out."""

    __slots__ = ("_chunks", "_left", "_line", "_size", "_trailers")

    def __init__(self) -> None:
        self._line = b""  # of a chunk's size, while it is incomplete
        self._left = 0  # bytes of a chunk that are still to come, with the end of its line
        self._chunks = self._size = 0
        self._trailers: Head | None = None

    def split(self, data: bytes) -> tuple[bytes, bytes, bool]:
        """What of `data` belongs to the body, in chunks without extensions; what follows the body;
        and whether the body is whole.

        Raises Malformed, TooLong.
        """
        parts: list[bytes] = []
        at = 0
        while self._trailers is None:
            if self._left:
                part = data[at : at + self._left]
                parts.append(part)
                at += len(part)
                self._left -= len(part)
                if self._left:
                    return b"".join(parts), b"", False
            end = data.find(b"\n", at)
            self._line += data[at : end + 1 if end >= 0 else None]
            if len(self._line) > SIZE_LINE_MAX:
                raise Malformed
            if end < 0:
                return b"".join(parts), b"", False
            at = end + 1
            size = self._take_size()
            if size:
                parts.append(b"%x\r\n" % size)
                self._left = size + 2
            else:
                # The empty line of a body without trailers is one at their beginning.
                self._trailers, data, at = Head(), b"0\r\n" + data[at:], 0
        _, rest, is_whole = self._trailers.split(data[at:])
        if is_whole:
            parts.append(b"0\r\n\r\n")
        return b"".join(parts), rest, is_whole

    def _take_size(self) -> int:
        line, self._line = self._line, b""
        given = _SIZE.fullmatch(line[:-2]) if line.endswith(b"\r\n") else None
        if given is None:
            raise Malformed
        size = int(given[1], 16)
        self._size += size
        self._chunks += 1
        if self._chunks > SMALL_CHUNKS_MAX + self._size // CHUNK_BYTES_MIN:
            raise Malformed
        return size
