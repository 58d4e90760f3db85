"""Where uploaded files are: `STORAGES["default"]`, folders under MEDIA_ROOT or a bucket. Scratch files are on the disk
of MEDIA_ROOT in any case, so that what was made there is moved to its place at once and whole.
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

#: Before a file's path, the address at which it is handed out.
ADDRESS = "/uploads/"


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file in the storage, and how to serve it. Its content never changes."""

    path: str
    size: int
    served_as: str
    name: str  # to save it under; "" for what a browser may show
    is_kept: bool = False  # browsers may cache it without asking again whether it may still be seen


class _Made(File):
    """A finished file, which a storage on the same disk moves instead of copying it."""

    def temporary_file_path(self) -> str:
        return str(self.name)


def scratch() -> Path:
    """Where files are worked on."""
    folder = Path(settings.FILE_UPLOAD_TEMP_DIR)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def put(made: Path, path: str) -> None:
    """Store what stands in `made`, which may be gone then."""
    with made.open("rb") as opened:
        stored = default_storage.save(path, _Made(opened, name=str(made)))
    if stored != path:  # such a file was there: ids do not repeat, so it is nobody's
        default_storage.delete(stored)
        raise FileExistsError(path)


def remove(paths: Iterable[str]) -> None:
    """What cannot be removed now is logged, and swept later."""
    for path in filter(None, paths):
        try:
            default_storage.delete(path)
        except Exception as failed:  # each storage has its own
            log.warning("store: %s stays for now: %s", path, failed)


def stored(folders: Iterable[str]) -> Iterator[tuple[UUID, str]]:
    """Every file in these folders that is named by an id as ours are, and the id."""
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
    """Remove what was begun before then, and whose process was killed; how many files."""
    swept = 0
    for path in scratch().iterdir():
        try:
            if path.stat().st_mtime < before.timestamp():
                path.unlink()
                swept += 1
        except FileNotFoundError:
            continue
    return swept
