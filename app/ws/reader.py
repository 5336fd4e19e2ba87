"""Reads what one client sends: no faster than it may, and not for ever what cannot be understood."""

from collections.abc import Awaitable, Callable

import anyio

from app.ws.answers import error_of
from app.ws.connection import Connection, SocketClosed
from app.ws.inbound import ClientFrame, CommandFrame, OriginalFrame, read_frame
from app.ws.live import LiveConnection
from app.ws.originals import command_id_of
from app.ws.protocol import MAX_MALFORMED_FRAMES
from app.ws.rate import RateLimited, TokenBucket
from domain.conversation.errors import InvalidCommand


class FrameReader:
    """Of one connection."""

    def __init__(self, connection: Connection, bucket: TokenBucket) -> None:
        self._connection = connection
        self._bucket = bucket
        self._reading = anyio.CancelScope()
        self._malformed = 0

    def stop(self) -> None:
        """Read nothing more."""
        self._reading.cancel()

    async def run(
        self, live: LiveConnection, shake_hands: Callable[[], Awaitable[None]], take: Callable[[ClientFrame], None]
    ) -> None:
        """Shake hands, then take every frame, until told to stop.

        Raises:
            SocketClosed: the client went away, or is sent away.
            TurnlogError: the handshake was refused.
        """
        with self._reading:
            await shake_hands()
            while True:
                text = await self._connection.receive()
                try:
                    self._bucket.take()
                    take(read_frame(text))
                except RateLimited as refused:
                    self._refuse_for_rate(live, text, refused)
                except InvalidCommand as error:
                    self._refuse_malformed(live, error)

    def _refuse_malformed(self, live: LiveConnection, error: InvalidCommand) -> None:
        self._malformed += 1
        is_last = self._malformed >= MAX_MALFORMED_FRAMES
        live.tell("error", error_of(error, None, fatal=is_last))
        if is_last:
            raise SocketClosed("bad_message") from error

    def _refuse_for_rate(self, live: LiveConnection, text: str, refused: RateLimited) -> None:
        """As many are told as may come at once; a client that goes on regardless is sent away."""
        is_last = self._bucket.is_flooded
        live.tell("error", error_of(refused, _command_id_in(text), fatal=is_last))
        if is_last:
            raise SocketClosed("rate_limited", refused.retry_after_ms)


def command_id(frame: ClientFrame) -> str | None:
    """By which its sender knows the answer to the frame."""
    if isinstance(frame, CommandFrame):
        return frame.id
    return command_id_of(frame) if isinstance(frame, OriginalFrame) else None


def _command_id_in(text: str) -> str | None:
    """Of a frame that is refused unread, so that whoever waits for the command's answer learns of it."""
    try:
        return command_id(read_frame(text))
    except InvalidCommand:
        return None
