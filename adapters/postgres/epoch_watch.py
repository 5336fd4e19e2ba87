"""Notices that the store under a running service is another one than it began with."""

from random import uniform
from typing import Final

import anyio
import psycopg
import structlog
from psycopg.rows import TupleRow

from adapters.postgres.connection import connect
from adapters.postgres.epoch import SERVICE_LOCK, present_epoch
from adapters.postgres.watchdog import cut_after

LOOK_INTERVAL_S: Final = 5.0
STALL_TIMEOUT_S: Final = 10.0
MAX_BACKOFF_S: Final = 2.0

logger = structlog.get_logger()


class EpochOver(Exception):
    """What this process holds in memory is of a store that is gone; the sentence says what to do."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The event store is not the one that this service began with: {reason}. Start the service again; clients "
            "that held more than there is now are told `gap` and get a snapshot."
        )


class EpochWatch:
    """A connection of its own, which also shows that somebody serves this epoch."""

    def __init__(self, dsn: str, epoch: str) -> None:
        self._dsn = dsn
        self._epoch = epoch

    async def run(self) -> None:
        """Look for ever, first thing on every new connection.

        Raises:
            EpochOver: a new epoch has begun, or has to.
        """
        while True:
            try:
                await self._look_on_one_connection()
            except psycopg.Error as error:
                logger.warning("epoch_watch_lost", error=type(error).__name__)
            await anyio.sleep(uniform(0, MAX_BACKOFF_S))  # noqa: S311 - jitter, not a secret

    async def _look_on_one_connection(self) -> None:
        connection = await connect(self._dsn)
        try:
            await self._look(connection)
        finally:
            # Waits for nothing, unlike the end of `async with`, which a cancellation cuts short.
            await connection.close()

    async def _look(self, connection: psycopg.AsyncConnection[TupleRow]) -> None:
        with cut_after(connection, STALL_TIMEOUT_S):
            await connection.execute("SELECT pg_advisory_lock_shared(%s)", [SERVICE_LOCK])
        while True:
            with cut_after(connection, STALL_TIMEOUT_S):
                name, changes = await present_epoch(connection)
            if changes:
                raise EpochOver("; ".join(changes))
            if name != self._epoch:
                raise EpochOver("a new epoch has begun")
            await anyio.sleep(LOOK_INTERVAL_S)
