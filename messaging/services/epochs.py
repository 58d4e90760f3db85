"""The epoch of the installation's data: it changes when an older copy of the database was restored.

Clients rely on numbers that only grow. After a restore the numbers of lost messages are given again, to
others; a client that sees another epoch starts afresh. A restored database does not know that it is
old, so there is a witness outside of it, the file `DATA_DIR/epoch`: the epoch, and the last change of a
message that was committed here. If the database does not have that change, or an older epoch, a new
epoch begins. Where the file is missing (a new container), Redis has a copy, some seconds old.

Epochs are UUIDv7: of two, the greater one is newer. Each host has a witness of its own, and takes over
what another host has begun.
"""

import fcntl
import logging
import os
import threading
import zlib
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from time import sleep
from typing import NamedTuple
from uuid import UUID

from django.conf import settings

from chatproject.core import redis
from chatproject.core.db.transactions import run_atomic
from chatproject.core.models import uuid7
from groups.models import Room
from messaging import cache, chat_cache
from messaging.models import Epoch, Message

log = logging.getLogger(__name__)

#: Changes that are remembered between two checks: the newest, of which a restore loses the last.
RECENT_MAX = 500
_MODE = 0o600
#: How often the witness is read anew, with so many seconds between, while it is being written.
READS_MAX, READ_AGAIN_SECONDS = 20, 0.005
#: Before the checksum of a line.
_CHECKED = "crc32:"


class Change(NamedTuple):
    """A committed change of a message: as it was sent, edited or recalled."""

    room_id: UUID
    seq: int
    message_id: UUID
    version: int


class _Witness(NamedTuple):
    epoch: UUID
    change: Change | None


_epoch: UUID | None = None
_recent: deque[Change] = deque(maxlen=RECENT_MAX)
_checking = threading.Lock()
_file: int | None = None


def known() -> str:
    """The epoch as of the last check; "" before the first one. Asks nothing."""
    return "" if _epoch is None else str(_epoch)


def current() -> str:
    """The epoch."""
    return known() or check()


def note(change: Change) -> None:
    """Remember a change that was just committed. Costs one small write to a file that is open."""
    _recent.append(change)
    # Before the first check the file still says what was there before this process.
    if _epoch is not None:
        _write(_Witness(_epoch, change))


def check() -> str:
    """Compare the database with the witness, and begin a new epoch if it is an older copy; returns the epoch."""
    global _epoch
    with _checking, _one_process_at_a_time():
        witness = _read()
        stored = _stored()
        noted = list(_recent)
        is_older = witness is None or stored is None or stored < witness.epoch
        if not is_older and witness is not None and stored == witness.epoch:
            # At the start a room that is gone may have been lost with the rest; later it was dissolved.
            is_older = _is_any_lost(noted) or (
                witness.change is not None and _is_lost(witness.change, is_start=_epoch is None)
            )
        if is_older or stored is None:
            stored = _begin(witness)
        elif stored != _epoch or witness is None or witness.epoch != stored:
            _write(_Witness(stored, noted[-1] if noted else witness and witness.change))
        _epoch = stored
        for _checked in noted:
            with suppress(IndexError):
                _recent.popleft()
        if noted:
            _recent.appendleft(noted[-1])  # to be there at the next check, too
        _copy_to_redis()
    return known()


def begin() -> str:
    """Begin a new epoch, whatever the witness says: for operators."""
    with _checking, _one_process_at_a_time():
        return str(_begin(_read()))


def _begin(witness: _Witness | None) -> UUID:
    """A new epoch, which is greater than every other even if a clock was set back."""
    former = [one for one in (_stored(), witness and witness.epoch) if one is not None]
    epoch = max([uuid7(), *(UUID(int=one.int + 1) for one in former)])
    run_atomic(lambda: Epoch.objects.create(pk=epoch))
    _recent.clear()
    _write(_Witness(epoch, None))
    if former:
        log.warning("a new epoch begins: the database is an older copy, or one from elsewhere; clients start afresh")
        with suppress(redis.Unavailable):
            chat_cache.forget_everything()
            cache.forget_everything()
    return epoch


def _stored() -> UUID | None:
    return Epoch.objects.order_by("-pk").values_list("pk", flat=True).first()


def _is_any_lost(changes: list[Change]) -> bool:
    """Whether the database is from before one of many changes: one query, as nearly all are there."""
    there = dict(Message.objects.filter(pk__in=[one.message_id for one in changes]).values_list("pk", "version"))
    return any(_is_lost(one) for one in changes if there.get(one.message_id, -1) < one.version)


def _is_lost(change: Change, *, is_start: bool = False) -> bool:
    """Whether the database is from before a change. A message or room that was deleted is not lost."""
    found = Message.objects.filter(room_id=change.room_id, seq=change.seq).values_list("pk", "version").first()
    if found is not None:
        return found[0] != change.message_id or found[1] < change.version
    last_seq = Room.objects.filter(pk=change.room_id).values_list("last_seq", flat=True).first()
    return is_start if last_seq is None else last_seq < change.seq


# The witness ----------------------------------------------------------------------------------------------------------


def _open() -> int:
    global _file
    if _file is None:
        _file = os.open(settings.DATA_DIR / "epoch", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _MODE)
    return _file


@contextmanager
def _one_process_at_a_time() -> Iterator[None]:
    # A descriptor of its own: the lock belongs to it, and another may be open in this process.
    lock = os.open(settings.DATA_DIR / "epoch", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _MODE)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _write(witness: _Witness) -> None:
    os.pwrite(_open(), _to_text(witness).encode(), 0)


def _read() -> _Witness | None:
    """What the file says, or else Redis.

    A file system may let a reader see a half of a line that is just written (`note` waits for nobody): such
    a line does not fit its checksum, and is read again.
    """
    for _ in range(READS_MAX):
        text = os.pread(_open(), 4096, 0)
        found = _of_text(text.decode(errors="replace"))
        if found is not None or not text:
            break
        sleep(READ_AGAIN_SECONDS)
    if found is None:
        with suppress(redis.Unavailable), redis.client() as connection:
            copy = connection.get(redis.key("epoch"))
            found = _of_text(copy.decode()) if isinstance(copy, bytes) else None
    return found


def _copy_to_redis() -> None:
    witness = _read()
    if witness is not None:
        with suppress(redis.Unavailable), redis.client() as connection:
            connection.set(redis.key("epoch"), _to_text(witness))


def _to_text(witness: _Witness) -> str:
    """One line with its checksum, always of one length, so that a shorter one leaves nothing of a longer one."""
    epoch, change = witness
    words = "" if change is None else f"{change.room_id} {change.seq} {change.message_id} {change.version}"
    line = f"{epoch} {words:<120}"
    return f"{line} {_CHECKED}{_checksum(line)}\n"


def _checksum(line: str) -> str:
    return f"{zlib.crc32(line.encode()):08x}"


def _of_text(text: str) -> _Witness | None:
    """The witness that a line tells; None for a line that is not whole. An older version wrote no checksum."""
    line, is_checked, checksum = text.partition(f" {_CHECKED}")
    if is_checked and checksum.rstrip("\n") != _checksum(line):
        return None
    words = line.split()
    try:
        epoch = UUID(words[0])
        if len(words) == 1:
            return _Witness(epoch, None)
        room_id, seq, message_id, version = words[1:]
        return _Witness(epoch, Change(UUID(room_id), int(seq), UUID(message_id), int(version)))
    except (IndexError, ValueError):
        return None
