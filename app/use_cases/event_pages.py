"""A history piece by piece, so that a long one takes little memory and keeps nobody else waiting."""

from collections.abc import AsyncGenerator
from typing import Final

from domain.ids import ConversationId, TenantId
from domain.ports import EventStore, RecordedEvent

PAGE_EVENTS: Final = 1_000


async def event_pages(
    store: EventStore,
    tenant_id: TenantId,
    conversation_id: ConversationId,
    *,
    after: int = 0,
    until: int | None = None,
    page_events: int = PAGE_EVENTS,
) -> AsyncGenerator[tuple[RecordedEvent, ...], None]:
    """The events with `after < version <= until`, in order; no page is empty.

    Raises:
        UnknownEvent: newer code wrote one of them.
        StoreUnavailable: the database is away.
    """
    while until is None or after < until:
        last = after + page_events if until is None else min(after + page_events, until)
        page = await store.read(tenant_id, conversation_id, after=after, until=last)
        if page:
            yield page
        if len(page) < last - after:
            return
        after = last
