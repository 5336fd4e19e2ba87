"""Reads the conversation that a connection begins with."""

from app.principal import Principal
from app.queries import is_canonical_uuid
from app.ws.admission import Admission
from app.ws.hub import Channel
from app.ws.resume import Catchup, Cursor, catch_up
from domain.conversation.conversation import Conversation
from domain.conversation.errors import ConversationNotFound
from domain.ids import ConversationId
from domain.ports import EventStore


class ConversationHistory:
    """For every kind of connection to one conversation."""

    def __init__(self, store: EventStore, admission: Admission, epoch: str) -> None:
        self._store = store
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
                history = await self._store.read(principal.tenant_id, conversation_id)
            if not history:
                raise ConversationNotFound(conversation_id)
            empty = Conversation(id=conversation_id, tenant_id=principal.tenant_id)
            catchup = catch_up(empty, history, cursor, self._epoch, channel.interims.shown())
            if channel.prime(catchup.conversation):
                return catchup
