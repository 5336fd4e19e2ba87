"""uvicorn as the service runs it."""

import asyncio
from collections.abc import Awaitable, Callable
from socket import socket
from types import FrameType
from typing import Final

import anyio
import uvicorn
from litestar import Litestar

from app.http.transport import HttpTransport
from app.ws.protocol import MAX_FRAME_BYTES
from app.ws.transport import FrameTransport, SharedState

GRACEFUL_STOP_S: Final = 10
"""How long requests may take that are under way when all sockets have been drained."""

CANCELLED_MAX_S: Final = 1
"""How long what was then cancelled may take to notice it."""


class Server(uvicorn.Server):
    """uvicorn closes every socket at once when it stops; this one drains them first, while it still answers."""

    def __init__(self, config: uvicorn.Config, drain: Callable[[], Awaitable[None]]) -> None:
        super().__init__(config)
        self.server_state = SharedState()
        self._drain = drain
        self._draining = anyio.CancelScope()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """uvicorn's hook: it was told to stop."""
        self._loop = asyncio.get_running_loop()
        with self._draining:
            await self._drain()
        await super().shutdown(sockets)
        if cancelled := set(self.server_state.tasks):
            await asyncio.wait(cancelled, timeout=CANCELLED_MAX_S)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """uvicorn's hook, called by a signal: a second Ctrl-C does not wait for anybody."""
        super().handle_exit(sig, frame)
        if self.force_exit and self._loop is not None:
            self._loop.call_soon_threadsafe(self._draining.cancel)


def server_config(application: Litestar, ping_interval_s: float) -> uvicorn.Config:
    """How uvicorn runs the application; the tests run it the same way."""
    return uvicorn.Config(
        application,
        http=HttpTransport,
        ws=FrameTransport,
        ws_max_size=MAX_FRAME_BYTES,
        ws_ping_interval=ping_interval_s,
        ws_ping_timeout=ping_interval_s,
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=GRACEFUL_STOP_S,
        # What lives as long as the process does so outside of the application. With a lifespan, a failure of that would
        # be logged with its text, which may quote what people said.
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
    )
