"""Whether there is a database at all that can be written: asked first, and answered in a sentence."""

import time
from typing import Final

import anyio
import psycopg
import structlog
from psycopg.rows import TupleRow

from adapters.postgres.connection import CONNECT_TIMEOUT_S

RECOVERY_WAIT_MAX_S: Final = 30.0
RECOVERY_LOOK_INTERVAL_S: Final = 0.1

logger = structlog.get_logger()


class DatabaseUnreachable(Exception):
    """Nothing that can be written answers under the DSN; the sentence says why, and repeats nothing of a password."""


async def check_reachable(dsn: str) -> None:
    """Connect once, and wait for a recovery that is about to end.

    Raises:
        DatabaseUnreachable: no connection, or to a server that does not stop recovering.
    """
    try:
        async with await psycopg.AsyncConnection.connect(
            dsn, autocommit=True, connect_timeout=CONNECT_TIMEOUT_S
        ) as connection:
            await _wait_until_recovered(connection)
    except psycopg.ProgrammingError as error:
        # Its text would repeat the DSN.
        raise DatabaseUnreachable(
            "DATABASE_URL cannot be read. It looks like postgresql://user:password@host:5432/database."
        ) from error
    except psycopg.OperationalError as error:
        reason = str(error).partition("\n")[0]
        raise DatabaseUnreachable(f"The database does not answer: {reason}. Check DATABASE_URL.") from error


async def _wait_until_recovered(connection: psycopg.AsyncConnection[TupleRow]) -> None:
    """A server that replays a log takes connections before it takes writes."""
    deadline_s = time.monotonic() + RECOVERY_WAIT_MAX_S
    is_told = False
    while await (await connection.execute("SELECT pg_is_in_recovery()")).fetchone() == (True,):
        if time.monotonic() > deadline_s:
            raise DatabaseUnreachable(
                "The database takes no writes: it is a standby, or still recovering. Give DATABASE_URL the primary, or "
                "start again when the recovery has ended."
            )
        if not is_told:
            logger.info("database_recovers", wait_max_s=RECOVERY_WAIT_MAX_S)
            is_told = True
        await anyio.sleep(RECOVERY_LOOK_INTERVAL_S)
