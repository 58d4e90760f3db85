"""Group commit: what arrives while one transaction commits is written together in the next.

A lone item waits for nobody; where several come at once, they wait two milliseconds at most for more. Each submitter
learns of his own item's end, after the commit; where a batch fails, its items are tried one by one, so that one bad
item fails alone. Nobody waits longer than `patience`: he is told that we are busy, and may submit the same again,
because what he submits has a name by which it is stored once.
"""

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import Generic, TypeVar

from chatproject.core.db import bulk
from chatproject.core.db.transactions import keep_connection
from chatproject.core.errors import Busy, ChatError

log = logging.getLogger(__name__)

Item = TypeVar("Item")
Answer = TypeVar("Answer")

#: Seconds that a batch of several waits for one more, and for all of them together: those who write at once come within
#: a moment of each other, and half as many batches cost far less than that.
NEXT, LINGER = 0.0002, 0.002
#: Seconds between two looks at who waits too long.
LOOK = 0.25


class _Entry(Generic[Item, Answer]):
    """An item and whom to tell of its end: None once he was told."""

    __slots__ = ("done", "item", "since")

    def __init__(self, item: Item, done: Callable[[Answer | Exception], None]) -> None:
        self.item = item
        self.done: Callable[[Answer | Exception], None] | None = done
        self.since = time.monotonic()


class GroupCommit(Generic[Item, Answer]):
    """One thread that writes. `write` gets a list of items, commits them, and answers one by one."""

    def __init__(
        self,
        write: Callable[[list[Item]], Sequence[Answer | ChatError]],
        *,
        name: str,
        batch: int = 500,
        backlog: int = 5000,
        patience: float = 4.0,
    ) -> None:
        self._write = write
        self._name = name
        self._batch = batch
        self._backlog = backlog
        self._patience = patience
        self._queue: queue.SimpleQueue[_Entry[Item, Answer]] = queue.SimpleQueue()
        self._oldest: deque[_Entry[Item, Answer]] = deque()
        self._telling = threading.Lock()
        self._starting = threading.Lock()
        self._wake_watcher = threading.Event()
        self._is_running = False

    def submit(self, item: Item, done: Callable[[Answer | Exception], None]) -> None:
        """Hand an item over, from any thread. `done` is called once, on a thread of ours, with the answer or the error.

        Raises Busy at once when too many wait.
        """
        if self._queue.qsize() >= self._backlog:
            raise Busy()
        if not self._is_running:
            self._start()
        entry: _Entry[Item, Answer] = _Entry(item, done)
        self._oldest.append(entry)
        self._queue.put(entry)
        if not self._wake_watcher.is_set():
            self._wake_watcher.set()

    def commit(self, item: Item) -> Answer:
        """Hand an item over and wait for its end. Raises its error."""
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
            # Whoever was told that we are busy is not written: he may have sent it elsewhere since.
            self._answer([entry for entry in batch if entry.done is not None])

    def _next_batch(self, *, is_crowded: bool) -> list[_Entry[Item, Answer]]:
        batch = [self._queue.get()]
        give_up = time.monotonic() + LINGER
        with suppress(queue.Empty):
            while len(batch) < self._batch:
                is_crowded = is_crowded or len(batch) > 1
                if is_crowded and time.monotonic() < give_up:
                    batch.append(self._queue.get(timeout=NEXT))
                else:
                    batch.append(self._queue.get_nowait())
        return batch

    def _answer(self, batch: list[_Entry[Item, Answer]]) -> None:
        if not batch:
            return
        outcomes: Sequence[Answer | Exception]
        try:
            keep_connection()
            bulk.enlarge_page_cache()
            outcomes = self._write([entry.item for entry in batch])
        except Exception as error:
            if len(batch) > 1 and not isinstance(error, Busy):
                for one in batch:
                    self._answer([one])
                return
            if not isinstance(error, ChatError):
                log.exception("%s: an item could not be written", self._name)
            outcomes = [error] * len(batch)
        self._tell(batch, outcomes)

    def _tell(self, entries: Sequence[_Entry[Item, Answer]], outcomes: Sequence[Answer | Exception]) -> None:
        with self._telling:
            to_tell = [entry.done for entry in entries]
            for entry in entries:
                entry.done = None
        for done, outcome in zip(to_tell, outcomes, strict=True):
            if done is not None:
                done(outcome)

    def _watch(self) -> None:
        """Tell those who wait too long, whatever the writer hangs on."""
        while True:
            self._wake_watcher.wait()
            time.sleep(LOOK)
            self._wake_watcher.clear()
            late = []
            while self._oldest:
                entry = self._oldest[0]
                if entry.done is not None:
                    if time.monotonic() - entry.since < self._patience:
                        self._wake_watcher.set()
                        break
                    late.append(entry)
                self._oldest.popleft()
            if late:
                log.warning("%s: busy, %d items given up", self._name, len(late))
                self._tell(late, [Busy()] * len(late))
