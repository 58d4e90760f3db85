"""Locks between the processes of one machine. The system lets go of one whose process ends, however that ends."""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

#: Seconds between two tries.
_TRY_SECONDS = 0.05


@contextmanager
def alone(path: Path, patience: float = 0) -> Iterator[bool]:
    """Whether nobody else has the lock of this file, after so many seconds at most; if so, until the end nobody has.

    The file is made, and stays.
    """
    give_up = time.monotonic() + patience
    with path.open("a") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= give_up:
                    yield False
                    return
                time.sleep(_TRY_SECONDS)
            else:
                yield True
                return
