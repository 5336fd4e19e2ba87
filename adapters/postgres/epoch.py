"""The incarnation of the store."""

import psycopg

from adapters.postgres.connection import connect
from adapters.postgres.statements import statement

_EPOCH = statement("epoch")


async def read_epoch(dsn: str) -> str:
    """The present epoch; it changes only while the service is down."""
    async with await connect(dsn) as connection:
        row = await (await connection.execute(_EPOCH)).fetchone()
    if row is None:
        raise psycopg.DataError("the store has no epoch: turnlog_epochs is empty")
    return str(row[0])
