"""Files that are being made, until they are moved to their places."""

import contextlib
import io
import os
from pathlib import Path
from typing import IO

from chatproject.core.files import sealed


class Draft:
    """A file at `path` that is written once, from its start. With a `key` it is sealed, for its `name`.

    Nothing is there before the first byte. It is the whole file after `finish`, and none after `discard`, from which
    on it can be written again.
    """

    def __init__(self, path: Path, name: str, key: tuple[int, bytes] | None) -> None:
        self.path, self.name, self._key = path, name, key
        self._below: IO[bytes] | None = None
        self._writer: sealed.Writer | None = None

    @property
    def size(self) -> int:
        """The bytes of its content."""
        if self._writer is not None:
            return self._writer.size
        if self._below is None:
            return 0
        self._below.flush()
        return os.fstat(self._below.fileno()).st_size

    def write(self, content: bytes | memoryview) -> int:
        below = self._opened()
        return below.write(content) if self._writer is None else self._writer.write(content)

    def fileno(self) -> int:
        """For others to write to. Raises UnsupportedOperation where what is written has to be sealed."""
        below = self._opened()
        if self._writer is not None:
            raise io.UnsupportedOperation("fileno")
        return below.fileno()

    def _opened(self) -> IO[bytes]:
        if self._below is None:
            flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
            self._below = os.fdopen(os.open(self.path, flags, 0o600), "w+b")
            if self._key is not None:
                self._writer = sealed.Writer(self._below, *self._key, self.name.encode())
        return self._below

    def finish(self) -> None:
        below = self._opened()
        if self._writer is not None:
            self._writer.close()
        below.close()

    def discard(self) -> None:
        if self._below is not None:
            with contextlib.suppress(OSError):  # a full disk, on which the rest of it has no place
                self._below.close()
        self._below = self._writer = None
        self.path.unlink(missing_ok=True)
