"""The read tables, asked through the pool. Filters are checked when a query is built, so none can upset a statement."""

from typing import Any, LiteralString, TypeVar

import msgspec
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from adapters.postgres.pool import Pool
from adapters.postgres.reading import Parameters, read_rows
from adapters.postgres.statements import statement
from app.ports import PositionWaiter, SessionCounts
from app.queries import ConversationQuery, MessageQuery, Order, RowPage, is_canonical_uuid, unknown_cursor
from domain.ids import ConversationId, TenantId
from projections.registry import CHECKPOINT_NAME
from projections.rows import MessageRow, SessionRow

_GET_CONVERSATION = statement("get_conversation")
_CONVERSATION_CURSOR = statement("conversation_cursor")
_MESSAGE_CURSOR = statement("message_cursor")
_CHECKPOINT = statement("projection_checkpoint")
_COUNT_SESSIONS = statement("count_sessions")
_LIST_CONVERSATIONS: dict[Order, LiteralString] = {
    "asc": statement("list_conversations_oldest_first"),
    "desc": statement("list_conversations_newest_first"),
}
_LIST_MESSAGES: dict[Order, LiteralString] = {
    "asc": statement("list_messages_oldest_first"),
    "desc": statement("list_messages_newest_first"),
}
_OPPOSITE: dict[Order, Order] = {"asc": "desc", "desc": "asc"}

Row = TypeVar("Row")


class PostgresReadModels:
    """Implements `ReadModels`."""

    def __init__(self, pool: Pool, positions: PositionWaiter, *, checkpoint_name: str = CHECKPOINT_NAME) -> None:
        self._pool = pool
        self._positions = positions
        self._checkpoint_name = checkpoint_name

    async def get_conversation(self, tenant_id: TenantId, conversation_id: ConversationId) -> SessionRow | None:
        """See `ReadModels.get_conversation`."""
        if not is_canonical_uuid(conversation_id):
            return None
        rows = await self._rows(_GET_CONVERSATION, {"tenant_id": tenant_id, "id": conversation_id})
        return msgspec.convert(rows[0], SessionRow) if rows else None

    async def list_conversations(self, tenant_id: TenantId, query: ConversationQuery) -> RowPage[SessionRow]:
        """See `ReadModels.list_conversations`."""
        cursor_id = query.after or query.before
        parameters = {
            "tenant_id": tenant_id,
            "user_id": query.user_id,
            "state": query.state and str(query.state),
            "is_active": query.is_active,
            "started_from": query.started_from,
            "started_until": query.started_until,
            "ended_from": query.ended_from,
            "ended_until": query.ended_until,
            "metadata": Jsonb(dict(query.metadata)) if query.metadata else None,
            "cursor_id": cursor_id,
            "cursor_started_at": None,
            "limit": query.limit + 1,
        }
        if cursor_id is not None:
            places = await self._rows(_CONVERSATION_CURSOR, {"tenant_id": tenant_id, "id": cursor_id})
            if not places:
                raise unknown_cursor(query)
            parameters["cursor_started_at"] = places[0]["started_at"]
        rows = await self._rows(_LIST_CONVERSATIONS[_scan_order(query)], parameters)
        return _page(rows, query, SessionRow)

    async def list_messages(
        self, tenant_id: TenantId, conversation_id: ConversationId, query: MessageQuery
    ) -> RowPage[MessageRow]:
        """See `ReadModels.list_messages`."""
        cursor_id = query.after or query.before
        if not is_canonical_uuid(conversation_id):
            if cursor_id is not None:
                raise unknown_cursor(query)
            return RowPage((), has_more=False)
        scope = {"tenant_id": tenant_id, "session_id": conversation_id}
        cursor_version = None
        if cursor_id is not None:
            places = await self._rows(_MESSAGE_CURSOR, {**scope, "id": cursor_id})
            if not places:
                raise unknown_cursor(query)
            cursor_version = places[0]["version"]
        parameters = {
            **scope,
            "role": query.role,
            "cursor_version": cursor_version,
            "limit": query.limit + 1,
        }
        rows = await self._rows(_LIST_MESSAGES[_scan_order(query)], parameters)
        return _page(rows, query, MessageRow)

    async def checkpoint_position(self) -> int:
        """See `ReadModels.checkpoint_position`."""
        rows = await self._rows(_CHECKPOINT, [self._checkpoint_name])
        return int(rows[0]["position"]) if rows else 0

    async def count_sessions(self) -> SessionCounts:
        """See `ReadModels.count_sessions`."""
        rows = await self._rows(_COUNT_SESSIONS, ())
        return msgspec.convert(rows[0], SessionCounts)

    async def wait_for_position(self, position: int, seconds: float) -> bool:
        """See `ReadModels.wait_for_position`."""
        return await self._positions.wait(position, seconds)

    async def _rows(self, query: LiteralString, parameters: Parameters) -> list[dict[str, Any]]:
        # Not prepared: the best plan depends on which filters are given, and a prepared one may stop looking.
        return await read_rows(self._pool, query, parameters, row_factory=dict_row, prepare=False)


def _scan_order(query: ConversationQuery | MessageQuery) -> Order:
    """`before` looks backwards from the cursor, so that the rows next to it are found."""
    return query.order if query.before is None else _OPPOSITE[query.order]


def _page(rows: list[dict[str, Any]], query: ConversationQuery | MessageQuery, row_type: type[Row]) -> RowPage[Row]:
    """One row more than asked for was read, to tell whether there are others."""
    page = msgspec.convert(rows[: query.limit], list[row_type])  # type: ignore[valid-type] # a type at run time, which mypy does not follow
    if query.before is not None:
        page.reverse()
    return RowPage(tuple(page), has_more=len(rows) > query.limit)
