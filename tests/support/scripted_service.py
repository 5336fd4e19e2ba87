"""A server that says over a socket what a test wants, also what the service never would: holes, new types, nonsense."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import msgspec
from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

from app.ws.protocol import SUBPROTOCOL

Json = dict[str, Any]
Scene = Callable[[ServerConnection], Awaitable[None]]

EPOCH: Final = "e-1"


class ScriptedService:
    """One scene for each connection, in their order. `paths` are the addresses that were asked for."""

    def __init__(self, scenes: Sequence[Scene]) -> None:
        self._scenes = list(scenes)
        self.paths: list[str] = []
        self.address = ""

    async def play(self, connection: ServerConnection) -> None:
        """The next scene; after the last one the connection just stays open."""
        assert connection.request is not None
        self.paths.append(connection.request.path)
        if self._scenes:
            await self._scenes.pop(0)(connection)
        await connection.wait_closed()


@asynccontextmanager
async def scripted_service(*scenes: Scene) -> AsyncIterator[ScriptedService]:
    """It serves at `address` while the block runs."""
    service = ScriptedService(scenes)
    async with serve(service.play, "127.0.0.1", 0, subprotocols=[Subprotocol(SUBPROTOCOL)], compression=None) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        service.address = f"http://127.0.0.1:{port}"
        yield service


def scene(*frames: Json | str, close: int | None = None, reset: bool = False) -> Scene:
    """Say the frames; then close with the code, break off, or stay."""

    async def play(connection: ServerConnection) -> None:
        for frame in frames:
            await connection.send(frame if isinstance(frame, str) else msgspec.json.encode(frame).decode())
        if reset:
            connection.transport.abort()
        elif close is not None:
            await connection.close(close)

    return play


def envelope(message_type: str, payload: Json, **fields: Any) -> Json:
    """A frame of the conversation `c-1`, without a `seq` unless it is given."""
    base = {"type": message_type, "conversation_id": "c-1", "epoch": EPOCH, "ts": "2026-01-02T03:04:05Z", "seq": None}
    return base | {"payload": payload} | fields


def ready(outcome: str, after: int, head: int | None = None, **fields: Any) -> Json:
    """The first frame of a connection."""
    resume = {"outcome": outcome, "after": after, "head": after if head is None else head, "epoch": EPOCH}
    return envelope("connection_status", {"status": "ready", "resume": resume | {"replay_count": 0}} | fields)


def live(head: int) -> Json:
    """The last frame of a handshake."""
    return envelope("connection_status", {"status": "live", "head": head})


def state(seq: int, before: str, after: str, **fields: Any) -> Json:
    """An event that is one message."""
    payload = {"from": before, "to": after, "status": after, "reason": "something_happened", "turn": 1, "allowed": []}
    return envelope("state_update", payload, **{"id": f"id-{seq}", "seq": seq, "prev": seq - 1} | fields)
