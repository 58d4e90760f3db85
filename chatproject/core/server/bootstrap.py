"""What has to exist before the chat can serve.

Each step first checks whether there is anything to do.
"""

import asyncio
import atexit
import fcntl
import hashlib
import logging
import os
import signal
import stat
import threading
from collections.abc import Awaitable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

import django
from asgiref.sync import markcoroutinefunction
from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.db import connections

from chatproject.core import locks, sealing
from chatproject.core.db.transactions import failures
from chatproject.core.errors import Busy
from chatproject.core.http.asgi import Application, send_error
from chatproject.core.redis import embedded
from chatproject.core.server import trial, upgrading

log = logging.getLogger(__name__)

#: Files of packages that no page of ours uses, and that take longer to compress than all others.
UNUSED = ["redoc", "rest_framework", "swagger-ui-*.js.map"]


def permissions() -> None:
    """From now on files are made for their owner alone, and those that exist become so; MEDIA_ROOT is
    also readable by MEDIA_GROUP.
    """
    os.umask(0o077)
    _close(Path(settings.DATA_DIR), settings.DATA_DIR / ".private", folders=0o700, files=0o600)
    # In a folder with the third bit set, what is made belongs to the folder's group.
    folders = settings.FILE_UPLOAD_DIRECTORY_PERMISSIONS | (0 if settings.MEDIA_GROUP is None else 0o2000)
    _close(
        Path(settings.MEDIA_ROOT),
        settings.DATA_DIR / ".private_media",
        folders=folders,
        files=settings.FILE_UPLOAD_PERMISSIONS,
        group=settings.MEDIA_GROUP,
    )


def _close(root: Path, stamp: Path, *, folders: int, files: int, group: int | None = None) -> None:
    """Give everything under `root` these modes, once: `stamp` says that it was done."""
    wanted = f"{root} {folders:o} {files:o} {group}"
    is_done = stamp.exists() and stamp.read_text() == wanted
    try:
        for folder, _folders, names in os.walk(root):
            _change(Path(folder), folders, group)
            if is_done:
                return  # the first folder is the door to the others
            for name in names:
                _change(Path(folder, name), files, group)
        stamp.write_text(wanted)
    except OSError as error:
        log.warning("The permissions under %s cannot be set: %s", root, error)


def _change(path: Path, mode: int, group: int | None) -> None:
    with suppress(FileNotFoundError):
        found = path.lstat()
        if group is not None and found.st_gid != group:
            os.chown(path, -1, group, follow_symlinks=False)
        is_plain = stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)
        if is_plain and (stat.S_IMODE(found.st_mode) != mode or group is not None):
            path.chmod(mode)


def tables(*, is_sure: bool = False) -> None:
    """Bring the tables to this version. `is_sure`: without a recent backup, too. Raises upgrading.Refused."""
    upgrading.run(is_sure=is_sure)


def translations() -> None:
    """Compile translations."""
    for folder in settings.LOCALE_PATHS:
        for source in Path(folder).glob("*/LC_MESSAGES/*.po"):
            compiled = source.with_suffix(".mo")
            if not compiled.exists() or compiled.stat().st_mtime < source.stat().st_mtime:
                _compile(source, compiled)


def _compile(source: Path, compiled: Path) -> None:
    import polib  # only where there is something to compile

    draft = compiled.with_suffix(f".{os.getpid()}")
    polib.pofile(str(source)).save_as_mofile(str(draft))
    draft.replace(compiled)  # in one step, for processes that read it at this moment


def static_files() -> None:
    """Collect static files under names with a hash of their content.

    With DEBUG they are served from their sources.
    """
    if settings.DEBUG:
        return
    stamp = settings.STATIC_ROOT / ".collected"
    state = _state_of_static_files()
    if stamp.exists() and stamp.read_text() == state:
        return
    call_command("collectstatic", interactive=False, verbosity=0, ignore_patterns=UNUSED)
    stamp.write_text(state)


def _state_of_static_files() -> str:
    digest = hashlib.sha256(f"{django.__version__} {settings.STORAGES['staticfiles']['BACKEND']} {UNUSED}".encode())
    for path in sorted(_static_sources()):
        found = path.stat()
        digest.update(f"{path} {found.st_size} {found.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _static_sources() -> Iterator[Path]:
    for finder in get_finders():
        for name, storage in finder.list(UNUSED):
            yield Path(storage.path(name))


# For servers that know nothing of us ----------------------------------------------------------------------------------

_is_done = False
_preparing = threading.Lock()
_keeper: embedded.Keeper | None = None


class Unprepared(Exception):
    """The chat cannot serve; the text says in one sentence why and what to do."""


def done() -> None:
    """Say that this process has prepared everything: `manage.py serve` does it before it starts its
    server.
    """
    global _is_done
    _is_done = True


def prepare() -> None:
    """Prepare everything, once per process: translations, tables, static files, and the embedded
    Redis.

    Raises Unprepared. Blocks; not for the thread of an event loop.
    """
    global _keeper
    with _preparing:
        if _is_done:
            return
        try:
            permissions()
            trial.require()
            with _one_process_at_a_time():
                translations()
                tables()
                sealing.prepare()
                static_files()
            if settings.REDIS_EMBEDDED:
                _keeper = embedded.Keeper(settings.DATA_DIR, guest=True)
                atexit.register(release)
                _keeper.start()
        except (embedded.Unavailable, trial.Refused, upgrading.Refused, sealing.KeyUnavailable) as missing:
            raise Unprepared(str(missing)) from missing
        except failures() as error:
            raise Unprepared(f"The database cannot be used: {error}") from error
        finally:
            connections.close_all()
        done()


def release() -> None:
    """End the Redis that `prepare` started, if any."""
    if _keeper is not None:
        _keeper.stop()


def the_only_one(patience: float = 0) -> AbstractContextManager[bool]:
    """Whether no chat serves from this DATA_DIR, after so many seconds at most; then none does until the end."""
    return locks.alone(settings.DATA_DIR / "serve.lock", patience)


@contextmanager
def _one_process_at_a_time() -> Iterator[None]:
    with (settings.DATA_DIR / "bootstrap.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class Bootstrap:
    """ASGI middleware: `prepare` before the first request.

    A server that supports lifespan (uvicorn) does not start if that fails. Another one (daphne) is ended.
    """

    def __init__(self, application: Application) -> None:
        self._application = application

    @markcoroutinefunction  # for servers that ask whether this is ASGI 3; see websocket.routing
    def __call__(self, scope: Any, receive: Any, send: Any) -> Awaitable[None]:
        return self._application(scope, receive, send) if _is_done else self._prepare(scope, receive, send)

    async def _prepare(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await asyncio.to_thread(prepare)
        except Unprepared as reason:
            await self._refuse(str(reason), scope, receive, send)
            return
        await self._application(scope, receive, send)
        if scope["type"] == "lifespan":
            await asyncio.to_thread(release)

    async def _refuse(self, reason: str, scope: Any, receive: Any, send: Any) -> None:
        match scope["type"]:
            case "lifespan":
                await receive()
                await send({"type": "lifespan.startup.failed", "message": reason})
                return
            case "http":
                await send_error(Busy(), dict(scope["headers"]), send, closes=True)
            case _:
                await receive()
                await send({"type": "websocket.close"})
        log.critical("%s", reason)
        signal.raise_signal(signal.SIGTERM)
