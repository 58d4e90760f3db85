"""The file: a tar archive that is written and read as one stream, whole or sealed with a passphrase.

Its members, in this order:

    chat.json                       what it is, and the migrations of its tables
    rows/<model>/000001.jsonl.gz    a table's rows, some thousand lines each (`rows`), after a line of its columns
    tables.json                     the checksum of each table
    keys/<name>, configuration/.env what DATA_DIR and the project's folder have of them
    files/<path>                    uploaded files
    end.json                        how many files; without it the archive is not whole
"""

import io
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import orjson

from chatproject.core.backup.rows import Unreadable
from chatproject.core.backup.sealed import MAGIC, Opener, Sealer

FORMAT = 1
CHAT, TABLES, END = "chat.json", "tables.json", "end.json"
ROWS, KEYS, CONFIGURATION, FILES = "rows/", "keys/", "configuration/", "files/"
#: What a member that is read into memory may have at most: a piece of rows, unpacked, is far below.
MEMBER_MAX = 512 * 1024 * 1024


class Writer:
    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar

    def put(self, name: str, data: bytes) -> None:
        self.stream(name, io.BytesIO(data), len(data))

    def put_json(self, name: str, value: Any) -> None:
        self.put(name, orjson.dumps(value, option=orjson.OPT_INDENT_2))

    def stream(self, name: str, source: IO[bytes], size: int) -> None:
        member = tarfile.TarInfo(name)
        member.size, member.mode, member.mtime = size, 0o600, int(time.time())
        self._tar.addfile(member, source)


@contextmanager
def writing(to: IO[bytes], passphrase: str = "") -> Iterator[Writer]:
    """Write an archive to a file or pipe, which stays open."""
    sealer = Sealer(to, passphrase) if passphrase else None
    stream: Any = sealer or to
    with tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT) as tar:
        yield Writer(tar)
    if sealer is not None:
        sealer.close()


class _Again:
    """A stream whose first bytes were read already."""

    def __init__(self, first: bytes, rest: IO[bytes]) -> None:
        self._first, self._rest = first, rest

    def read(self, size: int = -1) -> bytes:
        data, self._first = (self._first, b"") if size < 0 else (self._first[:size], self._first[size:])
        return data + self._rest.read(size if size < 0 else size - len(data))


class Member:
    def __init__(self, tar: tarfile.TarFile, found: tarfile.TarInfo) -> None:
        self._tar, self._found = tar, found
        self.name = found.name

    def read(self) -> bytes:
        if self._found.size > MEMBER_MAX:
            raise Unreadable("The archive is damaged.")
        with self.opened() as source:
            return source.read()

    def json(self) -> Any:
        return orjson.loads(self.read())

    def opened(self) -> IO[bytes]:
        source = self._tar.extractfile(self._found)
        if source is None:
            raise Unreadable("The archive is damaged.")
        return source


@contextmanager
def reading(source: IO[bytes], passphrase: str = "") -> Iterator[Iterator[Member]]:
    """The members of an archive, each to be read before the next one. Raises Unreadable."""
    first = source.read(len(MAGIC))
    if first == MAGIC and not passphrase:
        raise Unreadable("The archive is sealed: BACKUP_PASSPHRASE is needed.")
    opened: Any = Opener(source, passphrase) if first == MAGIC else _Again(first, source)
    try:
        with tarfile.open(fileobj=opened, mode="r|") as tar:
            yield (Member(tar, found) for found in tar)
    except (tarfile.TarError, EOFError, orjson.JSONDecodeError, OSError) as wrong:
        if isinstance(wrong, OSError) and wrong.errno is not None:
            raise
        raise Unreadable(f"This is no archive of a chat, or it is damaged ({wrong}).") from wrong
