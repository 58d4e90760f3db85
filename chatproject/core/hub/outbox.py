"""What waits to be sent to one socket: bounded, and never in the way of other sockets."""

import asyncio
import logging
from collections.abc import Callable

from chatproject.core import metrics
from chatproject.core.hub.frames import FramedEvents, Wire, frame, joined

log = logging.getLogger(__name__)

#: Bytes that may wait for a client before it counts as too slow.
WAITING_MAX = 1024 * 1024
#: Seconds that one write may take.
WRITE_TIMEOUT_SECONDS = 10.0


class Outbox:
    """Frames for one socket, in order.

    While the connection is ready, `push` writes at once, without a task. While it is not, events wait,
    and then leave together if the client understands batches. A client that reads too slowly is
    reported once by `too_slow` and is sent nothing more. Before `open`, which follows the handshake,
    everything waits.
    """

    __slots__ = ("_batches", "_is_held", "_size", "_task", "_too_slow", "_waiting", "_wire", "is_closed")

    def __init__(self, wire: Wire, *, batches: bool, too_slow: Callable[[], None]) -> None:
        self._wire = wire
        self._batches = batches
        self._too_slow = too_slow
        self._waiting: list[bytes] = []
        self._size = 0
        self._task: asyncio.Task[None] | None = None
        self._is_held = True  # nothing may be written past what waits
        self.is_closed = False

    def open(self) -> None:
        """The connection takes frames from now on."""
        if self.is_closed:
            return
        self._is_held = False
        if self._waiting:
            self._drain_soon()

    def push(self, events: FramedEvents) -> None:
        """Send events that left together."""
        if not self._is_held:
            if self._wire.is_ready:
                self._wire.write_frames(events.batch if self._batches else events.each)
                return
            self._drain_soon()
        if self.is_closed:
            return
        self._waiting += events.texts
        self._size += sum(map(len, events.texts))
        if self._size > WAITING_MAX:
            self._give_up()

    async def drained(self) -> None:
        """Return when nothing waits."""
        while self._task is not None:
            await asyncio.wait([self._task])

    def close(self) -> None:
        """Send nothing more."""
        self.is_closed = self._is_held = True
        self._waiting.clear()
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def _drain_soon(self) -> None:
        self._is_held = True
        self._task = asyncio.get_running_loop().create_task(self._drain())

    async def _drain(self) -> None:
        try:
            while True:
                async with asyncio.timeout(WRITE_TIMEOUT_SECONDS):
                    await self._wire.until_ready()
                if not self._waiting:
                    self._is_held = False
                    return
                self._wire.write_frames(self._take())
        except TimeoutError:
            self._give_up()
        except ConnectionError as gone:
            log.debug("hub: write failed: %r", gone)
            self.is_closed = True
        finally:
            self._task = None

    def _take(self) -> bytes:
        if not self._batches:
            text = self._waiting.pop(0)
            self._size -= len(text)
            return frame(text)
        texts, self._waiting, self._size = self._waiting, [], 0
        return frame(joined(texts))

    def _give_up(self) -> None:
        metrics.drops.inc()
        self.is_closed = self._is_held = True
        self._waiting.clear()
        self._too_slow()
