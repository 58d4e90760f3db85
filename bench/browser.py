"""The page in a real browser, with 10,000 messages in the open chat: bench/run browser.

How soon a conversation is there, whether typing waits while messages pour in, how much of a long
history is in the page, and what an hour's traffic leaves behind. The figures are the browser's own
(its performance timeline and its debugging protocol); bench/watch.js collects them.
"""

import argparse
import itertools
import json
import os
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

from playwright.sync_api import Browser, BrowserContext, CDPSession, Page, sync_playwright
from websockets.sync.client import ClientConnection, connect

from bench.harness.checkouts import HERE, Person, installations
from bench.harness.frames import Message
from bench.harness.processes import ROOT
from bench.harness.report import machine, write_section

CHROMIUM = "/usr/bin/chromium"
NAME, PASSWORD = "Person 0", "correct horse battery"
MESSAGES, CHATS, PEOPLE, MEMBERS = 10_000, 500, 520, 50
HOUR = 3600 * 20  # messages of an hour at 20 a second
SECTION = "bench/run browser"


@dataclass(frozen=True)
class Row:
    """A line of the table; `limit` is the largest value allowed."""

    what: str
    value: float
    unit: str
    limit: float | None = None

    @property
    def holds(self) -> bool:
        return self.limit is None or self.value <= self.limit

    def __str__(self) -> str:
        bar = "" if self.limit is None else f"{self.limit:,.3g}" if self.limit < 1 else f"{self.limit:,.0f}"
        is_whole = self.unit or float(self.value).is_integer()
        value = f"{self.value:,.0f}" if is_whole else f"{self.value:,.3f}"
        return f"| {self.what} | {value} {self.unit}".rstrip() + f" | {bar}{'' if self.holds else ' (missed)'} |"


#: Who sends the next message, and in which group.
Turn = tuple[Person, str]


class Senders:
    """People who send messages by sockets, in turn and at a steady rate."""

    def __init__(self, port: int, turns: Sequence[Turn]) -> None:
        people = {person.id: person for person, _group in turns}
        self._sockets = {id_: self._connect(port, person.token) for id_, person in people.items()}
        self._turns = turns
        self._stopped = threading.Event()
        self._sent = 0

    def _connect(self, port: int, token: str) -> ClientConnection:
        socket = connect(
            f"ws://127.0.0.1:{port}/ws/chat/?batch=1",
            additional_headers={"Authorization": f"Bearer {token}"},
            max_size=None,
            compression=None,
            ping_interval=None,
        )
        threading.Thread(target=self._drain, args=[socket], daemon=True).start()
        return socket

    @staticmethod
    def _drain(socket: ClientConnection) -> None:
        for _frame in socket:
            pass

    def send(self, count: int, *, per_second: float) -> None:
        """Send `count` messages, never more than `per_second`."""
        begun = time.monotonic()
        for number, (person, group) in zip(range(count), itertools.cycle(self._turns), strict=False):
            wait = begun + number / per_second - time.monotonic()
            if self._stopped.wait(max(0, wait)) if wait > 0.005 else self._stopped.is_set():
                return
            content = f"{number} and the kettle is on, 今天下午见"
            message = Message(target=group, sender=person.id, content=content, client_id=str(uuid4()))
            self._sent += 1
            self._sockets[person.id].send(json.dumps(message.group_frame(ack=self._sent)))

    @contextmanager
    def sending(self, *, per_second: float) -> Iterator[None]:
        self._stopped.clear()
        with ThreadPoolExecutor(1) as pool:
            sending = pool.submit(self.send, sys.maxsize, per_second=per_second)
            try:
                yield
            finally:
                self._stopped.set()
                sending.result()  # a sender whose connection was lost spoils the measurement
                self._stopped.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for socket in self._sockets.values():
            socket.close()


@dataclass
class Visitor:
    """The person whose browser is measured."""

    browser: Browser
    url: str
    group: str
    state: Any = None
    rows: list[Row] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"{self.url}/chat/group/{self.group}/"

    def sign_in(self) -> None:
        with self.arrive() as page:
            page.goto(f"{self.url}/sign-in/")
            page.fill("[name=name]", NAME)
            page.fill("[name=password]", PASSWORD)
            page.press("[name=password]", "Enter")
            page.wait_for_selector(".chat-row")
            self.state = page.context.storage_state()

    @contextmanager
    def arrive(self) -> Iterator[Page]:
        """A browser with nothing in its cache, signed in."""
        context: BrowserContext = self.browser.new_context(
            storage_state=self.state, viewport={"width": 1280, "height": 800}, locale="en-GB"
        )
        context.add_init_script(path=ROOT / "bench" / "watch.js")
        try:
            yield context.new_page()
        finally:
            context.close()

    def note(self, what: str, value: float, unit: str, limit: float | None = None) -> None:
        row = Row(what, value, unit, limit)
        self.rows.append(row)
        print(row, file=sys.stderr, flush=True)


