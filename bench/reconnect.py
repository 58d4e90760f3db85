"""Everybody comes back at once: bench/run reconnect.

    bench/run reconnect --write
    bench/run reconnect --against before=PATH --rounds 3

After an interruption all people ask for their unread counts and for all their chats at once, as clients of the original
do; the page has its counts from the greeting and asks for 100 chats at a time. Each of them does here, several at a
time, twice: at first the server has just started with an empty Redis, then Redis has what the first time left. On
SQLite, and on PostgreSQL where it is installed.
"""

import argparse
import http.client
import json
import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import product

from bench.harness import compare, postgresql, processes
from bench.harness.checkouts import Checkout, Installation, Person
from bench.harness.report import about, write_section
from bench.harness.servers import Server

SECTION = "bench/run reconnect"
STATES = ("empty", "warm")
JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class Result:
    people_per_second: float
    #: Of the server and its Redis.
    cpu_ms_each: float


class Client:
    """One connection, by which one person asks after another."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)

    def ask(self, person: Person, method: str, path: str, body: object = None) -> bytes:
        sent = None if body is None else json.dumps(body)
        self._connection.request(method, path, sent, {**JSON, "Authorization": f"Bearer {person.token}"})
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status not in (200, 201):
            raise RuntimeError(f"{path}: {answer.status} {content[:200]!r}")
        return content

    def come_back(self, person: Person) -> None:
        self.ask(person, "GET", "/unread")
        self.ask(person, "POST", "/chatList", {})


def storm(port: int, people: Sequence[Person], at_once: int) -> None:
    """Everybody comes back; raises what went wrong."""
    waiting, failed = iter(people), list[Exception]()
    turn = threading.Lock()

    def work() -> None:
        client = Client(port)
        while not failed:
            with turn:
                person = next(waiting, None)
            if person is None:
                return
            try:
                client.come_back(person)
            except (OSError, RuntimeError, http.client.HTTPException) as error:
                failed.append(error)

    clients = [threading.Thread(target=work) for _ in range(at_once)]
    for one in clients:
        one.start()
    for one in clients:
        one.join()
    if failed:
        raise failed[0]


def talk(port: int, installation: Installation, rooms: int) -> None:
    """Something is said in every other room, and is unread for all others there."""
    client, people = Client(port), installation.people
    listed = {chat["id"]: person for person in people[:rooms] for chat in _chats(client, person)}
    for number, (room, person) in enumerate(listed.items()):
        if number % 2:
            body = {"groupId": room, "content": f"number {number}", "type": "text", "clientId": f"storm-{number}"}
            client.ask(person, "POST", "/group/send", body)


def _chats(client: Client, person: Person) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(client.ask(person, "POST", "/chatList", {}))
    return found


def measure(server: Server, installation: Installation, at_once: int) -> dict[str, Result]:
    results = {}
    for state in STATES:
        watched = [*server.processes, *server.stores]
        cpu, began = processes.cpu_seconds(watched), time.monotonic()
        storm(server.port, installation.people, at_once)
        took, cpu = time.monotonic() - began, processes.cpu_seconds(watched) - cpu
        count = len(installation.people)
        results[state] = Result(count / took, 1000 * cpu / count)
    return results


@contextmanager
def filled(checkout: Checkout, database: str, chosen: argparse.Namespace) -> Iterator[Installation]:
    with ExitStack() as stack:
        url = stack.enter_context(postgresql.running()) if database == "postgresql" else ""
        installation = Installation(checkout, database_url=url)
        stack.callback(installation.remove)
        installation.fill(chosen.people, [], rooms=f"{chosen.rooms}x{chosen.each}")
        with installation.serving() as server:
            talk(server.port, installation, chosen.rooms)
        if url:
            postgresql.analyze(url)
        yield installation


def main() -> None:
    chosen = _chosen()
    results: dict[tuple[str, str, str], list[Result]] = {}
    for database, checkout in product(chosen.databases, compare.checkouts(chosen)):
        with filled(checkout, database, chosen) as installation:
            for _ in range(chosen.rounds):
                with installation.serving() as server:
                    for state, result in measure(server, installation, chosen.clients).items():
                        results.setdefault((database, checkout.name, state), []).append(result)
                        print(database, checkout.name, state, result, flush=True)
    text = "\n".join(
        [
            about(rounds=chosen.rounds)
            + f" {chosen.people:,} people with {chosen.each} chats each, {chosen.clients} at a time: unread counts and"
            + " the whole chat list. CPU: of the server and its Redis.\n",
            "| database | | Redis | people/s | CPU ms each |",
            "|---|---|---|---|---|",
            *(
                f"| {database} | {name} | {state} | {statistics.median(one.people_per_second for one in of):,.0f} "
                f"| {statistics.median(one.cpu_ms_each for one in of):.1f} |"
                for (database, name, state), of in results.items()
            ),
        ]
    )
    print(text)
    if chosen.write:
        write_section(SECTION, text)


def _chosen() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    compare.add_common_options(parser, rounds=3)
    parser.add_argument("--databases", nargs="+", choices=["sqlite", "postgresql"], default=postgresql.databases())
    parser.add_argument("--people", type=int, default=500)
    parser.add_argument("--rooms", type=int, default=400)
    parser.add_argument("--each", type=int, default=200, help="chats of each person")
    parser.add_argument("--clients", type=int, default=16)
    return parser.parse_args()


if __name__ == "__main__":
    main()
