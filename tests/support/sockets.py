"""The WebSocket client of all tests. On every connection it checks what no client may ever see broken.

async with connected(server.address, conversation_id) as client:
    await client.until_live()
    ack = await client.command("start_listening", source="voice")
    frame = await client.next_durable()
"""

import asyncio
import socket
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
from uuid_utils import uuid7
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from app.client.chain import Chain
from app.client.frames import Frame
from app.ws.protocol import CLOSE_CODES, SUBPROTOCOL
from tests.support.socket_schemas import check_client_frame, check_server_frame

PATIENCE_S: Final = 5.0

CLOSE_CODE: Final = {row.code: row for row in CLOSE_CODES}

Json = dict[str, Any]


class SocketClient:
    """One connection. What arrives while something else is awaited is kept, in order."""

    def __init__(self, connection: ClientConnection, conversation_id: str, *, is_replay: bool = False) -> None:
        self.connection = connection
        self.is_replay = is_replay
        self.texts: list[str] = []
        self.conversation_id = conversation_id
        self._chain: Chain | None = None
        self._ids: set[str] = set()
        self._kept: deque[Json] = deque()

    async def next(self) -> Json:
        """The next frame."""
        return self._kept.popleft() if self._kept else await self._receive()

    async def find(self, is_wanted: Callable[[Json], bool]) -> Json:
        """The next frame that is wanted; the others stay."""
        for frame in self._kept:
            if is_wanted(frame):
                self._kept.remove(frame)
                return frame
        while not is_wanted(frame := await self._receive()):
            self._kept.append(frame)
        return frame

    async def next_durable(self) -> Json:
        """The next frame that has a `seq`."""
        return await self.find(lambda frame: frame["seq"] is not None)

    async def collect(self, until_seq: int) -> list[Json]:
        """All frames up to the last one of this version."""
        frames: list[Json] = []
        while not frames or not _is_last_of(frames[-1], until_seq):
            frames.append(await self.next())
        return frames

    async def until_live(self) -> list[Json]:
        """The whole handshake, from `ready` to `live`."""
        frames = [await self.next()]
        while frames[-1]["payload"].get("status") != "live":
            frames.append(await self.next())
        return frames

    async def command(
        self, name: str, *, command_id: str | None = None, expected_version: int | None = None, **payload: Any
    ) -> Json:
        """The payload of the acknowledgement."""
        answer = await self.ask(name, command_id=command_id, expected_version=expected_version, **payload)
        assert answer["type"] == "ack", answer["payload"]
        ack: Json = answer["payload"]
        return ack

    async def refused(self, name: str, **options: Any) -> Json:
        """The payload of the error that the command is answered with."""
        answer = await self.ask(name, **options)
        assert answer["type"] == "error", answer["payload"]
        error: Json = answer["payload"]
        return error

    async def ask(
        self, name: str, *, command_id: str | None = None, expected_version: int | None = None, **payload: Any
    ) -> Json:
        """The answer to a command: `ack` or `error`."""
        command_id = command_id or str(uuid7())
        frame: Json = {"type": "command", "id": command_id, "name": name, "payload": payload}
        if expected_version is not None:
            frame["expected_version"] = expected_version
        await self.send(frame)
        answer = await self.find(
            lambda answer: answer["seq"] is None and answer["payload"].get("command_id") == command_id
        )
        if answer["type"] == "ack":
            check_client_frame(frame)
        return answer

    async def interim(self, **payload: Any) -> None:
        """Broadcast an interim message."""
        await self.send({"type": "interim", "payload": payload})

    async def send(self, frame: Json) -> None:
        """Any frame."""
        await self.connection.send(msgspec.json.encode(frame), text=True)

    async def closed(self) -> tuple[list[Json], int, str]:
        """The frames until the server closes the connection, the code and the reason. What the server says of the
        close just before it is checked here, and is not among the frames."""
        frames: list[Json] = []
        close = None
        try:
            while True:
                frames.append(await self.next())
        except ConnectionClosed as closed:
            close = closed.rcvd
        assert close is not None, "the connection broke off without a close frame"
        if frames and frames[-1]["payload"].get("status") == "closing":
            row, said = CLOSE_CODE[close.code], frames.pop()["payload"]
            assert (said["code"], said["action"], close.reason) == (row.code, row.action, row.name)
        return frames, close.code, close.reason

    async def _receive(self) -> Json:
        async with asyncio.timeout(PATIENCE_S):
            text = await self.connection.recv(decode=True)
        self.texts.append(text)
        frame: Json = msgspec.json.decode(text)
        self._check(frame)
        return frame

    def _check(self, frame: Json) -> None:
        check_server_frame(frame)
        assert frame["conversation_id"] == self.conversation_id
        assert frame.get("replay", False) is self.is_replay
        if frame["payload"].get("status") == "ready":
            self._begin(frame["payload"]["resume"])
        if self._chain is not None:
            assert self._chain.follow(msgspec.convert(frame, Frame)) == []
        if frame["payload"].get("status") in ("live", "replay_over"):
            assert (frame["payload"]["status"] == "replay_over") is self.is_replay
            assert self._chain is not None
            assert (self._chain.version, self._chain.is_whole()) == (frame["payload"]["head"], True)
        if frame["seq"] is None:
            assert "id" not in frame
        else:
            assert frame["id"] not in self._ids
            self._ids.add(frame["id"])

    def _begin(self, resume: Json) -> None:
        assert self._chain is None, "ready came twice"
        self._chain = Chain(resume["after"])
        assert self._chain.connect(resume["epoch"], resume["after"]) == []


@asynccontextmanager
async def connected(
    address: str,
    conversation_id: str,
    *,
    after: object = None,
    epoch: str | None = None,
    replay: object = None,
    until: object = None,
    max_pause_s: object = None,
    subprotocols: Sequence[str] | None = (SUBPROTOCOL,),
    receive_buffer_bytes: int | None = None,
) -> AsyncIterator[SocketClient]:
    """A connection to the server whose REST is at `address`. Nothing has been read yet."""
    asked = {"after": after, "epoch": epoch, "replay": replay, "until": until, "max_pause_s": max_pause_s}
    query = urlencode({name: value for name, value in asked.items() if value is not None})
    url = f"{address.replace('http', 'ws', 1)}/api/ws/conversations/{conversation_id}?{query}"
    async with connect(
        url,
        subprotocols=[Subprotocol(name) for name in subprotocols] if subprotocols else None,
        compression=None,
        proxy=None,
        close_timeout=1,
        sock=tcp_socket(address, receive_buffer_bytes) if receive_buffer_bytes else None,
    ) as connection:
        yield SocketClient(connection, conversation_id, is_replay=replay is not None)


def tcp_socket(address: str, receive_buffer_bytes: int | None = None) -> socket.socket:
    """A connection to the server; with a narrow buffer the server feels early that nobody reads."""
    host, _, port = address.rpartition("/")[2].rpartition(":")
    connection = socket.socket()
    if receive_buffer_bytes is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
    connection.connect((host, int(port)))
    connection.setblocking(False)
    return connection


def _is_last_of(frame: Json, seq: int) -> bool:
    part = frame.get("part")
    return frame["seq"] == seq and (part is None or part[0] == part[1])
