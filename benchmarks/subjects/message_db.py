"""message-db: its `write_message`, driven by pgbench so that no client stands in its way."""

from pathlib import Path
from typing import Final

from psycopg import AsyncConnection
from psycopg.sql import SQL, Identifier

from benchmarks import payload, sql
from benchmarks.database import execute
from benchmarks.measurement import Measurement
from benchmarks.subject import Subject
from benchmarks.subjects.pgbench import Script, run
from benchmarks.tools import Missing

# The order of its own install.sh. Left out: the pgcrypto extension (Postgres has gen_random_uuid itself since 13),
# the role, its privileges and the views for people, none of which a write touches.
INSTALL_ORDER: Final = (
    "schema/message-store.sql",
    "tables/messages.sql",
    "types/message.sql",
    "functions/hash-64.sql",
    "functions/acquire-lock.sql",
    "functions/category.sql",
    "functions/is-category.sql",
    "functions/id.sql",
    "functions/cardinal-id.sql",
    "functions/stream-version.sql",
    "functions/write-message.sql",
    "indexes/messages-id.sql",
    "indexes/messages-stream.sql",
    "indexes/messages-category.sql",
)


def subject(program: Path | Missing, package: Path | Missing) -> Subject:
    absent = [each.reason for each in (program, package) if isinstance(each, Missing)]

    async def prepare(dsn: str) -> None:
        assert isinstance(package, Path)
        await _install(dsn, package / "node_modules" / "@eventide" / "message-db" / "database")

    async def measure(dsn: str, callers: int, seconds: float) -> Measurement:
        assert isinstance(program, Path)
        script = Script(sql.path_of("write_message.pgbench.sql"), {"state": payload.JSON_TEXT})
        return await run(program, script, dsn, callers, seconds)

    return Subject(
        name="message_db",
        callers_are="connections",
        prepare=prepare,
        measure=measure,
        missing="; ".join(absent) or None,
    )


async def _install(dsn: str, folder: Path) -> None:
    await _set_search_path(dsn)
    for name in INSTALL_ORDER:
        await execute(dsn, (folder / name).read_text(encoding="utf-8"))


async def _set_search_path(dsn: str) -> None:
    """For the connections of pgbench as well: the functions call each other without their schema."""
    async with await AsyncConnection.connect(dsn, autocommit=True) as connection:
        database = Identifier(connection.info.dbname)
        await connection.execute(SQL("ALTER DATABASE {} SET search_path = message_store, public").format(database))
