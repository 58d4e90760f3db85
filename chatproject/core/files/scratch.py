"""Files without a name for what is under way, such as a request's body: the system removes them with this process,
however it ends.

Where files are encrypted, these are too, by a key that nobody else ever has.
"""

import io
import os
import tempfile
from typing import IO, Any, cast

from django.conf import settings

from chatproject.core.files import keys, sealed


def new() -> IO[bytes]:
    """An empty file: it is written once, from its start to its end, and read then. `seek` ends the writing."""
    below = cast(IO[bytes], tempfile.TemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR))  # noqa: SIM115
    return cast(IO[bytes], _Sealed(below)) if keys.are_in_use() else below


class _Sealed(io.BufferedIOBase):
    def __init__(self, below: IO[bytes]) -> None:
        self._below, self._key = below, os.urandom(32)
        self._writer = sealed.Writer(below, 0, self._key, b"")
        self._reader: sealed.Reader | None = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def writable(self) -> bool:
        return self._reader is None

    def write(self, content: Any) -> int:
        if self._reader is not None:
            raise io.UnsupportedOperation("it is read already")
        return self._writer.write(content)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._reading().seek(offset, whence)

    def tell(self) -> int:
        return self._writer.size if self._reader is None else self._reader.tell()

    def read(self, size: int | None = -1) -> bytes:
        return self._reading().read(size)

    read1 = read

    def _reading(self) -> sealed.Reader:
        if self._reader is None:
            self._writer.close()
            self._below.flush()
            stored = self._below.seek(0, io.SEEK_END)
            self._below.seek(0)
            self._reader = sealed.Reader(self._below, stored, lambda _number: self._key, b"")
            self._reader.seek(0, io.SEEK_END)
        return self._reader

    def close(self) -> None:
        self._below.close()
        super().close()
