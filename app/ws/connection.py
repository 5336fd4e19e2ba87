"""A WebSocket as this protocol uses it: text frames, bounded sends, and a close code from the table."""

from typing import Any, Final

import anyio
from litestar import WebSocket

from app.ws.frames import Frames
from app.ws.protocol import MAX_FRAME_BYTES, CloseCode, close_code
from app.ws.transport import transport_of

SEND_TIMEOUT_S: Final = 10.0

AnySocket = WebSocket[Any, Any, Any]


class SocketClosed(Exception):
    """The socket is to be closed with this code, or the client has closed it (`code` is null)."""

    def __init__(self, name: str | None, after_ms: int | None = None) -> None:
        super().__init__(name or "closed by the client")
        self.code: CloseCode | None = close_code(name) if name else None
        self.after_ms = after_ms


class Connection:
    """A socket that Litestar has accepted: from here on the transport alone is read from and written to."""

    def __init__(self, socket: AnySocket) -> None:
        self.transport = transport_of(socket.scope)
        self.transport.forget_handshake()

    async def receive(self) -> str:
        """The next text frame.

        Raises:
            SocketClosed: the client went away, or sent what the protocol does not have.
        """
        message = await self.transport.receive()
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
        self.transport.write(frames)
        if self.transport.is_writable:
            return
        with anyio.move_on_after(SEND_TIMEOUT_S) as scope:
            await self.transport.wait_until_writable()
        if scope.cancelled_caught:
            raise SocketClosed("slow_consumer")

    def close(self, code: CloseCode, last: Frames) -> None:
        """Say a last thing and close, if anybody is still there; the reason is the code's name alone."""
        self.transport.hang_up(code.code, code.name, last)
