"""Batch loading: lookups that arrive while one is running are answered together by the next.

A lone lookup starts at once. While a crowd comes, batches start some time apart, so that they are few and large: most
of what a small one costs is its own. If a batch fails, its keys are looked up one by one, so that each caller
gets its own answer; an absent database or Redis fails the whole batch.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from django.db import InterfaceError, OperationalError

from chatproject.core import redis
from chatproject.core.db.transactions import in_thread

Key = TypeVar("Key")
Answer = TypeVar("Answer")


class BatchLoader(Generic[Key, Answer]):
    """`await loader(key)`, on the event loop.

    `load` gets a list of keys on a thread, and returns an answer for each. `pause`: the seconds after a batch of
    several until the next.
    """

    def __init__(
        self, load: Callable[[list[Key]], Sequence[Answer]], *, batch_max: int = 200, pause: float = 0.0
    ) -> None:
        self._load = load
        self._pause = pause
        self._batch_max = batch_max
        self._waiting: list[tuple[Key, asyncio.Future[Answer]]] = []
        self._loading: asyncio.Task[None] | None = None

    def __call__(self, key: Key) -> "asyncio.Future[Answer]":
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Answer] = loop.create_future()
        self._waiting.append((key, answer))
        if self._loading is None or self._loading.get_loop() is not loop:
            self._loading = loop.create_task(self._load_all())
        return answer

    async def _load_all(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[: self._batch_max], self._waiting[self._batch_max :]
                # Callers that were cancelled meanwhile need no answer.
                await self._answer([(key, answer) for key, answer in batch if not answer.done()])
                if self._pause and 1 < len(batch) < self._batch_max:
                    await asyncio.sleep(self._pause)
        finally:
            self._loading = None

    async def _answer(self, batch: list[tuple[Key, "asyncio.Future[Answer]"]]) -> None:
        if not batch:
            return
        try:
            answers = await in_thread(self._load, [key for key, _ in batch])
        except Exception as error:
            is_everyones = isinstance(error, OperationalError | InterfaceError | redis.Unavailable)
            if len(batch) > 1 and not is_everyones:
                for one in batch:
                    await self._answer([one])
                return
            for _, answer in batch:
                if not answer.done():
                    answer.set_exception(error)
            return
        for (_, answer), found in zip(batch, answers, strict=True):
            if not answer.done():
                answer.set_result(found)
