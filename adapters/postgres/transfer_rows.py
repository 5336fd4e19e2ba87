"""The read tables, read out by operators' commands."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, Literal

import msgspec
import psycopg
from msgspec import Struct
from psycopg.rows import TupleRow, dict_row
from psycopg.sql import SQL, Composable, Composed, Identifier
from psycopg.sql import Literal as Value

from adapters.postgres.arrays import plain_array
from adapters.postgres.snapshot import snapshot
from adapters.postgres.statements import statement
from app.ports import RowSelection
from domain.ids import ConversationId
from projections.registry import CHECKPOINT_NAME
from projections.rows import MessageRow, SessionRow

PAGE_CONVERSATIONS: Final = 200
PAGE_MESSAGES: Final = 1_000

Table = Literal["sessions", "messages"]

_EXPORT_CONVERSATIONS = statement("export_conversations")
_EXPORT_MESSAGES = statement("export_messages")
_EXPORT_COLUMNS = statement("export_columns")
_EXPORT_CSV = SQL(statement("export_csv"))
_CHECKPOINT = statement("projection_checkpoint")
_HEAD_POSITION = statement("head_position_of_all")


class _CsvTable(Struct, frozen=True, kw_only=True):
    view: str
    conversation: str
    time: str
    order: tuple[str, ...]


_CSV_TABLES: Final[dict[Table, _CsvTable]] = {
    "sessions": _CsvTable(view="conversation_sessions", conversation="id", time="started_at", order=("id",)),
    "messages": _CsvTable(
        view="conversation_messages", conversation="session_id", time="created_at", order=("session_id", "version")
    ),
}


class StoredRows:
    """The read tables at one moment, however long it takes to read them."""

    def __init__(self, connection: psycopg.AsyncConnection[TupleRow]) -> None:
        self._connection = connection

    async def missing_positions(self) -> int:
        """How far the tables are behind the events, counting the holes between positions too."""
        head = await (await self._connection.execute(_HEAD_POSITION)).fetchone()
        checkpoint = await (await self._connection.execute(_CHECKPOINT, [CHECKPOINT_NAME])).fetchone()
        return (head[0] if head else 0) - (checkpoint[0] if checkpoint else 0)

    async def conversations(self, selection: RowSelection) -> AsyncIterator[list[SessionRow]]:
        """The chosen ones in the order of their ids, page by page."""
        async with self._connection.cursor(name="conversations", binary=True, row_factory=dict_row) as cursor:
            await cursor.execute(_EXPORT_CONVERSATIONS, _filters(selection))
            while rows := await cursor.fetchmany(PAGE_CONVERSATIONS):
                yield msgspec.convert(rows, list[SessionRow])

    async def messages(self, conversation_ids: Sequence[ConversationId]) -> AsyncIterator[MessageRow]:
        """Those of these conversations: by the conversations' ids, and then as they were made."""
        async with self._connection.cursor(name="messages", binary=True, row_factory=dict_row) as cursor:
            await cursor.execute(_EXPORT_MESSAGES, [plain_array(conversation_ids)])
            while rows := await cursor.fetchmany(PAGE_MESSAGES):
                for message in msgspec.convert(rows, list[MessageRow]):
                    yield message

    async def csv(self, table: Table, selection: RowSelection) -> AsyncIterator[bytes]:
        """The chosen rows in CSV with a header, every column of the view: times in RFC 3339, truth values in words."""
        query = await self._copy(_CSV_TABLES[table], _filters(selection))
        async with self._connection.cursor().copy(query) as copy:
            async for piece in copy:
                yield bytes(piece)

    async def _copy(self, table: _CsvTable, filters: dict[str, Any]) -> Composed:
        cursor = await self._connection.execute(_EXPORT_COLUMNS, [table.view])
        columns = [_column(name, type_name) for name, type_name in await cursor.fetchall()]
        return _EXPORT_CSV.format(
            columns=SQL(", ").join(columns),
            table=Identifier(table.view),
            conversation=Identifier(table.conversation),
            time=Identifier(table.time),
            order=SQL(", ").join(map(Identifier, table.order)),
            **{name: Value(value) for name, value in filters.items()},
        )


@asynccontextmanager
async def stored_rows(dsn: str) -> AsyncIterator[StoredRows]:
    """The read tables as they are now, for as long as the block runs."""
    async with snapshot(dsn) as connection:
        yield StoredRows(connection)


def _filters(selection: RowSelection) -> dict[str, Any]:
    return {
        "conversations": plain_array(selection.conversation_ids) if selection.conversation_ids else None,
        "tenant": selection.tenant_id,
        "user": selection.user_id,
        "since": selection.since,
        "until": selection.until,
    }


def _column(name: str, type_name: str) -> Composable:
    """Postgres would write times with a space and `t` for true, which other tools read as text."""
    if type_name == "timestamp with time zone":
        return SQL("""to_char({}, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS {}""").format(Identifier(name), Identifier(name))
    if type_name == "boolean":
        return SQL("{}::text AS {}").format(Identifier(name), Identifier(name))
    return Identifier(name)
