"""The format of files that are stored encrypted: AES-256-GCM in chunks, written and read as streams.

    magic (8) · number of the data key (4) · salt (32) · prefix of the nonces (7) · proof of the head (16)
    chunk 0 · chunk 1 · … · the last chunk, each CHUNK_BYTES of content (the last one 0 to CHUNK_BYTES) and a tag (16)

Each file has a key of its own, made by HKDF of the data key, the salt, the head and the file's name: a file under
another name does not open. The nonce of a chunk says its number and whether it is the last one, so that none can be
cut off, exchanged or added. (As in the AES-GCM-HKDF streams of Google's Tink.)
"""

import os
from collections.abc import Callable
from struct import Struct
from typing import IO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from chatproject.core.files.parts import InParts

MAGIC = b"\x93chat1\r\n"
#: Bytes of content in a chunk.
CHUNK_BYTES = 64 * 1024
#: Chunks that are read and opened at once.
_CHUNKS_AT_ONCE = 16
_TAG_BYTES, _SALT_BYTES, _PREFIX_BYTES = 16, 32, 7
_NUMBER = Struct(">I")
_KEY_AT, _PREFIX_AT = len(MAGIC), len(MAGIC) + _NUMBER.size + _SALT_BYTES
_PROOF_AT = _PREFIX_AT + _PREFIX_BYTES
HEAD_BYTES = _PROOF_AT + _TAG_BYTES
_SEALED_BYTES = CHUNK_BYTES + _TAG_BYTES
#: What the last byte of a nonce says.
_MORE, _LAST, _HEAD = b"\0", b"\1", b"\2"

#: Gives the data key of a number, for files. Raises LookupError.
FindKey = Callable[[int], bytes]


class NotSealed(Exception):
    """This head was not written here for a file of this name: it is damaged, another file's, or plain content."""


class Damaged(Exception):
    """A part of the content is not what was written."""


def is_like(head: bytes) -> bool:
    """Whether a file that begins so may be a sealed one; only its key proves it."""
    return head.startswith(MAGIC)


def key_number(head: bytes) -> int:
    """The number of the data key, as the head says."""
    number: int = _NUMBER.unpack_from(head, _KEY_AT)[0]
    return number


def sealed_size(size: int) -> int:
    """The bytes of a file with so many bytes of content."""
    return HEAD_BYTES + size + _TAG_BYTES * max(1, -(-size // CHUNK_BYTES))


def _content_size(stored: int) -> int:
    """The opposite of `sealed_size`; raises Damaged for a size that none has."""
    body = stored - HEAD_BYTES
    size = body - _TAG_BYTES * -(-body // _SEALED_BYTES)
    if body < _TAG_BYTES or sealed_size(size) != stored:
        raise Damaged("its size is none that a whole file has")
    return size


class _Chunks:
    """The cipher of one file."""

    def __init__(self, key: bytes, head: bytes, name: bytes) -> None:
        info = b"chat file 1:" + head[:_PROOF_AT] + name
        salt = head[_KEY_AT + _NUMBER.size : _PREFIX_AT]
        self._cipher = AESGCM(HKDF(SHA256(), 32, salt=salt, info=info).derive(key))
        self._prefix = head[_PREFIX_AT:_PROOF_AT]

    def seal(self, number: int, content: bytes, kind: bytes) -> bytes:
        return self._cipher.encrypt(self._prefix + _NUMBER.pack(number) + kind, content, None)

    def open(self, number: int, sealed: bytes | memoryview, kind: bytes) -> bytes:
        try:
            return self._cipher.decrypt(self._prefix + _NUMBER.pack(number) + kind, sealed, None)
        except InvalidTag:
            raise Damaged(f"its chunk {number} is not what was written") from None


class Writer:
    """Seals what is written to it into `below`, which stays open. `close` writes the last chunk: without it the file
    is not whole.
    """

    def __init__(self, below: IO[bytes], key_number: int, key: bytes, name: bytes) -> None:
        self.size = 0  # of the content
        self._below = below
        head = MAGIC + _NUMBER.pack(key_number) + os.urandom(_SALT_BYTES + _PREFIX_BYTES)
        self._chunks = _Chunks(key, head, name)
        self._waiting = bytearray()
        self._number = 0
        below.write(head + self._chunks.seal(0, b"", _HEAD))

    def write(self, content: bytes | memoryview) -> int:
        self._waiting += content
        self.size += len(content)
        whole = (len(self._waiting) - 1) // CHUNK_BYTES  # the last one waits: it may be the end
        if whole > 0:
            end = whole * CHUNK_BYTES
            with memoryview(self._waiting) as waiting:
                sealed = [
                    self._seal(waiting[start : start + CHUNK_BYTES], _MORE) for start in range(0, end, CHUNK_BYTES)
                ]
            self._below.write(b"".join(sealed))
            del self._waiting[:end]
        return len(content)

    def close(self) -> None:
        self._below.write(self._seal(self._waiting, _LAST))
        self._waiting.clear()

    def _seal(self, content: bytearray | memoryview, kind: bytes) -> bytes:
        sealed = self._chunks.seal(self._number, content, kind)  # type: ignore[arg-type]  # any buffer
        self._number += 1
        return sealed


class Reader(InParts):
    """The content of a sealed file, from any place on: only the chunks that are needed are read.

    `below` is at its start, and is closed with it. Raises NotSealed at once if the head is not proven, and Damaged
    there or in `read`; where it is not made, `below` stays open.
    """

    _below: IO[bytes] | None = None

    def __init__(self, below: IO[bytes], stored: int, find_key: FindKey, name: bytes) -> None:
        head = below.read(HEAD_BYTES)
        if len(head) < HEAD_BYTES or not is_like(head):
            raise NotSealed
        self.key_number = key_number(head)
        try:
            self._chunks = _Chunks(find_key(self.key_number), head, name)
            self._chunks.open(0, head[_PROOF_AT:], _HEAD)
        except (LookupError, Damaged):
            raise NotSealed from None
        super().__init__(_content_size(stored))
        self._last = max(0, self.size - 1) // CHUNK_BYTES
        self._kept: tuple[int, bytes] = (-1, b"")  # the last chunk that was opened
        self._below = below

    def read(self, size: int | None = -1) -> bytes:
        if self.size == 0:
            self._opened(0, 0)  # also that there is nothing has its proof
        return super().read(size)

    def _some(self, end: int) -> bytes:
        """Content from where we are, up to `end`, at most some chunks of it."""
        first, last = self._at // CHUNK_BYTES, (end - 1) // CHUNK_BYTES
        content = self._opened(first, min(last, first + _CHUNKS_AT_ONCE - 1))
        start = self._at - first * CHUNK_BYTES
        return content[start : end - first * CHUNK_BYTES]

    def _opened(self, first: int, last: int) -> bytes:
        """The content of these chunks."""
        if first == last == self._kept[0]:
            return self._kept[1]
        assert self._below is not None
        self._below.seek(HEAD_BYTES + first * _SEALED_BYTES)
        read = memoryview(self._below.read((last - first + 1) * _SEALED_BYTES))
        opened = [
            self._chunks.open(
                number,
                read[(number - first) * _SEALED_BYTES : (number - first + 1) * _SEALED_BYTES],
                _LAST if number == self._last else _MORE,
            )
            for number in range(first, last + 1)
        ]
        self._kept = (last, opened[-1])
        return b"".join(opened)

    def close(self) -> None:
        if self._below is not None:
            self._below.close()
        super().close()
