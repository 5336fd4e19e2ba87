"""The database at one moment: what is read within is of one piece, whatever others write meanwhile."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import psycopg
from psycopg.rows import TupleRow

from adapters.postgres.connection import connect, service_conninfo
from adapters.postgres.failures import unavailable_when_lost

STATEMENT_TIMEOUT_S: Final = 3_600.0
"""One statement may copy a whole table to a slow reader."""


@asynccontextmanager
async def snapshot(dsn: str) -> AsyncIterator[psycopg.AsyncConnection[TupleRow]]:
    """A connection that can only read, in one transaction for as long as the block runs.

    Raises:
        StoreUnavailable: the database is away, or goes away in the middle.
    """
    conninfo = service_conninfo(dsn, statement_timeout_s=STATEMENT_TIMEOUT_S, role=None)
    with unavailable_when_lost():
        async with await connect(conninfo) as connection:
            await connection.set_isolation_level(psycopg.IsolationLevel.REPEATABLE_READ)
            await connection.set_read_only(True)
            async with connection.transaction():
                yield connection
