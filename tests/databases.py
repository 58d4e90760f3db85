"""Databases of their own for the servers that tests start as processes: files of SQLite; or, where DATABASE_URL names a
PostgreSQL, databases of that server.

Statements are written with %s; UUIDs and moments are given and returned as Python has them in both.
"""

import atexit
import functools
import hashlib
import itertools
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlencode, urlsplit
from uuid import UUID

from chatproject.core import locks

#: Seconds that a statement may wait for the server that uses the database.
_PATIENCE = 60.0
#: The name of the file, in a prepared DATA_DIR.
_FILE = "chat.sqlite3"
#: The file in a prepared DATA_DIR that names the PostgreSQL database that belongs to it.
_NAME = "database"


class Database(Protocol):
    """One server's database."""

    @property
    def url(self) -> str: ...

    @property
    def settings(self) -> dict[str, str]:
        """What a server has to be told of it."""

    def is_made(self) -> bool:
        """Whether there is anything in it, or in its place."""

    def leave(self, data: Path) -> None:
        """Its server has ended; from now on it is what others are made like, and this DATA_DIR tells of it."""

    def become(self, prepared: Path) -> None:
        """Make it like that of a prepared DATA_DIR, which was already copied to its own."""

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]: ...
    def change(self, statement: str, *values: Any) -> int:
        """The number of rows that were changed."""

    def locked(self) -> AbstractContextManager[None]:
        """Locked, as a process does that begins a write and does not go on; it can be read meanwhile."""

    def alone(self, name: str) -> AbstractContextManager[object]:
        """As another host of this chat, that does what has this name and lets no other do it."""

    def content(self) -> object:
        """All that is in it, to be compared."""

    def save(self) -> object:
        """A copy, as docs/operating.md makes one; it is for `restore`."""

    def restore(self, copy: Any) -> None:
        """Put a copy in its place; the server does not run."""


def is_postgresql() -> bool:
    return urlsplit(os.environ.get("DATABASE_URL", "")).scheme.startswith("postgres")


def of(data: Path) -> Database:
    """The database of a server with this DATA_DIR."""
    return _PostgreSQL() if is_postgresql() else _File(data / _FILE)


class _File:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._copies = itertools.count(1)

    @property
    def url(self) -> str:
        return f"sqlite:///{self._path}"

    @property
    def settings(self) -> dict[str, str]:
        return {}

    def is_made(self) -> bool:
        return self._path.exists()

    def leave(self, data: Path) -> None:
        """It is in DATA_DIR,"""

    def become(self, prepared: Path) -> None:
        """and was copied with it."""

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(f"file:{self._path}?mode=ro", uri=True, timeout=_PATIENCE)) as database:
            return database.execute(statement.replace("%s", "?"), _in_sqlite(values)).fetchall()

    def change(self, statement: str, *values: Any) -> int:
        with closing(sqlite3.connect(self._path, timeout=_PATIENCE)) as database, database:
            return database.execute(statement.replace("%s", "?"), _in_sqlite(values)).rowcount

    @contextmanager
    def locked(self) -> Iterator[None]:
        with closing(sqlite3.connect(self._path, isolation_level=None, timeout=_PATIENCE)) as database:
            database.execute("BEGIN IMMEDIATE")
            yield
            database.execute("ROLLBACK")

    def alone(self, name: str) -> AbstractContextManager[bool]:
        return locks.alone(Path(f"{self._path}.{name}"))

    def content(self) -> bytes:
        return self._path.read_bytes()

    def save(self) -> Path:
        to = self._path.with_name(f"copy{next(self._copies)}")
        with closing(sqlite3.connect(self._path)) as live, closing(sqlite3.connect(to)) as copy:
            live.backup(copy)
        return to

    def restore(self, copy: Path) -> None:
        for rest in ("-wal", "-shm"):
            self._path.with_name(self._path.name + rest).unlink(missing_ok=True)
        shutil.copy(copy, self._path)


def _in_sqlite(values: Sequence[Any]) -> list[Any]:
    def written(value: Any) -> Any:
        if isinstance(value, UUID):
            return value.hex
        if isinstance(value, datetime):
            return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ")
        return value

    return [written(value) for value in values]


# PostgreSQL -----------------------------------------------------------------------------------------------------------

_numbers = itertools.count(1)
#: All that this process has made.
_made: list[str] = []


def _url_of(name: str) -> str:
    return urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()


def _connect(name: str) -> Any:
    import psycopg  # only where the tests run with it

    url = urlsplit(_url_of(name))
    given = urlencode(parse_qsl(url.query))
    return psycopg.connect(url._replace(scheme="postgresql", query=given).geturl(), autocommit=True)


def administer(*statements: str) -> None:
    with _connect("postgres") as server:
        for statement in statements:
            server.execute(statement)


def make(template: str = "template1", *, name: str = "") -> str:
    """The name of a new database, which ends with this process."""
    name = name or f"tests_{os.getpid()}_{next(_numbers)}"
    administer(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    _made.append(name)
    return name


@atexit.register
def _drop_all() -> None:
    if _made:
        administer(*(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)' for name in _made))


class _PostgreSQL:
    @functools.cached_property
    def _name(self) -> str:
        return make()

    @property
    def url(self) -> str:
        return _url_of(self._name)

    @property
    def settings(self) -> dict[str, str]:
        return {"DATABASE_URL": self.url}

    def is_made(self) -> bool:
        return bool(self.rows("SELECT 1 FROM pg_tables WHERE schemaname = 'public' LIMIT 1"))

    def leave(self, data: Path) -> None:
        (data / _NAME).write_text(self._name)
        _made.remove(self._name)  # other processes need it until the server of all ends

    def become(self, prepared: Path) -> None:
        self._become((prepared / _NAME).read_text())

    def _become(self, template: str) -> None:
        administer(
            f'DROP DATABASE "{self._name}" WITH (FORCE)', f'CREATE DATABASE "{self._name}" TEMPLATE "{template}"'
        )

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with _connect(self._name) as database:
            found: list[tuple[Any, ...]] = database.execute(statement, values).fetchall()
            return found

    def change(self, statement: str, *values: Any) -> int:
        with _connect(self._name) as database:
            return int(database.execute(statement, values).rowcount)

    @contextmanager
    def locked(self) -> Iterator[None]:
        with _connect(self._name) as database, database.transaction():
            tables = database.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
            database.execute(f"LOCK TABLE {', '.join(name for (name,) in tables)} IN EXCLUSIVE MODE")
            yield

    @contextmanager
    def alone(self, name: str) -> Iterator[None]:
        key = int.from_bytes(hashlib.sha256(f"chat {name}".encode()).digest()[:8], signed=True)
        with _connect(self._name) as database:
            database.execute("SELECT pg_advisory_lock(%s)", [key])
            yield

    def content(self) -> dict[str, list[str]]:
        tables = [name for (name,) in self.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
        return {name: sorted(text for (text,) in self.rows(f"SELECT one::text FROM {name} AS one")) for name in tables}

    def save(self) -> str:
        copy = make()
        saved = subprocess.run(["pg_dump", _dump_url(self._name)], capture_output=True, check=True).stdout
        subprocess.run(["psql", "-q", "-v", "ON_ERROR_STOP=1", _dump_url(copy)], input=saved, check=True, stdout=-3)
        return copy

    def restore(self, copy: str) -> None:
        self._become(copy)


def _dump_url(name: str) -> str:
    return urlsplit(_url_of(name))._replace(scheme="postgresql").geturl()
