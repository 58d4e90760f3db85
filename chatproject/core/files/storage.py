"""The storage of uploaded files: `STORAGES["default"]`, which is MEDIA_ROOT or a bucket.

Scratch files are always on the disk of MEDIA_ROOT, so that a finished file is moved to its place in one
step.

A stored file is plain or sealed (`sealed`): sealed is what begins with a head that its key proves. Sizes are those of
the content.
"""

import logging
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast
from uuid import UUID, uuid4

from django.conf import settings
from django.core.files import File
from django.core.files.storage import FileSystemStorage, default_storage
from django.utils.translation import gettext_lazy as _

from chatproject.core.errors import ChatError
from chatproject.core.files import keys, sealed, space
from chatproject.core.files.drafts import Draft

log = logging.getLogger(__name__)

#: The prefix of a file's path in its address.
ADDRESS = "/uploads/"
#: Bytes that are copied at once.
_PIECE_BYTES = 256 * 1024
#: Damaged files of which the log has a line, so that it has one for each.
_REPORTED_MAX = 1000
_reported: set[str] = set()


class DamagedFile(ChatError):
    """A stored file is not what was stored, or its key is missing. The log says which."""

    status = 500
    code = "damaged_file"
    title = _("This file is damaged here. Tell the people who run this chat.")


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file in the storage, and how it is served. Its content never changes."""

    path: str
    size: int
    served_as: str
    name: str  # the suggested file name of a download; "" for a file that a browser may show
    is_immutable: bool = False  # browsers keep it without revalidation


class _FinishedFile(File):
    """A file that a storage on the same disk moves instead of copying it."""

    def temporary_file_path(self) -> str:
        return str(self.name)


def scratch() -> Path:
    """The folder for files that are being made."""
    folder = Path(settings.FILE_UPLOAD_TEMP_DIR)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def draft(name: str) -> Draft:
    """A file to write, which will be stored at `name` with an extension: that is known when it is made."""
    return Draft(scratch() / f"{uuid4().hex}.made", name, keys.current())


def _name(path: str) -> str:
    """What a file is sealed for: its path without the extension."""
    return str(PurePosixPath(path).with_suffix(""))


def put(finished: Draft, path: str) -> None:
    """Store a file that is written to its end. Raises FileExistsError."""
    assert finished.name == _name(path)
    finished.finish()
    put_as_it_is(finished.path, path)


def put_as_it_is(finished: Path, path: str) -> None:
    """Store a file, plain or sealed, as `path`; it may be moved there. Raises FileExistsError."""
    with finished.open("rb") as opened:
        stored = default_storage.save(path, _FinishedFile(opened, name=str(finished)))
    if stored != path:  # the storage chose another name, because `path` exists
        default_storage.delete(stored)
        raise FileExistsError(path)


def has(path: str, head: bytes) -> bool:
    """Whether a stored file begins so, as it is stored. (The content of a file never changes, but its key can.)"""
    try:
        with default_storage.open(path) as stored:
            return cast(bytes, stored.read(len(head))) == head
    except FileNotFoundError:
        return False


def replace_as_it_is(finished: Path, path: str) -> None:
    """Put a file in the place of a stored one, in one step: readers have the one or the other. It is moved there."""
    with finished.open("rb") as opened:
        os.fsync(opened.fileno())  # the one that is there was safe
        if not _is_local():
            # What `save` calls when it has found a name that is free. A bucket replaces an object in one step.
            cast(Any, default_storage)._save(path, File(opened))
            finished.unlink()
            return
    if settings.FILE_UPLOAD_PERMISSIONS is not None:
        finished.chmod(settings.FILE_UPLOAD_PERMISSIONS)
    finished.replace(default_storage.path(path))


def _is_local() -> bool:
    return isinstance(default_storage, FileSystemStorage)


def seal_anew(path: str, size: int | None) -> bool:
    """Store a file as new ones are stored now: sealed with the newest key, or plain. Returns whether it was not.

    Readers are not disturbed. Raises FileNotFoundError, DamagedFile, StorageFull; then it is as it was.
    """
    key = keys.current()
    with open_file(path, size) as content:
        number = content.key_number if isinstance(content, _SealedFile) else None
        if number == (key and key[0]):
            return False
        made = Draft(scratch() / f"{uuid4().hex}.made", _name(path), key)
        try:
            space.require(content.seek(0, os.SEEK_END))
            content.seek(0)
            while piece := content.read(_PIECE_BYTES):
                made.write(piece)
            made.finish()
            replace_as_it_is(made.path, path)
        finally:
            made.discard()
    return True


def open_file(path: str, size: int | None = None) -> IO[bytes]:
    """The content of a stored file, which has so many bytes if that is known.

    Raises FileNotFoundError, and DamagedFile, also while it is read.
    """
    below = cast(IO[bytes], default_storage.open(path))
    try:
        return _opened(path, below, size)
    except BaseException:
        below.close()
        raise


def _opened(path: str, below: IO[bytes], size: int | None) -> IO[bytes]:
    is_like_sealed = sealed.is_like(below.read(sealed.HEAD_BYTES))
    stored = below.seek(0, os.SEEK_END)
    below.seek(0)
    if is_like_sealed:
        try:
            opened = _SealedFile(path, below, stored)
        except sealed.NotSealed:
            # A file can begin by chance as a sealed one does. Then its size is the one that its row says.
            if stored != size:
                raise _damaged(path, "its head is not proven by a key of this chat") from None
            below.seek(0)
        except sealed.Damaged as why:
            raise _damaged(path, why) from None
        else:
            if size not in (None, opened.size):
                raise _damaged(path, "its size is another one")
            return cast(IO[bytes], opened)
    if size not in (None, stored):
        raise _damaged(path, "its size is another one")
    return below


class _SealedFile(sealed.Reader):
    def __init__(self, path: str, below: IO[bytes], stored: int) -> None:
        super().__init__(below, stored, keys.of, _name(path).encode())
        self._path = path

    def read(self, size: int | None = -1) -> bytes:
        try:
            return super().read(size)
        except sealed.Damaged as why:
            raise _damaged(self._path, why) from None


def _damaged(path: str, why: object) -> DamagedFile:
    if path not in _reported:
        if len(_reported) >= _REPORTED_MAX:
            _reported.clear()
        _reported.add(path)
        log.error("storage: %s cannot be read: %s", path, why)
    return DamagedFile()


def size(path: str) -> int:
    """The bytes of a stored file's content. Raises FileNotFoundError, DamagedFile."""
    with open_file(path) as opened:
        return opened.seek(0, os.SEEK_END)


