"""A WebSocket as this protocol uses it: text frames, bounded sends, and a close code from the table."""

from collections.abc import Callable

import anyio
from litestar import WebSocket

from app.ws.frames import Frames
from app.ws.protocol import MAX_FRAME_BYTES, CloseCode, close_code
from app.ws.transport import transport_of

SEND_TIMEOUT_S = 10.0


class SocketClosed(Exception):
    """The socket is to be closed with this code, or the client has closed it (`code` is null)."""

    def __init__(self, name: str | None, after_ms: int | None = None) -> None:
        super().__init__(name or "closed by the client")
        self.code: CloseCode | None = close_code(name) if name else None
        self.after_ms = after_ms


class Connection:
    """Litestar's socket to read from, its transport to write to. An `Outlet` of a subscriber."""

    def __init__(self, socket: WebSocket) -> None:  # type: ignore[type-arg] # Litestar's state types are not ours
        self._socket = socket
        self._transport = transport_of(socket.scope)

    @property
    def is_writable(self) -> bool:
        """Whether the network takes more now."""
        return self._transport.is_writable

    def write(self, frames: Frames) -> None:
        """Send without waiting; only while it is writable."""
        self._transport.write_frames(frames.wire)

    def when_writable(self, go_on: Callable[[], None]) -> None:
        """What to call whenever the network takes more again."""
        self._transport.on_writable = go_on

    async def receive(self) -> str:
        """The next text frame.

        Raises:
            SocketClosed: the client went away, or sent what the protocol does not have.
        """
        message = await self._socket.receive()
        if message["type"] == "websocket.disconnect":
            raise SocketClosed(None)
        text = message.get("text")
        if not isinstance(text, str):
            raise SocketClosed("unsupported_data")
        if len(text) > MAX_FRAME_BYTES:
            raise SocketClosed("too_large")
        return text

    async def send(self, frames: Frames) -> None:
        """Send, and wait until the network has taken most of it.

        Raises:
            SocketClosed: the client is too slow.
        """
        self._transport.write_frames(frames.wire)
        if self._transport.is_writable:
            return
        with anyio.move_on_after(SEND_TIMEOUT_S) as scope:
            await self._transport.wait_until_writable()
        if scope.cancelled_caught:
            raise SocketClosed("slow_consumer")

    def close(self, code: CloseCode, last: Frames) -> None:
        """Say a last thing and close, if anybody is still there; the reason is the code's name alone."""
        self._transport.hang_up(code.code, code.name, last.wire)
