"""The numbered tables behind the views: their names, and how a new one is made like the one that is live."""

from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Identifier, Literal

from adapters.postgres.statements import statement
from projections.registry import ProjectionName

_MISSING_INDEXES = statement("rebuild_missing_indexes")

_CREATE = SQL(
    "CREATE TABLE {new} (LIKE {live} INCLUDING DEFAULTS INCLUDING GENERATED INCLUDING COMMENTS INCLUDING STORAGE "
    "INCLUDING COMPRESSION INCLUDING CONSTRAINTS)"
)


def view_name(projection: ProjectionName) -> str:
    """The name by which everybody reads and writes."""
    return f"conversation_{projection}"


def table_name(projection: ProjectionName, version: int) -> str:
    """The table itself."""
    return f"{view_name(projection)}_v{version}"


async def create_like(connection: AsyncConnection[TupleRow], live: str, new: str) -> None:
    """An empty table with the columns and settings of the live one, and none of its indexes."""
    await connection.execute(_CREATE.format(new=Identifier(new), live=Identifier(live)))
    query = "SELECT option_name, option_value FROM pg_class, pg_options_to_table(reloptions) WHERE oid = %s::regclass"
    options = await (await connection.execute(query, [live])).fetchall()
    for name, value in options:
        setting = SQL("ALTER TABLE {} SET ({} = {})").format(
            Identifier(new), SQL(".").join([Identifier(part) for part in name.split(".")]), Literal(value)
        )
        await connection.execute(setting)


async def missing_indexes(connection: AsyncConnection[TupleRow], live: str, new: str, suffix: str) -> dict[str, str]:
    """The indexes that the live table has and the new one has not yet, by name, with the statements that make them.

    The primary key comes first.
    """
    cursor = await connection.execute(_MISSING_INDEXES, {"live": live, "new": new, "suffix": suffix})
    return dict(await cursor.fetchall())


async def replace_view(connection: AsyncConnection[TupleRow], projection: ProjectionName, version: int) -> None:
    """Let the name show the table of this version. Views upon the view stay, and so do grants."""
    replace = SQL("CREATE OR REPLACE VIEW {} AS SELECT * FROM {}")
    names = Identifier(view_name(projection)), Identifier(table_name(projection, version))
    await connection.execute(replace.format(*names))


async def drop_table(connection: AsyncConnection[TupleRow], projection: ProjectionName, version: int) -> None:
    """Harmless when it is not there."""
    await connection.execute(SQL("DROP TABLE IF EXISTS {}").format(Identifier(table_name(projection, version))))
