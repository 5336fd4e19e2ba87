"""The rows of the projections in Postgres: one connection that leads, writes and shows that it lives."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

import psycopg
from psycopg.rows import TupleRow

from adapters.postgres.connection import connect
from adapters.postgres.dead_letters import DeadLetters
from adapters.postgres.failures import unavailable_when_lost
from adapters.postgres.row_writer import LIVE_TABLES, RowWriter, Tables, refusing
from adapters.postgres.statements import statement
from adapters.postgres.watchdog import cut_after
from domain.ids import ConversationId
from projections.compaction import RowChanges
from projections.ports import Checkpoint, CheckpointMoved, ProjectedPage
from projections.quarantine import DeadLetter, Poison
from projections.registry import CHECKPOINT_NAME

STALL_TIMEOUT_S = 20.0
"""How long the statements of one page may take together; then the link is taken for dead."""

_MOVE_CHECKPOINT = statement("projection_move_checkpoint")
_CREATE_CHECKPOINT = statement("projection_create_checkpoint")
_CHECKPOINT = statement("projection_checkpoint")
_CHECKPOINT_WITH_PARKED = statement("projection_checkpoint_with_parked")
_HOLD_CHECKPOINT = statement("projection_hold_checkpoint")
_RAISE_REVISION = statement("projection_raise_revision")
_BEAT = statement("projection_beat")
_TRY_TO_LEAD = statement("projection_try_to_lead")


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
        self._rows = RowWriter(connection, tables)
        self._dead_letters = DeadLetters(connection, checkpoint_name)
        self._parked_revision: int | None = None
        self._parked: frozenset[ConversationId] = frozenset()

    async def try_to_lead(self) -> bool:
        """See `ProjectionSession.try_to_lead`."""
        with self._bounded():
            cursor = await self._connection.execute(_TRY_TO_LEAD, [self._name])
            is_leader = await cursor.fetchone() == (True,)
            if is_leader:
                await self._connection.execute(_CREATE_CHECKPOINT, [self._name])
            return is_leader

    async def checkpoint(self) -> Checkpoint:
        """See `ProjectionSession.checkpoint`. Who stands by asks often, and the list of the parked may be long."""
        with self._bounded():
            cursor = await self._connection.execute(_CHECKPOINT, [self._name])
            row = await cursor.fetchone()
            if row is not None and row[2] != self._parked_revision:
                cursor = await self._connection.execute(_CHECKPOINT_WITH_PARKED, [self._name])
                row = await cursor.fetchone()
        if row is None:
            return Checkpoint()
        position, unknown_events, revision, *parked = row
        if parked:
            self._parked_revision, self._parked = revision, frozenset(parked[0])
        return Checkpoint(position=position, unknown_events=unknown_events, revision=revision, parked=self._parked)

    async def write(self, page: ProjectedPage) -> None:
        """See `ProjectionSession.write`."""
        with refusing(), self._bounded():
            async with self._connection.transaction():
                await self._move_checkpoint(page)
                await self._rows.write(page.rows)
                for poison in page.parked:
                    await self._dead_letters.park(poison)

    async def try_out(self, rows: RowChanges) -> None:
        """See `ProjectionSession.try_out`."""
        with refusing(), self._bounded():
            async with self._connection.transaction(force_rollback=True):
                await self._rows.write(rows)

    async def dead_letters(self) -> Sequence[DeadLetter]:
        """See `ProjectionSession.dead_letters`."""
        with self._bounded():
            return await self._dead_letters.all()

    async def keep_parked(self, poison: Poison) -> None:
        """See `ProjectionSession.keep_parked`."""
        with self._bounded():
            await self._dead_letters.keep_parked(poison)

    @asynccontextmanager
    async def standstill(self) -> AsyncIterator["PostgresStandstill"]:
        """See `ProjectionSession.standstill`."""
        with self._bounded():
            async with self._connection.transaction():
                cursor = await self._connection.execute(_HOLD_CHECKPOINT, [self._name])
                row = await cursor.fetchone()
                yield PostgresStandstill(
                    self._connection, self._name, self._rows, self._dead_letters, row[0] if row else 0
                )

    async def beat(self) -> None:
        """See `ProjectionSession.beat`."""
        with self._bounded():
            await self._connection.execute(_BEAT, [self._name])

    async def _move_checkpoint(self, page: ProjectedPage) -> None:
        """Compare and swap. It comes before the rows, so that a runner that lost the lead never touches one."""
        changes = (page.to_position, page.unknown_events, int(bool(page.parked)))
        expected = (self._name, page.from_position, page.revision)
        cursor = await self._connection.execute(_MOVE_CHECKPOINT, (*changes, *expected), prepare=True)
        if cursor.rowcount != 1:
            raise CheckpointMoved(page.from_position)

    @contextmanager
    def _bounded(self) -> Iterator[None]:
        """However the connection fails or stalls, it ends in `StoreUnavailable`."""
        with unavailable_when_lost(), cut_after(self._connection, STALL_TIMEOUT_S):
            yield


class PostgresStandstill:
    """Implements `Standstill`. The row of the checkpoint is locked, which every runner must change to write."""

    def __init__(
        self,
        connection: psycopg.AsyncConnection[TupleRow],
        checkpoint_name: str,
        rows: RowWriter,
        dead_letters: DeadLetters,
        position: int,
    ) -> None:
        self._connection = connection
        self._name = checkpoint_name
        self._rows = rows
        self._dead_letters = dead_letters
        self._position = position

    @property
    def position(self) -> int:
        """See `Standstill.position`."""
        return self._position

    async def replace(self, conversation_id: ConversationId, rows: RowChanges) -> None:
        """See `Standstill.replace`."""
        with refusing(), unavailable_when_lost():
            await self._rows.remove(conversation_id)
            await self._rows.write(rows)
            await self._dead_letters.unpark(conversation_id)
            await self._connection.execute(_RAISE_REVISION, [self._name])
