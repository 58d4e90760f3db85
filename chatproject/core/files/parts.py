"""A file whose content is made or fetched part by part, from any place on."""

import io


class InParts(io.BufferedIOBase):
    """Its `size` is known before anything is read."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = max(0, {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}[whence] + offset)
        return self._at

    def read(self, size: int | None = -1) -> bytes:
        end = self.size if size is None or size < 0 else min(self.size, self._at + size)
        parts: list[bytes] = []
        while self._at < end:
            parts.append(self._some(end))
            self._at += len(parts[-1])
        return b"".join(parts)

    def read1(self, size: int | None = -1) -> bytes:
        return self.read(size)

    def _some(self, end: int) -> bytes:
        """Content from where we are, up to `end`: something of it at least."""
        raise NotImplementedError
