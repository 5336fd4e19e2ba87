"""The event store of a database, for a command that writes beside the service or without it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from adapters.postgres.append_queue import AppendLimits
from adapters.postgres.appender import BatchingAppender
from adapters.postgres.connection import service_conninfo
from adapters.postgres.event_store import PostgresEventStore
from adapters.postgres.pool import read_pool
from app.lifespan import running

STATEMENT_TIMEOUT_S: Final = 30.0
READ_CONNECTIONS: Final = 4

_LIMITS: Final = AppendLimits(
    batch_max_commands=512, statement_timeout_s=STATEMENT_TIMEOUT_S, outcome_deadline_s=STATEMENT_TIMEOUT_S
)
"""Nobody waits at the other end of a socket, so a batch may be large and a busy database gets its time."""


@asynccontextmanager
async def open_event_store(dsn: str) -> AsyncIterator[PostgresEventStore]:
    """The store, with an appender that runs while the block runs and drains at its end."""
    conninfo = service_conninfo(dsn, statement_timeout_s=STATEMENT_TIMEOUT_S, role=None)
    appender = BatchingAppender(conninfo, _LIMITS)
    async with read_pool(conninfo, READ_CONNECTIONS) as pool, running([appender.run], appender.drain):
        yield PostgresEventStore(appender, pool)
