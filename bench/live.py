"""The chat beside Socket.IO and others, on this machine and in one run: bench/run live.

Every round starts every server anew and puts it under the same loads, so that what else the machine does hits all of
them alike. Figures are medians over the rounds; those to trust are ratios to Socket.IO with its Redis adapter, which
stores nothing and asks nobody who he is, while the chat does everything it always does: sign-in, membership, limits,
storage, unread, presence.
"""

import argparse
import json
import statistics
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from bench.measure import load
from bench.report import write_report
from bench.servers import RELAYS, Installation, Server, express

PEER = "socket.io"
BODY = '{"groupId":"%s","content":"%s"}'


@dataclass(frozen=True)
class Load:
    """What is done to a server, and which figure of the generator's says how well it went."""

    name: str
    figure: str
    options: dict[str, Any]
    people: str = ""  # of the chat: the file of who takes part


_PACED = {"work": "paced", "clients": 200, "rate": 20}
LOADS = [
    Load("fan-out to 200, window 16", "deliveries_per_s", {"work": "fanout", "clients": 200}, "group-200"),
    Load("fan-out to 1,000, window 16", "deliveries_per_s", {"work": "fanout", "clients": 1000}, "group-1000"),
    Load("fan-out to 200, window 1", "deliveries_per_s", {"work": "fanout", "clients": 200, "window": 1}, "group-200"),
    Load("200 private pairs", "trips_per_s", {"work": "pairs", "clients": 200}, "pairs"),
    Load("200 members, 20 messages/s: p50", "p50_ms", _PACED, "group-200"),
]
POSTS = Load(
    "POST /group/send, 16 clients",
    "answers_per_s",
    {"work": "post", "clients": 16, "path": "/group/send", "body": BODY},
    "group-50",
)

Results = dict[str, dict[str, list[dict[str, Any]]]]


def main() -> None:
    options = _options()
    installation = Installation(1000, [50, 200, 1000], pairs=200)
    results: Results = {}
    try:
        for number in range(options.rounds):
            for name, begin, loads in _contestants(installation):
                if options.only and name.split(",")[0] not in options.only:
                    continue
                print(f"round {number + 1}: {name}", file=sys.stderr, flush=True)
                with begin() as server:
                    for one, more in loads:
                        result = _run(server, one, more, options.seconds)
                        results.setdefault(name, {}).setdefault(one.name, []).append(result)
                        print(f"  {one.name}: {result.get(one.figure, 'failed')}", file=sys.stderr, flush=True)
    finally:
        installation.remove()
    medians = {name: {one: _median(runs) for one, runs in of.items()} for name, of in results.items()}
    print(json.dumps(medians, indent=1))
    if options.write:
        write_report(medians, LOADS, POSTS, peer=PEER, rounds=options.rounds, seconds=options.seconds)


Begin = Callable[[], Any]


def _contestants(installation: Installation) -> Iterator[tuple[str, Begin, list[tuple[Load, dict[str, Any]]]]]:
    """Each with its name, how to start it, and its loads."""
    for synchronous in ("FULL", "NORMAL"):
        for batch in (1, 0):
            name = f"chat, {synchronous}" + ("" if batch else ", one frame each")
            ours = [(one, _chat(installation, one, batch)) for one in (LOADS if batch else LOADS[:1])]
            if batch:
                ours.append((POSTS, {"people": installation.people(POSTS.people)}))
            yield name, _served(installation, synchronous), ours
        posts = {"people": installation.people(POSTS.people)}
        yield f"express, {synchronous}", _expressed(installation, synchronous), [(POSTS, posts)]
    for name, begin in RELAYS.items():
        yield name, begin, [(one, {}) for one in LOADS]


def _chat(installation: Installation, one: Load, batch: int) -> dict[str, Any]:
    return {"kind": "chat", "path": "/ws/chat/", "batch": batch, "people": installation.people(one.people)}


def _served(installation: Installation, synchronous: str) -> Begin:
    return lambda: installation.serving(SQLITE_SYNCHRONOUS=synchronous)


def _expressed(installation: Installation, synchronous: str) -> Begin:
    @contextmanager
    def begin() -> Iterator[Server]:
        with express(installation, synchronous) as server:
            yield server

    return begin


def _run(server: Server, one: Load, more: dict[str, Any], seconds: float) -> dict[str, Any]:
    try:
        return load(server, **{**one.options, **more, "seconds": seconds, "patience": 20})
    except RuntimeError as failed:
        return {"failed": str(failed)}


def _median(runs: list[dict[str, Any]]) -> dict[str, Any]:
    good = [run for run in runs if "failed" not in run]
    if not good:
        return {"failed": len(runs)}
    names = [name for name, value in good[0].items() if isinstance(value, int | float) and not isinstance(value, bool)]
    return {
        **{name: statistics.median(run[name] for run in good) for name in names},
        "whole": all(run["whole"] for run in good),
        "failed": len(runs) - len(good),
    }


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4, help="of each load")
    parser.add_argument("--only", nargs="*", default=[], help="names like chat, express, socket.io")
    parser.add_argument("--write", action="store_true", help="write docs/performance.md and its picture")
    return parser.parse_args()


if __name__ == "__main__":
    main()
