"""What a phone pays for the chat, with and without compression: bench/run transport.

A browser opens the chat and receives an hour's messages through a line that counts its bytes. Where there is to be no
compression, the line takes from the browser's requests what asks for it. The site's own files are compressed when they
are collected, and a first opening needs them: they are asked for as always.
"""

import argparse
import re
import socket
import statistics
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Self

from playwright.sync_api import CDPSession, Page, sync_playwright

from bench.browser import CHROMIUM, Senders, Turn, Visitor, open_chat, settle
from bench.harness import processes
from bench.harness.checkouts import HERE, installations
from bench.harness.report import about, write_section
from bench.harness.servers import Server

SECTION = "bench/run transport"
MESSAGES, CHATS, PEOPLE, MEMBERS = 2000, 200, 220, 50
MODES = ("plain", "compressed")
_ASKS = re.compile(rb"\r\n(?:Accept-Encoding|Sec-WebSocket-Extensions):[^\r]*", re.IGNORECASE)


class Line:
    """A line to a server, whose `received` counts the bytes that come from it."""

    def __init__(self, port: int, *, is_compressed: bool) -> None:
        self._to, self._is_compressed = port, is_compressed
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.received = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                browser, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._to))
            threading.Thread(target=self._pass, args=[browser, server, self._asked], daemon=True).start()
            threading.Thread(target=self._pass, args=[server, browser, self._counted], daemon=True).start()

    @staticmethod
    def _pass(source: socket.socket, target: socket.socket, change: Callable[[bytes], bytes]) -> None:
        try:
            while data := source.recv(256 * 1024):
                target.sendall(change(data))
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        finally:  # one of the two has gone, and takes the other with it
            for one in (source, target):
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

    def _asked(self, data: bytes) -> bytes:
        """A request as the server's own address would have it."""
        head, end, body = data.partition(b"\r\n\r\n")
        if not end or b" HTTP/1.1\r\n" not in head:
            return data
        head = head.replace(b"127.0.0.1:%d" % self.port, b"127.0.0.1:%d" % self._to)
        if not self._is_compressed and b" /static/" not in head[:200]:
            head = _ASKS.sub(b"", head)
        return head + end + body

    def _counted(self, data: bytes) -> bytes:
        self.received += len(data)
        return data

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()


@dataclass(frozen=True, slots=True)
class Cost:
    """What something cost: KiB that the browser received, milliseconds of CPU of the server and of the page."""

    kib: float
    server_ms: float
    page_ms: float


Costs = dict[str, list[Cost]]


@dataclass(frozen=True, slots=True)
class Counter:
    line: Line
    server: Server

    @contextmanager
    def count(self, page: Page, costs: list[Cost]) -> Iterator[None]:
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable")
        before = self._now(session)
        yield
        costs.append(Cost(*(now - was for now, was in zip(self._now(session), before, strict=True))))

    def _now(self, session: CDPSession) -> tuple[float, float, float]:
        cpu = processes.cpu_seconds([*self.server.processes, *self.server.stores])
        metrics = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
        return self.line.received / 1024, cpu * 1000, metrics["TaskDuration"] * 1000


def measure(visitor: Visitor, counter: Counter, senders: Senders, costs: Costs, options: argparse.Namespace) -> None:
    """Open the chat for the first time and again, look at its conversations, and hear an hour's messages."""
    with visitor.arrive() as page:
        page.goto("about:blank")
        for name in ("opening for the first time", "opening again"):
            with counter.count(page, costs.setdefault(name, [])):
                open_chat(visitor, page)
                page.wait_for_load_state("networkidle")
        with counter.count(page, costs.setdefault("a look at 20 conversations", [])):
            for number in range(20):
                page.evaluate("(n) => bench.open(document.querySelectorAll('.rows .chat-row')[n])", 1 + number)
            page.wait_for_load_state("networkidle")
        open_chat(visitor, page)
        page.wait_for_load_state("networkidle")
        with counter.count(page, costs.setdefault(f"{options.hour} messages of an hour", [])):
            senders.send(options.hour, per_second=options.rate)
            settle(page)


def main() -> None:
    options = _options()
    costs: dict[str, Costs] = {mode: {} for mode in MODES}
    filled = installations([HERE], PEOPLE, [MEMBERS], history=MESSAGES, chats=CHATS)
    with filled as (installation,), installation.serving() as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        group, people = installation.group(MEMBERS), installation.people
        turns: Sequence[Turn] = [turn for other in installation.chats for turn in [*[(people[2], group)] * 3, other]]
        with Senders(server.port, turns) as senders:
            for number in range(options.rounds):
                for mode in MODES if number % 2 == 0 else MODES[::-1]:
                    with Line(server.port, is_compressed=mode == "compressed") as line:
                        visitor = Visitor(browser, f"http://127.0.0.1:{line.port}", group)
                        visitor.sign_in()
                        measure(visitor, Counter(line, server), senders, costs[mode], options)
        browser.close()
    text = "\n".join([about(rounds=options.rounds) + f" A list of {CHATS} chats.\n", *_table(costs)])
    print(text)
    if options.write:
        write_section(SECTION, text)


def _table(costs: dict[str, Costs]) -> list[str]:
    lines = ["| | KiB plain | compressed | server, CPU ms | | page, CPU ms | |", "|---|---|---|---|---|---|---|"]
    for name in costs[MODES[0]]:
        cells = [
            f"{statistics.median(getattr(one, figure) for one in costs[mode][name]):,.0f}"
            for figure in ("kib", "server_ms", "page_ms")
            for mode in MODES
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--hour", type=int, default=400, help="messages of an hour")
    parser.add_argument("--rate", type=float, default=10, help="of them, a second")
    parser.add_argument("--write", action="store_true", help="write docs/performance.md")
    return parser.parse_args()


if __name__ == "__main__":
    main()