def open_chat(visitor: Visitor, page: Page) -> dict[str, float]:
    """The deep link, until its conversation is painted."""
    page.goto(visitor.address)
    page.wait_for_function("() => bench.firstMessage > 0")
    times: dict[str, float] = page.evaluate(
        """async () => {
          const [page] = performance.getEntriesByType("navigation");
          const files = performance.getEntriesByType("resource");
          const before = files.filter((one) => one.responseEnd <= bench.firstMessage);
          return {
            answered: page.responseEnd,
            painted: performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0,
            message: bench.firstMessage,
            largest: bench.lcp,
            requests: before.length + 1,
            kilobytes: [page, ...before].reduce((sum, one) => sum + one.transferSize, 0) / 1024,
          };
        }"""
    )
    return times


def heap(session: CDPSession) -> float:
    """Megabytes of script objects that are still needed."""
    for _round in range(3):
        session.send("HeapProfiler.collectGarbage")
    return float(session.send("Runtime.getHeapUsage")["usedSize"]) / 2**20


def nodes(session: CDPSession) -> float:
    return float(session.send("Memory.getDOMCounters")["nodes"])


def longest(page: Page) -> float:
    return float(page.evaluate("Math.max(0, ...bench.tasks.map(([, duration]) => duration))"))


def heaviest(trace: bytes) -> float:
    """Milliseconds of CPU time of the page's heaviest task; a busy machine does not lengthen it."""
    events = json.loads(trace)["traceEvents"]
    names = {(one["pid"], one["tid"]): one["args"]["name"] for one in events if one["name"] == "thread_name"}
    mine = (one for one in events if names.get((one["pid"], one["tid"])) == "CrRendererMain")
    return float(max(one.get("tdur", 0) for one in mine) / 1000)


def loads(visitor: Visitor, rounds: int) -> None:
    cold, warm = [], []
    for _round in range(rounds):
        with visitor.arrive() as page:
            cold.append(open_chat(visitor, page))
            page.wait_for_load_state("networkidle")
            page.goto("about:blank")
            warm.append(open_chat(visitor, page))
            page.wait_for_load_state("networkidle")

    def median(of: Sequence[dict[str, float]], name: str) -> float:
        return statistics.median(one[name] for one in of)

    visitor.note("cold: the page has come", median(cold, "answered"), "ms")
    visitor.note("cold: first paint", median(cold, "painted"), "ms")
    visitor.note("cold: the conversation is painted", median(cold, "message"), "ms", 1000)
    visitor.note("cold: the slowest of them", max(one["message"] for one in cold), "ms")
    visitor.note("cold: requests before it", median(cold, "requests"), "")
    visitor.note("cold: kilobytes before it", median(cold, "kilobytes"), "KB")
    visitor.note("warm: the conversation is painted", median(warm, "message"), "ms", 1000)


def scroll(visitor: Visitor, turns: int) -> None:
    """Scroll up through the history by the wheel, as fast as a person who looks for something."""
    with visitor.arrive() as page:
        open_chat(visitor, page)
        page.wait_for_load_state("networkidle")
        page.mouse.move(800, 400)
        page.evaluate("bench.forget(); bench.watchFrames()")
        for _turn in range(turns):
            page.mouse.wheel(0, -480)
            page.wait_for_timeout(40)
        seen = page.evaluate(
            "({ shifts: bench.shifts, most: bench.mostNodes, frames: bench.frames.toSorted((a, b) => a - b),"
            "   at: Number(document.querySelector('.message[data-seq]').dataset.seq) })"
        )
        frames = seen["frames"]
        visitor.note("scrolling: messages seen", MESSAGES - seen["at"], "")
        visitor.note("scrolling: layout shift", seen["shifts"], "", 0.05)
        visitor.note("scrolling: messages in the page at most", seen["most"], "", 320)
        visitor.note("scrolling: 99 of 100 frames within", frames[int(len(frames) * 0.99)], "ms")
        visitor.note("scrolling: longest task", longest(page), "ms")


