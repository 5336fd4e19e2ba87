"""The seam to uvicorn: a frame is made once and written as it is to every socket, without a task and without a wait.

`app.server.server_config` names `FrameTransport` as uvicorn's WebSocket protocol; it puts itself into the scope of each
connection. Handshake, pings, received frames and the closing handshake stay uvicorn's, guarded by `app.ws.guarded`.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from uvicorn.config import Config
from uvicorn.server import ServerState
from websockets.http11 import Request

from app.ws.frames import Frames
from app.ws.guarded import GuardedProtocol
from app.ws.outbox import Outbox

EXTENSION: Final = "turnlog.frames"
GATHERED_MAX_BYTES: Final = 32 * 1024
"""What is gathered for one socket; beyond, it is written at once, and the network's own limit counts."""


def transport_of(scope: Mapping[str, Any]) -> "FrameTransport":
    """The transport of this connection."""
    return cast("FrameTransport", scope["extensions"][EXTENSION])


def _nothing() -> None:
    pass


class SharedState(ServerState):
    """What all transports of a server share."""

    def __init__(self) -> None:
        super().__init__()
        self.outbox = Outbox()


class FrameTransport(GuardedProtocol):
    """uvicorn's protocol, which can be written to directly. An `Outlet` of a subscriber.

    Writes never wait: what the network does not take is kept in memory, so whoever writes has to stop while
    `is_writable` is false and goes on when `on_writable` is called.
    """

    is_writable = True
    on_writable: Callable[[], None] = staticmethod(_nothing)

    def __init__(self, config: Config, server_state: ServerState, app_state: dict[str, Any], **options: Any) -> None:
        super().__init__(config, server_state, app_state, **options)
        self._outbox = cast("SharedState", server_state).outbox
        self._gathered: list[bytes] = []
        self._gathered_bytes = 0

    def forget_handshake(self) -> None:
        """Let go of what opened the socket, which uvicorn keeps to its end: a sixth of what an idle one would cost."""
        del self.request
        del self.response
        self.scope["headers"] = []

    def write(self, frames: Frames) -> None:
        """Send the frames, together with what else is written now."""
        if not self._gathered:
            self._outbox.add(self)
        self._gathered.append(frames.wire)
        self._gathered_bytes += len(frames.wire)
        if self._gathered_bytes > GATHERED_MAX_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what was gathered; after the end of the connection, nothing."""
        gathered, self._gathered, self._gathered_bytes = self._gathered, [], 0
        if gathered and not self.close_sent and not self.transport.is_closing():
            self.transport.write(gathered[0] if len(gathered) == 1 else b"".join(gathered))

    async def wait_until_writable(self) -> None:
        """Return when the network takes frames again, or the connection is lost."""
        await self.writable.wait()

    def hang_up(self, code: int, reason: str, last: Frames) -> None:
        """Say a last thing and close, even if the client takes nothing; cut the connection after a while."""
        if self.close_sent or self.transport.is_closing():
            self._cut_if_stuck()
            return
        self.flush()
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self.conn.send_close(code, reason)
        self.transport.write(last.wire + b"".join(self.conn.data_to_send()))
        self._await_end()

    def handle_connect(self, event: Request) -> None:
        """uvicorn's hook: the scope is made, and the application has not run yet."""
        super().handle_connect(event)
        if hasattr(self, "scope"):
            cast("dict[str, Any]", self.scope["extensions"])[EXTENSION] = self

    def pause_writing(self) -> None:
        """asyncio's hook: the network takes no more for now."""
        super().pause_writing()
        self.is_writable = False

    def resume_writing(self) -> None:
        """asyncio's hook: the network takes frames again."""
        super().resume_writing()
        self.is_writable = True
        self.on_writable()

    def handle_parser_exception(self) -> None:
        """uvicorn's hook: the client does not keep to the protocol."""
        self.flush()
        super().handle_parser_exception()

    def shutdown(self) -> None:
        """uvicorn's hook: the server stops."""
        self.flush()
        super().shutdown()
