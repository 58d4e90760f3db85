"""Group commit: items that arrive while one transaction commits are written together in the next
one.

A lone item is written at once; while several arrive at once, the writer waits up to two milliseconds, or
as long as it was told, for more. Each submitter gets the outcome of its own item after the commit. If a
batch fails, its items are written one by one, so that one bad item fails alone. An item that waits longer
than `timeout_seconds` fails with Busy; its submitter may submit it again, because items carry a unique id
by which they are stored once.
"""

import asyncio
import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import Generic, TypeVar

from chatproject.core import tracing
from chatproject.core.db import bulk
from chatproject.core.db.transactions import keep_connection
from chatproject.core.errors import Busy, ChatError

log = logging.getLogger(__name__)

Item = TypeVar("Item")
Answer = TypeVar("Answer")

#: Seconds that a batch of several waits for one more item, and in all: items that are sent at once
#: arrive within a moment of each other, and waiting costs far less than twice as many batches.
NEXT_ITEM_TIMEOUT_SECONDS, BATCH_TIMEOUT_SECONDS = 0.0002, 0.002
#: Seconds between two checks for items that have waited too long.
CHECK_EVERY_SECONDS = 0.25


class _Entry(Generic[Item, Answer]):
    """An item, and the callback for its outcome: None once it was called."""

    __slots__ = ("done", "item", "since")

    def __init__(self, item: Item, done: Callable[[Answer | Exception], None]) -> None:
        self.item = item
        self.done: Callable[[Answer | Exception], None] | None = done
        self.since = time.monotonic()


class GroupCommit(Generic[Item, Answer]):
    """One writer thread.

    `write` gets a list of items, commits them, and returns an answer for each. `after` is called on the
    same thread when the submitters have their answers.
    """

    def __init__(
        self,
        write: Callable[[list[Item]], Sequence[Answer | ChatError]],
        *,
        name: str,
        after: Callable[[], None] = lambda: None,
        batch_max: int = 500,
        backlog_max: int = 5000,
        timeout_seconds: float = 4.0,
        next_item_seconds: float = NEXT_ITEM_TIMEOUT_SECONDS,
        batch_seconds: float = BATCH_TIMEOUT_SECONDS,
    ) -> None:
        self._write = write
        self._name = name
        self._after = after
        self._batch_max = batch_max
        self._backlog_max = backlog_max
        self._timeout_seconds = timeout_seconds
        self._next_item_seconds = next_item_seconds
        self._batch_seconds = batch_seconds
        self._queue: queue.SimpleQueue[_Entry[Item, Answer]] = queue.SimpleQueue()
        self._oldest: deque[_Entry[Item, Answer]] = deque()
        self._reporting = threading.Lock()
        self._starting = threading.Lock()
        self._wake_watcher = threading.Event()
        self._is_running = False
        #: What was submitted in this turn of the event loop.
        self._turn: list[_Entry[Item, Answer]] = []
        self._loop: asyncio.AbstractEventLoop | None = None

    def submit_soon(self, item: Item, done: Callable[[Answer | Exception], None]) -> None:
        """Like `submit`, on the event loop: all items of one turn of the loop wake the writer once, together."""
        self._require_room()
        loop = asyncio.get_running_loop()
        self._turn.append(_Entry(item, done))
        if len(self._turn) == 1 or loop is not self._loop:
            self._loop = loop
            loop.call_soon(self._end_turn)

    def _end_turn(self) -> None:
        entries, self._turn = self._turn, []
        self._enqueue(entries)

    def submit(self, item: Item, done: Callable[[Answer | Exception], None]) -> None:
        """Queue an item, from any thread. `done` is called once, on another thread, with the answer
        or the error.

        Raises Busy at once when too many items wait.
        """
        self._require_room()
        self._enqueue([_Entry(item, done)])

    def _require_room(self) -> None:
        if self.waiting() >= self._backlog_max:
            raise Busy()

    def _enqueue(self, entries: list[_Entry[Item, Answer]]) -> None:
        if not self._is_running:
            self._start()
        self._oldest += entries
        for entry in entries:
            self._queue.put(entry)
        if not self._wake_watcher.is_set():
            self._wake_watcher.set()

    def waiting(self) -> int:
        """How many items wait for their batch."""
        return self._queue.qsize() + len(self._turn)

    def commit(self, item: Item) -> Answer:
        """Queue an item and wait for its answer. Raises its error."""
        future: Future[Answer] = Future()

        def done(outcome: Answer | Exception) -> None:
            if isinstance(outcome, Exception):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)

        self.submit(item, done)
        return future.result()

    def _start(self) -> None:
        with self._starting:
            if not self._is_running:
                threading.Thread(target=self._run, name=self._name, daemon=True).start()
                threading.Thread(target=self._watch, name=f"{self._name}-watcher", daemon=True).start()
                self._is_running = True

    def _run(self) -> None:
        batch: list[_Entry[Item, Answer]] = []
        while True:
            batch = self._next_batch(is_crowded=len(batch) > 1)
            # An item whose submitter got Busy is not written: it may have been sent elsewhere
            # since.
            self._write_batch([entry for entry in batch if entry.done is not None])
            try:
                self._after()
            except Exception:
                log.exception("%s: what follows a batch failed", self._name)

    def _next_batch(self, *, is_crowded: bool) -> list[_Entry[Item, Answer]]:
        batch = [self._queue.get()]
        give_up = time.monotonic() + self._batch_seconds
        with suppress(queue.Empty):
            while len(batch) < self._batch_max:
                is_crowded = is_crowded or len(batch) > 1
                if is_crowded and time.monotonic() < give_up:
                    batch.append(self._queue.get(timeout=self._next_item_seconds))
                else:
                    batch.append(self._queue.get_nowait())
        return batch

    def _write_batch(self, batch: list[_Entry[Item, Answer]]) -> None:
        if not batch:
            return
        outcomes: Sequence[Answer | Exception]
        try:
            keep_connection()
            bulk.enlarge_page_cache()
            with tracing.span(f"commit of {self._name}", **{"chat.batch.size": len(batch)}):
                outcomes = self._write([entry.item for entry in batch])
        except Exception as error:
            if len(batch) > 1 and type(error) is not Busy:
                for one in batch:
                    self._write_batch([one])
                return
            if not isinstance(error, ChatError):
                log.exception("%s: an item could not be written", self._name)
            outcomes = [error] * len(batch)
        self._report(batch, outcomes)

    def _report(self, entries: Sequence[_Entry[Item, Answer]], outcomes: Sequence[Answer | Exception]) -> None:
        with self._reporting:
            callbacks = [entry.done for entry in entries]
            for entry in entries:
                entry.done = None
        for done, outcome in zip(callbacks, outcomes, strict=True):
            if done is not None:
                done(outcome)

    def _watch(self) -> None:
        """Fail items that have waited too long, also while the writer hangs."""
        while True:
            self._wake_watcher.wait()
            time.sleep(CHECK_EVERY_SECONDS)
            self._wake_watcher.clear()
            late = []
            while self._oldest:
                entry = self._oldest[0]
                if entry.done is not None:
                    if time.monotonic() - entry.since < self._timeout_seconds:
                        self._wake_watcher.set()
                        break
                    late.append(entry)
                self._oldest.popleft()
            if late:
                log.warning("%s: busy, %d items given up", self._name, len(late))
                self._report(late, [Busy()] * len(late))
