"""One live socket: a reader that only reads, a worker that runs commands in order, a writer that alone sends."""

from collections.abc import Awaitable, Callable
from typing import Final

import anyio
import structlog
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from msgspec import Struct, field

from app.command_payloads import named_within_payload
from app.principal import Principal
from app.use_cases.run_command import CommandRequest, CommandResult, command_request
from app.ws.answers import Speaker, ack, error_of
from app.ws.connection import Connection, SocketClosed
from app.ws.hub import Hub
from app.ws.inbound import (
    AckFrame,
    ClientFrame,
    CommandFrame,
    InterimFrame,
    PingFrame,
    command_of,
    interim_of,
    read_frame,
)
from app.ws.protocol import (
    MAX_MALFORMED_FRAMES,
    Closing,
    Envelope,
    Heartbeat,
    MessageType,
    Pong,
    close_code,
)
from app.ws.pulse import Pulse
from app.ws.subscriber import Subscriber
from domain.conversation.errors import InvalidCommand
from domain.errors import TurnlogError
from domain.ids import ConversationId
from domain.ports import Clock

INBOUND_MAX_FRAMES: Final = 16

RunCommand = Callable[[CommandRequest], Awaitable[CommandResult]]

logger = structlog.get_logger()


class Session(Struct, eq=False):
    """The three tasks of a socket and what they share. `head` tells the conversation's last delivered version."""

    principal: Principal
    conversation_id: ConversationId
    connection: Connection
    subscriber: Subscriber
    speaker: Speaker
    run_command: RunCommand
    hub: Hub
    clock: Clock
    head: Callable[[], int]
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    ended: list[SocketClosed] = field(default_factory=list)

    async def run(self) -> None:
        """Serve the socket until either side closes it.

        Raises:
            SocketClosed: with the code to close with, if it is this side that closes.
        """
        inbound_send, inbound = anyio.create_memory_object_stream[ClientFrame](INBOUND_MAX_FRAMES)
        pulse = Pulse(self.connection, self._break_silence, lambda: self._end(SocketClosed("slow_consumer")))
        with self.scope:
            async with inbound_send, inbound, anyio.create_task_group() as tasks:
                tasks.start_soon(self._until_closed, self._read(inbound_send))
                tasks.start_soon(self._until_closed, self._work(inbound))
                with pulse:
                    await self._until_closed(self._write())
        raise self.ended[0] if self.ended else SocketClosed("internal")

    async def _until_closed(self, task: Awaitable[None]) -> None:
        try:
            await task
        except SocketClosed as closed:
            self._end(closed)
        except Exception as error:  # noqa: BLE001 - the last stop: a socket's fault must not become the service's
            logger.error("socket_failed", error=type(error).__name__)
            self._end(SocketClosed("internal"))

    def _end(self, closed: SocketClosed) -> None:
        self.ended.append(closed)
        self.scope.cancel()

    async def _read(self, inbound: MemoryObjectSendStream[ClientFrame]) -> None:
        """Parse and enqueue only, so that a busy worker never keeps the keepalive from being read."""
        malformed = 0
        while True:
            text = await self.connection.receive()
            try:
                await inbound.send(read_frame(text))
            except InvalidCommand as error:
                malformed += 1
                is_last = malformed >= MAX_MALFORMED_FRAMES
                self._answer("error", error_of(error, None, fatal=is_last))
                if is_last:
                    await self.say_closing("bad_message")
                    raise SocketClosed("bad_message") from error

    async def _work(self, inbound: MemoryObjectReceiveStream[ClientFrame]) -> None:
        async for frame in inbound:
            match frame:
                case CommandFrame():
                    await self._run(frame)
                case InterimFrame():
                    self._broadcast(frame)
                case PingFrame():
                    self._answer("connection_status", Pong(n=frame.n))
                case AckFrame():
                    pass  # nothing depends on it yet

    async def _run(self, frame: CommandFrame) -> None:
        try:
            request = command_request(
                self.principal,
                self.conversation_id,
                command_of(frame),
                command_id=frame.id,
                expected_version=frame.expected_version,
            )
            with named_within_payload():
                result = await self.run_command(request)
        except Exception as error:  # noqa: BLE001 - one command's fault must not take the socket along
            if not isinstance(error, TurnlogError):
                logger.error("command_failed", error=type(error).__name__, command=frame.name)
            self._answer("error", error_of(error, frame.id))
        else:
            self._answer("ack", ack(result))

    def _broadcast(self, frame: InterimFrame) -> None:
        try:
            message = interim_of(frame)
        except InvalidCommand as error:
            self._answer("error", error_of(error, None))
            return
        envelope = Envelope(
            type=message.type,
            conversation_id=self.conversation_id,
            epoch=self.hub.epoch,
            ts=self.clock.now(),
            seq=None,
            final=False,
            key=message.key,
            rev=message.revision,
            payload=message.payload,
        )
        # A delta is added to what came before it, so only transcripts may replace one another on the way.
        is_replaceable = message.type == "transcript_update" and message.key is not None
        replaces = (message.type, message.key or "") if is_replaceable else None
        self.hub.broadcast_interim((self.principal.tenant_id, self.conversation_id), envelope, replaces)

    async def _write(self) -> None:
        while True:
            await self.subscriber.filled()
            self._refuse_if_slow()
            for frame in self.subscriber.take_all():
                await self.connection.send_watched(frame)
                self._refuse_if_slow()

    def _refuse_if_slow(self) -> None:
        if self.subscriber.is_slow:
            raise SocketClosed("slow_consumer")

    def _break_silence(self) -> None:
        self._answer("connection_status", Heartbeat(head=self.head(), server_time=self.clock.now()))

    async def say_closing(self, name: str) -> None:
        """Tell the client what the close that follows means, if it still listens."""
        row = close_code(name)
        for frame in self.subscriber.take_all():
            await self.connection.send(frame)
        await self.connection.send(
            self.speaker.say("connection_status", Closing(code=row.code, action=row.action), self.clock.now())
        )

    def _answer(self, message_type: MessageType, payload: Struct) -> None:
        self.subscriber.put(self.speaker.say(message_type, payload, self.clock.now()))
