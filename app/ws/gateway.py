"""The socket of one conversation: cursor, conversation, replay; then it is live."""

from typing import Final

from litestar import websocket
from litestar.handlers import WebsocketRouteHandler
from litestar.params import FromPath

from app.principal import ANYBODY, Principal
from app.queries import is_canonical_uuid
from app.use_cases.run_command import RunCommand
from app.ws import protocol
from app.ws.admission import Admission
from app.ws.answers import Speaker
from app.ws.connection import AnySocket, Connection
from app.ws.door import Door
from app.ws.hub import Channel, Hub
from app.ws.live import LiveConnection, LiveConnections
from app.ws.protocol import Live, Ready, Resume
from app.ws.rate import RateLimit, TokenBucket
from app.ws.resume import Catchup, Cursor, catch_up
from app.ws.session import Session
from app.ws.subscriber import QUEUE_MAX_BYTES, QUEUE_MAX_FRAMES, Subscriber
from domain.conversation.conversation import Conversation
from domain.conversation.errors import ConversationNotFound, InvalidCommand
from domain.ids import ConversationId
from domain.ports import Clock, EventStore, IdSource

PATH: Final = "/api/ws/conversations/{conversation_id:str}"
MAX_CURSOR: Final = 2**63 - 1


class Gateway:
    """Serves the sockets of all conversations of this process."""

    def __init__(
        self,
        *,
        door: Door,
        admission: Admission,
        live: LiveConnections,
        hub: Hub,
        store: EventStore,
        run_command: RunCommand,
        rate_limit: RateLimit,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._door = door
        self._admission = admission
        self._live = live
        self._hub = hub
        self._store = store
        self._run_command = run_command
        self._rate_limit = rate_limit
        self._clock = clock
        self._ids = ids

    def handler(self) -> WebsocketRouteHandler:
        """The route, for the application."""

        @websocket(PATH)
        async def conversation_socket(socket: AnySocket, conversation_id: FromPath[str]) -> None:
            await self.serve(socket, ANYBODY, ConversationId(conversation_id))

        return conversation_socket

    async def serve(self, socket: AnySocket, principal: Principal, conversation_id: ConversationId) -> None:
        """Serve the socket until it is closed."""
        speaker = Speaker(conversation_id, self._hub.epoch)

        async def talk(connection: Connection) -> None:
            cursor = cursor_of(socket.query_params.get("after"), socket.query_params.get("epoch"))
            self._admission.check_tenant(principal.tenant_id)
            await self._talk(connection, speaker, principal, conversation_id, cursor)

        await self._door.serve(socket, speaker, talk)

    async def _talk(
        self,
        connection: Connection,
        speaker: Speaker,
        principal: Principal,
        conversation_id: ConversationId,
        cursor: Cursor,
    ) -> None:
        """Attach first, then read the store, then let go what came meanwhile: nothing falls between."""
        session = Session(
            principal=principal,
            conversation_id=conversation_id,
            connection=connection,
            run_command=self._run_command,
            hub=self._hub,
            bucket=TokenBucket(self._rate_limit),
        )
        subscriber = Subscriber(connection.transport, session.stop_reading)
        connection.transport.on_writable = subscriber.flush
        key = (principal.tenant_id, conversation_id)
        channel = self._hub.attach(key, subscriber)
        live = LiveConnection(principal.tenant_id, subscriber, speaker, self._clock, lambda: channel.head)

        async def shake_hands() -> None:
            catchup = await self._catch_up(principal, conversation_id, cursor, channel)
            channel.prime(catchup.conversation)
            await self._send_catchup(connection, speaker, catchup)
            live.is_live = True
            channel.go_live(subscriber, catchup.resume.head)

        try:
            with self._live.joined(live):
                await session.run(live, shake_hands)
        finally:
            self._hub.detach(key, subscriber)

    async def _catch_up(
        self, principal: Principal, conversation_id: ConversationId, cursor: Cursor, channel: Channel
    ) -> Catchup:
        if not is_canonical_uuid(conversation_id):
            raise ConversationNotFound(conversation_id)
        async with self._admission.handshake():
            history = await self._store.read(principal.tenant_id, conversation_id)
        if not history:
            raise ConversationNotFound(conversation_id)
        empty = Conversation(id=conversation_id, tenant_id=principal.tenant_id)
        return catch_up(empty, history, cursor, self._hub.epoch, channel.interims.shown())

    async def _send_catchup(self, connection: Connection, speaker: Speaker, catchup: Catchup) -> None:
        now = self._clock.now()
        ready = ready_to_talk(self._ids.new_id(), catchup.resume, self._rate_limit)
        await connection.send(speaker.say("connection_status", ready, now))
        if catchup.snapshot is not None:
            await connection.send(speaker.say("state_update", catchup.snapshot, now))
        for frames in catchup.replay:
            await connection.send(frames)
        await connection.send(speaker.say("connection_status", Live(head=catchup.resume.head), now))


def ready_to_talk(connection_id: str, resume: Resume, rate_limit: RateLimit) -> Ready:
    """The first message of every connection."""
    return Ready(
        connection_id=connection_id,
        heartbeat_interval_ms=protocol.HEARTBEAT_INTERVAL_MS,
        heartbeat_timeout_ms=2 * protocol.HEARTBEAT_INTERVAL_MS,
        limits={
            "max_frame_bytes": protocol.MAX_FRAME_BYTES,
            "max_replay_events": protocol.MAX_REPLAY_EVENTS,
            "messages_per_s": rate_limit.frames_per_s,
            "messages_burst": rate_limit.burst_frames,
            "queue_max_frames": QUEUE_MAX_FRAMES,
            "queue_max_bytes": QUEUE_MAX_BYTES,
        },
        session_expires_at=None,
        resume=resume,
    )


def cursor_of(after: str | None, epoch: str | None) -> Cursor:
    """Where the client says it is.

    Raises:
        InvalidCommand: nobody can be there.
    """
    if after is None or after == "":
        return Cursor(None, epoch)
    if not after.isascii() or not after.isdecimal() or int(after) > MAX_CURSOR:
        raise InvalidCommand("after", "must be the `seq` of the last message received, a whole number from 0.")
    return Cursor(int(after), epoch)
