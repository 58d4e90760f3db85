"""The space that files may take: uploads are refused while there is still room for messages."""

import errno
import os
import tempfile
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from chatproject.core.errors import ChatError

#: What a full disk, or a quota of the system, says.
_FULL = {errno.ENOSPC, errno.EDQUOT}

#: Bytes below which a process that is asked says that it cannot serve: a few minutes of a busy chat.
FREE_MIN_BYTES = 32 * 1024 * 1024


class StorageFull(ChatError):
    """There is no room for another file. Messages are still taken."""

    status = 507
    code = "storage_full"
    title = _("There is no room for more files here at the moment. Tell the people who run this chat.")


def require(size: int) -> None:
    """Raise StorageFull if `size` more bytes would leave less than DISK_RESERVE free, where uploads
    are written or where the database is.
    """
    if any(free(folder) - size < settings.DISK_RESERVE for folder in _folders()):
        raise StorageFull()


def require_writable() -> None:
    """Write where uploads and the database are. Raises OSError if that fails, or if next to nothing is free."""
    for folder in _folders():
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"written")
        if free(folder) < min(FREE_MIN_BYTES, settings.DISK_RESERVE):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _folders() -> tuple[Path, ...]:
    return Path(settings.FILE_UPLOAD_TEMP_DIR), Path(settings.DATA_DIR)


def free(folder: Path) -> int:
    """Bytes that this user may still write there."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


def is_full(error: BaseException) -> bool:
    """Whether an error is that of a full disk."""
    return isinstance(error, OSError) and error.errno in _FULL
