"""One live socket: a reader that never waits for a command, and a worker that runs commands one after the other."""

from collections.abc import Awaitable, Callable
from typing import assert_never

import structlog

from app.command_payloads import named_within_payload
from app.principal import Principal
from app.use_cases.original_clients import wish_request
from app.use_cases.original_wishes import Wish
from app.use_cases.run_command import CommandRequest, CommandResult, command_request
from app.use_cases.write_options import WriteOptions
from app.ws.answers import ack, error_of
from app.ws.connection import Connection, SocketClosed
from app.ws.hub import Hub
from app.ws.inbound import (
    AckFrame,
    ClientFrame,
    CommandFrame,
    InterimFrame,
    OriginalFrame,
    PingFrame,
    command_of,
    interim_of,
)
from app.ws.live import LiveConnection
from app.ws.originals import OriginalInterims, command_id_of, meant_by
from app.ws.protocol import Pong
from app.ws.rate import TokenBucket
from app.ws.reader import FrameReader, command_id
from app.ws.worker import Worker
from domain.conversation.errors import InvalidCommand
from domain.errors import Overloaded, TurnlogError
from domain.ids import ConversationId

RunCommand = Callable[[CommandRequest], Awaitable[CommandResult]]

logger = structlog.get_logger()


class Session:
    """A client that drives a conversation and listens to it."""

    _live: LiveConnection

    def __init__(
        self,
        *,
        principal: Principal,
        conversation_id: ConversationId,
        connection: Connection,
        run_command: RunCommand,
        hub: Hub,
        say_in_passing: OriginalInterims,
        bucket: TokenBucket,
    ) -> None:
        self._principal = principal
        self._conversation_id = conversation_id
        self._run_command = run_command
        self._hub = hub
        self._say_in_passing = say_in_passing
        self._reader = FrameReader(connection, bucket)
        self._worker: Worker | None = None

    def stop_reading(self) -> None:
        """Read nothing more; what was read is finished."""
        self._reader.stop()

    async def run(self, live: LiveConnection, shake_hands: Callable[[], Awaitable[None]]) -> None:
        """Shake hands, then serve the socket until either side closes it.

        Raises:
            SocketClosed: with the code to close with, if it is this side that closes.
            TurnlogError: the handshake was refused.
        """
        self._live = live
        try:
            await self._reader.run(live, shake_hands, self._take)
        finally:
            if self._worker is not None:
                await self._worker.stop()
        raise SocketClosed(live.subscriber.ended, live.subscriber.ended_after_ms)

    def _take(self, frame: ClientFrame) -> None:
        """Whatever comes behind a command waits for it; what does not fit then is refused, or may be lost."""
        if isinstance(frame, CommandFrame | OriginalFrame):
            if self._worker is None:
                self._worker = Worker(self._do, self._reader.stop)
            if not self._worker.put(frame):
                self._live.tell("error", error_of(Overloaded(retry_after_ms=100), command_id(frame)))
        elif self._worker is not None and self._worker.is_busy:
            self._worker.put(frame)
        else:
            self._do_at_once(frame)

    async def _do(self, frame: ClientFrame) -> None:
        if isinstance(frame, CommandFrame | OriginalFrame):
            await self._run(frame)
        else:
            self._do_at_once(frame)

    async def _run(self, frame: CommandFrame | OriginalFrame) -> None:
        try:
            request = self._request(frame)
            if request is not None:
                with named_within_payload():
                    result = await self._run_command(request)
                self._live.tell("ack", ack(result))
        except Exception as error:  # noqa: BLE001 - one command's fault must not take the socket along
            if not isinstance(error, TurnlogError):
                logger.error("command_failed", error=type(error).__name__, command=_name(frame))
            self._live.tell("error", error_of(error, command_id(frame)))

    def _request(self, frame: CommandFrame | OriginalFrame) -> CommandRequest | None:
        """What the frame asks for; nothing where an original client says something in passing, which is broadcast."""
        if isinstance(frame, CommandFrame):
            return command_request(
                self._principal,
                self._conversation_id,
                command_of(frame),
                command_id=frame.id,
                expected_version=frame.expected_version,
            )
        meant = meant_by(frame)
        if isinstance(meant, Wish):
            options = WriteOptions(command_id=command_id_of(frame))
            return wish_request(self._principal, self._conversation_id, meant, options)
        self._say_in_passing(self._principal, self._conversation_id, meant)
        return None

    def _do_at_once(self, frame: InterimFrame | PingFrame | AckFrame) -> None:
        match frame:
            case InterimFrame():
                self._broadcast(frame)
            case PingFrame():
                self._live.tell("connection_status", Pong(n=frame.n))
            case AckFrame():
                pass  # nothing depends on it
            case _:
                assert_never(frame)

    def _broadcast(self, frame: InterimFrame) -> None:
        try:
            message = interim_of(frame)
        except InvalidCommand as error:
            self._live.tell("error", error_of(error, None))
        else:
            self._hub.broadcast_interim((self._principal.tenant_id, self._conversation_id), message)


def _name(frame: CommandFrame | OriginalFrame) -> str:
    return frame.name if isinstance(frame, CommandFrame) else str(frame.__struct_config__.tag)
