"""Hashing of passwords, on threads of its own.

A hash takes 100 MB and 0.2 s of several cores, on purpose. So at most half of the cores hash at a time, at a
lower priority than everything else, and those who wait have their turns in a fair order. Sign-ins and sign-ups wait
for a thread first (`core.http.queued`); of others few wait, and past them the answer is `busy`, at once.
"""

import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.contrib.auth.hashers import check_password, get_hasher, make_password

from chatproject.core.db.transactions import release_connection
from chatproject.core.sandbox.turns import Turns, WaitingRoom

T = TypeVar("T")

#: Hashes at the same time.
WORKERS = max(1, min(4, (os.cpu_count() or 1) // 2))
#: Threads of sign-ins and sign-ups, and of those of one address.
SIGN_INS_MAX, SIGN_INS_EACH = 20, 12
#: Those that wait for a thread, those of one address, and their seconds: everybody of an office who signs up in
#: one minute has one address.
LINE_MAX, LINE_EACH, LINE_SECONDS = 256, 64, 20.0
#: Everybody else, who waits on the threads of all requests.
OTHERS_MAX = 3
#: Seconds that a hash waits for its turn.
TURN_TIMEOUT_SECONDS = 15.0
#: Above that of everything else here, on Linux: a greater number gives way.
NICENESS = 10


def _give_way() -> None:
    """Lower the priority of this thread, and of those that the hash starts from it."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)


_threads = ThreadPoolExecutor(max_workers=WORKERS, thread_name_prefix="password", initializer=_give_way)
_turns = Turns(WORKERS)


_sign_ins = WaitingRoom(_turns, SIGN_INS_MAX, SIGN_INS_EACH, TURN_TIMEOUT_SECONDS)
_others = WaitingRoom(_turns, OTHERS_MAX, OTHERS_MAX, TURN_TIMEOUT_SECONDS)


def _hash_work(work: Callable[[], T], room: WaitingRoom, who: str) -> T:
    release_connection()
    with room.turn(who):
        return _threads.submit(work).result()


def hashed(password: str, *, address: str = "") -> str:
    """Hash a password. `address`: the client's, for a sign-in or a sign-up. Raises Busy."""
    return _hash_work(lambda: make_password(password), _sign_ins if address else _others, address)


def fits(stored: str, password: str, *, address: str = "") -> bool:
    """Whether `stored` is the hash of a password. Takes the same time for "" and for a guest's.

    `address` as in `hashed`. Raises Busy.
    """
    return _hash_work(lambda: check_password(password, stored), _sign_ins if address else _others, address)


def is_outdated(stored: str) -> bool:
    """Whether a hash needs an upgrade."""
    return get_hasher().must_update(stored)
