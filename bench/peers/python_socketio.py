"""python-socketio with its Redis manager, on uvicorn: passes messages on, stores nothing.

python python_socketio.py PORT REDIS_PORT
"""

import sys
from typing import Any

import socketio
import uvicorn

port, redis_port = map(int, sys.argv[1:])
manager = socketio.AsyncRedisManager(f"redis://127.0.0.1:{redis_port}")
server = socketio.AsyncServer(async_mode="asgi", client_manager=manager, transports=["websocket"])


async def join(sid: str, rooms: list[str]) -> None:
    for room in rooms:
        await server.enter_room(sid, room)
    await server.emit("joined", to=sid)


async def message(sid: str, data: dict[str, Any]) -> None:
    await server.emit("message", data, room=data["room"])


server.on("join", join)
server.on("message", message)
uvicorn.run(
    socketio.ASGIApp(server), host="127.0.0.1", port=port, log_level="error", loop="uvloop", ws="websockets-sansio",
    ws_per_message_deflate=False, backlog=4096,
)  # fmt: skip
