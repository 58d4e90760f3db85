"""Several servers under the same loads, in rounds.

Each round starts every server anew, so that other work of the machine disturbs all of them alike;
every second round goes through them backwards. A figure is the median of its rounds, a ratio the
median of the ratios within each round.

One server runs at a time, or with `--together` all of one variant ("FULL") at once, and each load
is put on one after the other: two checkouts are then compared within seconds, at the cost of what
idle servers do meanwhile.
"""

import argparse
import statistics
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from bench.harness.checkouts import HERE, PLAIN, Checkout
from bench.harness.generator import Failed, Load, Result, run
from bench.harness.peers import Begin
from bench.harness.servers import Server


@dataclass(frozen=True)
class Contestant:
    name: str
    begin: Begin
    loads: Sequence[Load]

    @property
    def family(self) -> str:
        """What `--only` names: the part before the first comma."""
        return self.name.split(",")[0]

    @property
    def variant(self) -> str:
        return self.name.partition(", ")[2]


@dataclass
class Measured:
    """Results by contestant and load, one per round; None where a run failed."""

    runs: dict[tuple[str, str], list[Result | None]] = field(default_factory=dict)

    def names(self, load: str) -> list[str]:
        return [name for name, of in self.runs if of == load]

    def median(self, name: str, load: str, figure: str) -> float | None:
        values = [one[figure] for one in self.runs.get((name, load), []) if one is not None]
        return statistics.median(values) if values else None

    def ratio(self, name: str, base: str, load: str, figure: str) -> float | None:
        """How many times `base` has of a figure; None where the two have no round in common."""
        rounds = zip(self.runs.get((name, load), []), self.runs.get((base, load), []), strict=False)
        values = [one[figure] / other[figure] for one, other in rounds if one and other and other[figure]]
        return statistics.median(values) if values else None

    def is_whole(self, name: str, load: str) -> bool:
        """Whether every round got through, with each message delivered once and in order."""
        return all(one is not None and one["whole"] for one in self.runs[name, load])


def compare(contestants: Sequence[Contestant], *, rounds: int, seconds: float, together: bool = False) -> Measured:
    measured = Measured({(one.name, load.name): [] for one in contestants for load in one.loads})
    for number in range(rounds):
        ordered = list(contestants if number % 2 == 0 else reversed(contestants))
        variants = list(dict.fromkeys(one.variant for one in ordered))
        groups = [[one for one in ordered if one.variant == variant] for variant in variants]
        for group in groups if together else [[one] for one in ordered]:
            print(f"round {number + 1}: {'; '.join(one.name for one in group)}", file=sys.stderr, flush=True)
            with ExitStack() as stack:
                servers = [(one, stack.enter_context(one.begin())) for one in group]
                for load in dict.fromkeys(load for one in group for load in one.loads):
                    for one, server in servers:
                        if load in one.loads:
                            measured.runs[one.name, load.name].append(_run(one, server, load, seconds))
    return measured


def _run(contestant: Contestant, server: Server, load: Load, seconds: float) -> Result | None:
    try:
        result = run(server, load, seconds)
    except Failed as failed:
        print(f"  {contestant.name}: {load.name}: {failed}", file=sys.stderr, flush=True)
        return None
    print(f"  {contestant.name}: {load.name}: {result[load.figure]:,} {load.figure}", file=sys.stderr, flush=True)
    return result


# Options --------------------------------------------------------------------------------------------------------------


def options(description: str | None, *, rounds: int = 3, seconds: float = 4) -> argparse.ArgumentParser:
    """Those of a measurement by the load generator."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_common_options(parser, rounds=rounds)
    parser.add_argument("--seconds", type=float, default=seconds, help="of each load")
    parser.add_argument(
        "--together", action="store_true", help="run the servers at once, and put each load on one after the other"
    )
    parser.add_argument("--loads", nargs="+", default=[], help="names of loads, or how they begin: POST")
    return parser


def add_common_options(parser: argparse.ArgumentParser, *, rounds: int) -> None:
    """Those of every comparison."""
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--only", nargs="+", default=[], help="names of servers: chat, socket.io, express")
    parser.add_argument(
        "--against",
        action="append",
        default=[],
        metavar="[NAME=]PATH",
        help="another checkout of the chat, beside this",
    )
    parser.add_argument(
        "--plain", action="store_true", help="this checkout without encryption and index of searches, beside it"
    )
    parser.add_argument("--write", action="store_true", help="write docs/performance.md")


def checkouts(chosen: argparse.Namespace) -> list[Checkout]:
    """This checkout and those it is measured against."""
    found = [HERE, *([PLAIN] if chosen.plain else []), *map(Checkout.named, chosen.against)]
    if len({one.name for one in found}) < len(found):
        sys.exit("bench: give the other checkout a name of its own: --against before=PATH")
    return found


def selected(contestants: Sequence[Contestant], chosen: argparse.Namespace) -> list[Contestant]:
    """Those that `--only` and `--loads` leave."""
    known = {one.family for one in contestants}
    if unknown := set(chosen.only) - known:
        sys.exit(f"bench: {', '.join(sorted(unknown))}: not among {', '.join(sorted(known))}")
    names = {load.name for one in contestants for load in one.loads}
    # A whole name stands for itself alone: "window 1" is not "window 16".
    wanted = {
        name for word in chosen.loads for name in names if name == word or (word not in names and name.startswith(word))
    }
    left = []
    for one in contestants:
        loads = [load for load in one.loads if not chosen.loads or load.name in wanted]
        if loads and (not chosen.only or one.family in chosen.only):
            left.append(Contestant(one.name, one.begin, loads))
    return left
