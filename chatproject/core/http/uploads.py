"""Requests with files, on threads of their own: however many people upload, everybody else is
answered, and however slowly some do, others' uploads get in.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import IO, Any, cast

from django.core.exceptions import RequestAborted
from django.utils.translation import gettext_lazy as _

from chatproject.core.db.transactions import on_thread
from chatproject.core.errors import Busy, ChatError
from chatproject.core.files import scratch, space
from chatproject.core.http.asgi import send_error
from chatproject.core.http.handler import Handler, with_length
from chatproject.core.sandbox.turns import Turns

log = logging.getLogger(__name__)

#: Uploads that are received at the same time: all of them, and those from one address. When there
#: are as many, the next one takes the place of the slowest.
RECEIVED_MAX, RECEIVED_EACH_ADDRESS = 100, 60
#: Uploads of one person that are received, wait or are processed.
EACH_PERSON = 6
#: Uploads that are processed at the same time, and those of one person: threads that mostly wait for
#: the sandbox.
PROCESSED_MAX, PROCESSED_EACH = 24, 2
#: Seconds that a received upload waits to be processed, and that one waits to be received.
QUEUE_TIMEOUT_SECONDS = 20.0
PLACE_TIMEOUT_SECONDS = 10.0
#: Seconds between two looks for a place.
PLACE_POLL_SECONDS = 0.05
#: Bytes a second that a client has to send on average over so many seconds; a phone at the edge of
#: its network sends twice as much.
PACE_MIN, PACE_SECONDS = 8 * 1024, 10.0
#: Bytes a second below which an upload gives up its place to another, and the seconds it has first.
PACE_SAFE, GRACE_SECONDS = 256 * 1024, 0.5
#: Bytes that are written to disk at once, and per second by all uploads together: faster ones would
#: take the time that messages need.
WRITE_BYTES = 256 * 1024
WRITE_BYTES_PER_SECOND = 64 * 1024 * 1024
#: How often a body lies on the disk while it is taken: as it came, its file, and the result.
COPIES = 3

_workers = ThreadPoolExecutor(max_workers=PROCESSED_MAX, thread_name_prefix="upload")
_writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="body")


class TooSlow(ChatError):
    """The rest of a body did not arrive in time."""

    status = 408
    code = "too_slow"
    title = _("The rest of the request did not come.")


class _Arrival:
    """A body that is being received."""

    def __init__(self, who: str, address: str) -> None:
        self.who, self.address = who, address
        self.limit = asyncio.timeout(None)
        self._mark = time.monotonic()
        self._bytes, self._pace = 0, float("inf")
        self._left, self._period = PACE_SECONDS, 0  # seconds and bytes of this period
        self._is_awaited = self._gave_way = False

    def begin(self) -> None:
        self._mark = time.monotonic()

    @contextmanager
    def awaited(self) -> Iterator[None]:
        """Hold the client to PACE_MIN while we wait for it. Raises TimeoutError if it gave way."""
        if self._gave_way:
            raise TimeoutError
        began = asyncio.get_running_loop().time()
        self.limit.reschedule(began + self._left)
        self._is_awaited = True
        try:
            yield
        finally:
            self._is_awaited = False
        if not (self._gave_way or self.limit.expired()):
            self.limit.reschedule(None)
            self._left -= asyncio.get_running_loop().time() - began

    def count(self, size: int) -> None:
        """Note that bytes arrived."""
        self._period += size
        if self._period >= PACE_MIN * PACE_SECONDS:
            self._left, self._period = PACE_SECONDS, 0
        self._bytes += size
        if (since := time.monotonic() - self._mark) >= GRACE_SECONDS:
            self._pace = self._bytes / since
            self._bytes, self._mark = 0, time.monotonic()

    def pace(self) -> float:
        """Bytes a second of the last second or two, infinite for one that has just begun."""
        since = time.monotonic() - self._mark
        return self._pace if since < GRACE_SECONDS else min(self._pace, self._bytes / since)

    def give_way(self) -> None:
        """End it: another one takes its place."""
        self._gave_way = True
        if self._is_awaited and not self.limit.expired():
            self.limit.reschedule(0)


class UploadHandler(Handler):
    """`Handler` for requests with files, whose bodies are written to disk as they arrive, off the
    event loop.

    The gate before it says in the scope whose request it is: `chat.user` and `chat.address`.
    """

    threads = _workers

    def __init__(self) -> None:
        super().__init__()
        self._present: list[str] = []
        self._arrivals: list[_Arrival] = []
        self._newcomers: list[_Arrival] = []  # who wait for a place
        self._turns = Turns(PROCESSED_MAX, PROCESSED_EACH)
        self._writing = asyncio.Lock()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        who = str(scope.get("chat.user", ""))
        try:
            if self._present.count(who) >= EACH_PERSON:
                raise Busy(retry_after=2)
            self._present.append(who)
            try:
                await self._take(scope, receive, send, who)
            finally:
                self._present.remove(who)
        except ChatError as error:
            await send_error(error, dict(scope["headers"]), send, closes=True)
        except RequestAborted:
            log.debug("http: a client aborted an upload")

    async def _take(self, scope: Any, receive: Any, send: Any, who: str) -> None:
        with cast(IO[bytes], await on_thread(_writer, _scratch_file, _length(scope))) as body:
            arrival = await self._place(_Arrival(who, str(scope.get("chat.address", ""))))
            try:
                async with arrival.limit:
                    await self._receive_into(body, receive, arrival)
            except TimeoutError:
                raise TooSlow() from None
            except OSError as error:
                if space.is_full(error):
                    raise space.StorageFull() from None
                raise
            finally:
                if arrival in self._arrivals:
                    self._arrivals.remove(arrival)
            await self._processed(with_length(scope, body), body, send, who)

    async def _place(self, arrival: _Arrival) -> _Arrival:
        """Wait for a place among those that are received, or take that of the slowest.

        Raises Busy.
        """
        give_up = time.monotonic() + PLACE_TIMEOUT_SECONDS
        self._newcomers.append(arrival)
        try:
            while not self._has_place(arrival):
                if time.monotonic() > give_up:
                    raise Busy(retry_after=5)
                await asyncio.sleep(PLACE_POLL_SECONDS)
        finally:
            self._newcomers.remove(arrival)
        arrival.begin()
        self._arrivals.append(arrival)
        return arrival

    def _has_place(self, arrival: _Arrival) -> bool:
        """Whether there is a place now, because the slowest upload gave way if need be.

        Of the newcomers that wait, the one whose person has the fewest uploads under way is first.
        """
        rivals = self._rivals(arrival)
        if not rivals:
            return True
        received = Counter(one.who for one in self._arrivals)
        same = (
            self._newcomers
            if rivals is self._arrivals
            else [one for one in self._newcomers if one.address == arrival.address]
        )
        if arrival is not min(same, key=lambda one: received[one.who]):
            return False
        slowest = min(rivals, key=_Arrival.pace)
        if slowest.pace() >= PACE_SAFE:
            return False
        self._arrivals.remove(slowest)
        slowest.give_way()
        return not self._rivals(arrival)

    def _rivals(self, arrival: _Arrival) -> list[_Arrival]:
        """The uploads of which one has to end before another is received; [] if there is a place."""
        if len(self._arrivals) >= RECEIVED_MAX:
            return self._arrivals
        near = [one for one in self._arrivals if one.address == arrival.address]
        return near if len(near) >= RECEIVED_EACH_ADDRESS else []

    async def _processed(self, scope: Any, body: IO[bytes], send: Any, who: str) -> None:
        """Let Django process a received upload when its turn has come. Raises Busy."""
        loop = asyncio.get_running_loop()
        called = asyncio.Event()
        turn = self._turns.ask(who, lambda: loop.call_soon_threadsafe(called.set))
        try:
            try:
                await asyncio.wait_for(called.wait(), QUEUE_TIMEOUT_SECONDS)
            except TimeoutError:
                raise Busy(retry_after=5) from None
            await self.respond(scope, body, send)
        finally:
            self._turns.leave(turn)

    async def _receive_into(self, body: IO[bytes], receive: Any, arrival: _Arrival) -> None:
        """Write the request's body to `body`.

        Raises RequestAborted, and TimeoutError for a body that comes too slowly.
        """
        pieces: list[bytes] = []
        size, is_more = 0, True
        while is_more:
            while is_more and size < WRITE_BYTES:
                with arrival.awaited():
                    message = await receive()
                if message["type"] == "http.disconnect":
                    raise RequestAborted
                piece = message.get("body", b"")
                pieces.append(piece)
                size += len(piece)
                arrival.count(len(piece))
                is_more = message.get("more_body", False)
            async with self._writing:
                await on_thread(_writer, _write, body, pieces)
                await asyncio.sleep(size / WRITE_BYTES_PER_SECOND)
            pieces, size = [], 0
        await on_thread(_writer, body.seek, 0)


def _length(scope: Any) -> int:
    """The bytes of the body, as far as the client says."""
    given = dict(scope["headers"]).get(b"content-length", b"0")
    return int(given) if given.isdigit() else 0


def _scratch_file(length: int) -> IO[bytes]:
    """A file without a name, which the system removes with this process, however it ends.

    Raises StorageFull if there is no space for a body of this length.
    """
    space.require(COPIES * length)
    return scratch.new()


def _write(body: IO[bytes], pieces: Iterable[bytes]) -> None:
    space.require(0)  # others write too, and a chunked body does not say how long it is
    body.writelines(pieces)
