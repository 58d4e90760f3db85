"""How long a page takes where a million messages are stored: bench/run million.

    bench/run million --write
    bench/run million --databases sqlite --messages 10000 --keep /tmp/filled

What clients ask for, and the administration's pages, each in several rounds; the first time, with empty caches,
counts like the others. On SQLite, and on PostgreSQL where it is installed; with few messages and with a million.
`--keep` fills a folder once and measures it again.
"""

import argparse
import math
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from bench.browser import PASSWORD
from bench.harness import postgresql
from bench.harness.checkouts import HERE, Installation
from bench.harness.report import about, write_section

SECTION = "bench/run million"
ROOMS, PEOPLE, MEMBERS = 1000, 2000, 20
SIZES = [10_000, 1_000_000]
#: Milliseconds at most, by the median.
PEOPLES, STAFFS = 50, 300
#: bench/fill.py puts them there.
RARE, CHINESE_NAME_TYPED = "苦丁", "wangxiaoming"
#: Chats of a page of the list, as the browser asks for them.
PAGE = 100
#: Of a client that was away for a while: chats in which something was said, and messages in each of them.
MOVED, SAID = 50, 5

#: Asks once, for the n-th time.
Ask = Callable[[int], httpx.Response]


class Asked(NamedTuple):
    what: str
    ask: Ask
    #: Milliseconds at most, by the median.
    most: int = PEOPLES


