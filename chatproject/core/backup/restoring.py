"""Makes an installation of an archive: also one of another database, or of an older version."""

import gzip
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from django.apps import apps as installed
from django.apps.registry import Apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor

from chatproject.core import sealing
from chatproject.core.backup import archive
from chatproject.core.backup.archive import Member
from chatproject.core.backup.rows import Digest, Names, Table, Unreadable, tables
from chatproject.core.backup.saving import KEY_FILES, Told
from chatproject.core.backup.schedule import new_file
from chatproject.core.files import storage
from chatproject.core.files.sealed import HEAD_BYTES
from chatproject.core.models import DataKey

#: The configuration of an archive is laid beside the database for the operator to compare: it may name another one.
CONFIGURATION = "restored.env"
#: What becomes of an SQLite database that is replaced.
ASIDE = ".before-restore"


class NotEmpty(Exception):
    """There is a chat already; the text says what to do."""


def restore(source: Any, *, passphrase: str = "", replace: bool = False, told: Told = lambda line: None) -> None:
    """Read an archive from an open file, and become what it has. The chat must not run.

    Nothing is changed in the database before the archive has been read and proven to the end (on MongoDB, whose
    transactions end too early for that, its tables are then half filled, and the next try begins anew).

    Raises Unreadable and NotEmpty.
    """
    with archive.reading(source, passphrase) as members:
        chat = _described(members)
        nodes = _nodes(chat["migrations"])
        _make_room(nodes, replace=replace)
        _migrate_to(nodes)
        with _whole_or_nothing():
            reader = _Reader(_apps_at(nodes), told)
            reader.read(members)
            reader.open_texts()
    reader.lay_down()
    call_command("migrate", interactive=False, verbosity=0)
    _forget_what_was()


def check(source: Any, *, passphrase: str = "", told: Told = lambda line: None) -> None:
    """Read an archive to its end, and prove its rows. Changes nothing. Raises Unreadable."""
    with archive.reading(source, passphrase) as members:
        _described(members)
        _Reader(None, told).read(members)


def _described(members: Iterator[Member]) -> Mapping[str, Any]:
    first = next(members, None)
    if first is None or first.name != archive.CHAT:
        raise Unreadable("This is no archive of a chat.")
    chat: Mapping[str, Any] = first.json()
    if chat["format"] != archive.FORMAT:
        raise Unreadable("The archive was made by a newer version of the chat: restore it with that one.")
    return chat


# Tables ---------------------------------------------------------------------------------------------------------------

_Node = tuple[str, str]


def _is_ours(app: str) -> bool:
    config = installed.get_app_config(app)
    return Path(config.path).is_relative_to(settings.BASE_DIR / config.name.partition(".")[0])


def _nodes(applied: Iterable[list[str]]) -> list[_Node]:
    """The migrations up to which the archive's tables go. Packages' own tables are taken as they are today.

    Raises Unreadable where this version does not know one of them.
    """
    graph = MigrationExecutor(connection).loader.graph
    ours = {config.label for config in installed.get_app_configs() if _is_ours(config.label)}
    there = {(app, name) for app, name in applied if app in ours}
    unknown = sorted(there - graph.nodes.keys())
    if unknown:
        raise Unreadable(
            f"The archive was made by a newer version of the chat, with the migration {'.'.join(unknown[0])}: "
            "restore it with that one."
        )
    followed = {parent.key for node in there for parent in graph.node_map[node].parents if parent.key[0] == node[0]}
    return sorted(there - followed)


def _make_room(nodes: list[_Node], *, replace: bool) -> None:
    """See that the tables can be made as the archive has them. Raises NotEmpty."""
    executor = MigrationExecutor(connection)
    if not executor.loader.applied_migrations:
        return
    people = get_user_model()
    # Asks for no column: the tables may be those of another version.
    has_people = people._meta.db_table in connection.introspection.table_names() and people._base_manager.exists()
    if has_people and not replace:
        raise NotEmpty("There are people in this chat already. With --replace they, and all they said, make room.")
    if connection.vendor == "sqlite":
        connection.close()
        database = Path(settings.DATABASES["default"]["NAME"])
        for ending in ("-wal", "-shm"):
            database.with_name(database.name + ending).unlink(missing_ok=True)
        database.replace(database.with_name(database.name + ASIDE))
    elif has_people or set(nodes) != {node for node in executor.loader.graph.leaf_nodes() if _is_ours(node[0])}:
        raise NotEmpty("The database has tables already. Create an empty one, and name it in DATABASE_URL.")


def _migrate_to(nodes: list[_Node]) -> None:
    ours = {app for app, _ in nodes}
    for app, name in nodes:
        call_command("migrate", app, name, interactive=False, verbosity=0)
    for app, _ in MigrationExecutor(connection).loader.graph.leaf_nodes():
        if app not in ours and not _is_ours(app):
            call_command("migrate", app, interactive=False, verbosity=0)


def _apps_at(nodes: list[_Node]) -> Apps:
    """The models as they were after these migrations."""
    loader = MigrationExecutor(connection).loader
    others = [node for node in loader.graph.leaf_nodes() if not _is_ours(node[0])]
    found: Apps = loader.project_state([*nodes, *others]).apps
    return found


def _whole_or_nothing() -> AbstractContextManager[Any]:
    return nullcontext() if connection.vendor == "mongodb" else transaction.atomic()


# The archive ----------------------------------------------------------------------------------------------------------


