"""What waits to leave for one socket. It never holds anybody else up, and never grows without end."""

import asyncio
import logging
from collections.abc import Callable

from chatproject.core.hub.frames import Parcel, Wire, frame, joined

log = logging.getLogger(__name__)

#: Bytes that may wait for a reader before he counts as too slow.
LIMIT = 1024 * 1024
#: Seconds that one write may take.
PATIENCE = 10.0


class Outbox:
    """Frames for one socket, in order.

    While the connection takes what we write, `push` writes at once, without a task. When it does not, what comes is
    kept until it does, and leaves together if the client understands batches. A reader who is too slow is reported
    once by `too_slow`, and gets nothing more. Before `open`, which follows the handshake, everything is kept.
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

    def push(self, parcel: Parcel) -> None:
        """Send events that left together."""
        if not self._is_held:
            if self._wire.is_ready:
                self._wire.write_frames(parcel.batch if self._batches else parcel.each)
                return
            self._drain_soon()
        if self.is_closed:
            return
        self._waiting += parcel.texts
        self._size += sum(map(len, parcel.texts))
        if self._size > LIMIT:
            self._give_up()

    async def drained(self) -> None:
        """Return when nothing waits any more."""
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
                async with asyncio.timeout(PATIENCE):
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
        self.is_closed = self._is_held = True
        self._waiting.clear()
        self._too_slow()
