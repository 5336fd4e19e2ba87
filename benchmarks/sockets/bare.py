"""Bare uvicorn: what is left of a WebSocket service without the service. Prints the address it listens on."""

import socket
import sys
from collections.abc import Awaitable, Callable
from typing import Any, Final, cast

import uvicorn

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

_room: Final[set[Send]] = set()


async def application(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """`/publish` broadcasts to those of `/room`, one send after another; every other path is an echo."""
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
        return
    await receive()
    await send({"type": "websocket.accept"})
    if scope["path"] == "/room":
        _room.add(send)
    while (message := await receive())["type"] == "websocket.receive":
        answer = {"type": "websocket.send", "text": message["text"]}
        for each in tuple(_room) if scope["path"] == "/publish" else (send,):
            await each(answer)
    _room.discard(send)


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


def main() -> None:
    """With the options of the service, and uvicorn's own WebSockets in the place of the service's transport."""
    config = uvicorn.Config(
        cast("Any", application),
        loop="uvloop",
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        log_config=None,
        access_log=False,
        server_header=False,
    )
    with socket.create_server(("127.0.0.1", 0), backlog=2_048) as listener:
        sys.stdout.write(f"http://127.0.0.1:{listener.getsockname()[1]}\n")
        sys.stdout.flush()
        uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
