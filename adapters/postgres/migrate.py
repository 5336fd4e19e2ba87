"""Bring a database to the shape this code expects: numbered plain SQL files, each applied once.

A file that was applied is never edited: its checksum is kept, and a change is refused. To change the schema, add
the next number.
"""

import hashlib
import random
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import LiteralString

import anyio
import structlog
from psycopg import AsyncConnection
from psycopg.errors import InsufficientPrivilege
from psycopg.rows import class_row

MIGRATIONS = Path(__file__).parent / "migrations"
LOCK_KEY = 7_261_001
LOCK_WAIT_MAX_S = 60.0
LOCK_RETRY_INTERVAL_S = 0.1

_FILE_NAME = re.compile(r"(?P<number>\d{4})_[a-z0-9_]+\.sql")

_CREATE_TABLE = """
CREATE TABLE IF NOT EXISTS turnlog_migrations (
    number integer PRIMARY KEY,
    name text NOT NULL UNIQUE,
    checksum text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
)
"""

logger = structlog.get_logger()


class MigrationError(Exception):
    """The database cannot be brought to this code's shape; the sentence says why and what to do."""


class InvalidMigrationFolder(MigrationError):
    """A fault of the code, not of the database."""


class ChangedMigration(MigrationError):
    """A file that was applied here has another content now."""


class DatabaseIsNewer(MigrationError):
    """The database was migrated by a newer version of this code."""


class MigrationLockTimeout(MigrationError):
    """Another process holds the migration lock for too long."""


class MigrationNotAllowed(MigrationError):
    """The login may not change the tables."""

    def __init__(self, login: str, told: str | None) -> None:
        super().__init__(
            f"The database is to be migrated, and the login {login!r} may not do it ({told}). Start once with the "
            "login that owns the tables."
        )


@dataclass(frozen=True, kw_only=True)
class Migration:
    """One file of the folder."""

    number: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the text."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class AppliedMigration:
    """One row of turnlog_migrations."""

    number: int
    name: str
    checksum: str


async def migrate(dsn: str, *, folder: Path = MIGRATIONS, lock_wait_max_s: float = LOCK_WAIT_MAX_S) -> list[str]:
    """Apply what is missing, in order, each in its own transaction. Returns the names applied now.

    Needs a direct connection: the lock is the session's, and PgBouncer in transaction mode would lose it.
    """
    migrations = read_migrations(folder)
    async with await AsyncConnection.connect(dsn, autocommit=True) as connection:
        await _acquire_lock(connection, lock_wait_max_s)
        try:
            return await _apply_missing(connection, migrations)
        except InsufficientPrivilege as error:
            raise MigrationNotAllowed(await _login(connection), error.diag.message_primary) from error
        finally:
            await connection.execute("SELECT pg_advisory_unlock(%s)", [LOCK_KEY])


def read_migrations(folder: Path) -> list[Migration]:
    """The folder's files in the order of their numbers, which count 1, 2, 3 without a gap."""
    migrations = [_read(path) for path in sorted(folder.glob("*.sql"))]
    for expected, migration in enumerate(migrations, start=1):
        if migration.number != expected:
            raise InvalidMigrationFolder(f"{migration.name} in {folder} should have the number {expected:04d}.")
    return migrations


def _read(path: Path) -> Migration:
    match = _FILE_NAME.fullmatch(path.name)
    if match is None:
        raise InvalidMigrationFolder(f"{path} should be called like 0001_what_it_does.sql.")
    # read_text makes every line ending the same, so a checkout on another system keeps its checksum.
    return Migration(number=int(match["number"]), name=path.stem, sql=path.read_text(encoding="utf-8"))


async def _acquire_lock(connection: AsyncConnection, wait_max_s: float) -> None:
    """Retried, never a blocking call: waiting inside a statement deadlocks with CREATE INDEX CONCURRENTLY."""
    deadline = time.monotonic() + wait_max_s
    while True:
        cursor = await connection.execute("SELECT pg_try_advisory_lock(%s)", [LOCK_KEY])
        if await cursor.fetchone() == (True,):
            return
        if time.monotonic() >= deadline:
            raise MigrationLockTimeout(
                f"Another process has been migrating this database for more than {wait_max_s:.0f} s. Wait for it to "
                "end, or look for it in pg_stat_activity, and start again."
            )
        # Jitter, so that several processes that start together do not ask in step.
        await anyio.sleep(LOCK_RETRY_INTERVAL_S * random.uniform(0.5, 1.5))  # noqa: S311 - not a secret


async def _apply_missing(connection: AsyncConnection, migrations: list[Migration]) -> list[str]:
    if await _scalar(connection, "SELECT to_regclass('turnlog_migrations') IS NULL"):
        await connection.execute(_CREATE_TABLE)
    applied = await _applied(connection)
    _compare(migrations, applied)
    missing = migrations[len(applied) :]
    for migration in missing:
        await _apply(connection, migration)
    return [migration.name for migration in missing]


async def _login(connection: AsyncConnection) -> str:
    return str(await _scalar(connection, "SELECT current_user"))


async def _scalar(connection: AsyncConnection, query: LiteralString) -> object:
    row = await (await connection.execute(query)).fetchone()
    return None if row is None else row[0]


async def _applied(connection: AsyncConnection) -> list[AppliedMigration]:
    async with connection.cursor(row_factory=class_row(AppliedMigration)) as cursor:
        await cursor.execute("SELECT number, name, checksum FROM turnlog_migrations ORDER BY number")
        return await cursor.fetchall()


def _compare(migrations: list[Migration], applied: list[AppliedMigration]) -> None:
    """What is applied must be the beginning of what this code knows."""
    for row in applied:
        if row.number > len(migrations):
            raise DatabaseIsNewer(
                f"The database has the migration {row.name}, which this version of turnlog does not know. Start a "
                "version at least as new as the one that last ran on this database."
            )
        known = migrations[row.number - 1]
        if (row.name, row.checksum) != (known.name, known.checksum):
            raise ChangedMigration(
                f"The migration {known.name} is not the one applied to this database ({row.name}). Applied migrations "
                "are never edited: put its text back, and make the change in a new file."
            )


async def _apply(connection: AsyncConnection, migration: Migration) -> None:
    async with connection.transaction():
        await connection.execute(migration.sql.encode())
        await connection.execute(
            "INSERT INTO turnlog_migrations (number, name, checksum) VALUES (%s, %s, %s)",
            [migration.number, migration.name, migration.checksum],
        )
    logger.info("migration_applied", name=migration.name)
