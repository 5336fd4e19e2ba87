"""The pool of connections for reads."""

from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool

ACQUIRE_TIMEOUT_S = 2.0

Pool = AsyncConnectionPool[AsyncConnection[TupleRow]]


def read_pool(dsn: str, max_connections: int) -> Pool:
    """A pool that is not open yet. A caller waits at most `ACQUIRE_TIMEOUT_S` for a connection."""
    return AsyncConnectionPool(
        dsn,
        min_size=1,
        max_size=max_connections,
        timeout=ACQUIRE_TIMEOUT_S,
        open=False,
        kwargs={"autocommit": True, "prepare_threshold": 0},
        check=None,
        name="turnlog-read",
    )
