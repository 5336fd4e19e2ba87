"""Many sockets at once on one server."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from benchmarks.sockets.dialects import Dialect, Role
from benchmarks.sockets.websocket import Socket, upgrade_request

CONNECTING_AT_A_TIME: Final = 50
POLL_SECONDS: Final = 0.001
WARM_UP_SHARE: Final = 0.25
"""Of the time of a measurement, spent before it: V8 compiles what is used often only after a while."""


class Crowd:
    """Connects sockets that share one fate: what goes wrong with one of them is set as `trouble`."""

    def __init__(self, dialect: Dialect, port: int, server_process_id: int, trouble: asyncio.Future[None]) -> None:
        self.dialect = dialect
        self.server_process_id = server_process_id
        self._port = port
        self._trouble = trouble

    async def open_rooms(self, count: int) -> None:
        await self.dialect.open_rooms(self._port, count)

    async def connect(self, role: Role, room: int = 0) -> Socket:
        """A socket that is ready."""
        dialect = self.dialect
        _, socket = await asyncio.get_running_loop().create_connection(
            lambda: Socket(self._trouble, dialect.keepalive), "127.0.0.1", self._port
        )
        await socket.upgrade(upgrade_request(dialect.path(role, room), self._port, dialect.subprotocol))
        await dialect.ready(socket)
        return socket

    async def gather(self, role: Role, rooms: Sequence[int]) -> list[Socket]:
        """A socket for each of the rooms, in their order."""
        sockets: list[Socket] = []
        for first in range(0, len(rooms), CONNECTING_AT_A_TIME):
            some = rooms[first : first + CONNECTING_AT_A_TIME]
            sockets += await asyncio.gather(*(self.connect(role, room) for room in some))
        return sockets


async def eventually(is_so: Callable[[], bool], seconds: float) -> bool:
    """Whether it came true in that time."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not is_so():
        if asyncio.get_running_loop().time() > deadline:
            return False
        await asyncio.sleep(POLL_SECONDS)
    return True
