"""The whole service on a real socket: uvicorn as in production, in this process, on a port of its own."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
from litestar import Litestar

from adapters.postgres.event_store import PostgresEventStore
from app.http.application import create_application
from app.server import Server, server_config
from app.settings import Settings
from app.wiring import Parts, open_service
from app.ws.drain import Drain
from domain.conversation.events import tag_of

REQUEST_TIMEOUT_S = 30.0
TEST_SETTINGS = Settings(allow_unsafe_durability=True, drain_notice_s=0.0, drain_spread_s=0.0)


@dataclass(frozen=True)
class RunningServer:
    """A service that answers at `address`. `parts` is its inside, `dsn` its database."""

    address: str
    parts: Parts
    dsn: str

    async def head_position(self) -> int:
        """Where the last event stands: it rises with everything that is stored."""
        return await self._log.head_position()

    async def event_types_after(self, position: int) -> list[str]:
        """The types of what was stored since, at most 100."""
        page = await self._log.read_page(position, limit=100)
        return [tag_of(type(recorded.event)) for recorded in page.events]

    @property
    def _log(self) -> PostgresEventStore:
        assert isinstance(self.parts.store, PostgresEventStore)
        return self.parts.store


@asynccontextmanager
async def running_server(dsn: str, settings: Settings = TEST_SETTINGS) -> AsyncIterator[RunningServer]:
    """The service on this database, while the block runs."""
    async with open_service(settings, dsn) as parts, serving(application_of(parts), settings, parts.drain) as address:
        yield RunningServer(address, parts, dsn)


def application_of(parts: Parts) -> Litestar:
    """The application as the process makes it."""
    return create_application(parts.service, event_streams=parts.event_streams, websocket_handlers=parts.sockets())


@asynccontextmanager
async def serving(
    application: Litestar, settings: Settings = TEST_SETTINGS, drain: Drain | None = None
) -> AsyncIterator[str]:
    """The address at which the application is served, while the block runs."""
    config = server_config(application, settings.socket_ping_interval_s)
    server = Server(config, drain.run if drain else _nothing_to_drain)
    with socket.create_server(("127.0.0.1", 0), backlog=2_048) as listener:
        task = asyncio.create_task(server._serve([listener]))  # `serve` would take over the signals
        try:
            while not server.started:
                if task.done():
                    await task
                await asyncio.sleep(0.005)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await task


async def _nothing_to_drain() -> None:
    pass


@asynccontextmanager
async def http_client(server: RunningServer | str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the server, or of an address; many requests at once are fine."""
    address = server if isinstance(server, str) else server.address
    limits = httpx.Limits(max_connections=100)
    async with httpx.AsyncClient(base_url=address, timeout=REQUEST_TIMEOUT_S, limits=limits) as client:
        yield client