def type_on(visitor: Visitor, port: int, turn: Turn, keys: int) -> None:
    """Typing in the open chat while twenty messages a second arrive in it."""
    with visitor.arrive() as page, Senders(port, [turn]) as senders:
        open_chat(visitor, page)
        page.wait_for_load_state("networkidle")
        page.wait_for_timeout(1000)
        with senders.sending(per_second=20):
            page.wait_for_timeout(1000)
            page.evaluate("bench.forget()")
            visitor.browser.start_tracing(page=page, categories=["toplevel"])
            page.locator("#text").press_sequentially("the quick brown fox " * (keys // 20), delay=60, timeout=180_000)
            page.wait_for_timeout(500)
            work = heaviest(visitor.browser.stop_tracing())
        waits, tasks = page.evaluate("[bench.events.toSorted((a, b) => a - b), bench.tasks.length]")
        # The browser reports only keys that took 16 ms or more.
        waits = [8.0] * max(0, keys - len(waits)) + waits
        visitor.note("typing: keys to paint, half within", statistics.median(waits), "ms")
        visitor.note("typing: keys to paint, 99 of 100 within", waits[int(len(waits) * 0.99)], "ms")
        visitor.note("typing: long tasks", tasks, "", 0)
        visitor.note("typing: longest task", longest(page), "ms", 50)
        visitor.note("typing: most CPU time of one task", work, "ms", 50)
        page.fill("#text", "")


def switch(visitor: Visitor, times: int) -> None:
    """Open chat after chat, each for the first time."""
    with visitor.arrive() as page:
        open_chat(visitor, page)
        page.wait_for_load_state("networkidle")
        # The page has only the rows of the list up to where it was scrolled.
        page.mouse.move(160, 400)
        while page.locator(".rows .chat-row").count() <= times:
            page.mouse.wheel(0, 4000)
            page.wait_for_timeout(200)
        page.evaluate("bench.forget()")
        took = [
            page.evaluate("(n) => bench.open(document.querySelectorAll('.rows .chat-row')[n])", 1 + number)
            for number in range(times)
        ]
        visitor.note(f"switching {times} times: median", statistics.median(took), "ms")
        visitor.note(f"switching {times} times: slowest", max(took), "ms")
        visitor.note(f"switching {times} times: longest task", longest(page), "ms")


def hour(visitor: Visitor, port: int, turns: Sequence[Turn], count: int, rate: float) -> None:
    """Receive an hour's messages in minutes, and see what remains of them in the page."""
    with visitor.arrive() as page, Senders(port, turns) as senders:
        session = page.context.new_cdp_session(page)
        open_chat(visitor, page)
        page.wait_for_load_state("networkidle")
        senders.send(2000, per_second=rate)
        settle(page)
        before, elements = heap(session), nodes(session)
        page.evaluate("bench.forget()")
        begun = time.monotonic()
        senders.send(count, per_second=rate)
        took = time.monotonic() - begun
        settle(page)
        after = heap(session)
        visitor.note("an hour: messages", count, "")
        visitor.note("an hour: messages a second", count / took, "")
        visitor.note("an hour: heap before", before, "MB")
        visitor.note("an hour: heap after", after, "MB", before * 1.1 + 1)
        visitor.note("an hour: nodes of the document before", elements, "")
        visitor.note("an hour: nodes of the document after", nodes(session), "", elements * 1.1)
        visitor.note("an hour: messages in the page at most", page.evaluate("bench.mostNodes"), "", 320)
        visitor.note("an hour: longest task", longest(page), "ms")


def settle(page: Page) -> None:
    """Wait until every message has arrived: the last one has not changed for three seconds."""
    page.wait_for_function(
        """() => {
          const last = [...document.querySelectorAll(".message[data-seq]")].at(-1)?.dataset.seq;
          if (last !== bench.last) Object.assign(bench, { last, since: performance.now() });
          return performance.now() - bench.since > 3000;
        }""",
        polling=200,
        timeout=120_000,
    )


def main() -> None:
    options = _options()
    if not Path(CHROMIUM).exists():
        sys.exit(f"bench: {CHROMIUM} is missing (Debian: apt install chromium fonts-noto-cjk fonts-noto-color-emoji)")
    before = os.getloadavg()[0]
    filled = installations([HERE], PEOPLE, [MEMBERS], history=MESSAGES, chats=CHATS)
    with filled as (installation,), installation.serving() as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        group, people = installation.group(MEMBERS), installation.people
        # Three of four messages of the hour are sent in the open chat.
        turns = [turn for other in installation.chats for turn in [*[(people[2], group)] * 3, other]]
        visitor = Visitor(browser, f"http://127.0.0.1:{server.port}", group)
        visitor.sign_in()
        work: dict[str, Callable[[], None]] = {
            "loads": lambda: loads(visitor, options.rounds),
            "switch": lambda: switch(visitor, 50),
            "scroll": lambda: scroll(visitor, 250),
            "typing": lambda: type_on(visitor, server.port, (people[1], group), 300),
            "hour": lambda: hour(visitor, server.port, turns, options.hour, options.rate),
        }
        for name in options.only or work:
            work[name]()
        version = browser.version
        browser.close()
    about = (
        f"{time.strftime('%Y-%m-%d')}, {machine()}, Chromium {version} without a screen; load times are medians of "
        f"{options.rounds}. Load of the machine before it began: {before:.1f}."
    )
    lines = [about, "", "| | measured | at most |", "|---|---|---|", *map(str, visitor.rows)]
    print("\n".join(lines))
    if options.write:
        write_section(SECTION, "\n".join(lines))
    sys.exit(0 if all(row.holds for row in visitor.rows) else 1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7, help="times that the page is loaded, cold and warm")
    parser.add_argument("--hour", type=int, default=HOUR, help="messages of the compressed hour")
    parser.add_argument("--rate", type=float, default=400, help="of them, a second")
    parser.add_argument("--only", nargs="*", default=[], help="loads, switch, scroll, typing, hour")
    parser.add_argument("--write", action="store_true", help="write docs/performance.md")
    return parser.parse_args()


if __name__ == "__main__":
    main()
