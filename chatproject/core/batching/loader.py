"""Natural batching of what many ask at the same moment: who comes while one question is under way joins the next.

A lone asker waits for nobody. Where a batch fails its members are asked for one by one, so that each gets his own
answer; that the database or Redis is away is everyone's.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from django.db import InterfaceError, OperationalError

from chatproject.core import redis
from chatproject.core.db.transactions import in_thread

Key = TypeVar("Key")
Answer = TypeVar("Answer")


class Together(Generic[Key, Answer]):
    """`await together(key)`, on the event loop. `ask` gets a list of keys on a thread, and answers one by one."""

    def __init__(self, ask: Callable[[list[Key]], Sequence[Answer]], *, most: int = 200) -> None:
        self._ask = ask
        self._most = most
        self._waiting: list[tuple[Key, asyncio.Future[Answer]]] = []
        self._asking: asyncio.Task[None] | None = None

    def __call__(self, key: Key) -> "asyncio.Future[Answer]":
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Answer] = loop.create_future()
        self._waiting.append((key, answer))
        if self._asking is None or self._asking.get_loop() is not loop:
            self._asking = loop.create_task(self._ask_all())
        return answer

    async def _ask_all(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
                # Whoever gave up waiting is not asked for.
                await self._answer([(key, answer) for key, answer in batch if not answer.done()])
        finally:
            self._asking = None

    async def _answer(self, batch: list[tuple[Key, "asyncio.Future[Answer]"]]) -> None:
        if not batch:
            return
        try:
            answers = await in_thread(self._ask, [key for key, _ in batch])
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
