"""Archives in a folder: whole ones only, a new one when it is time, and the oldest ones go."""

import asyncio
import os
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO

from django.conf import settings

from chatproject.core import apart, locks
from chatproject.core.times import now

_ENDING = ".backup"
#: An archive that takes longer hangs.
_SECONDS = 6 * 3600


def new_file(path: Path) -> IO[bytes]:
    """A file that did not exist, for its owner alone. Raises FileExistsError."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb")


def write_whole(path: Path, write: Callable[[IO[bytes]], None]) -> None:
    """Make a file for its owner alone that is there when it is whole and on the disk. Raises FileExistsError."""
    if path.exists():
        raise FileExistsError(path)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with new_file(draft) as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)  # unlike a renaming, never over another one
    finally:
        draft.unlink(missing_ok=True)


def is_due() -> bool:
    """Whether BACKUP_HOURS have passed since the last archive in BACKUP_TO."""
    if not settings.BACKUP_TO:
        return False
    made = max((path.stat().st_mtime for path in _archives()), default=0.0)
    return time.time() - made >= settings.BACKUP_HOURS * 3600


def next_path() -> Path:
    """Of the archive that is made now."""
    return Path(settings.BACKUP_TO, f"chat-{now():%Y%m%d-%H%M%S}{_ENDING}")


def forget_old() -> list[Path]:
    """Delete all but the newest BACKUP_KEEP archives; returns the deleted ones."""
    old = _archives()[: -settings.BACKUP_KEEP]
    for path in old:
        path.unlink(missing_ok=True)
    return old


def _archives() -> list[Path]:
    return sorted(Path(settings.BACKUP_TO).glob(f"chat-*{_ENDING}"))


def alone() -> AbstractContextManager[bool]:
    """Whether no other process makes an archive in BACKUP_TO; until the end none does."""
    Path(settings.BACKUP_TO).mkdir(mode=0o700, parents=True, exist_ok=True)
    return locks.alone(Path(settings.BACKUP_TO, ".lock"))


async def run_if_due() -> None:
    """Have a process of its own make an archive if it is time: it may take the processor for minutes."""
    if await asyncio.to_thread(is_due):
        await apart.run("backup", "--scheduled", seconds=_SECONDS, niceness=10)
