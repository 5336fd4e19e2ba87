"""List the messages of a conversation from the read table."""

from msgspec import Struct

from app.ports import ReadModels
from app.principal import Principal
from app.queries import InvalidQuery, MessageQuery, RowPage
from domain.conversation.errors import ConversationNotFound
from domain.ids import ConversationId
from domain.ports import EventStore
from projections.rows import MessageRow


class MessageListing(Struct, frozen=True):
    """`is_stale`: the table had not come to the position that was asked for in time."""

    page: RowPage[MessageRow]
    is_stale: bool


class ListMessages:
    """The table follows the events by milliseconds; who needs to see an own write gives its position."""

    def __init__(self, read_models: ReadModels, store: EventStore, min_position_wait_s: float) -> None:
        self._read_models = read_models
        self._store = store
        self._min_position_wait_s = min_position_wait_s

    async def __call__(
        self,
        principal: Principal,
        conversation_id: ConversationId,
        query: MessageQuery,
        min_position: int | None = None,
    ) -> MessageListing:
        """The messages that match. Waits for `min_position`, but not for long, and then says that it is stale.

        Raises:
            ConversationNotFound: there is none.
            InvalidQuery: the cursor is none.
            StoreUnavailable: the database is away.
        """
        is_stale = min_position is not None and not await self._read_models.wait_for_position(
            min_position, self._min_position_wait_s
        )
        try:
            page = await self._read_models.list_messages(principal.tenant_id, conversation_id, query)
        except InvalidQuery:
            await self._require(principal, conversation_id)
            raise
        if not page.rows:
            await self._require(principal, conversation_id)
        return MessageListing(page, is_stale)

    async def _require(self, principal: Principal, conversation_id: ConversationId) -> None:
        """An empty list is no sign of a conversation, and the table may not have it yet: the store knows."""
        if not await self._store.read(principal.tenant_id, conversation_id, until=1):
            raise ConversationNotFound(conversation_id)
