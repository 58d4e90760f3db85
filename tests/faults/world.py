"""What each test owns: servers that it may break, people, and their phones."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Self

import httpx
import pytest

from tests.faults.phones import Phone
from tests.faults.server import Server
from tests.people import Person, api_client

Story = Callable[["World"], Awaitable[None]]


def begun_together(story: Story) -> Any:
    """Mark a test that starts together with the others; see conftest.py."""

    def test(begun: dict[Story, "Future[None]"]) -> None:
        begun[story].result()

    test = pytest.mark.timeout(900)(test)  # all together take a minute on an idle machine
    test.__name__, test.__doc__ = story.__name__, story.__doc__
    test.story = story  # type: ignore[attr-defined]
    return test


class World:
    """Servers, people and phones, which end with it. No server may have logged a traceback."""

    def __init__(self, folder: Path, prepared: Path) -> None:
        self._folder, self._prepared = folder, prepared
        self._servers: list[Server] = []
        self._clients: dict[str, httpx.Client] = {}
        self._phones = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._phones.aclose()
        for client in self._clients.values():
            client.close()
        for server in reversed(self._servers):
            server.stop()
        for server in self._servers:
            log = server.log.read_text()
            assert "Traceback" not in log, log[-5000:]

    def folder(self, name: str) -> Path:
        """A folder for another server that the test starts."""
        folder = self._folder / name
        folder.mkdir()
        return folder

    async def serve(self, **environment: Any) -> Server:
        """Start another server, with these settings."""
        server = Server(self._folder / str(len(self._servers)), **environment)
        server.prepare(self._prepared)
        self._servers.append(server)
        await asyncio.to_thread(server.start)
        return server

    def people(self, server: Server, *names: str) -> list[Person]:
        """Sign a person up."""
        client = self._client(server)
        return [Person.signed_up(client, name) for name in names]

    def guests(self, server: Server, count: int) -> list[Person]:
        """Many people without passwords, which would have to be hashed."""
        client = self._client(server)
        users = [
            Person(client).post("/createUser", {"name": f"guest {n}", "img": ""}, status=201) for n in range(count)
        ]
        return [Person(client, name=user["name"], token=user.pop("token"), user=user) for user in users]

    def at(self, server: Server, person: Person) -> Person:
        """This person and device, at another server."""
        return Person(self._client(server), name=person.name, token=person.token, user=person.user)

    def _client(self, server: Server) -> httpx.Client:
        if server.url not in self._clients:
            self._clients[server.url] = api_client(server.url)
        return self._clients[server.url]

    async def phone(self, person: Person, address: str, **how: float) -> Phone:
        """A phone of this person, switched on."""
        return await self._phones.enter_async_context(Phone(person, address, **how))

    async def phones(self, people: list[Person], server: Server) -> list[Phone]:
        return [await self.phone(one, server.url) for one in people]
