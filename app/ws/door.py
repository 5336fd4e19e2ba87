"""The door of every WebSocket: who may come in, and with what words and code each one leaves."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
import structlog
from msgspec.structs import replace

from app.problems import KIND_OF_CODE, problem_of
from app.queries import InvalidQuery
from app.ws.admission import Admission
from app.ws.answers import Speaker, error_of
from app.ws.connection import AnySocket, Connection, SocketClosed
from app.ws.frames import Frames
from app.ws.protocol import COME_BACK_AFTER_MS, SUBPROTOCOL, Closing
from domain.conversation.errors import ConversationNotFound, InvalidCommand
from domain.errors import TurnlogError
from domain.ports import Clock

MILLISECONDS_PER_SECOND: Final = 1_000

logger = structlog.get_logger()


class Door:
    """Serves a socket from its first byte to its close."""

    def __init__(self, admission: Admission, clock: Clock) -> None:
        self._admission = admission
        self._clock = clock

    async def serve(self, socket: AnySocket, speaker: Speaker, talk: Callable[[Connection], Awaitable[None]]) -> None:
        """Refuse strangers before the accept. Everybody else is accepted first, and told why if turned away: a browser
        learns nothing from a refused upgrade."""
        try:
            with self._admission.admitted(socket):
                offered = socket.scope.get("subprotocols") or []
                await socket.accept(subprotocols=SUBPROTOCOL if SUBPROTOCOL in offered else None)
                connection = Connection(socket)
                closed = await self._closed_by(connection, speaker, talk, offered)
                self._close(connection, speaker, closed)
        except TurnlogError as refused:
            await _refuse(socket, refused)
        except OSError:
            return  # what ASGI servers raise when the client has left before it was let in

    async def _closed_by(
        self,
        connection: Connection,
        speaker: Speaker,
        talk: Callable[[Connection], Awaitable[None]],
        offered: list[str],
    ) -> SocketClosed:
        """How it ended; no exception of any kind goes further."""
        try:
            if offered and SUBPROTOCOL not in offered:
                raise SocketClosed("unsupported_protocol")
            await talk(connection)
        except SocketClosed as closed:
            return closed
        except TurnlogError as error:
            connection.transport.write(speaker.say("error", error_of(error, None, fatal=True), self._clock.now()))
            return _closed_for(error)
        except Exception as error:  # noqa: BLE001 - mapped here, or its text would reach the client
            logger.error("socket_failed", error=type(error).__name__)
        return SocketClosed("internal")

    def _close(self, connection: Connection, speaker: Speaker, closed: SocketClosed) -> None:
        if closed.code is not None:
            connection.close(closed.code, self._last_words(speaker, closed))

    def _last_words(self, speaker: Speaker, closed: SocketClosed) -> Frames:
        assert closed.code is not None
        closing = Closing(code=closed.code.code, action=closed.code.action, after_ms=closed.after_ms)
        return speaker.say("connection_status", closing, self._clock.now())


def _closed_for(error: TurnlogError) -> SocketClosed:
    match error:
        case ConversationNotFound():
            return SocketClosed("not_found")
        case InvalidCommand() | InvalidQuery():
            return SocketClosed("bad_message")
    if KIND_OF_CODE[error.code].retryable:
        return SocketClosed("overloaded", after_ms=COME_BACK_AFTER_MS)
    return SocketClosed("internal")


async def _refuse(socket: AnySocket, error: TurnlogError) -> None:
    """Answer the upgrade with a problem, as a request would be."""
    told = replace(problem_of(error), instance=socket.scope["path"])
    headers = [(b"content-type", b"application/problem+json"), (b"cache-control", b"no-store")]
    if told.retry_after_ms is not None:
        headers.append((b"retry-after", b"%d" % (told.retry_after_ms // MILLISECONDS_PER_SECOND)))
    start: Any = {"type": "websocket.http.response.start", "status": told.status, "headers": headers}
    body: Any = {"type": "websocket.http.response.body", "body": msgspec.json.encode(told)}
    await socket.send(start)
    await socket.send(body)
