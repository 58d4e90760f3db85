"""Python loads this with a server whose PYTHONPATH names this folder. It records which of our functions are called.

SIGUSR1 begins a recording and writes an empty line to the named pipe TRACE_PIPE. The next one ends it and writes a line
for each call, with file and function.
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

_calls: list[str] | None = None


def _record(frame: FrameType, event: str, arg: Any) -> None:
    code = frame.f_code
    is_ours = code.co_filename.startswith(ROOT) and not code.co_filename.startswith(LIBRARIES)
    if _calls is not None and event == "call" and is_ours:
        _calls.append(f"{code.co_filename.removeprefix(ROOT)} {code.co_qualname}")


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
