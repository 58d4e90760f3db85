"""How long a page takes where a million messages are stored: bench/run million.

    bench/run million --write

What clients ask for, and the administration's pages, each several times; the first time counts like the others.
"""

import argparse
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack

import httpx

from bench.browser import PASSWORD
from bench.harness.checkouts import HERE, Installation, installations
from bench.harness.report import about, write_section

SECTION = "bench/run million"
ROOMS, PEOPLE, MEMBERS = 1000, 2000, 20
POSTED = ("/chatList",)
#: Milliseconds at most, by the median.
PEOPLES, STAFFS = 50, 300
#: bench/fill.py puts them there.
RARE, CHINESE_NAME_TYPED = "苦丁", "wangxiaoming"


def asked_by_people(installation: Installation) -> Iterator[tuple[str, str, dict[str, str | int]]]:
    group = installation.group(MEMBERS)
    yield "the list of all chats", "/chatList", {}
    yield "unread counts of all chats", "/unread", {}
    yield "the newest page of a chat", "/group/messages", {"groupId": group}
    yield "its page 500 messages back", "/group/messages", {"groupId": group, "before": 500}
    yield "search for a common word", "/message/search", {"q": "kettle"}
    yield "search for two common Han", "/message/search", {"q": "今天"}
    yield "search for a number that is there once in each chat", "/message/search", {"q": "777"}
    yield "search for what is nowhere", "/message/search", {"q": "鸭嘴"}
    yield "search for a rare pair of Han", "/message/search", {"q": RARE}
    yield "search for three words", "/message/search", {"q": "kettle cakes tomorrow"}
    yield "search for a number within others", "/message/search", {"q": "99"}
    yield "search for three words, one of them nowhere", "/message/search", {"q": "kettle cakes 鸭嘴"}
    yield "search by a sender's name", "/message/search", {"q": "from:person kettle"}
    yield "search by a name as it is typed", "/message/search", {"q": f"from:{CHINESE_NAME_TYPED} kettle"}
    yield "search in chats by their name", "/message/search", {"q": "in:77 kettle"}
    yield "search for links", "/message/search", {"q": "has:link"}
    yield "search for pictures", "/message/search", {"q": "has:image"}
    yield "search before a year", "/message/search", {"q": "before:2020 kettle"}
    yield "search since a day", "/message/search", {"q": "after:2020-01-01 kettle"}


def asked_by_staff() -> Iterator[tuple[str, str, dict[str, str | int]]]:
    messages = "/admin/messaging/message/"
    yield "administration: first page", "/admin/", {}
    yield "messages", messages, {}
    yield "messages, page 20", messages, {"p": 20}
    yield "messages, of one type", messages, {"type": "text"}
    yield "messages, recalled", messages, {"recalled": "yes"}
    yield "messages, search for a common word", messages, {"q": "kettle"}
    yield "messages, search for what is nowhere", messages, {"q": "鸭嘴"}
    yield "groups", "/admin/groups/room/", {}
    yield "groups, search", "/admin/groups/room/", {"q": "Full 77"}
    yield "people", "/admin/accounts/user/", {}
    yield "people, search", "/admin/accounts/user/", {"q": "Person 19"}
    yield "memberships", "/admin/groups/membership/", {}
    yield "log", "/admin/admin/logentry/", {}


def measure(client: httpx.Client, path: str, query: dict[str, str | int], times: int) -> list[float]:
    """Milliseconds of each answer."""
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        (client.post(path, json=query) if path in POSTED else client.get(path, params=query)).raise_for_status()
        taken.append((time.perf_counter() - begun) * 1000)
    return taken


def _sign_in(client: httpx.Client, name: str) -> None:
    client.get("/sign-in/").raise_for_status()
    form = {"name": name, "password": PASSWORD, "csrfmiddlewaretoken": client.cookies["csrftoken"]}
    answer = client.post("/sign-in/", data=form, headers={"Referer": str(client.base_url)})
    assert answer.status_code == 302, answer.text


def main() -> None:
    options = _options()
    lines = ["| | p50 ms | worst ms | p50 at most |", "|---|---|---|---|"]
    full = f"{ROOMS}x{options.messages // ROOMS}"
    with installations([HERE], PEOPLE, [MEMBERS], full=full) as (installation,), ExitStack() as stack:
        installation.run("manage.py", "index")
        server = stack.enter_context(installation.serving())
        url = f"http://127.0.0.1:{server.port}"
        program, browser = (stack.enter_context(httpx.Client(base_url=url, timeout=120)) for _ in range(2))
        person = installation.people[0]
        program.headers["Authorization"] = f"Bearer {person.token}"
        _sign_in(browser, person.name)
        asked = [(program, PEOPLES, *one) for one in asked_by_people(installation)]
        asked += [(browser, STAFFS, *one) for one in asked_by_staff()]
        for client, most, what, path, query in asked:
            taken = measure(client, path, query, options.times)
            middle = statistics.median(taken)
            limit = f"{most}{'' if middle <= most else ' (missed)'}"
            lines.append(f"| {what} | {middle:.0f} | {max(taken):.0f} | {limit} |")
            print(lines[-1], flush=True)
    stored = f" {options.messages:,} messages in {ROOMS:,} groups of {MEMBERS}; the person is in all of them."
    text = "\n".join([about(rounds=options.times) + stored + "\n", *lines])
    if options.write:
        write_section(SECTION, text)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--write", action="store_true", help="write docs/performance.md")
    return parser.parse_args()


if __name__ == "__main__":
    main()
