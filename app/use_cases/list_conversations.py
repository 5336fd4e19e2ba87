"""List conversations from the read table."""

from msgspec import Struct

from app.ports import ReadModels
from app.principal import Principal
from app.queries import ConversationQuery, RowPage
from projections.rows import SessionRow


class ConversationListing(Struct, frozen=True):
    """`is_stale`: the table had not come to the position that was asked for in time."""

    page: RowPage[SessionRow]
    is_stale: bool


class ListConversations:
    """The table follows the events by milliseconds; who needs to see an own write gives its position."""

    def __init__(self, read_models: ReadModels, min_position_wait_s: float) -> None:
        self._read_models = read_models
        self._min_position_wait_s = min_position_wait_s

    async def __call__(
        self, principal: Principal, query: ConversationQuery, min_position: int | None = None
    ) -> ConversationListing:
        """The conversations that match. Waits for `min_position`, but not for long, and then says that it is stale.

        Raises:
            InvalidQuery: the cursor is none.
            StoreUnavailable: the database is away.
        """
        is_stale = min_position is not None and not await self._read_models.wait_for_position(
            min_position, self._min_position_wait_s
        )
        return ConversationListing(await self._read_models.list_conversations(principal.tenant_id, query), is_stale)
