"""Whether there is a database at all: asked first, and answered in a sentence."""

import psycopg

from adapters.postgres.connection import CONNECT_TIMEOUT_S


class DatabaseUnreachable(Exception):
    """Nothing answers under the DSN; the sentence says why, and repeats nothing of a password."""


async def check_reachable(dsn: str) -> None:
    """Connect once.

    Raises:
        DatabaseUnreachable: no connection.
    """
    try:
        async with await psycopg.AsyncConnection.connect(dsn, autocommit=True, connect_timeout=CONNECT_TIMEOUT_S):
            pass
    except psycopg.ProgrammingError as error:
        # Its text would repeat the DSN.
        raise DatabaseUnreachable(
            "DATABASE_URL cannot be read. It looks like postgresql://user:password@host:5432/database."
        ) from error
    except psycopg.OperationalError as error:
        reason = str(error).partition("\n")[0]
        raise DatabaseUnreachable(f"The database does not answer: {reason}. Check DATABASE_URL.") from error
