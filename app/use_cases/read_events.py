"""Read the raw history of a conversation, page by page."""

from msgspec import Struct

from app.principal import Principal
from app.queries import DEFAULT_PAGE_ROWS, Order
from app.use_cases.get_conversation import GetConversation
from domain.ids import ConversationId
from domain.ports import EventStore, RecordedEvent


class EventQuery(Struct, frozen=True, kw_only=True):
    """`after` and `before` are versions, and mean after and before in the order asked for."""

    limit: int = DEFAULT_PAGE_ROWS
    order: Order = "asc"
    after: int | None = None
    before: int | None = None


class HistoryPage(Struct, frozen=True):
    """Some events in the order asked for. `has_more`: there are others further on in the direction of the cursor."""

    events: tuple[RecordedEvent, ...]
    has_more: bool


class ReadEvents:
    """The history is read from the event store itself, so it is always complete."""

    def __init__(self, store: EventStore, get_conversation: GetConversation) -> None:
        self._store = store
        self._get_conversation = get_conversation

    async def __call__(self, principal: Principal, conversation_id: ConversationId, query: EventQuery) -> HistoryPage:
        """The events next to the cursor. Raises ConversationNotFound and StoreUnavailable."""
        head = (await self._get_conversation(principal, conversation_id)).version
        first, last, has_more = window(query, head)
        events: tuple[RecordedEvent, ...] = ()
        if first <= last:
            events = await self._store.read(principal.tenant_id, conversation_id, after=first - 1, until=last)
        return HistoryPage(events if query.order == "asc" else events[::-1], has_more)


def window(query: EventQuery, head: int) -> tuple[int, int, bool]:
    """The first and last version of the page, and whether there is more beyond it; empty when first > last."""
    cursor_first, cursor_last = query.after, query.before
    if query.order == "desc":
        cursor_first, cursor_last = query.before, query.after
    lowest = 1 if cursor_first is None else cursor_first + 1
    highest = head if cursor_last is None else min(cursor_last - 1, head)
    is_upwards = (query.order == "asc") is (query.before is None)
    if is_upwards:
        last = min(highest, lowest + query.limit - 1)
        return lowest, last, last < highest
    first = max(lowest, highest - query.limit + 1)
    return first, highest, first > lowest