@dataclass
class _Reader:
    """Takes an archive's members in their order; `models` is None where they are only looked at."""

    models: Apps | None
    told: Told
    _tables: dict[str, Table] = field(default_factory=dict)
    _columns: dict[str, list[str]] = field(default_factory=dict)
    _seen: dict[str, Any] = field(default_factory=dict)
    _left_out: dict[str, int] = field(default_factory=dict)
    _keys: dict[str, bytes] = field(default_factory=dict)
    _files: int = 0

    def read(self, members: Iterator[Member]) -> None:
        """Raises Unreadable where something is missing or not what it was."""
        if self.models is not None:
            self._tables = {table.label: table for table in tables(self.models)}
            for table in self._tables.values():
                table.clear()
        names = Names()
        is_proven = False
        for member in members:
            start = member.name.partition("/")[0] + "/"
            if start == archive.ROWS:
                self._rows(member, names)
            elif member.name == archive.TABLES:
                self._prove(member.json())
                is_proven = True
            elif start in (archive.KEYS, archive.CONFIGURATION):
                self._keys[member.name] = member.read()
            elif start == archive.FILES:
                self._file(member)
            elif member.name == archive.END:
                if is_proven and member.json()["files"] == self._files:
                    self.told(f"{self._files} files")
                    return
                break
        raise Unreadable("The archive ends too early, or a part of it is missing.")

    def _rows(self, member: Member, names: Names) -> None:
        label = member.name.split("/")[1]
        lines = gzip.decompress(member.read()).split(b"\n")
        if label not in self._columns:
            self._columns[label] = orjson.loads(lines.pop(0))
            self._seen[label] = Digest()
        for line in lines:
            self._seen[label].add(line)
        if self.models is None:
            return
        if label not in self._tables:
            raise Unreadable(f"There is no table {label} here.")
        self._left_out[label] = self._left_out.get(label, 0) + self._tables[label].store(
            lines, self._columns[label], names
        )

    def _prove(self, wanted: Mapping[str, Any]) -> None:
        """Compare the rows with what was read where they were saved, and with what the database has of them now."""
        seen = {label: digest.told() for label, digest in self._seen.items()}
        if seen != wanted:
            raise Unreadable("The archive is damaged: its rows are not those that were saved.")
        for label, table in self._tables.items():
            if self._left_out.get(label):
                self.told(f"{label}: {self._left_out[label]} rows about what is not here any more were left out")
            elif label in wanted and table.digest(self._columns[label]) != wanted[label]:
                raise Unreadable(f"The database did not keep the rows of {label} as they are.")
        for label, one in wanted.items():
            if one["rows"]:
                self.told(f"{label}: {one['rows']} rows")

    def _file(self, member: Member) -> None:
        path = member.name.removeprefix(archive.FILES)
        if not is_file_path(path):
            raise Unreadable("The archive has a file with a name that is none of the chat's.")
        self._files += 1
        if self.models is None:
            with member.opened() as source:
                while source.read(2**20):
                    pass
        else:
            _store(member, path)

    def open_texts(self) -> None:
        """See that the data keys open here, and wrap them by the key of this installation. Raises Unreadable."""
        if DataKey._meta.label_lower not in self._tables:
            return  # of a version that sealed nothing
        theirs = self._keys.get(f"{archive.KEYS}{sealing.OWN_KEY}")
        try:
            sealing.forget()
            sealing.rewrap(*([] if theirs is None else [theirs]))
        except sealing.KeyUnavailable as reason:
            raise Unreadable(
                "The archive's texts are encrypted by a key that is not in it: name that one in "
                f"ENCRYPTION_KEY_FALLBACKS. ({reason})"
            ) from reason

    def lay_down(self) -> None:
        """Put the keys in their places, and the configuration beside them."""
        for name in KEY_FILES:
            key = self._keys.get(f"{archive.KEYS}{name}")
            # What is encrypted here, and what was before, is opened by this installation's own.
            if key is not None and name != sealing.OWN_KEY:
                _write(Path(settings.DATA_DIR, name), key)
        configuration = self._keys.get(f"{archive.CONFIGURATION}.env")
        if configuration is not None:
            _write(Path(settings.DATA_DIR, CONFIGURATION), configuration)
            self.told(f"The configuration is in {Path(settings.DATA_DIR, CONFIGURATION)}: compare it with yours.")


def _store(member: Member, path: str) -> None:
    """Store a file as the archive has it. One that is there already may be sealed with a key that the archive lacks."""
    with member.opened() as source:
        head = source.read(HEAD_BYTES)
        if storage.has(path, head):
            return
        with tempfile.NamedTemporaryFile(dir=storage.scratch(), delete=False) as draft:
            draft.write(head)
            shutil.copyfileobj(source, draft)
    store = storage.replace_as_it_is if default_storage.exists(path) else storage.put_as_it_is
    store(Path(draft.name), path)


def is_file_path(path: str) -> bool:
    """Whether a path leads to a file below the storage's root."""
    parts = path.split("/")
    return all(part and not part.startswith(".") and "\\" not in part and "\0" not in part for part in parts)


def _write(path: Path, data: bytes) -> None:
    path.unlink(missing_ok=True)
    with new_file(path) as file:
        file.write(data)


def _forget_what_was() -> None:
    """What the embedded Redis holds, and the witness of the epoch, are about what was here before."""
    Path(settings.DATA_DIR, "epoch").unlink(missing_ok=True)
    if settings.REDIS_EMBEDDED:
        shutil.rmtree(Path(settings.DATA_DIR, "redis"), ignore_errors=True)
