"""The data keys of this installation: random, in a table, each wrapped by the wrapping key. The newest one seals.

A process reads them once, and again when it meets a number that it does not know. They are never deleted: a backup may
need any of them.
"""

import contextvars
import logging
import secrets
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeVar

from django.conf import settings
from django.db import IntegrityError, connections

from chatproject.core.models import DataKey
from chatproject.core.sealing import wrapping
from chatproject.core.sealing.keyring import KEY_BYTES, KeyRing
from chatproject.core.sealing.wrapping import KeyUnavailable

log = logging.getLogger(__name__)
T = TypeVar("T")

#: Seconds after which every process seals with a new key: `refresh` runs that often.
LEARNED_SECONDS = 3

_ring: KeyRing | None = None
_opening = threading.Lock()


def ring() -> KeyRing | None:
    """The ring of this process, to seal with; None where encryption is off. Raises KeyUnavailable."""
    if not settings.ENCRYPTION:
        return None
    return _ring or _opened(makes=True)


def opening_ring() -> KeyRing | None:
    """The ring to open with what was sealed, also where encryption is off now; None where nothing ever was.

    Raises KeyUnavailable.
    """
    return _ring or _opened(makes=settings.ENCRYPTION)


def is_used() -> bool:
    """Whether there are sealed values, or may be."""
    return opening_ring() is not None


def _opened(*, makes: bool) -> KeyRing | None:
    global _ring
    with _opening:
        if _ring is None:
            keys = _apart(lambda: _keys(makes=makes))
            _ring = KeyRing(keys, lambda: _apart(lambda: _keys(makes=False))) if keys else None
        return _ring


def forget() -> None:
    """Read the keys again when they are needed: the table is another one."""
    global _ring
    _ring = None


def refresh() -> None:
    """Learn of a new key. Blocks."""
    if _ring is not None:
        _ring.refresh()


def prepare() -> None:
    """Before the chat serves: see that the keys open, make the first one, and wrap those anew that a former wrapping
    key wrapped. Raises KeyUnavailable, and then nothing was changed.
    """
    forget()
    if not settings.ENCRYPTION:
        try:
            opening_ring()
        except KeyUnavailable as reason:
            log.warning("What was encrypted earlier is not readable: %s", reason)
        return
    opening_ring()
    rewrap()


def rewrap(*more: bytes) -> int:
    """Wrap data keys by the wrapping key of now which another one wrapped, of `more` too. Returns how many.

    Raises KeyUnavailable, and then nothing was changed.
    """
    found = [(row, _unwrapped(row, more)) for row in DataKey.objects.order_by("pk")]
    if not found:
        return 0
    own = wrapping.wrapping_key(makes=True)
    assert own is not None
    changed = [(row, key) for row, key in found if wrapping.unwrap(bytes(row.wrapped), row.pk, own) is None]
    for row, key in changed:
        DataKey.objects.filter(pk=row.pk).update(wrapped=wrapping.wrap(key, row.pk, own))
    if changed:
        log.warning("%d data keys are wrapped by %s now", len(changed), wrapping.source())
    return len(changed)


def rotate() -> int:
    """Make a new data key, which seals from now on; other processes learn of it within LEARNED_SECONDS. Its number."""
    known = opening_ring()
    if known is None:
        raise KeyUnavailable("Nothing is encrypted here: ENCRYPTION is off.")
    refresh()
    _apart(lambda: _make(known.current + 1))
    refresh()
    return known.current


class Status(NamedTuple):
    """`source`: of the wrapping key. `numbers`: of the data keys; the last one seals."""

    is_on: bool
    source: str
    numbers: list[int]


def status() -> Status:
    """Raises KeyUnavailable."""
    known = _ring or _opened(makes=False)
    return Status(bool(settings.ENCRYPTION), wrapping.source(), known.numbers if known else [])


def _keys(*, makes: bool) -> Mapping[int, bytes]:
    """All data keys by their numbers; the first one is made if `makes` says so. Raises KeyUnavailable."""
    rows = list(DataKey.objects.order_by("pk"))
    if not rows and makes:
        _make(1)
        rows = list(DataKey.objects.order_by("pk"))
    return {row.pk: _unwrapped(row) for row in rows}


def _make(number: int) -> None:
    own = wrapping.wrapping_key(makes=number == 1)
    if own is None:
        raise _lost()
    wrapped = wrapping.wrap(secrets.token_bytes(KEY_BYTES), number, own)
    try:
        DataKey.objects.create(pk=number, wrapped=wrapped)
    except IntegrityError:
        log.info("Another process made data key %d", number)


def _unwrapped(row: DataKey, more: tuple[bytes, ...] = ()) -> bytes:
    own = wrapping.wrapping_key(makes=False)
    for candidate in (*([] if own is None else [own]), *wrapping.former_keys(), *more):
        key = wrapping.unwrap(bytes(row.wrapped), row.pk, candidate)
        if key is not None:
            return key
    raise (
        _lost()
        if own is None
        else KeyUnavailable(
            f"{wrapping.source()} has another key than the one by which this chat is encrypted: give the right one, "
            "or the former one in ENCRYPTION_KEY_FALLBACKS."
        )
    )


def _lost() -> KeyUnavailable:
    return KeyUnavailable(
        f"This chat is encrypted, and its key is missing: put it back at {wrapping.own_path()}, or name it in "
        "ENCRYPTION_KEY, ENCRYPTION_KEY_FILE or ENCRYPTION_KEY_COMMAND."
    )


def _apart(work: Callable[[], T]) -> T:
    """Run `work` in a thread of its own: the caller may be on an event loop, or in a transaction that is undone."""

    def call() -> T:
        try:
            return work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1, thread_name_prefix="keys") as thread:
        return thread.submit(contextvars.copy_context().run, call).result()
