"""The base of a consumer: the phases of a socket's life, by name."""

import asyncio
from collections.abc import Awaitable
from typing import Any, Generic, TypeVar

from asgiref.sync import markcoroutinefunction
from channels.consumer import AsyncConsumer

#: What `authenticate` finds out about a client, for `connect`.
Admission = TypeVar("Admission")


class SocketConsumer(AsyncConsumer, Generic[Admission]):
    """One connection: `authenticate`, `connect`, `receive` for each frame, `disconnect`.

    The phases run one after the other in a plain loop. Channels' own dispatch hops to a thread before
    every event, and keeps the scope for as long as the connection lives.
    """

    channel_layer_alias = ""  # events come through the hub, which reads the channel layer once per process

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.base_send = send
        if (await receive())["type"] != "websocket.connect":
            return
        admission = await self.authenticate(scope)
        del scope  # 1.5 KiB, for each idle socket
        if admission is None:
            return
        try:
            await self.connect(admission)
            del admission
            while (message := await receive())["type"] == "websocket.receive":
                await self.receive(message)
                del message
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or not self.close_code:
                raise
            task.uncancel()
            await self.close(self.close_code)
        finally:
            await self.disconnect()

    @property
    def close_code(self) -> int:
        """The code to close with, once this consumer's task was cancelled to end the connection;
        else 0.
        """
        raise NotImplementedError

    async def authenticate(self, scope: Any) -> Admission | None:
        """Find out who connects. None if the connection was refused, and is closed."""
        raise NotImplementedError

    async def connect(self, admission: Admission) -> None:
        """Accept the handshake."""
        raise NotImplementedError

    async def receive(self, message: Any) -> None:
        """Handle one frame: a `websocket.receive` event of ASGI."""
        raise NotImplementedError

    async def close(self, code: int) -> None:
        """Close the connection from our side."""
        raise NotImplementedError

    async def disconnect(self) -> None:
        """Clean up after the connection has ended, whichever side ended it."""
        raise NotImplementedError

    @classmethod
    def as_asgi(cls, **initkwargs: Any) -> Any:
        """An ASGI application that makes a consumer for each connection and keeps nothing."""

        @markcoroutinefunction
        def application(scope: Any, receive: Any, send: Any) -> Awaitable[None]:
            return cls(**initkwargs)(scope, receive, send)

        return application
