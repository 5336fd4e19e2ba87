"""Reads the conversation that a connection begins with."""

from app.histories import Histories
from app.principal import Principal
from app.queries import is_canonical_uuid
from app.ws.admission import Admission
from app.ws.hub import Channel
from app.ws.resume import Catchup, Cursor, can_replay, catch_up
from domain.conversation.errors import ConversationNotFound
from domain.ids import ConversationId, TenantId
from domain.ports import EventStore
from projections.snapshots import History


class ConversationHistory:
    """For every kind of connection to one conversation."""

    def __init__(self, store: EventStore, histories: Histories, admission: Admission, epoch: str) -> None:
        self._store = store
        self._histories = histories
        self._admission = admission
        self._epoch = epoch

    async def catch_up(
        self, principal: Principal, conversation_id: ConversationId, cursor: Cursor, channel: Channel
    ) -> Catchup:
        """What the connection is owed. It has to be attached to the channel before: nothing falls between.

        Raises:
            ConversationNotFound: there is none, or it is not the caller's.
            SocketClosed: it took too long.
            StoreUnavailable: the database is away.
        """
        if not is_canonical_uuid(conversation_id):
            raise ConversationNotFound(conversation_id)
        while True:
            async with self._admission.handshake():
                history = await self._read(principal.tenant_id, conversation_id, cursor)
            catchup = catch_up(history, cursor, self._epoch, channel.interims.shown())
            if channel.prime(catchup.conversation):
                return catchup

    async def _read(self, tenant_id: TenantId, conversation_id: ConversationId, cursor: Cursor) -> History:
        """The conversation, from the cursor on if that can be replayed."""
        history = await self._histories.load(tenant_id, conversation_id)
        if history.head == 0:
            raise ConversationNotFound(conversation_id)
        if cursor.after is None or cursor.after >= history.base.version:
            return history
        if not can_replay(cursor, history.head, self._epoch):
            return history
        earlier = await self._histories.load(tenant_id, conversation_id, until=cursor.after)
        missed = await self._store.read(tenant_id, conversation_id, after=cursor.after, until=history.head)
        return History(earlier.base, (*earlier.events, *missed))
