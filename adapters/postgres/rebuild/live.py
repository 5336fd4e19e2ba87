"""The live tables, held still for a moment, and what may be done in it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from adapters.postgres.connection import connect
from adapters.postgres.failures import unavailable_when_lost
from adapters.postgres.rebuild.comparison import Moment, different_since
from adapters.postgres.rebuild.tables import drop_table, replace_view
from adapters.postgres.statements import statement
from domain.ids import ConversationId
from projections.rebuilding import RebuildRefused, RebuildState
from projections.registry import BY_NAME, CHECKPOINT_NAME

LOCK_TIMEOUT_S = 2.0
"""How long readers queue behind us at most, when somebody before us reads for longer than that."""

_HOLD = statement("rebuild_hold_live")
_RAISE_REVISION = statement("projection_raise_revision")
_RELEASE = "DELETE FROM projection_dead_letters WHERE checkpoint = %s"
_PREVIOUS = "SELECT version FROM projection_tables WHERE projection = %s AND status = 'previous'"
_DROP_PREVIOUS = "DELETE FROM projection_tables WHERE projection = %s AND status = 'previous'"
_RETIRE = "UPDATE projection_tables SET status = 'previous', position = %s WHERE projection = %s AND status = 'live'"
_ENTHRONE = "UPDATE projection_tables SET status = 'live', position = NULL WHERE projection = %s AND version = %s"
_MOVE = "UPDATE projection_checkpoints SET position = %s WHERE name = %s AND position <> %s"


class HeldTables:
    """Implements `HeldLive`. The row of the checkpoint is locked, which every runner must change to write anything."""

    def __init__(
        self, connection: AsyncConnection[TupleRow], dsn: str, state: RebuildState, checkpoint: str, position: int
    ) -> None:
        self._connection = connection
        self._dsn = dsn
        self._state = state
        self._checkpoint = checkpoint
        self._position = position

    @property
    def position(self) -> int:
        """See `HeldLive.position`."""
        return self._position

    @asynccontextmanager
    async def moment(self) -> AsyncIterator[Moment]:
        """See `HeldLive.moment`."""
        with unavailable_when_lost():
            connection = await connect(self._dsn)
        try:
            with unavailable_when_lost():
                await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
                await connection.execute("SELECT 1 FROM projection_tables")  # the snapshot is taken here
            yield Moment(connection, self._state.version)
        finally:
            await connection.close()

    async def different_since(self, position: int) -> ConversationId | None:
        """See `HeldLive.different_since`."""
        with unavailable_when_lost():
            for projection in self._state.projections:
                found = await different_since(self._connection, projection, self._state.version, position)
                if found is not None:
                    return found
        return None

    async def swap(self) -> None:
        """See `HeldLive.swap`."""
        try:
            with unavailable_when_lost():
                await self._swap()
                await self._connection.execute("COMMIT")
        except psycopg.errors.DependentObjectsStillExist as error:
            raise RebuildRefused(
                "The tables kept for a rollback would be dropped now, and something of yours depends on them: "
                f"{error.diag.message_detail}. Let it read the views, not the numbered tables, and run this again."
            ) from error

    async def _swap(self) -> None:
        run = self._connection.execute
        for projection in self._state.projections:
            previous = await (await run(_PREVIOUS, [projection])).fetchone()
            await run(_DROP_PREVIOUS, [projection])
            await run(_RETIRE, [self._position, projection])
            await run(_ENTHRONE, [projection, self._state.version])
            await replace_view(self._connection, projection, self._state.version)
            if previous is not None:
                await drop_table(self._connection, projection, previous[0])
        await run(_MOVE, [self._position, CHECKPOINT_NAME, self._position])
        if set(self._state.projections) == set(BY_NAME):
            await self._release_parked()
        await run("DELETE FROM projection_rebuilds")
        await run("DELETE FROM projection_checkpoints WHERE name = %s", [self._checkpoint])

    async def _release_parked(self) -> None:
        """The new tables have every event, or they would not be here: whatever had stopped rows has been mended."""
        released = await self._connection.execute(_RELEASE, [CHECKPOINT_NAME])
        if released.rowcount:
            await self._connection.execute(_RAISE_REVISION, [CHECKPOINT_NAME])


@asynccontextmanager
async def held(dsn: str, state: RebuildState, checkpoint: str) -> AsyncIterator[HeldTables]:
    """Hold the live tables; what is not swapped in the block is let go as it was."""
    with unavailable_when_lost():
        connection = await connect(dsn)
    try:
        with unavailable_when_lost():
            await connection.execute(f"SET lock_timeout = {int(LOCK_TIMEOUT_S * 1_000)}")
            await connection.execute("BEGIN")
            row = await (await connection.execute(_HOLD, [CHECKPOINT_NAME])).fetchone()
        yield HeldTables(connection, dsn, state, checkpoint, row[0] if row else 0)
    finally:
        await connection.close()
