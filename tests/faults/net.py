"""A proxy between client and server that can go silent: bytes stop, and neither side sees a close."""

import asyncio
from typing import Self


class Net:
    """Forwards connections to a port until it goes silent."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._goes_on = asyncio.Event()
        self._goes_on.set()
        self._to_server: list[asyncio.StreamWriter] = []
        self._to_clients: list[asyncio.StreamWriter] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in (*self._to_server, *self._to_clients):
            writer.transport.abort()

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    @property
    def ports(self) -> set[int]:
        """The local ports of the forwarded connections, by which the server knows them."""
        return {writer.get_extra_info("sockname")[1] for writer in self._to_server}

    def fall_silent(self) -> None:
        self._goes_on.clear()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        to_reader, to_writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._to_server.append(to_writer)
        self._to_clients.append(writer)
        for one, other in ((reader, to_writer), (to_reader, writer)):
            self._tasks.append(asyncio.create_task(self._forward(one, other)))

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            await self._goes_on.wait()
            writer.write(data)
        await self._goes_on.wait()
        writer.close()
