"""A TCP proxy in front of Postgres that fails as links fail.

    async with FaultProxy(dsn) as proxy:
        appender = BatchingAppender(proxy.dsn, limits)
        proxy.cut_after(Way.TO_CLIENT, 0)

A fault holds for the connections there are and for those that come, until `heal`.
"""

import asyncio
import socket
import struct
from enum import StrEnum
from types import TracebackType
from typing import Self

from psycopg.conninfo import conninfo_to_dict, make_conninfo

CHUNK_BYTES = 64 * 1024
RESET_AT_CLOSE = struct.pack("ii", 1, 0)


class Way(StrEnum):
    """Which way bytes travel."""

    TO_SERVER = "to_server"
    TO_CLIENT = "to_client"


class FaultProxy:
    """Listens on 127.0.0.1 and passes on to the server of the DSN, over its unix socket or TCP."""

    def __init__(self, server_dsn: str) -> None:
        self._server_dsn = server_dsn
        self._links: set[_Link] = set()
        self._listener: asyncio.Server | None = None
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._is_away = False
        self._dropped: Way | None = None
        self._cut: tuple[Way, int] | None = None
        self.cuts = 0
        self.delay_s = 0.0

    @property
    def dsn(self) -> str:
        """The server's DSN by way of this proxy."""
        assert self._listener is not None
        port = self._listener.sockets[0].getsockname()[1]
        return make_conninfo(self._server_dsn, host="127.0.0.1", port=port, sslmode="disable", gssencmode="disable")

    async def __aenter__(self) -> Self:
        self._listener = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._listener is not None
        self._listener.close()
        tasks = [task for link in self._links for task in link.tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def stall(self) -> None:
        """Nothing moves, and nobody is told. `heal` lets flow what was held back."""
        self._flowing.clear()

    def drop(self, way: Way) -> None:
        """What travels this way is lost without a word."""
        self._dropped = way

    def cut_after(self, way: Way, size_bytes: int) -> None:
        """After so many more bytes this way the link is reset and the server is away. 0: when the next byte comes."""
        self._cut = way, size_bytes

    def reset(self) -> None:
        """Reset every link there is; new ones are welcome."""
        for link in tuple(self._links):
            link.reset()

    def go_away(self) -> None:
        """Reset every link, and every one that comes."""
        self._is_away = True
        self.reset()

    def heal(self) -> None:
        """From now on all is well, for links that are still there too."""
        self._is_away, self._dropped, self._cut, self.delay_s = False, None, None, 0.0
        self._flowing.set()

    async def let_pass(self, way: Way, chunk: bytes) -> bytes:
        """What becomes of a chunk, after how long. Empty: nothing of it passes."""
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        await self._flowing.wait()
        if self._dropped is way:
            return b""
        if self._cut is None or self._cut[0] is not way:
            return chunk
        left_bytes = self._cut[1]
        self._cut = way, left_bytes - len(chunk)
        return chunk[:left_bytes]

    def is_cut(self) -> bool:
        """Whether the bytes that may pass have passed; then the server is away."""
        if self._cut is None or self._cut[1] >= 0:
            return False
        self._cut = None
        self.cuts += 1
        self.go_away()
        return True

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_away:
            writer.transport.abort()
            return
        link = _Link(self, reader, writer)
        self._links.add(link)
        try:
            await link.run(self._server_dsn)
        finally:
            self._links.discard(link)


class _Link:
    """One connection and its two pumps."""

    def __init__(self, proxy: FaultProxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._proxy = proxy
        self._client = reader, writer
        self._writers = [writer]
        self.tasks: list[asyncio.Task[None]] = []

    async def run(self, server_dsn: str) -> None:
        """Until one side ends, or the link is reset."""
        reader, writer = await _connect(server_dsn)
        self._writers.append(writer)
        self.tasks = [
            asyncio.create_task(self._pump(Way.TO_SERVER, self._client[0], writer)),
            asyncio.create_task(self._pump(Way.TO_CLIENT, reader, self._client[1])),
        ]
        await asyncio.wait(self.tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in self.tasks:
            task.cancel()
        for each in self._writers:
            each.transport.abort()

    def reset(self) -> None:
        """Close both sides at once, with a reset instead of an end."""
        for writer in self._writers:
            connected: socket.socket = writer.get_extra_info("socket")
            if connected.family != socket.AF_UNIX:
                connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
            writer.transport.abort()

    async def _pump(self, way: Way, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while chunk := await reader.read(CHUNK_BYTES):
                passing = await self._proxy.let_pass(way, chunk)
                if passing:
                    writer.write(passing)
                    await writer.drain()
                if self._proxy.is_cut():
                    return
        except OSError:
            return


async def _connect(dsn: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    given = conninfo_to_dict(dsn)
    host, port = str(given.get("host") or "127.0.0.1"), int(given.get("port") or 5432)
    if host.startswith("/"):
        return await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
    return await asyncio.open_connection(host, port)
