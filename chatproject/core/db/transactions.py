"""How we write: atomically, with after-effects that cannot undo what was stored.

Every body given to `run_atomic` may run twice: where the database asks for a retry, it does.
"""

import asyncio
import contextvars
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from django.db import OperationalError, connections, transaction

from chatproject.core.db.current import dialect
from chatproject.core.errors import Busy, Interrupted

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

#: Threads for the ORM work of all sockets of a process. More would only wait for each other's
#: locks.
_threads = ThreadPoolExecutor(max_workers=4, thread_name_prefix="orm")


def run_atomic(body: Callable[[], T]) -> T:
    """Run `body` in one transaction and return its answer.

    Raises Busy when the database stays locked, when its disk is full, and when its connection breaks: `body` was then
    done or not.
    """
    try:
        return dialect().run_atomic(body)
    except OperationalError as error:
        if (busy := as_busy(error)) is not None:
            raise busy from error
        raise


def as_busy(error: Exception) -> Busy | None:
    """What a client is told whose work may succeed later; None if it will not, and for what is none of the database's
    refusals. A full disk is logged in a line.
    """
    if not isinstance(error, OperationalError):
        return None
    if dialect().is_contended(error):
        return Busy()
    if reason := dialect().passing(error):
        log.warning("database: %s", reason)
        return Interrupted() if dialect().is_lost(error) else Busy()
    return None


def failures() -> tuple[type[Exception], ...]:
    """What is raised where the database cannot be used: it is away, damaged, or refuses us."""
    return dialect().failures


def scrub_files() -> bool:
    """Remove from the database's files what is no longer in its rows, where that is in our hands.

    Returns whether it is done; if not, try again in a while.
    """
    return dialect().scrub_files()


def on_commit(effect: Callable[[], object]) -> None:
    """Run `effect` after the commit. A failure of it is logged: what was stored stays stored."""
    transaction.on_commit(effect, robust=True)


def keep_connection() -> None:
    """Keep this thread's connection for its next piece of work, and drop it if it broke.

    Call it before each piece.
    """
    for connection in connections.all(initialized_only=True):
        connection.close_at = None  # CONN_MAX_AGE is for requests, which end
        connection.close_if_unusable_or_obsolete()


def release_connection() -> None:
    """Return this thread's connection to the pool before the thread waits for another thread's
    work.

    Otherwise waiting threads could hold every connection of the pool while the thread they wait for
    gets none.
    """
    dialect().release_connection()


async def in_thread(work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Run ORM work off the event loop, on a thread with its own database connection."""

    def call() -> T:
        keep_connection()
        return work(*args, **kwargs)

    return await on_thread(_threads, call)


async def on_thread(threads: ThreadPoolExecutor, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Run `work` on one of these threads, in the caller's context, which includes the active
    language.
    """
    context = contextvars.copy_context()
    return await asyncio.get_running_loop().run_in_executor(threads, lambda: context.run(work, *args, **kwargs))
