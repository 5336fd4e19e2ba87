"""The client of all tests of the tenant's feed. On every connection it checks what no client may ever see broken.

async with feeding(server.address, after=position) as client:
    await client.until_live()
    frame = await client.next_durable()
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from app.client.feed_chain import FeedChain
from app.client.frames import Frame
from app.ws.protocol import SUBPROTOCOL
from tests.support.socket_schemas import check_server_frame
from tests.support.sockets import Json, SocketClient, tcp_socket


class FeedClient(SocketClient):
    """One connection."""

    def __init__(self, connection: ClientConnection) -> None:
        super().__init__(connection, conversation_id="")
        self.chain: FeedChain | None = None

    async def collect_until(self, position: int) -> list[Json]:
        """All durable frames up to the last one of the event at this position."""
        frames: list[Json] = []
        while not frames or frames[-1]["position"] != position or not _is_last_part(frames[-1]):
            frames.append(await self.next_durable())
        return frames

    def _check(self, frame: Json) -> None:
        check_server_frame(frame)
        is_interim = not frame.get("final", True)
        assert (frame["conversation_id"] is None) is (frame["seq"] is None and not is_interim)
        if frame["payload"].get("status") == "ready":
            assert self.chain is None, "ready came twice"
            resume = frame["payload"]["resume"]
            self.chain = FeedChain(resume["after"])
            self.chain.connect(resume["epoch"], resume["after"])
        if frame["seq"] is None:
            assert not {"id", "position", "prev_position"} & set(frame)
            return
        assert self.chain is not None
        assert self.chain.follow(msgspec.convert(frame, Frame)) == []
        assert frame["id"] not in self._ids
        self._ids.add(frame["id"])


@asynccontextmanager
async def feeding(address: str, *, receive_buffer_bytes: int | None = None, **query: Any) -> AsyncIterator[FeedClient]:
    """A connection to the feed of the server whose REST is at `address`. Nothing has been read yet."""
    async with connect(
        f"{address.replace('http', 'ws', 1)}/api/ws/feed?{urlencode(query, doseq=True)}",
        subprotocols=[Subprotocol(SUBPROTOCOL)],
        compression=None,
        proxy=None,
        close_timeout=1,
        sock=tcp_socket(address, receive_buffer_bytes) if receive_buffer_bytes else None,
    ) as connection:
        yield FeedClient(connection)


def durable(frames: list[Json]) -> list[Json]:
    """Those of events."""
    return [frame for frame in frames if frame["seq"] is not None]


def _is_last_part(frame: Json) -> bool:
    part = frame.get("part")
    return part is None or part[0] == part[1]
