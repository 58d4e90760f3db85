"""Writes an archive while the chat runs."""

import gzip
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from django.apps import apps
from django.conf import settings
from django.core.files.storage import default_storage
from django.db import connection, transaction
from django.db.migrations.recorder import MigrationRecorder

from chatproject.core import sealing
from chatproject.core.backup import archive
from chatproject.core.backup.rows import CHUNK, Digest, Names, Table, tables

#: What DATA_DIR has besides the database: who lacks it cannot keep people signed in, nor reach their browsers, nor read
#: what they wrote.
KEY_FILES = ("secret_key", "vapid_key", sealing.OWN_KEY)
#: Rows are text, and archives are many: the quickest level already makes a fifth of them.
_LEVEL = 1

Told = Callable[[str], None]


def save(to: Any, *, passphrase: str = "", files: bool = True, told: Told = lambda line: None) -> None:
    """Write an archive of this installation to an open file.

    Rows are those of one moment, on MongoDB those of some seconds. Files follow after them, so that no message lacks
    its file, except one that was recalled meanwhile.
    """
    with archive.writing(to, passphrase) as writer:
        with _one_moment():
            writer.put_json(archive.CHAT, _chat())
            names = Names()
            digests = {table.label: _save_rows(writer, table, names, told) for table in tables(apps)}
        writer.put_json(archive.TABLES, digests)
        for name in KEY_FILES:
            if name == sealing.OWN_KEY and not sealing.has_own_key():
                continue  # the one that is used is kept elsewhere, for good reason
            _save_if_there(writer, f"{archive.KEYS}{name}", Path(settings.DATA_DIR, name))
        _save_if_there(writer, f"{archive.CONFIGURATION}.env", settings.BASE_DIR / ".env")
        count = sum(_save_file(writer, path) for path in stored_files()) if files else 0
        told(f"{count} files")
        writer.put_json(archive.END, {"files": count})


def _chat() -> dict[str, Any]:
    # With the former names of squashed migrations, should there be any.
    applied = MigrationRecorder(connection).applied_migrations()
    return {
        "format": archive.FORMAT,
        "madeAt": datetime.now(UTC),
        "database": connection.vendor,
        "migrations": sorted(list(one) for one in applied),
    }


@contextmanager
def _one_moment() -> Iterator[None]:
    """What others write from now on is not seen by this connection. Nobody waits for it."""
    connection.close()  # out of whatever it was doing
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            # Django's own would be IMMEDIATE, and keep everybody from writing.
            cursor.execute("BEGIN DEFERRED")
            try:
                yield
            finally:
                cursor.execute("ROLLBACK")
    elif connection.vendor == "postgresql":
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield
    else:
        yield


def _save_rows(writer: archive.Writer, table: Table, names: Names, told: Told) -> dict[str, Any]:
    digest = Digest()
    piece = [orjson.dumps(table.columns)]
    number = 0

    def put() -> None:
        nonlocal number
        number += 1
        name = f"{archive.ROWS}{table.label}/{number:06}.jsonl.gz"
        writer.put(name, gzip.compress(b"\n".join(piece), _LEVEL, mtime=0))
        piece.clear()

    for line in table.lines(table.columns, names):
        digest.add(line)
        piece.append(line)
        if len(piece) >= CHUNK:
            put()
            if number % 50 == 0:
                told(f"{table.label}: {digest.rows} rows …")
    if piece:
        put()
    if digest.rows:
        told(f"{table.label}: {digest.rows} rows")
    return digest.told()


def _save_if_there(writer: archive.Writer, name: str, path: Path) -> None:
    if path.is_file():
        writer.put(name, path.read_bytes())


def stored_files(folder: str = "") -> Iterator[str]:
    """The paths of all uploaded files."""
    try:
        folders, names = default_storage.listdir(folder)
    except FileNotFoundError:
        return
    prefix = f"{folder}/" if folder else ""
    yield from (f"{prefix}{name}" for name in sorted(names) if not name.startswith("."))
    for inner in sorted(folders):
        if not inner.startswith("."):  # uploads in progress
            yield from stored_files(f"{prefix}{inner}")


def _save_file(writer: archive.Writer, path: str) -> bool:
    try:
        size = default_storage.size(path)
        with default_storage.open(path) as source:
            writer.stream(f"{archive.FILES}{path}", source, size)
    except FileNotFoundError:
        return False  # recalled just now
    return True
