"""Writes the rows of the projections, in the transaction of whoever asks."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, TypeVar

import psycopg
from msgspec import Struct
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Composed, Identifier

from adapters.postgres import projection_parameters as parameters
from adapters.postgres.statements import statement
from domain.ids import ConversationId
from projections.compaction import RowChanges
from projections.ports import RowsRejected, TablesRefused

_OPEN_SESSIONS = SQL(statement("projection_open_sessions"))
_ADD_MESSAGES = SQL(statement("projection_add_messages"))
_CHANGE_SESSIONS = SQL(statement("projection_change_sessions"))
_CHANGE_MESSAGES = SQL(statement("projection_change_messages"))
_REMOVE_MESSAGES = SQL(statement("projection_remove_messages"))
_REMOVE_SESSION = SQL(statement("projection_remove_session"))

_NO_EVENTS_FAULT: Final = ("0A", "25", "28", "3D", "3F", "42", "F0", "XX")
"""Classes of SQLSTATE that say nothing of the rows: a right, a table or a column that is missing, a database that only
reads, damaged files."""

Item = TypeVar("Item")


class Tables(Struct, frozen=True, kw_only=True):
    """Where the rows go: the names of the live tables, or those that a rebuild fills."""

    sessions: str = "conversation_sessions"
    messages: str = "conversation_messages"

    def statement(self, text: SQL) -> Composed:
        """The statement on these tables."""
        return text.format(sessions=Identifier(self.sessions), messages=Identifier(self.messages))


LIVE_TABLES: Final = Tables()


class RowWriter:
    """On one connection."""

    def __init__(self, connection: psycopg.AsyncConnection[TupleRow], tables: Tables) -> None:
        self._connection = connection
        self._open_sessions = tables.statement(_OPEN_SESSIONS)
        self._add_messages = tables.statement(_ADD_MESSAGES)
        self._change_sessions = tables.statement(_CHANGE_SESSIONS)
        self._change_messages = tables.statement(_CHANGE_MESSAGES)
        self._remove_messages = tables.statement(_REMOVE_MESSAGES)
        self._remove_session = tables.statement(_REMOVE_SESSION)

    async def write(self, rows: RowChanges) -> None:
        """Apply the changes in the order that `RowChanges` asks for."""
        await self._execute(self._open_sessions, parameters.open_sessions, rows.opened)
        await self._execute(self._add_messages, parameters.add_messages, rows.added)
        await self._execute(self._change_sessions, parameters.change_sessions, rows.changed)
        await self._execute(self._change_messages, parameters.change_messages, rows.edited)

    async def remove(self, conversation_id: ConversationId) -> None:
        """All rows of the conversation."""
        await self._connection.execute(self._remove_messages, [conversation_id])
        await self._connection.execute(self._remove_session, [conversation_id])

    async def _execute(
        self, query: Composed, to_parameters: Callable[[Sequence[Item]], tuple[str, ...]], items: Sequence[Item]
    ) -> None:
        if items:
            await self._connection.execute(query, to_parameters(items), prepare=True)


@contextmanager
def refusing() -> Iterator[None]:
    """Tell what the database refuses from what passes by itself, which goes further as it is."""
    try:
        yield
    except UnicodeError as error:
        raise RowsRejected(type(error).__name__) from None
    except psycopg.Error as error:
        # Not chained: the message of the database may quote the row.
        told = f"SQLSTATE {error.sqlstate}" if error.sqlstate else type(error).__name__
        if (error.sqlstate or "").startswith(_NO_EVENTS_FAULT):
            raise TablesRefused(told) from None
        raise RowsRejected(told) from None
