"""The event store on Postgres: appends through the appender, reads through a pool."""

from collections.abc import Sequence
from typing import Any, LiteralString

from psycopg import DataError

from adapters.postgres.appender import BatchingAppender
from adapters.postgres.pool import Pool
from adapters.postgres.reading import read_rows
from adapters.postgres.recorded import from_row, from_rows, unreadable_place
from adapters.postgres.statements import statement
from domain.errors import UnreadableEvent
from domain.ids import CommandId, ConversationId, TenantId
from domain.ports import Append, EventPage, RecordedEvent, UnreadablePlace

_READ_STREAM = statement("read_stream")
_FIND_COMMAND = statement("find_command")
_READ_PAGE = statement("read_page")
_HEAD_POSITION = statement("head_position")
_LAST_VERSION = 2**63 - 1


class PostgresEventReader:
    """Implements `EventLog`, and of `EventStore` what reads."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def read(
        self, tenant_id: TenantId, conversation_id: ConversationId, after: int = 0, until: int | None = None
    ) -> tuple[RecordedEvent, ...]:
        last = _LAST_VERSION if until is None else until
        return from_rows(await self._rows(_READ_STREAM, (tenant_id, conversation_id, after, last)))

    async def find_command(self, tenant_id: TenantId, command_id: CommandId) -> tuple[RecordedEvent, ...]:
        return from_rows(await self._rows(_FIND_COMMAND, (command_id, tenant_id)))

    async def read_page(self, after_position: int, limit: int) -> EventPage:
        rows = await self._rows(_READ_PAGE, (after_position, limit))
        events: list[RecordedEvent] = []
        unreadable: list[UnreadablePlace] = []
        for row in rows:
            try:
                events.append(from_row(row))
            except UnreadableEvent as error:
                unreadable.append(unreadable_place(row, error))
        last_position = rows[-1][4] if rows else after_position
        return EventPage(events, last_position, unreadable)

    async def head_position(self) -> int:
        rows = await self._rows(_HEAD_POSITION, ())
        return int(rows[0][0])

    async def _rows(self, query: LiteralString, parameters: Sequence[object]) -> list[Any]:
        try:
            return await read_rows(self._pool, query, parameters)
        except (DataError, UnicodeEncodeError):
            return []  # what cannot be an id or a position is the name of nothing


class PostgresEventStore(PostgresEventReader):
    """Implements `EventStore` and `EventLog`."""

    def __init__(self, appender: BatchingAppender, pool: Pool) -> None:
        super().__init__(pool)
        self._appender = appender

    async def append(self, append: Append) -> tuple[RecordedEvent, ...]:
        return await self._appender.append(append)
