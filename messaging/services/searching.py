"""Searching: a few at a time, in turns, on threads of their own.

While the index is built, a search reads up to 50,000 messages, which may take a second of the interpreter. So one
person has one search at a time and few wait; past them the answer is `busy`. What it took is charged to the person's
budget.
"""

import time
from typing import Any

from accounts.models import User
from chatproject.core import costs, metrics
from chatproject.core.db.transactions import release_connection
from chatproject.core.redis import budget
from chatproject.core.sandbox.turns import Turns, WaitingRoom
from messaging.search import Found
from messaging.search import search as find
from messaging.services.days import zone

#: Searches at the same time, and of one person.
RUNNING_MAX, RUNNING_EACH = 2, 1
#: Those that run or wait, and of one person: whoever types searches again before the last search ended.
PRESENT_MAX, PRESENT_EACH = 12, 3
#: Threads for their requests, more than there are places: the next one is refused at once.
THREADS = 16
#: Seconds that a search waits for its turn.
TURN_TIMEOUT_SECONDS = 10.0

_room = WaitingRoom(Turns(RUNNING_MAX, RUNNING_EACH), PRESENT_MAX, PRESENT_EACH, TURN_TIMEOUT_SECONDS)


def search(*, by: User, text: str, time_zone: str = "UTC", **where: Any) -> Found:
    """`messaging.search`, in its turn. Raises Busy and NotFound."""
    release_connection()
    with _room.turn(str(by.pk)):
        began = time.monotonic()
        try:
            with metrics.timed(metrics.search_seconds):
                return find(by, text, zone=zone(time_zone), **where)
        finally:
            budget.charge(by.pk, costs.of_time(time.monotonic() - began))
