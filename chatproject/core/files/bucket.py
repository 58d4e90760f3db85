"""Uploaded files in an S3-compatible bucket: django-storages' storage, whose files are read in pieces."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import ClientError
from storages.backends.s3 import S3Storage
from storages.utils import clean_name

from chatproject.core.files.parts import InParts

#: Bytes of the first request for a part of a file, and of the longest one: each that follows another is longer.
_FIRST, _MOST = 256 * 1024, 4 * 1024 * 1024


class Bucket(S3Storage):
    """django-storages fetches a whole object before a byte of it can be read: of a video for each range."""

    def _open(self, name: str, mode: str = "rb") -> Any:
        if mode != "rb":
            return super()._open(name, mode)
        return _Object(self.bucket.Object(self._normalize_name(clean_name(name))))


class _Object(InParts):
    """An object of a bucket. Raises FileNotFoundError, also while it is read: somebody may delete it."""

    def __init__(self, object_: Any) -> None:
        with _found(object_.key):
            super().__init__(int(object_.content_length))
        self._object = object_
        # What was fetched last, from `_start` on; and bytes to fetch next.
        self._piece, self._start, self._ahead = b"", 0, _FIRST

    def _some(self, end: int) -> bytes:
        if not self._start <= self._at < self._start + len(self._piece):
            self._fetch()
        return self._piece[self._at - self._start : end - self._start]

    def _fetch(self) -> None:
        follows = bool(self._piece) and self._at == self._start + len(self._piece)
        self._ahead = min(4 * self._ahead, _MOST) if follows else _FIRST
        last = min(self._at + self._ahead, self.size) - 1
        with _found(self._object.key):
            piece = self._object.get(Range=f"bytes={self._at}-{last}")["Body"].read()
        if not piece:
            raise OSError(f"the bucket has less of {self._object.key} than it said")
        self._piece, self._start = piece, self._at


@contextmanager
def _found(key: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
            raise FileNotFoundError(f"the bucket has no {key}") from error
        raise
