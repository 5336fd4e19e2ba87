"""One live socket: a reader that never waits for a command, and a worker that runs commands one after the other."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final, assert_never

import anyio
import structlog
from anyio.abc import TaskGroup

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
from domain.conversation.errors import InvalidCommand
from domain.errors import Overloaded, TurnlogError
from domain.ids import ConversationId

WAITING_MAX_FRAMES: Final = 64
"""Frames of one client that wait for its commands; a command beyond is refused as `overloaded`."""

FINISH_TIMEOUT_S: Final = 2.0
"""How long the commands that a closing socket has sent before may take."""

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
        bucket: TokenBucket,
    ) -> None:
        self._principal = principal
        self._conversation_id = conversation_id
        self._run_command = run_command
        self._hub = hub
        self._say = OriginalInterims(hub)
        self._reader = FrameReader(connection, bucket)
        self._waiting: deque[ClientFrame] = deque()
        self._has_worker = False
        self._is_working = False
        self._arrived = asyncio.Event()
        self._finished = asyncio.Event()

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
        end: Exception | None = None
        async with anyio.create_task_group() as tasks:
            try:
                await self._reader.run(live, shake_hands, lambda frame: self._take(frame, tasks))
            except (SocketClosed, TurnlogError) as error:
                end = error
            await self._finish()
            tasks.cancel_scope.cancel()
        raise end or SocketClosed(live.subscriber.ended, live.subscriber.ended_after_ms)

    def _take(self, frame: ClientFrame, tasks: TaskGroup) -> None:
        """Whatever comes behind a command waits for it; otherwise only what may be a command needs the worker."""
        if not isinstance(frame, CommandFrame | OriginalFrame) and not self._is_working:
            self._do(frame)
        elif len(self._waiting) < WAITING_MAX_FRAMES:
            self._waiting.append(frame)
            self._is_working = True
            self._arrived.set()
            if not self._has_worker:
                self._has_worker = True
                tasks.start_soon(self._work)
        elif isinstance(frame, CommandFrame | OriginalFrame):
            self._live.tell("error", error_of(Overloaded(retry_after_ms=100), command_id(frame)))

    async def _work(self) -> None:
        while True:
            while self._waiting:
                frame = self._waiting.popleft()
                if isinstance(frame, CommandFrame | OriginalFrame):
                    await self._run(frame)
                else:
                    self._do(frame)
            self._is_working = False
            self._finished.set()
            self._arrived.clear()
            await self._arrived.wait()

    async def _finish(self) -> None:
        with anyio.move_on_after(FINISH_TIMEOUT_S):
            while self._is_working:
                self._finished.clear()
                await self._finished.wait()

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
        self._say(self._principal, self._conversation_id, meant)
        return None

    def _do(self, frame: InterimFrame | PingFrame | AckFrame) -> None:
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
