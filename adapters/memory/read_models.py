"""The read tables as dictionaries: the twin of the Postgres one."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from adapters.memory.projection_store import MemoryProjectionStore
from app.page_window import PageWindow
from app.ports import PositionWaiter, SessionCounts
from app.queries import ConversationQuery, MessageQuery, RowPage
from domain.ids import ConversationId, TenantId
from projections.rows import MessageRow, SessionRow

Row = TypeVar("Row", SessionRow, MessageRow)


class MemoryReadModels:
    """Implements `ReadModels`."""

    def __init__(self, store: MemoryProjectionStore, positions: PositionWaiter) -> None:
        self._store = store
        self._positions = positions

    async def get_conversation(self, tenant_id: TenantId, conversation_id: ConversationId) -> SessionRow | None:
        """See `ReadModels.get_conversation`."""
        row = self._store.sessions.get(conversation_id)
        return row if row is not None and row.tenant_id == tenant_id else None

    async def list_conversations(self, tenant_id: TenantId, query: ConversationQuery) -> RowPage[SessionRow]:
        """See `ReadModels.list_conversations`."""
        visible = [row for row in self._store.sessions.values() if row.tenant_id == tenant_id]
        return _page(visible, query, lambda row: (row.started_at, row.id), lambda row: _is_asked_for(row, query))

    async def list_messages(
        self, tenant_id: TenantId, conversation_id: ConversationId, query: MessageQuery
    ) -> RowPage[MessageRow]:
        """See `ReadModels.list_messages`."""
        messages = self._store.messages.values()
        visible = [row for row in messages if row.session_id == conversation_id and row.tenant_id == tenant_id]
        return _page(visible, query, lambda row: row.version, lambda row: query.role in (None, row.role))

    async def checkpoint_position(self) -> int:
        """See `ReadModels.checkpoint_position`."""
        return self._store.checkpoint.position

    async def count_sessions(self) -> SessionCounts:
        """See `ReadModels.count_sessions`."""
        rows = self._store.sessions.values()
        return SessionCounts(active=sum(row.is_active for row in rows), total=len(rows))

    async def wait_for_position(self, position: int, seconds: float) -> bool:
        """See `ReadModels.wait_for_position`."""
        return await self._positions.wait(position, seconds)


def _is_asked_for(row: SessionRow, query: ConversationQuery) -> bool:
    return (
        query.user_id in (None, row.user_id)
        and query.state in (None, row.state)
        and query.is_active in (None, row.is_active)
        and (query.started_from is None or row.started_at >= query.started_from)
        and (query.started_until is None or row.started_at < query.started_until)
        and (query.ended_from is None or (row.ended_at is not None and row.ended_at >= query.ended_from))
        and (query.ended_until is None or (row.ended_at is not None and row.ended_at < query.ended_until))
        and query.metadata.items() <= row.metadata.items()
    )


def _page(
    visible: Iterable[Row],
    query: ConversationQuery | MessageQuery,
    place: Callable[[Row], tuple[object, ...] | int],
    is_asked_for: Callable[[Row], bool],
) -> RowPage[Row]:
    """The rows next to the cursor, in the order asked for."""
    window: PageWindow[Row] = PageWindow(query)
    for row in sorted(visible, key=place):
        window.add(row, is_asked_for=is_asked_for(row))
    return window.page()
