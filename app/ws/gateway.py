"""The socket of one conversation: cursor, conversation, what was missed; then it is live. With `replay` it never is."""

from functools import partial
from typing import Final

from litestar import websocket
from litestar.handlers import WebsocketRouteHandler
from litestar.params import FromPath

from app.principal import ANYBODY, Principal
from app.use_cases.run_command import RunCommand
from app.ws.admission import Admission
from app.ws.answers import Speaker
from app.ws.connection import AnySocket, Connection
from app.ws.door import Door
from app.ws.greeting import Greeter
from app.ws.history import ConversationHistory
from app.ws.hub import Hub
from app.ws.live import LiveConnection, LiveConnections
from app.ws.originals import OriginalInterims
from app.ws.rate import RateLimit, TokenBucket
from app.ws.replay.gateway import Replays
from app.ws.replay.query import PARAMETER
from app.ws.resume import cursor_of
from app.ws.session import Session
from app.ws.subscriber import Subscriber
from domain.ids import ConversationId
from domain.ports import Clock

PATH: Final = "/api/ws/conversations/{conversation_id:str}"


class Gateway:
    """Serves the sockets of all conversations of this process."""

    def __init__(
        self,
        *,
        door: Door,
        admission: Admission,
        live: LiveConnections,
        hub: Hub,
        history: ConversationHistory,
        greeter: Greeter,
        run_command: RunCommand,
        rate_limit: RateLimit,
        clock: Clock,
        replays: Replays,
    ) -> None:
        self._door = door
        self._replays = replays
        self._admission = admission
        self._live = live
        self._hub = hub
        self._say_in_passing = OriginalInterims(hub)
        self._history = history
        self._greeter = greeter
        self._run_command = run_command
        self._rate_limit = rate_limit
        self._clock = clock

    def handler(self) -> WebsocketRouteHandler:
        """The route, for the application."""

        @websocket(PATH)
        async def conversation_socket(socket: AnySocket, conversation_id: FromPath[str]) -> None:
            await self.serve(socket, ANYBODY, ConversationId(conversation_id))

        return conversation_socket

    async def serve(self, socket: AnySocket, principal: Principal, conversation_id: ConversationId) -> None:
        """Serve the socket until it is closed."""
        if PARAMETER in socket.query_params:
            speaker = self._replays.speaker(conversation_id)
            talk = partial(self._replays.talk, socket.query_params, speaker, principal, conversation_id)
        else:
            speaker = Speaker(conversation_id, self._hub.epoch)
            talk = partial(self._talk, socket, speaker, principal, conversation_id)
        await self._door.serve(socket, speaker, talk)

    async def _talk(
        self,
        socket: AnySocket,
        speaker: Speaker,
        principal: Principal,
        conversation_id: ConversationId,
        connection: Connection,
    ) -> None:
        """Attach first, then read the store, then let go what came meanwhile: nothing falls between."""
        cursor = cursor_of(socket.query_params.get("after"), socket.query_params.get("epoch"), "seq")
        self._admission.check_tenant(principal.tenant_id)
        session = Session(
            principal=principal,
            conversation_id=conversation_id,
            connection=connection,
            run_command=self._run_command,
            hub=self._hub,
            say_in_passing=self._say_in_passing,
            bucket=TokenBucket(self._rate_limit),
        )
        subscriber = Subscriber(connection.transport, session.stop_reading)
        connection.transport.on_writable = subscriber.flush
        key = (principal.tenant_id, conversation_id)
        channel = self._hub.attach(key, subscriber)
        live = LiveConnection(principal.tenant_id, subscriber, speaker, self._clock, lambda: channel.head)

        async def shake_hands() -> None:
            catchup = await self._history.catch_up(principal, conversation_id, cursor, channel)
            for frames in self._greeter.greeting(speaker, catchup.resume, catchup.replay, catchup.snapshot):
                await connection.send(frames)
            live.is_live = True
            channel.go_live(subscriber, catchup.resume.head)

        try:
            with self._live.joined(live):
                await session.run(live, shake_hands)
        finally:
            self._hub.detach(key, subscriber)
