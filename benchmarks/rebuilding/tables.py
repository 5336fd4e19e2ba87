"""Two empty tables like the live ones for somebody else to fill, and the judgement of what came of it."""

from typing import Final

from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Composed, Identifier

from adapters.postgres.rebuild.indexes import MEMORY as INDEX_MEMORY
from adapters.postgres.rebuild.tables import create_like, missing_indexes, table_name, view_name
from adapters.postgres.row_writer import Tables
from benchmarks.database import connected
from benchmarks.sql import text_of
from benchmarks.subject import BenchmarkError
from projections.registry import BY_NAME, ProjectionName

MADE: Final = Tables(sessions="made_sessions", messages="made_messages")
CONVERSATION: Final[dict[ProjectionName, str]] = {"sessions": "id", "messages": "session_id"}
LIVE_VERSION: Final = "SELECT version FROM projection_tables WHERE projection = %s AND status = 'live'"


async def create_tables(dsn: str) -> None:
    """Without indexes."""
    async with connected(dsn) as connection:
        for projection in BY_NAME:
            await create_like(connection, await _live_table(connection, projection), _made_table(projection))


async def build_indexes(connection: AsyncConnection[TupleRow]) -> None:
    """Those of the live tables, one after the other, with as much memory as a rebuild has; then the statistics."""
    await connection.execute(f"SET maintenance_work_mem = '{INDEX_MEMORY}'")
    for projection in BY_NAME:
        live, made = await _live_table(connection, projection), _made_table(projection)
        for definition in (await missing_indexes(connection, live, made, "_made")).values():
            await connection.execute(definition.encode())
        await connection.execute(SQL("VACUUM (ANALYZE) {}").format(Identifier(made)))


async def refuse_what_differs(dsn: str, until_position: int) -> None:
    """Of the conversations that began up to the position, each row must be as the live tables have it."""
    async with connected(dsn) as connection:
        for projection in BY_NAME:
            query = SQL(text_of("rows_that_differ.sql")).format(
                live=Identifier(view_name(projection)),
                made=Identifier(_made_table(projection)),
                conversation=Identifier(CONVERSATION[projection]),
            )
            row = await (await connection.execute(query, [until_position])).fetchone()
            assert row is not None
            if row[0]:
                raise BenchmarkError(f"{row[0]:,} rows of {projection} are not those of Turnlog")


def on_made_tables(name: str) -> Composed:
    """The statement of that file."""
    return MADE.statement(SQL(text_of(name)))


def _made_table(projection: ProjectionName) -> str:
    return MADE.sessions if projection == "sessions" else MADE.messages


async def _live_table(connection: AsyncConnection[TupleRow], projection: ProjectionName) -> str:
    row = await (await connection.execute(LIVE_VERSION, [projection])).fetchone()
    assert row is not None
    return table_name(projection, row[0])
