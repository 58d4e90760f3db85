"""Runs of the load generator."""

import json
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from bench.servers import BENCH, Server


@cache
def generator() -> str:
    """Its binary, compiled once."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        sys.exit("bench: needs a C compiler (Debian: apt install gcc libc6-dev)")
    binary = Path(tempfile.mkdtemp(prefix="chat-load-")) / "load"
    subprocess.run([compiler, "-O2", "-o", str(binary), str(BENCH / "load.c")], check=True)
    return str(binary)


def load(server: Server, **options: Any) -> dict[str, Any]:
    """One run; see load.c for its options. Raises where it could not be carried through."""
    words = {"port": server.port, "pids": _list(server.pids), "stores": _list(server.store_pids), **server.options}
    words |= options
    command = [generator(), *(f"{name}={value}" for name, value in words.items() if value != "")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode or done.stderr:
        print(done.stderr.strip()[:500], file=sys.stderr)
    if done.returncode:
        raise RuntimeError(f"the load generator gave up: {' '.join(command[1:])}")
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def _list(pids: list[int]) -> str:
    return ",".join(map(str, pids))