def is_sealed(path: str, size: int) -> bool:
    """Whether a stored file with so many bytes of content is sealed: others cannot hand it out."""
    try:
        return default_storage.size(path) == sealed.sealed_size(size)
    except FileNotFoundError:
        return False


def remove(paths: Iterable[str]) -> None:
    """Delete files. A failure is logged, and the sweep of orphans deletes the file later."""
    for path in filter(None, paths):
        try:
            default_storage.delete(path)
        except Exception as failed:  # each storage has exceptions of its own
            log.warning("storage: %s is not deleted yet: %s", path, failed)


def stored(folders: Iterable[str]) -> Iterator[tuple[UUID, str]]:
    """The files in these folders whose names begin with an id, as ours do, and that id."""
    for folder in folders:
        try:
            _folders, names = default_storage.listdir(folder)
        except FileNotFoundError:
            continue
        for name in names:
            file_id = _id_in(name)
            if file_id is not None:
                yield file_id, f"{folder}/{name}"


def _id_in(name: str) -> UUID | None:
    try:
        return UUID(name.partition(".")[0])
    except ValueError:
        return None


def is_older(path: str, moment: datetime) -> bool:
    try:
        return default_storage.get_modified_time(path) < moment
    except FileNotFoundError:
        return False


def sweep_scratch(before: datetime) -> int:
    """Delete files that a killed process left behind before this moment; return how many."""
    swept = 0
    for path in scratch().iterdir():
        try:
            if path.stat().st_mtime < before.timestamp():
                path.unlink()
                swept += 1
        except FileNotFoundError:
            continue
    return swept
