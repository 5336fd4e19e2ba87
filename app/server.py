"""uvicorn as the service runs it."""

from collections.abc import Awaitable, Callable
from socket import socket
from typing import Final

import anyio
import uvicorn
from litestar import Litestar

from app.ws.protocol import MAX_FRAME_BYTES
from app.ws.transport import FrameTransport

GRACEFUL_STOP_S: Final = 10
"""How long requests may take that are under way when all sockets have been drained."""

FORCE_POLL_INTERVAL_S: Final = 0.1


class Server(uvicorn.Server):
    """uvicorn closes every socket at once when it stops; this one drains them first, while it still answers."""

    def __init__(self, config: uvicorn.Config, drain: Callable[[], Awaitable[None]]) -> None:
        super().__init__(config)
        self._drain = drain

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """uvicorn's hook: it was told to stop."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._cancel_when_forced, tasks.cancel_scope)
            await self._drain()
            tasks.cancel_scope.cancel()
        await super().shutdown(sockets)

    async def _cancel_when_forced(self, drain: anyio.CancelScope) -> None:
        """A second Ctrl-C does not wait for anybody."""
        while not self.force_exit:
            await anyio.sleep(FORCE_POLL_INTERVAL_S)
        drain.cancel()


def server_config(application: Litestar, ping_interval_s: float) -> uvicorn.Config:
    """How uvicorn runs the application; the tests run it the same way."""
    return uvicorn.Config(
        application,
        ws=FrameTransport,
        ws_max_size=MAX_FRAME_BYTES,
        ws_ping_interval=ping_interval_s,
        ws_ping_timeout=ping_interval_s,
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=GRACEFUL_STOP_S,
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
    )
