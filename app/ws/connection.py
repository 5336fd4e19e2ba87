"""A WebSocket as this protocol uses it: text frames, bounded sends, and a close code from the table."""

from contextlib import suppress

import anyio
from litestar import WebSocket

from app.ws.protocol import MAX_FRAME_BYTES, CloseCode, close_code

SEND_TIMEOUT_S = 10.0


class SocketClosed(Exception):
    """The socket is to be closed with this code, or the client has closed it (`code` is null)."""

    def __init__(self, name: str | None) -> None:
        super().__init__(name or "closed by the client")
        self.code: CloseCode | None = close_code(name) if name else None


class Connection:
    """Litestar's socket with its traps covered."""

    def __init__(self, socket: WebSocket) -> None:  # type: ignore[type-arg] # Litestar's state types are not ours
        self._socket = socket
        self.sends_begun = 0
        self.is_sending = False

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

    async def send(self, frame: str) -> None:
        """Send a frame; a client that does not take it in time is slow.

        Raises:
            SocketClosed: too slow, or gone.
        """
        with anyio.move_on_after(SEND_TIMEOUT_S) as scope:
            await self.send_watched(frame)
        if scope.cancelled_caught:
            raise SocketClosed("slow_consumer")

    async def send_watched(self, frame: str) -> None:
        """Send a frame without a limit of time: a `Pulse` has an eye on it.

        Raises:
            SocketClosed: gone.
        """
        self.sends_begun += 1
        self.is_sending = True
        try:
            await self._socket.send({"type": "websocket.send", "text": frame, "bytes": None})
        except OSError as error:  # what ASGI servers raise when nobody is there any more
            raise SocketClosed(None) from error
        finally:
            self.is_sending = False

    async def close(self, code: CloseCode) -> None:
        """Close with the code, if anybody is still there; the reason is its name and nothing of anybody's."""
        with anyio.move_on_after(SEND_TIMEOUT_S, shield=True), suppress(OSError):
            await self._socket.send({"type": "websocket.close", "code": code.code, "reason": code.name})
