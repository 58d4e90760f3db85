"""Turns at something scarce, in a fair order: next is who had the least of it lately, not who asked first."""

import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from chatproject.core.errors import Busy

#: Seconds after which half of what somebody used is forgotten.
HALF_LIFE_SECONDS = 30.0
#: Seconds that a turn counts for while it lasts: what it will take is not known yet.
EXPECTED_SECONDS = 1.0
#: People whose use is remembered; above, those who used the least are forgotten.
REMEMBERED_MAX = 1000


class Ticket:
    """Somebody's place in the line, or their turn. `call` is called when the turn begins."""

    __slots__ = ("began", "call", "number", "who")

    def __init__(self, who: str, number: int, call: Callable[[], object]) -> None:
        self.who, self.number, self.call = who, number, call
        self.began: float | None = None


class Turns:
    """At most `places` turns at a time, and `each` of one person. Safe for threads."""

    def __init__(self, places: int, each: int = 0) -> None:
        self._free, self._each = places, each or places
        #: Who waits, and their tickets in the order in which they were asked for.
        self._waiting: dict[str, dict[Ticket, None]] = {}
        self._running: Counter[str] = Counter()
        #: Seconds used, and when that was the number.
        self._used: dict[str, tuple[float, float]] = {}
        self._numbers = itertools.count()
        self._lock = threading.Lock()

    def ask(self, who: str, call: Callable[[], object]) -> Ticket:
        """Stand in line; `call` comes on any thread, perhaps before this returns."""
        ticket = Ticket(who, next(self._numbers), call)
        with self._lock:
            self._waiting.setdefault(who, {})[ticket] = None
            called = self._begin()
        for one in called:
            one.call()
        return ticket

    def leave(self, ticket: Ticket) -> None:
        """Leave the line, or end the turn."""
        with self._lock:
            if ticket.began is None:
                self._drop(ticket)
                return
            self._end(ticket, ticket.began)
            called = self._begin()
        for one in called:
            one.call()

    def wait(self, who: str, seconds: float) -> Ticket | None:
        """Wait on this thread for a turn; None if it did not come in time."""
        called = threading.Event()
        ticket = self.ask(who, called.set)
        if called.wait(seconds):
            return ticket
        self.leave(ticket)  # a turn that began just now is lost, and the next one's
        return None

    def _end(self, ticket: Ticket, began: float) -> None:
        self._free += 1
        self._running[ticket.who] -= 1
        if not self._running[ticket.who]:
            del self._running[ticket.who]
        now = time.monotonic()
        self._used[ticket.who] = (self._used_by(ticket.who, now) + now - began, now)
        if len(self._used) > REMEMBERED_MAX:
            for who in sorted(self._used, key=lambda who: self._used_by(who, now))[: REMEMBERED_MAX // 2]:
                del self._used[who]

    def _begin(self) -> list[Ticket]:
        """Begin the turns for which there is a place."""
        called: list[Ticket] = []
        now = time.monotonic()
        while self._free:
            firsts = [next(iter(own)) for who, own in self._waiting.items() if self._running[who] < self._each]
            if not firsts:
                break
            following = min(firsts, key=lambda one: (self._share(one.who, now), one.number))
            self._drop(following)
            self._free -= 1
            self._running[following.who] += 1
            following.began = now
            called.append(following)
        return called

    def _drop(self, ticket: Ticket) -> None:
        own = self._waiting[ticket.who]
        del own[ticket]
        if not own:
            del self._waiting[ticket.who]

    def _share(self, who: str, now: float) -> float:
        return self._used_by(who, now) + self._running[who] * EXPECTED_SECONDS

    def _used_by(self, who: str, now: float) -> float:
        used, at = self._used.get(who, (0.0, now))
        return float(used * 0.5 ** ((now - at) / HALF_LIFE_SECONDS))


class WaitingRoom:
    """Turns for which few wait: `size` at most, waiting or having their turn, and `each` of one person."""

    def __init__(self, turns: Turns, size: int, each: int, timeout_seconds: float) -> None:
        self._turns, self._size, self._each, self._timeout_seconds = turns, size, each, timeout_seconds
        self._present: Counter[str] = Counter()
        self._lock = threading.Lock()

    @property
    def present(self) -> int:
        return self._present.total()

    @contextmanager
    def turn(self, who: str) -> Iterator[None]:
        """Wait on this thread for a turn, and have it.

        Raises Busy: at once where there is no place to wait, and after the timeout.
        """
        with self._lock:
            if self._present.total() >= self._size or self._present[who] >= self._each:
                raise Busy(retry_after=2)
            self._present[who] += 1
        try:
            ticket = self._turns.wait(who, self._timeout_seconds)
            if ticket is None:
                raise Busy(retry_after=2)
            try:
                yield
            finally:
                self._turns.leave(ticket)
        finally:
            with self._lock:
                self._present[who] -= 1
                if not self._present[who]:
                    del self._present[who]
