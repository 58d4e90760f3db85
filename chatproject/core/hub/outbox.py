"""What waits to leave for one socket. It never holds anybody else up, and never grows without end."""

import asyncio
import logging
import types
from collections.abc import Awaitable, Callable, Generator
from typing import Any

log = logging.getLogger(__name__)

Send = Callable[[dict[str, Any]], Awaitable[None]]

#: Characters that may wait for a reader before he counts as too slow.
LIMIT = 1024 * 1024
#: Seconds that one write may take.
PATIENCE = 10.0


@types.coroutine
def _go_on(steps: Any, waiting: Any) -> Generator[Any, Any, None]:
    """The rest of a coroutine whose first step was made by hand and stopped at `waiting`."""
    try:
        while True:
            try:
                answer = yield waiting
            except BaseException as raised:  # a cancellation, too, belongs to the coroutine
                waiting = steps.throw(raised)
            else:
                waiting = steps.send(answer)
    except StopIteration:
        return


class Outbox:
    """Frames for one socket, in order.

    While the connection takes what we write, `push` writes at once, without a task. When it does not, what comes is
    kept until it does, and leaves together if the client understands batches. A reader who is too slow is reported
    once by `too_slow`, and gets nothing more. Before `open`, which follows the handshake, everything is kept.
    """

    __slots__ = ("_batches", "_is_open", "_send", "_size", "_task", "_too_slow", "_waiting", "is_closed")

    def __init__(self, send: Send, *, batches: bool, too_slow: Callable[[], None]) -> None:
        self._send = send
        self._batches = batches
        self._too_slow = too_slow
        self._waiting: list[str] = []
        self._size = 0
        self._task: asyncio.Task[None] | None = None
        self._is_open = False
        self.is_closed = False

    def open(self) -> None:
        """The connection takes frames from now on."""
        self._is_open = True
        if self._waiting and not self.is_closed:
            first = self._send({"type": "websocket.send", "text": self._take()})
            self._task = asyncio.get_running_loop().create_task(self._drain(first))

    def push(self, text: str) -> None:
        """Send one event."""
        self.push_all([text], text)

    def push_all(self, texts: list[str], joined: str) -> None:
        """Send events that left together; `joined` is the same as one frame."""
        if self.is_closed:
            return
        if self._is_open and self._task is None:
            if self._batches:
                self._write(joined)
                return
            for place, text in enumerate(texts, 1):
                if not self._write(text):
                    texts = texts[place:]
                    break
            else:
                return
        self._waiting += texts
        self._size += sum(map(len, texts))
        if self._size > LIMIT:
            self._give_up()

    async def drained(self) -> None:
        """Return when nothing waits any more."""
        while self._task is not None:
            await asyncio.wait([self._task])

    def close(self) -> None:
        """Send nothing more."""
        self.is_closed = True
        self._waiting.clear()
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def _write(self, text: str) -> bool:
        """Write now; False when the connection made us wait, and a task goes on with it."""
        steps: Any = self._send({"type": "websocket.send", "text": text})
        try:
            waiting = steps.send(None)
        except StopIteration:
            return True
        except Exception as gone:  # each server has its own exception for a connection that is gone
            log.debug("hub: write failed: %r", gone)
            self.is_closed = True
            return True
        self._task = asyncio.get_running_loop().create_task(self._drain(_go_on(steps, waiting)))
        return False

    async def _drain(self, write: Awaitable[None]) -> None:
        try:
            while True:
                async with asyncio.timeout(PATIENCE):
                    await write
                if not self._waiting:
                    break
                write = self._send({"type": "websocket.send", "text": self._take()})
        except TimeoutError:
            self._give_up()
        except Exception as gone:
            log.debug("hub: write failed: %r", gone)
            self.is_closed = True
        finally:
            self._task = None

    def _take(self) -> str:
        if not self._batches or len(self._waiting) == 1:
            text = self._waiting.pop(0)
            self._size -= len(text)
            return text
        texts, self._waiting, self._size = self._waiting, [], 0
        return f"[{','.join(texts)}]"

    def _give_up(self) -> None:
        self.is_closed = True
        self._waiting.clear()
        self._too_slow()
