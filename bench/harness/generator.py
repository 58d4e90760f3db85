"""Runs of the load generator, bench/load.c."""

import atexit
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from bench.harness.processes import ROOT
from bench.harness.servers import Server

#: What a run found, by the generator's names.
Result = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Load:
    """What is done to a server, and which figure of the result says how well it went."""

    name: str
    figure: str
    options: dict[str, Any]
    #: Who takes part, where the server has accounts: `group-200`, `pairs`.
    target: str = ""


class Failed(Exception):
    """The run could not be carried through."""


@cache
def program() -> str:
    """The generator, compiled once per process."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        sys.exit("bench: needs a C compiler (Debian: apt install gcc libc6-dev)")
    folder = Path(tempfile.mkdtemp(prefix="chat-load-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    binary = folder / "load"
    subprocess.run([compiler, "-O2", "-o", str(binary), str(ROOT / "bench" / "load.c")], check=True)
    return str(binary)


def run(server: Server, load: Load, seconds: float) -> Result:
    """Put a server under a load. Raises `Failed` if clients do not connect or are not answered."""
    options = {**server.options, **load.options, "seconds": seconds}
    group, private = options.pop("group_frame", ""), options.pop("private_frame", "")
    options |= {
        "frame": private if load.options["work"] == "pairs" else group,
        "port": _list(server.ports),
        "pids": _list(server.processes),
        "stores": _list(server.stores),
        "workers": _list(server.workers) if len(server.workers) > 1 else "",
        "people": server.people(load.target) if server.people else "",
    }
    command = [program(), *(f"{name}={value}" for name, value in options.items() if value != "")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode or done.stderr:
        print(done.stderr.strip()[:500], file=sys.stderr)
    if done.returncode:
        raise Failed(f"the load generator gave up: {' '.join(command[1:])}")
    result: Result = json.loads(done.stdout)
    return result


def _list(numbers: Iterable[int]) -> str:
    return ",".join(map(str, numbers))
