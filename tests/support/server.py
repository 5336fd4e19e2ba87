"""The whole service on a real socket: uvicorn as in production, in this process, on a port of its own."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import httpx
import uvicorn

from adapters.postgres.event_store import PostgresEventStore
from app.http.application import create_application
from app.main import server_config
from app.settings import Settings
from app.wiring import Parts, open_service

REQUEST_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class RunningServer:
    """A service that answers at `address`. `parts` is its inside."""

    address: str
    port: int
    parts: Parts

    async def head_position(self) -> int:
        """Where the last event stands: it rises with everything that is stored."""
        log = self.parts.store
        assert isinstance(log, PostgresEventStore)
        return await log.head_position()


@asynccontextmanager
async def running_server(dsn: str, settings: Settings | None = None) -> AsyncIterator[RunningServer]:
    """The service on this database, while the block runs."""
    async with open_service(settings or Settings(allow_unsafe_durability=True), dsn) as parts:
        application = create_application(parts.service, websocket_handlers=[parts.gateway.handler()])
        server = uvicorn.Server(server_config(application))
        with socket.create_server(("127.0.0.1", 0), backlog=2_048) as listener:
            serving = asyncio.create_task(server._serve([listener]))
            try:
                while not server.started:
                    if serving.done():
                        await serving
                    await asyncio.sleep(0.005)
                port = listener.getsockname()[1]
                yield RunningServer(f"http://127.0.0.1:{port}", port, parts)
            finally:
                server.should_exit = True
                with suppress(asyncio.CancelledError):
                    await serving


@asynccontextmanager
async def http_client(server: RunningServer) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the server; many requests at once are fine."""
    limits = httpx.Limits(max_connections=100)
    async with httpx.AsyncClient(base_url=server.address, timeout=REQUEST_TIMEOUT_S, limits=limits) as client:
        yield client
