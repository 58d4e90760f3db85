"""Python loads this with a server whose PYTHONPATH names this folder. It records which of our functions are called.

SIGUSR1 begins a recording and writes an empty line to the named pipe TRACE_PIPE. The next one ends it and writes a line
for each call: file and function, and the file and function that the event loop or a thread called.
"""

import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any

ROOT = f"{Path(__file__).resolve().parents[2]}/"
LIBRARIES = f"{ROOT}.venv/"
#: The end of the file that calls what an event loop or a thread runs.
RUNNERS = ("asyncio/runners.py", "uvicorn/server.py", "threading.py", "concurrent/futures/thread.py")

_calls: list[str] | None = None


def _record(frame: FrameType, event: str, arg: Any) -> None:
    if _calls is not None and event == "call" and _is_ours(frame):
        _calls.append(f"{_name(frame)} {_name(_origin(frame))}")


def _is_ours(frame: FrameType) -> bool:
    path = frame.f_code.co_filename
    return path.startswith(ROOT) and not path.startswith(LIBRARIES)


def _origin(frame: FrameType) -> FrameType:
    """The outermost function of ours below the event loop or the start of the thread."""
    origin = frame
    outer: FrameType | None = frame
    while outer is not None and not outer.f_code.co_filename.endswith(RUNNERS):
        if _is_ours(outer):
            origin = outer
        outer = outer.f_back
    return origin


def _name(frame: FrameType) -> str:
    return f"{frame.f_code.co_filename.removeprefix(ROOT)} {frame.f_code.co_qualname}"


def _begin_or_end(number: int, frame: FrameType | None) -> None:
    global _calls
    if _calls is None:
        sys.setprofile(_record)
        Path(os.environ["TRACE_PIPE"]).write_text("\n")
        _calls = []
    else:
        sys.setprofile(None)
        calls, _calls = _calls, None
        Path(os.environ["TRACE_PIPE"]).write_text("\n".join(calls))


threading.setprofile(_record)
signal.signal(signal.SIGUSR1, _begin_or_end)
