"""python-socketio on uvicorn, with the options that the service gives uvicorn.

Runs in an environment of its own. Prints the address it listens on, on a port that it finds itself.
"""

import socket
import sys
from typing import Any
from urllib.parse import parse_qs

import socketio  # type: ignore[import-not-found] # it is only there where this runs
import uvicorn

server = socketio.AsyncServer(async_mode="asgi", transports=["websocket"], logger=False, engineio_logger=False)


async def connect(sid: str, environ: dict[str, Any]) -> None:
    if parse_qs(environ["QUERY_STRING"])["role"] == ["listener"]:
        await server.enter_room(sid, "room")


async def command(_sid: str, command: dict[str, Any]) -> dict[str, Any]:
    """What it returns is the acknowledgement."""
    return {"command_id": command["id"]}


async def publish(_sid: str, message: dict[str, Any]) -> None:
    await server.emit("message", message, room="room")


def main() -> None:
    for handler in (connect, command, publish):
        server.on(handler.__name__, handler)
    listener = socket.create_server(("127.0.0.1", 0), backlog=2_048)
    sys.stdout.write(f"http://127.0.0.1:{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    config = uvicorn.Config(
        socketio.ASGIApp(server),
        loop="uvloop",
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        log_config=None,
        access_log=False,
        server_header=False,
    )
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
