"""The measured chat: a checkout, an installation that is filled with people, its server."""

import json
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from bench.harness import processes
from bench.harness.frames import GROUP_FRAME, HELLO_FRAME, PRIVATE_FRAME
from bench.harness.servers import Server


@dataclass(frozen=True, slots=True)
class Checkout:
    """A working tree of the chat. `python` has its requirements.

    `settings` and `filled` set up its installations otherwise than usual, in the environment and for bench/fill.py.
    """

    name: str
    path: Path
    python: str
    settings: Mapping[str, str] = field(default_factory=dict)
    filled: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def named(cls, text: str) -> Self:
        """The checkout of `PATH` or `NAME=PATH`, to be served by its own .venv where it has one."""
        name, _, folder = text.rpartition("=")
        path = Path(folder).resolve()
        if not (path / "manage.py").exists():
            sys.exit(f"bench: {path} is not a checkout of the chat")
        own = path / ".venv" / "bin" / "python"
        return cls(name or path.name, path, str(own) if own.exists() else sys.executable)

    @property
    def rates(self) -> list[str]:
        """The names of its settings that limit how often something may be done."""
        return re.findall(r"^#?(RATE_\w+)=", (self.path / ".env.example").read_text(), re.MULTILINE)


HERE = Checkout("chat", processes.ROOT, sys.executable)
#: This checkout without encryption, and without an index of searches: what the two cost.
PLAIN = Checkout("plain", processes.ROOT, sys.executable, {"ENCRYPTION": "off"}, {"index": "off"})


@dataclass(frozen=True, slots=True)
class Person:
    id: str
    name: str
    token: str


class Installation:
    """A database of a checkout, a fresh one in a folder that `remove` removes, or the one in a folder that stays."""

    def __init__(self, checkout: Checkout, folder: Path | None = None, *, database_url: str = "") -> None:
        self.checkout = checkout
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder or Path(tempfile.mkdtemp(prefix="chat-bench-"))
        self._database = {"DATABASE_URL": database_url} if database_url else {}

    def fill(self, people: int, groups: list[int], **more: int | str) -> None:
        """Make people, groups of these sizes, and what else bench/fill.py can make."""
        words = [*map(str, groups), *(f"{name}={value}" for name, value in more.items())]
        self.run("manage.py", "migrate", "-v0")
        self.run("bench/fill.py", str(self.folder), str(people), *words)

    def run(self, *command: str) -> None:
        """Runs a script of the checkout, without a Redis."""
        env = processes.environment(self.environment("redis://127.0.0.1:0/0"))
        subprocess.run([self.checkout.python, *command], cwd=self.checkout.path, env=env, check=True)

    def environment(self, redis_url: str) -> dict[str, str]:
        return {
            # The limits are checked, and too high to be met.
            **dict.fromkeys(self.checkout.rates, "1000000/1s"),
            "DJANGO_SETTINGS_MODULE": "chatproject.settings",
            "DATA_DIR": str(self.folder / "data"),
            "MEDIA_ROOT": str(self.folder / "media"),
            "REDIS_URL": redis_url,
            "LOG_LEVEL": "WARNING",
            **self.checkout.settings,
            **self._database,
        }

    @contextmanager
    def serving(self, *, workers: int = 1, batch: bool = True, **settings: str) -> Iterator[Server]:
        """`manage.py serve`. `batch`: clients understand arrays of events, as our page does."""
        port = processes.free_port()

        def is_up() -> bool:
            with suppress(OSError):
                return bool(urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5).status == 200)
            return False

        with processes.redis_server() as (redis_port, redis):
            variables = {
                **self.environment(f"redis://127.0.0.1:{redis_port}/0"), "PORT": str(port), "WORKERS": str(workers),
                **settings,
            }  # fmt: skip
            command = [self.checkout.python, "manage.py", "serve"]
            log = self.folder / "server.log"
            with processes.running(
                command, is_up=is_up, cwd=self.checkout.path, log_file=log, variables=variables
            ) as process:
                web = processes.workers(process, port)
                if len(web) != workers:
                    raise RuntimeError(f"{self.checkout.name}: {len(web)} web processes instead of {workers}")
                processes.wait_until_each_accepts(web, port)
                yield Server(
                    ports=[port],
                    processes=processes.family(process),
                    stores=[redis],
                    redis_port=redis_port,
                    log_file=log,
                    workers=web,
                    people=self.people_file,
                    options={
                        "kind": "chat", "path": "/ws/chat/", "batch": int(batch), "hello": HELLO_FRAME,
                        "group_frame": GROUP_FRAME, "private_frame": PRIVATE_FRAME,
                    },
                )  # fmt: skip

    @cached_property
    def _filled(self) -> dict[str, Any]:
        filled: dict[str, Any] = json.loads((self.folder / "people.json").read_text())
        return filled

    @cached_property
    def people(self) -> list[Person]:
        return [Person(one["id"], one["name"], one["token"]) for one in self._filled["people"]]

    @property
    def chats(self) -> list[tuple[Person, str]]:
        """Another member and the id of each group among the first person's other chats."""
        return [(self.people[one["person"]], one["room"]) for one in self._filled["chats"]]

    def group(self, size: int) -> str:
        """The id of the group with `size` members, who are the first of the people."""
        return next(str(group["room"]) for group in self._filled["groups"] if group["size"] == size)

    @property
    def groups(self) -> dict[str, list[Person]]:
        return {str(group["room"]): self.people[: group["size"]] for group in self._filled["groups"]}

    def people_file(self, target: str) -> str:
        """The load generator's file of clients: `group-200`, or `pairs` of neighbours."""
        path = self.folder / f"clients-{target}"
        if not path.exists():
            kind, _, size = target.partition("-")
            if kind == "pairs":
                lines = [f"{one.token} {one.id} {self.people[n ^ 1].id}" for n, one in enumerate(self.people)]
            else:
                room = self.group(int(size))
                lines = [f"{one.token} {one.id} {room}" for one in self.people[: int(size)]]
            path.write_text("\n".join(lines) + "\n")
        return str(path)

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def installations(
    checkouts: list[Checkout], people: int, groups: list[int], **more: int | str
) -> Iterator[list[Installation]]:
    """One installation of each checkout, filled alike."""
    with ExitStack() as stack:
        made = []
        for checkout in checkouts:
            installation = Installation(checkout)
            stack.callback(installation.remove)
            installation.fill(people, groups, **more, **checkout.filled)
            made.append(installation)
        yield made
