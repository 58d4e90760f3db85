"""The chat in two processes beside Socket.IO in two: bench/run workers.

    bench/run workers --write
    bench/run workers --only chat before socket.io --against before=PATH

A room's members are half here and half there, and the two of a pair are never served by the same
process, so every message crosses from one process to the other. The chat's two processes share one
port: clients reconnect until each is where it belongs, before anything is measured. Socket.IO's
listen at a port each.
"""

from bench.harness import peers
from bench.harness.checkouts import Installation, installations
from bench.harness.compare import Contestant, checkouts, compare, options, selected
from bench.harness.report import about, tables, write_section
from bench.live import LOADS

SECTION = "bench/run workers"
WORKERS = 2


def main() -> None:
    chosen = options(__doc__).parse_args()
    with installations(checkouts(chosen), 1000, [200, 1000], pairs=200) as ours:
        contestants = [
            *(Contestant(one.checkout.name, _serving(one), LOADS) for one in ours),
            Contestant(peers.REFERENCE, lambda: peers.socketio(WORKERS), LOADS),
        ]
        measured = compare(
            selected(contestants, chosen), rounds=chosen.rounds, seconds=chosen.seconds, together=chosen.together
        )
    text = "\n".join(
        [
            about(rounds=chosen.rounds, seconds=chosen.seconds)
            + f" {WORKERS} processes each, SQLite NORMAL; in brackets the ratio to {peers.REFERENCE}.\n",
            tables(
                measured, LOADS, base=lambda _: peers.REFERENCE, others=[one.checkout.name for one in ours[1:]]
            ),
        ]
    )  # fmt: skip
    print(text)
    if chosen.write:
        write_section(SECTION, text)


def _serving(installation: Installation) -> peers.Begin:
    return lambda: installation.serving(workers=WORKERS)


if __name__ == "__main__":
    main()
