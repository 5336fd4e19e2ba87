"""The rows of the projections in Postgres: one connection that leads, writes and shows that it lives."""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import TypeVar

import psycopg
from msgspec import Struct
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Composed, Identifier

from adapters.postgres import projection_parameters as parameters
from adapters.postgres.connection import connect
from adapters.postgres.failures import unavailable_when_lost
from adapters.postgres.statements import statement
from adapters.postgres.watchdog import cut_after
from projections.compaction import RowChanges
from projections.ports import Checkpoint, CheckpointMoved, ProjectedPage, RowsRejected
from projections.registry import CHECKPOINT_NAME

STALL_TIMEOUT_S = 20.0
"""How long the statements of one page may take together; then the link is taken for dead."""

_OPEN_SESSIONS = SQL(statement("projection_open_sessions"))
_ADD_MESSAGES = SQL(statement("projection_add_messages"))
_CHANGE_SESSIONS = SQL(statement("projection_change_sessions"))
_CHANGE_MESSAGES = SQL(statement("projection_change_messages"))
_MOVE_CHECKPOINT = statement("projection_move_checkpoint")
_CREATE_CHECKPOINT = statement("projection_create_checkpoint")
_CHECKPOINT = statement("projection_checkpoint")
_BEAT = statement("projection_beat")
_TRY_TO_LEAD = statement("projection_try_to_lead")

Item = TypeVar("Item")


class Tables(Struct, frozen=True, kw_only=True):
    """Where the rows go: the names of the live tables, or those that a rebuild fills."""

    sessions: str = "conversation_sessions"
    messages: str = "conversation_messages"

    def statement(self, text: SQL) -> Composed:
        """The statement on these tables."""
        return text.format(sessions=Identifier(self.sessions), messages=Identifier(self.messages))


LIVE_TABLES = Tables()


class PostgresProjectionStore:
    """Implements `ProjectionStore`. The connection goes direct: a session lock does not survive a pooler."""

    def __init__(self, dsn: str, *, checkpoint_name: str = CHECKPOINT_NAME, tables: Tables = LIVE_TABLES) -> None:
        self._dsn = dsn
        self._checkpoint_name = checkpoint_name
        self._tables = tables

    @asynccontextmanager
    async def session(self) -> AsyncIterator["PostgresProjectionSession"]:
        """See `ProjectionStore.session`."""
        with unavailable_when_lost():
            connection = await connect(self._dsn)
        try:
            # A commit that a crash takes back takes its checkpoint with it, and the events are projected again: here
            # nothing is lost by not waiting for the disk. The connection is ours alone, so this reaches nobody else.
            with unavailable_when_lost():
                await connection.execute("SET synchronous_commit = off")
            yield PostgresProjectionSession(connection, self._checkpoint_name, self._tables)
        finally:
            await connection.close()


class PostgresProjectionSession:
    """Implements `ProjectionSession`. Lead and writes share the connection, so one is never kept without the other."""

    def __init__(
        self, connection: psycopg.AsyncConnection[TupleRow], checkpoint_name: str, tables: Tables = LIVE_TABLES
    ) -> None:
        self._connection = connection
        self._name = checkpoint_name
        self._open_sessions = tables.statement(_OPEN_SESSIONS)
        self._add_messages = tables.statement(_ADD_MESSAGES)
        self._change_sessions = tables.statement(_CHANGE_SESSIONS)
        self._change_messages = tables.statement(_CHANGE_MESSAGES)

    async def try_to_lead(self) -> bool:
        """See `ProjectionSession.try_to_lead`."""
        with self._bounded():
            cursor = await self._connection.execute(_TRY_TO_LEAD, [self._name])
            is_leader = await cursor.fetchone() == (True,)
            if is_leader:
                await self._connection.execute(_CREATE_CHECKPOINT, [self._name])
            return is_leader

    async def checkpoint(self) -> Checkpoint:
        """See `ProjectionSession.checkpoint`."""
        with self._bounded():
            cursor = await self._connection.execute(_CHECKPOINT, [self._name])
            row = await cursor.fetchone()
        return Checkpoint(position=row[0], unknown_events=row[1]) if row else Checkpoint()

    async def write(self, page: ProjectedPage) -> None:
        """See `ProjectionSession.write`."""
        try:
            with self._bounded():
                async with self._connection.transaction():
                    await self._move_checkpoint(page)
                    await self._write_rows(page.rows)
        except psycopg.Error as error:
            # Not chained: the message of the database may quote the row.
            raise RowsRejected(page.from_position, page.to_position, f"SQLSTATE {error.sqlstate}") from None

    async def beat(self) -> None:
        """See `ProjectionSession.beat`."""
        with self._bounded():
            await self._connection.execute(_BEAT, [self._name])

    async def _write_rows(self, rows: RowChanges) -> None:
        await self._execute(self._open_sessions, parameters.open_sessions, rows.opened)
        await self._execute(self._add_messages, parameters.add_messages, rows.added)
        await self._execute(self._change_sessions, parameters.change_sessions, rows.changed)
        await self._execute(self._change_messages, parameters.change_messages, rows.edited)

    async def _execute(
        self, query: Composed, to_parameters: Callable[[Sequence[Item]], tuple[str, ...]], items: Sequence[Item]
    ) -> None:
        if items:
            await self._connection.execute(query, to_parameters(items), prepare=True)

    async def _move_checkpoint(self, page: ProjectedPage) -> None:
        """Compare and swap. It comes before the rows, so that a runner that lost the lead never touches one."""
        move = [page.to_position, page.unknown_events, self._name, page.from_position]
        cursor = await self._connection.execute(_MOVE_CHECKPOINT, move, prepare=True)
        if cursor.rowcount != 1:
            raise CheckpointMoved(page.from_position)

    @contextmanager
    def _bounded(self) -> Iterator[None]:
        """However the connection fails or stalls, it ends in `StoreUnavailable`."""
        with unavailable_when_lost(), cut_after(self._connection, STALL_TIMEOUT_S):
            yield
