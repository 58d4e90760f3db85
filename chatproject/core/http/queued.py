"""Requests that wait for something scarce: in a line on the event loop, where a place costs next to
nothing, and not on threads.

The line is fair and has an end: next is an address that had the least lately, and where the line is full, the
address that has most in it gives way. So a crowd behind one address gets in one after the other, and a
flood from one address makes nobody else wait.
"""

import asyncio
import sys
from typing import IO, Any

from django.conf import settings

from chatproject.core.db.transactions import on_thread
from chatproject.core.errors import Busy
from chatproject.core.http import addresses
from chatproject.core.http.asgi import Send, send_error
from chatproject.core.http.handler import THREADS, Handler
from chatproject.core.sandbox.turns import Ticket, Turns

#: The key of a page's scope under which stands why the request had no turn.
REFUSED = "chat.refused"

#: Seconds that any other request waits for a thread.
REQUEST_TIMEOUT_SECONDS = 30.0
#: Seconds after which a refused client may try again.
RETRY_SECONDS = 2

Call = asyncio.Future[None]


class QueuedHandler(Handler):
    """`Handler` with `places` at a time, of which one address has at most `each`.

    `length` and `length_each` requests wait, for `timeout_seconds`; others are answered `busy`. A browser's
    page, at one of the paths `pages`, says so itself.
    """

    def __init__(
        self,
        *,
        places: int,
        each: int,
        length: int,
        length_each: int,
        timeout_seconds: float,
        pages: frozenset[str] = frozenset(),
        has_own_threads: bool = True,
    ) -> None:
        super().__init__(threads=places if has_own_threads else 0)
        self._turns = Turns(places, each)
        self._length, self._length_each, self._timeout_seconds = length, length_each, timeout_seconds
        self._pages = pages
        self._waiting: dict[str, dict[Call, None]] = {}

    async def respond(self, scope: Any, body: IO[bytes], send: Send) -> None:
        try:
            await super().respond(scope, body, send)
        except Busy as busy:
            await self._refuse(busy, scope, body, send)

    async def _answer(self, scope: Any, body: IO[bytes]) -> Any:
        """Wait for a turn, which ends when the response is made: how slowly the client takes it is nobody else's loss.

        Raises Busy.
        """
        turn = await self._turn(_address(scope))
        try:
            return await super()._answer(scope, body)
        finally:
            self._turns.leave(turn)

    async def _refuse(self, busy: Busy, scope: Any, body: IO[bytes], send: Send) -> None:
        if scope["path"] in self._pages:
            await self._send(await on_thread(Handler.threads, self._process, {**scope, REFUSED: busy}, body), send)
        else:
            await send_error(busy, dict(scope["headers"]), send)

    async def _turn(self, who: str) -> Ticket:
        """Wait for a turn. Raises Busy."""
        loop = asyncio.get_running_loop()
        call: Call = loop.create_future()
        turn = self._turns.ask(who, lambda: loop.call_soon_threadsafe(_come, call))
        if turn.began is not None:
            return turn
        try:
            self._stand_in_line(who, call)
            try:
                async with asyncio.timeout(self._timeout_seconds):
                    await call
            finally:
                self._waiting[who].pop(call)
                if not self._waiting[who]:
                    del self._waiting[who]
        except BaseException as error:
            self._turns.leave(turn)
            if isinstance(error, TimeoutError):
                raise Busy(retry_after=RETRY_SECONDS) from None
            raise
        return turn

    def _stand_in_line(self, who: str, call: Call) -> None:
        """Take a place: a free one, or that of the last request of who has most. Raises Busy."""
        own = len(self._waiting.get(who, ()))
        if own >= self._length_each:
            raise Busy(retry_after=RETRY_SECONDS)
        if sum(map(len, self._waiting.values())) >= self._length:
            most = max(self._waiting.values(), key=_still_waiting)
            if _still_waiting(most) <= own + 1:
                raise Busy(retry_after=RETRY_SECONDS)
            next(one for one in reversed(most) if not one.done()).set_exception(Busy(retry_after=RETRY_SECONDS))
        self._waiting.setdefault(who, {})[call] = None


class FairHandler(QueuedHandler):
    """`Handler` for everybody: one address has half of the threads at most, and waits behind others for the rest.

    Not this machine's own address, nor that of a proxy: behind them may be everybody.
    """

    def __init__(self) -> None:
        super().__init__(
            places=THREADS,
            each=THREADS // 2,
            length=sys.maxsize,  # each is a connection, and these are limited
            length_each=sys.maxsize,
            timeout_seconds=REQUEST_TIMEOUT_SECONDS,
            has_own_threads=False,
        )

    async def _answer(self, scope: Any, body: IO[bytes]) -> Any:
        if addresses.is_shared(_address(scope)):
            return await Handler._answer(self, scope, body)
        return await super()._answer(scope, body)


def _address(scope: Any) -> str:
    return addresses.of_scope(scope, addresses.networks(tuple(settings.TRUSTED_PROXIES)))


def _still_waiting(calls: dict[Call, None]) -> int:
    return sum(not call.done() for call in calls)


def _come(call: Call) -> None:
    if not call.done():
        call.set_result(None)
