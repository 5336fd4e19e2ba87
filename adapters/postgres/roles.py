"""Whom the service acts as: the application's role, which can read and append and can change nothing."""

import psycopg
import structlog
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Identifier

from adapters.postgres.connection import APPLICATION_ROLE, connect

logger = structlog.get_logger()

_CAN_APPEND = """
SELECT has_table_privilege('stored_events', 'SELECT') AND bool_and(has_function_privilege(oid, 'EXECUTE'))
FROM pg_proc
WHERE proname IN ('turnlog_append_one', 'turnlog_append_batch', 'turnlog_append_each') AND pg_function_is_visible(oid)
"""


async def role_to_act_as(dsn: str) -> str | None:
    """`turnlog_application` when the login may become it and it may append here, else None and a warning.

    To be asked after the migrations. None means that the service can do whatever its login can.

    Raises:
        psycopg.OperationalError: the database cannot be reached.
    """
    async with await connect(dsn) as connection:
        hindrance = await _hindrance(connection)
        if hindrance is None:
            return APPLICATION_ROLE
        logger.warning(
            "acting_as_the_login",
            login=connection.info.user,
            reason=hindrance,
            advice=f"as a superuser, GRANT {APPLICATION_ROLE} TO the login; see the end of 0001_event_store.sql",
        )
        return None


async def _hindrance(connection: psycopg.AsyncConnection[TupleRow]) -> str | None:
    """Why not; tried, because what a membership allows differs between the versions of Postgres."""
    try:
        await connection.execute(SQL("SET ROLE {}").format(Identifier(APPLICATION_ROLE)))
        cursor = await connection.execute(_CAN_APPEND)
    except psycopg.errors.InvalidParameterValue:
        return f"there is no role {APPLICATION_ROLE}"
    except psycopg.errors.InsufficientPrivilege:
        return f"the login may not become {APPLICATION_ROLE}"
    return None if await cursor.fetchone() == (True,) else f"{APPLICATION_ROLE} may not append in this database"
