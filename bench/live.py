"""The chat beside Socket.IO and others, each in one process: bench/run live.

    bench/run live --write                                               # all of them, for docs/performance.md
    bench/run live --only chat before socket.io --against before=PATH    # this checkout and another, side by side
    bench/run live --only chat express --loads POST                      # the HTTP route alone
    bench/run live --together --only chat plain --plain                  # what encryption and the index cost

Ratios are to Socket.IO with its Redis adapter, which stores nothing and asks nobody who they are,
while the chat does all it ever does: sign-in, membership, limits, storage, unread, presence.
"original" is Socket.IO with the original's whole work.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

from bench.harness import frames, peers
from bench.harness.checkouts import Installation, installations
from bench.harness.compare import Contestant, checkouts, compare, options, selected
from bench.harness.generator import Load
from bench.harness.report import about, draw, tables, write_section
from bench.harness.servers import Server

SECTION = "bench/run live"

_PACED = {"work": "paced", "clients": 200, "rate": 20}
LOADS = [
    Load("fan-out to 200, window 16", "deliveries_per_s", {"work": "fanout", "clients": 200}, "group-200"),
    Load("fan-out to 1,000, window 16", "deliveries_per_s", {"work": "fanout", "clients": 1000}, "group-1000"),
    Load("fan-out to 200, window 1", "deliveries_per_s", {"work": "fanout", "clients": 200, "window": 1}, "group-200"),
    Load("200 private pairs", "trips_per_s", {"work": "pairs", "clients": 200}, "pairs"),
    Load("200 members, 20 messages/s: p50", "p50_ms", _PACED, "group-200"),
]


def _post(name: str, body: str) -> Load:
    given = {"work": "post", "clients": 16, "path": "/group/send", "body": body}
    return Load(f"POST /group/send, 16 clients{name}", "answers_per_s", given, "group-50")


POSTS = [_post("", frames.GROUP_BODY), _post(", neither type nor senderId", frames.BARE_GROUP_BODY)]
PEOPLE, GROUPS = 1000, [50, 200, 1000]


def main() -> None:
    chosen = _chosen()
    with installations(checkouts(chosen), PEOPLE, GROUPS, pairs=200) as ours:
        contestants = selected([*_stores(ours), *_relays()], chosen)
        measured = compare(contestants, rounds=chosen.rounds, seconds=chosen.seconds, together=chosen.together)
    others = [one.checkout.name for one in ours[1:]]
    text = "\n".join(
        [
            about(rounds=chosen.rounds, seconds=chosen.seconds)
            + f" In brackets the ratio to {peers.REFERENCE}; of latencies, below 1 is faster."
            + " CPU: of the server, in µs per delivery or answer.\n",
            tables(measured, LOADS, base=lambda _: peers.REFERENCE, others=others),
            "Ratios of the next tables are to Express.\n",
            tables(measured, POSTS, base=lambda name: f"express, {name.split(', ')[-1]}", others=others),
        ]
    )
    print(text)
    if chosen.write:
        write_section(SECTION, text)
        draw(measured, [load for load in LOADS if not load.figure.endswith("_ms")], peers.REFERENCE)


def _stores(ours: list[Installation]) -> Iterator[Contestant]:
    """Those that know people and store what they say."""
    for synchronous in ("FULL", "NORMAL"):
        for one in ours:
            name = f"{one.checkout.name}, {synchronous}"
            yield Contestant(name, _serving(one, SQLITE_SYNCHRONOUS=synchronous), [*LOADS, *POSTS])
        name = f"{ours[0].checkout.name}, one frame each, {synchronous}"
        yield Contestant(name, _serving(ours[0], batch=False, SQLITE_SYNCHRONOUS=synchronous), LOADS[:1])
        yield Contestant(f"express, {synchronous}", _knowing(peers.express, ours[0], synchronous), POSTS)
    yield Contestant("original", _knowing(peers.original, ours[0]), LOADS)


def _relays() -> Iterator[Contestant]:
    for name, begin in peers.RELAYS.items():
        yield Contestant(name, begin, LOADS)


def _serving(installation: Installation, **settings: Any) -> peers.Begin:
    return lambda: installation.serving(**settings)


def _knowing(peer: Callable[..., AbstractContextManager[Server]], *words: Any) -> peers.Begin:
    return lambda: peer(*words)


def _chosen() -> Any:
    return options(__doc__).parse_args()


if __name__ == "__main__":
    main()
