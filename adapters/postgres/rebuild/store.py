"""The rebuild of the read tables in Postgres: what it keeps, and its steps."""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from typing import Final

import msgspec
import psycopg
from psycopg import AsyncConnection
from psycopg.rows import TupleRow, dict_row
from psycopg.sql import SQL, Identifier

from adapters.postgres.connection import connect
from adapters.postgres.failures import unavailable_when_lost
from adapters.postgres.projection_store import PostgresProjectionSession
from adapters.postgres.rebuild.histories import read_log
from adapters.postgres.rebuild.indexes import build_indexes
from adapters.postgres.rebuild.live import held
from adapters.postgres.rebuild.parts import CopyTask, Part
from adapters.postgres.rebuild.processes import copy_here, copy_in_processes
from adapters.postgres.rebuild.tables import create_like, drop_table, missing_indexes, table_name
from adapters.postgres.row_writer import Tables
from adapters.postgres.statements import statement
from domain.ports import RecordedEvent
from projections.ports import ProjectionSession
from projections.rebuilding import HeldLive, Pace, RebuildRefused, RebuildState
from projections.registry import CHECKPOINT_NAME, ProjectionName

CHECKPOINT: Final = "rebuild"
"""The name under which the position of the new tables is kept."""

PART_EVENTS: Final = 50_000
LOOKS_FOR_EACH_PART: Final = 20

_STATE = statement("rebuild_state")
_BEGIN = statement("rebuild_begin")
_BEGIN_ROLLBACK = statement("rebuild_begin_rollback")
_DIVIDE = statement("rebuild_divide")
_PARTS = statement("rebuild_parts")
_LIVE_POSITION = statement("rebuild_live_position")
_CREATE_CHECKPOINT = statement("projection_create_checkpoint")
_LIVE_VERSION = "SELECT version FROM projection_tables WHERE projection = %s AND status = 'live'"
_ADD_TABLE = "INSERT INTO projection_tables (projection, version, status) VALUES (%s, %s, 'building')"
_KEEP_FOR_LATER = """
UPDATE projection_tables SET status = 'previous', position = checkpoint.position
FROM projection_checkpoints AS checkpoint WHERE status = 'building' AND checkpoint.name = %s
"""
_SET_PHASE = "UPDATE projection_rebuilds SET phase = %s"
_PLACE = "UPDATE projection_checkpoints SET position = %s WHERE name = %s"