def asked_by_people(client: httpx.Client, group: str, each: int) -> Iterator[Asked]:
    def get(path: str, **query: Any) -> Ask:
        return lambda _: client.get(path, params=query)

    def post(path: str, body: Any) -> Ask:
        return lambda _: client.post(path, json=body)

    middle = each // 2
    listed = client.post("/chatList", json={}).raise_for_status().json()
    second = client.post("/chatList", json={"limit": PAGE}).raise_for_status().links["next"]["url"]
    known = {chat["id"]: chat["version"] for chat in listed}
    away = known | {chat["id"]: max(1, chat["version"] - SAID) for chat in listed[:MOVED]}
    chat = {"groupId": group}
    day = {"chatId": group, "isGroup": "true", "day": f"{time.gmtime().tm_year}-01-01"}
    yield Asked("the chat list: its first page", post("/chatList", {"limit": PAGE}))
    yield Asked("the chat list: its second page", post(second, {"limit": PAGE}))
    yield Asked("the chat list: 20 chats by their ids", post("/chatList", {"chatIds": [*known][:20]}))
    yield Asked("the chat list: all chats at once", post("/chatList", {}))
    yield Asked("unread counts of all chats", get("/unread"))
    yield Asked("sync from nothing", post("/sync", {"cursors": {}}))
    yield Asked("sync of a client that knows all", post("/sync", {"cursors": known}))
    yield Asked(f"sync from a while ago: {MOVED * SAID} messages in {MOVED} chats", post("/sync", {"cursors": away}))
    yield Asked("the newest page of a chat", get("/group/messages", **chat))
    yield Asked("a page in the middle, always the same", get("/group/messages", **chat, before=middle))
    yield Asked(
        "a jump to a message, each time to another one",
        lambda n: client.get("/group/messages", params={**chat, "before": 2 + (middle + 37 * n) % (each - 1)}),
    )
    yield Asked("a jump to a day: which message it is", get("/message/day", **day))
    yield Asked("search for a common word", get("/message/search", q="kettle"))
    yield Asked("search for two common Han", get("/message/search", q="今天"))
    yield Asked("search for a number that is there once in each chat", get("/message/search", q=str(each * 3 // 4)))
    yield Asked("search for what is nowhere", get("/message/search", q="鸭嘴"))
    yield Asked("search for a rare pair of Han", get("/message/search", q=RARE))
    yield Asked("search for three words", get("/message/search", q="kettle cakes tomorrow"))
    yield Asked("search for a number within others", get("/message/search", q="99"))
    yield Asked("search for three words, one of them nowhere", get("/message/search", q="kettle cakes 鸭嘴"))
    yield Asked("search by a sender's name", get("/message/search", q="from:person kettle"))
    yield Asked("search by a name as it is typed", get("/message/search", q=f"from:{CHINESE_NAME_TYPED} kettle"))
    yield Asked("search in chats by their name", get("/message/search", q="in:77 kettle"))
    yield Asked("search for links", get("/message/search", q="has:link"))
    yield Asked("search for pictures", get("/message/search", q="has:image"))
    yield Asked("search before a year", get("/message/search", q="before:2020 kettle"))
    yield Asked("search since a day", get("/message/search", q="after:2020-01-01 kettle"))


def asked_by_staff(client: httpx.Client) -> Iterator[Asked]:
    def get(path: str, **query: Any) -> Ask:
        return lambda _: client.get(path, params=query)

    messages = "/admin/messaging/message/"
    yield Asked("the page of the chat itself", get("/"))
    yield Asked("administration: first page", get("/admin/"))
    yield Asked("messages", get(messages), STAFFS)
    yield Asked("messages, page 20", get(messages, p=20), STAFFS)
    yield Asked("messages, of one type", get(messages, type="text"), STAFFS)
    yield Asked("messages, recalled", get(messages, recalled="yes"), STAFFS)
    yield Asked("messages, search for a common word", get(messages, q="kettle"), STAFFS)
    yield Asked("messages, search for what is nowhere", get(messages, q="鸭嘴"), STAFFS)
    yield Asked("groups", get("/admin/groups/room/"), STAFFS)
    yield Asked("groups, search", get("/admin/groups/room/", q="Full 77"), STAFFS)
    yield Asked("people", get("/admin/accounts/user/"), STAFFS)
    yield Asked("people, search", get("/admin/accounts/user/", q="Person 19"), STAFFS)
    yield Asked("memberships", get("/admin/groups/membership/"), STAFFS)
    yield Asked("log", get("/admin/admin/logentry/"), STAFFS)


class Taken(NamedTuple):
    """Milliseconds."""

    p50: float
    p99: float
    worst: float

    @classmethod
    def of(cls, taken: Sequence[float]) -> "Taken":
        return cls(statistics.median(taken), sorted(taken)[math.ceil(len(taken) * 0.99) - 1], max(taken))


def measure(asked: Sequence[Asked], *, rounds: int, times: int) -> dict[str, Taken]:
    """What each takes. All are asked in each round, so that a noisy moment of the machine spoils none of them alone."""
    taken: dict[str, list[float]] = {one.what: [] for one in asked}
    for number in range(rounds):
        for one in asked:
            for time_ in range(times):
                begun = time.perf_counter()
                one.ask(number * times + time_).raise_for_status()
                taken[one.what].append((time.perf_counter() - begun) * 1000)
    return {what: Taken.of(all_) for what, all_ in taken.items()}


def _sign_in(client: httpx.Client, name: str) -> None:
    client.get("/sign-in/").raise_for_status()
    form = {"name": name, "password": PASSWORD, "csrfmiddlewaretoken": client.cookies["csrftoken"]}
    answer = client.post("/sign-in/", data=form, headers={"Referer": str(client.base_url)})
    assert answer.status_code == 302, answer.text


def _installation(stack: ExitStack, database: str, messages: int, keep: Path | None) -> Installation:
    """A filled one, which is removed afterwards unless it is kept."""
    folder = keep and keep / f"{database}-{messages}"
    url = stack.enter_context(postgresql.running(folder and folder / "postgresql")) if database == "postgresql" else ""
    installation = Installation(HERE, folder, database_url=url)
    if folder is None:
        stack.callback(installation.remove)
    if not (installation.folder / "people.json").exists():
        installation.fill(PEOPLE, [MEMBERS], full=f"{ROOMS}x{messages // ROOMS}")
        installation.run("manage.py", "index")
        if database == "postgresql":
            postgresql.analyze(url)
    installation.run("manage.py", "migrate", "-v0")  # a folder that was kept may be from before
    return installation


def _measured(database: str, messages: int, options: argparse.Namespace) -> tuple[dict[str, Taken], dict[str, int]]:
    """What each takes, and may take."""
    with ExitStack() as stack:
        installation = _installation(stack, database, messages, options.keep)
        server = stack.enter_context(installation.serving())
        url = f"http://127.0.0.1:{server.port}"
        program, browser = (stack.enter_context(httpx.Client(base_url=url, timeout=120)) for _ in range(2))
        person = installation.people[0]
        program.headers["Authorization"] = f"Bearer {person.token}"
        _sign_in(browser, person.name)
        people = asked_by_people(program, installation.group(MEMBERS), messages // ROOMS)
        asked = [*people, *asked_by_staff(browser)]
        if options.only:
            asked = [one for one in asked if any(word in one.what for word in options.only)]
        taken = measure(asked, rounds=options.rounds, times=options.times)
        for what, one in taken.items():
            print(f"{database}, {messages:,}: {what}: {one.p50:.1f} {one.p99:.1f} {one.worst:.1f}", flush=True)
        return taken, {one.what: one.most for one in asked}


def _table(found: dict[int, dict[str, Taken]], most: dict[str, int]) -> list[str]:
    sizes = [*found]
    heads = [f"{size:,}: p50 ms | p99 | worst" for size in sizes]
    lines = [f"| | {' | '.join(heads)} | p50 at most |", f"|---|{'---|' * (3 * len(sizes) + 1)}"]
    for what, limit in most.items():
        cells = [f"{value:.0f}" for size in sizes for value in found[size][what]]
        is_missed = any(found[size][what].p50 > limit for size in sizes)
        lines.append(f"| {what} | {' | '.join(cells)} | {limit}{' (missed)' if is_missed else ''} |")
    return lines


def main() -> None:
    options = _options()
    parts = []
    for database in options.databases:
        found: dict[int, dict[str, Taken]] = {}
        most: dict[str, int] = {}
        for messages in options.messages:
            found[messages], most = _measured(database, messages, options)
        parts.append(
            "\n".join([f"**{postgresql.version() if database == 'postgresql' else 'SQLite'}**\n", *_table(found, most)])
        )
    stored = f" {options.times} times in each. The messages are in {ROOMS:,} groups of {MEMBERS}, sealed;"
    text = "\n\n".join([about(rounds=options.rounds) + stored + " the person is in all of them.", *parts])
    print(text)
    if options.write:
        write_section(SECTION, text)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--databases", nargs="+", choices=["sqlite", "postgresql"], default=postgresql.databases())
    parser.add_argument("--messages", nargs="+", type=int, default=SIZES)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--times", type=int, default=10, help="in each round")
    parser.add_argument(
        "--only", nargs="*", default=[], metavar="WORDS", help="what is measured: names with one of these"
    )
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="fill this folder once, and measure it again")
    parser.add_argument("--write", action="store_true", help="write docs/performance.md")
    return parser.parse_args()


if __name__ == "__main__":
    main()
