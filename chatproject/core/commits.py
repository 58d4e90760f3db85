"""Group commit: what arrives while one transaction commits is written together in the next.

A lone item waits for nobody. Each submitter learns of his own item's end, after the commit; where a batch fails, its
items are tried one by one, so that one bad item fails alone.
"""

import logging
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

from chatproject.core.db import keep_connection
from chatproject.core.errors import Busy, ChatError

log = logging.getLogger(__name__)

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class GroupCommit(Generic[Item, Answer]):
    """One thread that writes. `write` gets a list of items, commits them, and answers one by one."""

    def __init__(
        self,
        write: Callable[[list[Item]], list[Answer | ChatError]],
        *,
        name: str,
        batch: int = 500,
        backlog: int = 5000,
    ) -> None:
        self._write = write
        self._name = name
        self._batch = batch
        self._backlog = backlog
        self._queue: queue.SimpleQueue[tuple[Item, Future[Answer]]] = queue.SimpleQueue()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def submit(self, item: Item) -> "Future[Answer]":
        """Hand an item over, from any thread. Raises Busy at once when too many wait."""
        if self._queue.qsize() >= self._backlog:
            raise Busy()
        if self._thread is None:
            self._start()
        answer: Future[Answer] = Future()
        self._queue.put((item, answer))
        return answer

    def _start(self) -> None:
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            batch = [self._queue.get()]
            while len(batch) < self._batch:
                try:
                    batch.append(self._queue.get_nowait())
                except queue.Empty:
                    break
            # Whoever gave up waiting is not written: he was told nothing, and may send it again.
            batch = [(item, answer) for item, answer in batch if answer.set_running_or_notify_cancel()]
            self._answer(batch)

    def _answer(self, batch: list[tuple[Item, "Future[Answer]"]]) -> None:
        if not batch:
            return
        try:
            keep_connection()
            answers = self._write([item for item, _ in batch])
        except Exception as error:
            if len(batch) > 1 and not isinstance(error, Busy):
                for one in batch:
                    self._answer([one])
                return
            if not isinstance(error, ChatError):
                log.exception("%s: an item could not be written", self._name)
            for _, answer in batch:
                answer.set_exception(error)
            return
        for (_, answer), outcome in zip(batch, answers, strict=True):
            if isinstance(outcome, ChatError):
                answer.set_exception(outcome)
            else:
                answer.set_result(outcome)
