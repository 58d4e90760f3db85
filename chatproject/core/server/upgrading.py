"""The tables of this version, made or changed: by one process of all hosts, after a look at what could go wrong."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import CommandError, call_command
from django.core.management.commands import migrate
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from chatproject.core.db.current import dialect
from chatproject.core.files import space

log = logging.getLogger(__name__)

#: Seconds for which a backup counts as recent, between two looks whether another process is done, and between two
#: lines about waiting for it.
RECENT_SECONDS, LOOK_SECONDS, LINE_SECONDS = 24 * 3600.0, 0.5, 60.0
#: A table is copied to be changed, and the log of the database grows meanwhile: bytes to be free, as a multiple of the
#: database's and beyond it.
FREE_TIMES, FREE_MORE = 2, 64 * 1024 * 1024


class Refused(CommandError):
    """The tables stay as they are. The text says why, and what to do."""


def run(*, is_sure: bool = False) -> None:
    """Bring the tables to this version. `is_sure`: without a recent backup, too. Raises Refused."""
    if reason := dialect().objection():
        raise Refused(reason)
    executor = MigrationExecutor(connection)
    require_known(executor)
    if not _plan(executor):
        return
    if executor.loader.applied_migrations:
        _require_possible(is_sure=is_sure)
    with _alone():
        executor = MigrationExecutor(connection)  # another process may have done it meanwhile
        require_known(executor)
        if plan := _plan(executor):
            _migrate(len(plan), is_first=not executor.loader.applied_migrations)


def is_pending() -> bool:
    """Whether the tables are those of an older version. Raises Refused if they are those of a newer one."""
    executor = MigrationExecutor(connection)
    require_known(executor)
    return bool(_plan(executor))


def require_known(executor: MigrationExecutor) -> None:
    """Raises Refused if a newer version has changed the tables of an app that this version has."""
    loader = executor.loader
    unknown = sorted(
        f"{app}.{name}"
        for app, name in loader.applied_migrations.keys() - loader.disk_migrations.keys()
        if app in loader.migrated_apps
    )
    if unknown:
        more = f" and {len(unknown) - 1} more" if unknown[1:] else ""
        raise Refused(
            f"The database has migrations that this version does not know ({unknown[0]}{more}): a newer version made "
            "them. Run that one, or restore a backup of this one."
        )


def note_backup() -> None:
    """Remember that a backup was made now."""
    _stamp().touch(mode=0o600)


def _stamp() -> Path:
    return Path(settings.DATA_DIR, "backed_up")


def _plan(executor: MigrationExecutor) -> list[Any]:
    return list(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def _require_possible(*, is_sure: bool) -> None:
    size, folder = dialect().bytes(), dialect().folder()
    if folder is not None and (free := space.free(folder)) < (needed := FREE_TIMES * size + FREE_MORE):
        raise Refused(
            f"The database has to be upgraded, and that needs {needed >> 20} MiB: only {free >> 20} MiB are free in "
            f"{folder}. Make room."
        )
    if is_sure or not settings.UPGRADE_BACKUP_BYTES or size < settings.UPGRADE_BACKUP_BYTES:
        return
    if not _stamp().exists() or time.time() - _stamp().stat().st_mtime > RECENT_SECONDS:
        raise Refused(
            f"The database has to be upgraded, it holds {size >> 20} MiB, and there was no `manage.py backup` within a "
            "day. Make one with the version that ran until now; or, with a copy made by other means, start once with "
            "--yes or UPGRADE_BACKUP_BYTES=0."
        )


@contextmanager
def _alone() -> Iterator[None]:
    """Wait until no other process, here or on another host, changes the tables; until the end none does."""
    said_at = 0.0
    while True:
        with dialect().alone("upgrade") as is_alone:
            if is_alone:
                yield
                return
        if not said_at or time.monotonic() - said_at > LINE_SECONDS:
            log.warning("upgrade: another process changes the tables; this one waits until that is done")
            said_at = time.monotonic()
        time.sleep(LOOK_SECONDS)


class _Migrate(migrate.Command):
    """Django's command, with a line in the log before each migration and after it."""

    def __init__(self, count: int, level: int) -> None:
        super().__init__()
        self._count, self._level = count, level
        self._number, self._since = 0, 0.0

    def migration_progress_callback(self, action: str, migration: Any = None, fake: bool = False) -> None:
        if action == "apply_start":
            self._number, self._since = self._number + 1, time.monotonic()
            log.log(self._level, "upgrade: %d of %d: %s", self._number, self._count, migration)
        elif action == "apply_success":
            log.log(self._level, "upgrade: %s took %.1f s", migration, time.monotonic() - self._since)


def _migrate(count: int, *, is_first: bool) -> None:
    since = time.monotonic()
    level = logging.DEBUG if is_first else logging.INFO
    call_command(_Migrate(count, level), interactive=False, verbosity=0)
    log.log(level, "upgrade: done, in %.1f s", time.monotonic() - since)
