"""The storage of uploaded files: `STORAGES["default"]`, which is MEDIA_ROOT or a bucket.

Scratch files are always on the disk of MEDIA_ROOT, so that a finished file is moved to its place in one
step.
"""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage

log = logging.getLogger(__name__)

#: The prefix of a file's path in its address.
ADDRESS = "/uploads/"


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


def put(finished: Path, path: str) -> None:
    """Store the file `finished` as `path`; it may be moved there.

    Raises FileExistsError.
    """
    with finished.open("rb") as opened:
        stored = default_storage.save(path, _FinishedFile(opened, name=str(finished)))
    if stored != path:  # the storage chose another name, because `path` exists
        default_storage.delete(stored)
        raise FileExistsError(path)


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
