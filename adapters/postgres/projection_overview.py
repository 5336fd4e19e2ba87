"""How the projections are, as the database knows it: for an operator, with or without a running service."""

import msgspec
from psycopg.rows import dict_row

from adapters.postgres.connection import connect
from adapters.postgres.failures import unavailable_when_lost
from adapters.postgres.projection_store import PostgresProjectionSession
from adapters.postgres.statements import statement
from projections.overview import Overview
from projections.registry import CHECKPOINT_NAME

_OVERVIEW = statement("projection_overview")
_REBUILD = statement("rebuild_state")


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
