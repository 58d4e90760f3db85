"""FFmpeg in the sandbox: how an untrusted file is opened and a clean one is written, for recordings and videos."""

import io
import os
import pkgutil
from importlib import import_module
from typing import BinaryIO

import av

# FFmpeg loads codecs at their first use, when the sandbox no longer allows it.
for _part in pkgutil.walk_packages(av.__path__, "av."):
    if _part.name != "av.__main__":
        import_module(_part.name)

#: Streams of a file; a camera writes five.
STREAMS_MAX = 32


def opened(source: BinaryIO, containers: str) -> av.container.InputContainer:
    """Open a file of one of these formats, by its content. FFmpeg has hundreds more, some of which fetch other
    addresses, and some of these can name other files: it opens none.

    Raises FFmpegError, ValueError.
    """
    limits = {"format_whitelist": containers, "protocol_whitelist": "none", "max_streams": str(STREAMS_MAX)}
    if "mov" in containers:
        limits |= {"enable_drefs": "0", "use_absolute_path": "0"}
    return av.open(source, "r", container_options=limits)


def written(target: BinaryIO, format_: str, **options: str) -> av.container.OutputContainer:
    """A file to write, which says nothing of where it was made."""
    return av.open(
        target,
        "w",
        format=format_,
        container_options={"fflags": "+bitexact", **options},
        io_open=lambda _url, _flags, _options: _SecondReader(target.fileno()),
    )


class _SecondReader(io.RawIOBase):
    """Open the file that is being written for reading from its start.

    FFmpeg opens it again to put the index first, and in the sandbox no file can be opened. A
    duplicate of the descriptor would move the writer's position.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._at = 0

    def read(self, size: int = -1) -> bytes:
        piece = os.pread(self._descriptor, size, self._at)
        self._at += len(piece)
        return piece

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: os.fstat(self._descriptor).st_size}[whence]
        self._at = start + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True
