"""How the projections are, as the database knows it: for an operator, with or without a running service."""

import msgspec
from msgspec import Struct
from psycopg.rows import dict_row

from adapters.postgres.connection import connect
from adapters.postgres.failures import unavailable_when_lost
from adapters.postgres.projection_store import PostgresProjectionSession
from adapters.postgres.statements import statement
from projections.quarantine import DeadLetter
from projections.rebuilding import RebuildState
from projections.registry import CHECKPOINT_NAME, ProjectionName

_OVERVIEW = statement("projection_overview")
_REBUILD = statement("rebuild_state")


class NumberedTable(Struct, frozen=True):
    """One of the tables behind a view; `status` is live, previous or building."""

    projection: ProjectionName
    version: int
    status: str


class Overview(Struct, frozen=True, kw_only=True):
    """`lag_s` is the age of the oldest event that is not in the rows. `heartbeat_age_s` is the time since a runner's
    last sign of life, null when there never was one; `progress_age_s` since it last wrote something."""

    position: int
    head_position: int
    lag_events: int
    lag_s: float
    heartbeat_age_s: float | None
    progress_age_s: float | None
    unknown_events: int
    tables: tuple[NumberedTable, ...]
    rebuild: RebuildState | None = None
    parked: tuple[DeadLetter, ...] = ()


async def projection_overview(dsn: str) -> Overview:
    """As it is now. Raises StoreUnavailable."""
    with unavailable_when_lost():
        connection = await connect(dsn)
    try:
        parked = await PostgresProjectionSession(connection, CHECKPOINT_NAME).dead_letters()
        with unavailable_when_lost():
            cursor = connection.cursor(row_factory=dict_row)
            row = await (await cursor.execute(_OVERVIEW, {"name": CHECKPOINT_NAME})).fetchone()
            rebuild = await (await cursor.execute(_REBUILD)).fetchone()
    finally:
        await connection.close()
    return msgspec.convert({**(row or {}), "rebuild": rebuild, "parked": tuple(parked)}, Overview)
