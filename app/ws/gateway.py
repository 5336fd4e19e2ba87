"""The door of the sockets: protocol, cursor, conversation, replay; then the session is live."""

from typing import Final

import anyio
import structlog
from litestar import WebSocket, websocket
from litestar.handlers import WebsocketRouteHandler
from litestar.params import FromPath
from msgspec import Struct

from app.principal import ANYBODY, Principal
from app.queries import is_canonical_uuid
from app.use_cases.run_command import RunCommand
from app.ws import protocol
from app.ws.answers import Speaker, error_of
from app.ws.connection import Connection, SocketClosed
from app.ws.hub import Hub
from app.ws.protocol import HANDSHAKE_TIMEOUT_S, ErrorPayload, Live, MessageType, Ready, close_code
from app.ws.resume import Catchup, Cursor, catch_up
from app.ws.session import Session
from app.ws.subscriber import QUEUE_MAX_BYTES, QUEUE_MAX_FRAMES, Subscriber
from domain.conversation.conversation import Conversation
from domain.conversation.errors import ConversationNotFound, InvalidCommand
from domain.errors import TurnlogError
from domain.ids import ConversationId
from domain.ports import Clock, EventStore, IdSource

PATH: Final = "/api/ws/conversations/{conversation_id:str}"
MAX_CURSOR: Final = 2**63 - 1

logger = structlog.get_logger()


class Gateway:
    """Serves the sockets of all conversations of this process."""

    def __init__(self, store: EventStore, run_command: RunCommand, hub: Hub, clock: Clock, ids: IdSource) -> None:
        self._store = store
        self._run_command = run_command
        self._hub = hub
        self._clock = clock
        self._ids = ids

    def handler(self) -> WebsocketRouteHandler:
        """The route, for the application."""

        @websocket(PATH)
        async def conversation_socket(socket: WebSocket, conversation_id: FromPath[str]) -> None:  # type: ignore[type-arg] # as in connection.py
            await self.serve(socket, ANYBODY, ConversationId(conversation_id))

        return conversation_socket

    async def serve(self, socket: "WebSocket", principal: Principal, conversation_id: ConversationId) -> None:  # type: ignore[type-arg] # as in connection.py
        """Accept first, so that a refusal reaches the client as a code instead of a bare HTTP 403."""
        offered = socket.scope.get("subprotocols") or []
        await socket.accept(subprotocols=protocol.SUBPROTOCOL if protocol.SUBPROTOCOL in offered else None)
        connection = Connection(socket)
        try:
            if offered and protocol.SUBPROTOCOL not in offered:
                raise SocketClosed("unsupported_protocol")
            cursor = _cursor(socket.query_params.get("after"), socket.query_params.get("epoch"))
            await self._serve(connection, principal, conversation_id, cursor)
        except SocketClosed as closed:
            if closed.code is not None:
                await connection.close(closed.code)
        except TurnlogError as error:
            await self._refuse(connection, conversation_id, error)
        except Exception as error:  # noqa: BLE001 - mapped here, or its text would reach the client
            logger.error("socket_failed", error=type(error).__name__)
            await connection.close(close_code("internal"))

    async def _serve(
        self, connection: Connection, principal: Principal, conversation_id: ConversationId, cursor: Cursor
    ) -> None:
        """Attach first, then read the store, then let go what came meanwhile: nothing falls between."""
        subscriber = Subscriber()
        speaker = Speaker(conversation_id, self._hub.epoch)
        key = (principal.tenant_id, conversation_id)
        channel = self._hub.attach(key, subscriber)
        try:
            catchup = await self._catch_up(principal, conversation_id, cursor)
            channel.prime(catchup.conversation)
            await self._send_catchup(connection, speaker, catchup)
            subscriber.go_live(catchup.resume.head)
            session = Session(
                principal=principal,
                conversation_id=conversation_id,
                connection=connection,
                subscriber=subscriber,
                speaker=speaker,
                run_command=self._run_command,
                hub=self._hub,
                clock=self._clock,
                head=lambda: channel.head,
            )
            await session.run()
        finally:
            self._hub.detach(key, subscriber)

    async def _catch_up(self, principal: Principal, conversation_id: ConversationId, cursor: Cursor) -> Catchup:
        if not is_canonical_uuid(conversation_id):
            raise ConversationNotFound(conversation_id)
        with anyio.move_on_after(HANDSHAKE_TIMEOUT_S):
            history = await self._store.read(principal.tenant_id, conversation_id)
            if not history:
                raise ConversationNotFound(conversation_id)
            empty = Conversation(id=conversation_id, tenant_id=principal.tenant_id)
            return catch_up(empty, history, cursor, self._hub.epoch)
        raise SocketClosed("handshake_timeout")

    async def _send_catchup(self, connection: Connection, speaker: Speaker, catchup: Catchup) -> None:
        async def say(message_type: MessageType, payload: Struct) -> None:
            await connection.send(speaker.say(message_type, payload, self._clock.now()))

        await say("connection_status", self._ready(catchup))
        if catchup.snapshot is not None:
            await say("state_update", catchup.snapshot)
        for frame in catchup.replay:
            await connection.send(frame)
        await say("connection_status", Live(head=catchup.resume.head))

    def _ready(self, catchup: Catchup) -> Ready:
        return Ready(
            connection_id=self._ids.new_id(),
            heartbeat_interval_ms=protocol.HEARTBEAT_INTERVAL_MS,
            heartbeat_timeout_ms=2 * protocol.HEARTBEAT_INTERVAL_MS,
            limits={
                "max_frame_bytes": protocol.MAX_FRAME_BYTES,
                "max_replay_events": protocol.MAX_REPLAY_EVENTS,
                "queue_max_frames": QUEUE_MAX_FRAMES,
                "queue_max_bytes": QUEUE_MAX_BYTES,
            },
            session_expires_at=None,
            resume=catchup.resume,
        )

    async def _refuse(self, connection: Connection, conversation_id: ConversationId, error: TurnlogError) -> None:
        """Say what is wrong, then close with the code that tells the client what to do."""
        speaker = Speaker(conversation_id, self._hub.epoch)
        payload: ErrorPayload = error_of(error, None, fatal=True)
        try:
            await connection.send(speaker.say("error", payload, self._clock.now()))
        except SocketClosed:
            return
        await connection.close(_close_code_of(error))


def _close_code_of(error: TurnlogError) -> protocol.CloseCode:
    match error:
        case ConversationNotFound():
            return close_code("not_found")
        case InvalidCommand():
            return close_code("bad_message")
        case _:
            return close_code("internal")


def _cursor(after: str | None, epoch: str | None) -> Cursor:
    if after is None or after == "":
        return Cursor(None, epoch)
    if not after.isascii() or not after.isdecimal() or int(after) > MAX_CURSOR:
        raise InvalidCommand("after", "must be the `seq` of the last message received, a whole number from 0.")
    return Cursor(int(after), epoch)
