"""A stream that is encrypted with a passphrase: AES-256-GCM in pieces, each of which says its place and whether it is
the last one, so that nothing can be cut off, exchanged or read before it is proven.
"""

import hashlib
import os
import struct
from typing import IO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from chatproject.core.backup.rows import Unreadable

MAGIC = b"chat sealed 1\n"
_SALT_BYTES, _TAG_BYTES = 16, 16
_PIECE = 64 * 1024
#: scrypt's: 64 MiB and some tenths of a second for each guess.
_COST = {"n": 2**16, "r": 8, "p": 1, "maxmem": 2**27, "dklen": 32}
_LENGTH = struct.Struct(">I")


def _cipher(passphrase: str, salt: bytes) -> AESGCM:
    return AESGCM(hashlib.scrypt(passphrase.encode(), salt=salt, **_COST))


def _place(number: int, *, is_last: bool) -> tuple[bytes, bytes]:
    """The nonce of a piece, and what is proven with it. The key is made for one stream, so that numbers are enough."""
    return number.to_bytes(12), b"last" if is_last else b"more"


class Sealer:
    """A file to write to; `close` writes the last piece and leaves the file below open."""

    def __init__(self, below: IO[bytes], passphrase: str) -> None:
        salt = os.urandom(_SALT_BYTES)
        self._below, self._cipher = below, _cipher(passphrase, salt)
        self._waiting = bytearray()
        self._number = 0
        below.write(MAGIC + salt)

    def write(self, data: bytes) -> int:
        self._waiting += data
        while len(self._waiting) > _PIECE:
            self._put(bytes(self._waiting[:_PIECE]), is_last=False)
            del self._waiting[:_PIECE]
        return len(data)

    def flush(self) -> None:
        """Pieces are written when they are whole."""

    def close(self) -> None:
        self._put(bytes(self._waiting), is_last=True)
        self._waiting.clear()

    def _put(self, piece: bytes, *, is_last: bool) -> None:
        nonce, proven = _place(self._number, is_last=is_last)
        sealed = self._cipher.encrypt(nonce, piece, proven)
        self._below.write(_LENGTH.pack(len(sealed)) + sealed)
        self._number += 1


class Opener:
    """A file to read from: what `Sealer` wrote, after `MAGIC` was read. Raises Unreadable."""

    def __init__(self, below: IO[bytes], passphrase: str) -> None:
        self._below = below
        self._cipher = _cipher(passphrase, _exactly(below, _SALT_BYTES))
        self._ready = bytearray()
        self._number = 0
        self._is_over = False

    def read(self, size: int = -1) -> bytes:
        while not self._is_over and (size < 0 or len(self._ready) < size):
            self._next()
        size = len(self._ready) if size < 0 else size
        data = bytes(self._ready[:size])
        del self._ready[:size]
        return data

    def _next(self) -> None:
        (length,) = _LENGTH.unpack(_exactly(self._below, _LENGTH.size))
        if not _TAG_BYTES <= length <= _PIECE + _TAG_BYTES:
            raise Unreadable("The archive is damaged.")
        sealed = _exactly(self._below, length)
        for is_last in (False, True):
            nonce, proven = _place(self._number, is_last=is_last)
            try:
                self._ready += self._cipher.decrypt(nonce, sealed, proven)
            except InvalidTag:
                continue
            self._number += 1
            self._is_over = is_last
            return
        raise Unreadable("The passphrase is wrong." if self._number == 0 else "The archive is damaged.")


def _exactly(below: IO[bytes], size: int) -> bytes:
    data = below.read(size)
    if len(data) != size:
        raise Unreadable("The archive ends too early.")
    return data