class PostgresRebuildStore:
    """Implements `RebuildStore`. The DSN's login must own the tables."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    @asynccontextmanager
    async def session(self) -> AsyncIterator["PostgresRebuildSession"]:
        """See `RebuildStore.session`."""
        with unavailable_when_lost():
            connection = await connect(self._dsn)
        try:
            with unavailable_when_lost():
                await connection.execute("SET synchronous_commit = off")
            if not await PostgresProjectionSession(connection, CHECKPOINT).try_to_lead():
                raise RebuildRefused("Another process is rebuilding. Wait for it, or stop it; what it did is kept.")
            yield PostgresRebuildSession(self._dsn, connection)
        finally:
            await connection.close()


class PostgresRebuildSession:
    """Implements `RebuildSession`. Its connection holds the lock and writes; others read and hold."""

    def __init__(self, dsn: str, connection: AsyncConnection[TupleRow]) -> None:
        self._dsn = dsn
        self._connection = connection
        self._state: RebuildState | None = None

    async def state(self) -> RebuildState | None:
        """See `RebuildSession.state`."""
        with unavailable_when_lost():
            cursor = self._connection.cursor(row_factory=dict_row)
            row = await (await cursor.execute(_STATE)).fetchone()
        self._state = None if row is None else msgspec.convert(row, RebuildState)
        return self._state

    async def begin(self, projections: Sequence[ProjectionName]) -> RebuildState:
        """See `RebuildSession.begin`."""
        with self._changing():
            async with self._connection.transaction():
                await self._connection.execute(_CREATE_CHECKPOINT, [CHECKPOINT_NAME])
                cursor = await self._connection.execute(
                    _BEGIN, {"projections": list(projections), "checkpoint": CHECKPOINT_NAME}
                )
                row = await cursor.fetchone()
                assert row is not None
                for projection in projections:
                    live, new = await self._live(projection), table_name(projection, row[0])
                    await create_like(self._connection, live, new)
                    await self._connection.execute(_ADD_TABLE, [projection, row[0]])
                parts = max(1, row[1] // PART_EVENTS)
                await self._connection.execute(_DIVIDE, {"parts": parts, "looks": LOOKS_FOR_EACH_PART})
        return await self._required_state()

    async def begin_rollback(self) -> RebuildState:
        """See `RebuildSession.begin_rollback`."""
        with self._changing():
            async with self._connection.transaction():
                row = await (await self._connection.execute(_BEGIN_ROLLBACK)).fetchone()
                if row is None:
                    raise RebuildRefused("There are no tables to go back to: nothing was rebuilt yet.")
                await self._connection.execute(_PLACE, [row[0], CHECKPOINT])
        return await self._required_state()

    async def abandon(self) -> None:
        """See `RebuildSession.abandon`."""
        state = await self._required_state()
        with self._changing():
            async with self._connection.transaction():
                if state.is_rollback:
                    await self._connection.execute(_KEEP_FOR_LATER, [CHECKPOINT])
                else:
                    for projection in state.projections:
                        await drop_table(self._connection, projection, state.version)
                    await self._connection.execute("DELETE FROM projection_tables WHERE status = 'building'")
                await self._connection.execute("DELETE FROM projection_rebuilds")

    async def copy(self, state: RebuildState, pace: Pace, progress: Callable[[int], None]) -> None:
        """See `RebuildSession.copy`."""
        tasks = await self.tasks(state, pace)
        progress(state.copied_events)
        if pace.jobs == 1:
            await copy_here(tasks, state.copied_events, progress)
        else:
            await copy_in_processes(tasks, pace.jobs, self._copied_events, progress)

    async def index(self, progress: Callable[[str, int, int], None]) -> None:
        """See `RebuildSession.index`."""
        with self._changing():
            await self._connection.execute(_SET_PHASE, ["index"])
            missing = await self._missing()
            await build_indexes(self._dsn, missing, lambda name, begun: progress(name, begun, len(missing)))

    async def start_catching_up(self) -> None:
        """See `RebuildSession.start_catching_up`."""
        state = await self._required_state()
        with self._changing():
            async with self._connection.transaction():
                await self._connection.execute(_SET_PHASE, ["catch_up"])
                await self._connection.execute(_PLACE, [state.until_position, CHECKPOINT])
        await self.state()

    async def take_statistics(self) -> None:
        """See `RebuildSession.take_statistics`."""
        state = await self._required_state()
        with self._changing():
            for projection in state.projections:
                table = Identifier(table_name(projection, state.version))
                await self._connection.execute(SQL("VACUUM (ANALYZE) {}").format(table))

    async def events(self, after_position: int, until_position: int, limit: int) -> Sequence[RecordedEvent]:
        """See `RebuildSession.events`."""
        return await read_log(self._connection, after_position, until_position, limit)

    def rows(self) -> ProjectionSession:
        """See `RebuildSession.rows`."""
        return PostgresProjectionSession(self._connection, CHECKPOINT, self._tables())

    async def live_position(self) -> int:
        """See `RebuildSession.live_position`."""
        with unavailable_when_lost():
            row = await (await self._connection.execute(_LIVE_POSITION, [CHECKPOINT_NAME])).fetchone()
        return int(row[0]) if row else 0

    def hold_live(self) -> AbstractAsyncContextManager[HeldLive]:
        """See `RebuildSession.hold_live`."""
        assert self._state is not None
        return held(self._dsn, self._state, CHECKPOINT)

    async def tasks(self, state: RebuildState, pace: Pace) -> Sequence[CopyTask]:
        """The parts that are still to be copied."""
        with unavailable_when_lost():
            rows = await (await self._connection.execute(_PARTS, [state.id])).fetchall()
        return [
            CopyTask(
                dsn=self._dsn,
                rebuild_id=state.id,
                tables=self._tables(),
                until_position=state.until_position,
                part=Part(*row),
                pace=pace.share(),
            )
            for row in rows
        ]

    async def _copied_events(self) -> int:
        return (await self._required_state()).copied_events

    async def _required_state(self) -> RebuildState:
        state = await self.state()
        if state is None:
            raise RebuildRefused("No rebuild is under way.")
        return state

    async def _live(self, projection: ProjectionName) -> str:
        row = await (await self._connection.execute(_LIVE_VERSION, [projection])).fetchone()
        assert row is not None
        return table_name(projection, row[0])

    async def _missing(self) -> dict[str, str]:
        """The indexes that the new tables still need, and the statements that make them."""
        state = await self._required_state()
        missing: dict[str, str] = {}
        for projection in state.projections:
            live, new = await self._live(projection), table_name(projection, state.version)
            missing |= await missing_indexes(self._connection, live, new, f"_v{state.version}")
        return missing

    def _tables(self) -> Tables:
        """The new tables; beside them the live one of a projection that is not rebuilt, which is only read."""
        assert self._state is not None
        return Tables(**{name: table_name(name, self._state.version) for name in self._state.projections})

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """A missing privilege is the operator's to mend."""
        try:
            with unavailable_when_lost():
                yield
        except psycopg.errors.InsufficientPrivilege as error:
            raise RebuildRefused(
                f"The login of DATABASE_URL may not do this: {error.diag.message_primary}. Use the login that made the "
                "tables, as `turnlog serve` does when it migrates."
            ) from error
