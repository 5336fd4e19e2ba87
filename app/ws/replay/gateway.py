"""The socket of a replay: a conversation of the past, told again as it was told live, at any speed.

It reads the store and nothing else: the hub does not know of it, and what happens meanwhile is not told. Whoever wants
that connects once more, without `replay`.
"""

from collections.abc import Mapping
from functools import partial
from typing import Final

from app.principal import Principal
from app.queries import is_canonical_uuid
from app.use_cases.get_conversation import GetConversation
from app.ws.admission import Admission
from app.ws.answers import Speaker
from app.ws.connection import Connection
from app.ws.frames import Frames
from app.ws.greeting import Greeter
from app.ws.listener import answer_listener
from app.ws.live import LiveConnection, LiveConnections
from app.ws.protocol import Replay, Resume
from app.ws.rate import RateLimit, TokenBucket
from app.ws.replay.pace import Pace
from app.ws.replay.performance import Performance
from app.ws.replay.player import Player
from app.ws.replay.query import ReplayQuery, replay_of
from domain.conversation.conversation import Conversation
from domain.conversation.errors import ConversationNotFound
from domain.ids import ConversationId
from domain.ports import Clock, EventStore

MILLISECONDS_PER_SECOND: Final = 1_000
ONLY_TELLS: Final = (
    "a replay only tells. Send the rest over a socket without `replay`, /api/ws/conversations/ID, or commands over "
    "REST."
)


class Replays:
    """Serves the replays of all conversations of this process."""

    def __init__(
        self,
        *,
        admission: Admission,
        live: LiveConnections,
        store: EventStore,
        get_conversation: GetConversation,
        greeter: Greeter,
        rate_limit: RateLimit,
        clock: Clock,
        epoch: str,
    ) -> None:
        self._admission = admission
        self._live = live
        self._store = store
        self._get_conversation = get_conversation
        self._greeter = greeter
        self._rate_limit = rate_limit
        self._clock = clock
        self._epoch = epoch

    def speaker(self, conversation_id: ConversationId) -> Speaker:
        """Marks all that it says as of a replay."""
        return Speaker(conversation_id, self._epoch, replay=True)

    async def talk(
        self,
        query: Mapping[str, str],
        speaker: Speaker,
        principal: Principal,
        conversation_id: ConversationId,
        connection: Connection,
    ) -> None:
        """Replay until the end, or until either side closes the socket.

        Raises:
            SocketClosed: with the code to close with, if it is this side that closes.
            TurnlogError: there is nothing to replay, or no longer.
        """
        asked = replay_of(query)
        self._admission.check_tenant(principal.tenant_id)
        performance = Performance(connection, TokenBucket(self._rate_limit))
        live = LiveConnection(
            principal.tenant_id, performance.subscriber, speaker, self._clock, lambda: performance.version
        )

        async def shake_hands() -> Player:
            player, ready = await self._prepare(speaker, principal, conversation_id, asked)
            await connection.send(ready)
            live.is_live = True
            return player

        with self._live.joined(live):
            await performance.run(live, shake_hands, partial(answer_listener, live=live, reason=ONLY_TELLS))

    async def _prepare(
        self, speaker: Speaker, principal: Principal, conversation_id: ConversationId, asked: ReplayQuery
    ) -> tuple[Player, Frames]:
        """What is to be played, and the words that announce it."""
        if not is_canonical_uuid(conversation_id):
            raise ConversationNotFound(conversation_id)
        async with self._admission.handshake():
            head = (await self._get_conversation(principal, conversation_id)).version
            last = asked.last(head, self._epoch)
            begins = await self._conversation_at(principal, conversation_id, asked.after)
        player = Player(self._store, begins, last, Pace(asked.speed, asked.max_pause_s), self._epoch)
        resume = Resume(outcome="resumed", after=asked.after, head=last, epoch=self._epoch, replay_count=0)
        max_pause_ms = int(asked.max_pause_s * MILLISECONDS_PER_SECOND)
        replay = Replay(speed=asked.speed, events=last - asked.after, max_pause_ms=max_pause_ms)
        return player, self._greeter.announcement(speaker, resume, replay)

    async def _conversation_at(
        self, principal: Principal, conversation_id: ConversationId, version: int
    ) -> Conversation:
        if version == 0:
            return Conversation(id=conversation_id, tenant_id=principal.tenant_id)
        return await self._get_conversation.at_version(principal, conversation_id, version)
