"""A real Postgres for the tests: one server for the session, a fresh migrated database for each test."""

import asyncio
import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

from adapters.embedded import EmbeddedPostgres
from adapters.postgres.migrate import migrate

TEMPLATE = "turnlog_template"
EMPTY = "template0"


MEMORY = Path("/dev/shm")
MEMORY_NEEDED_BYTES = 2 * 2**30


@contextmanager
def temporary_folder(parent: Path | None = None) -> Iterator[Path]:
    """A folder that the server's user may pass through, also when the tests run as root; removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="turnlog-test-", dir=parent))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def embedded_server(*, durable: bool = False) -> Iterator[EmbeddedPostgres]:
    """A server in a temporary folder, without any wait for the disk unless it is `durable`."""
    parent = None if durable else memory_folder()
    with (
        temporary_folder(parent) as folder,
        EmbeddedPostgres(folder / "data", durable=durable, pg_bin=pg_bin()) as server,
    ):
        yield server


def memory_folder() -> Path | None:
    """A folder in memory, where a database is cloned three times as fast; None where there is too little."""
    if os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > MEMORY_NEEDED_BYTES:
        return MEMORY
    return None


def pg_bin() -> Path | None:
    """The programs the tests shall run on, when they are not those of the wheel."""
    return Path(value) if (value := os.environ.get("TURNLOG_PG_BIN")) else None


class TestDatabases:
    """Clones of one migrated template. Uses one connection, from the test's main thread."""

    __test__ = False

    def __init__(self, server_dsn: str) -> None:
        self._server_dsn = server_dsn
        self._numbers = itertools.count(1)
        self._connection = psycopg.connect(server_dsn, autocommit=True)

    def create_template(self) -> None:
        """Make the database that the others are clones of."""
        self._connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(TEMPLATE)))
        with asyncio.Runner() as runner:
            runner.run(migrate(self._dsn(TEMPLATE)))

    @contextmanager
    def clone(self, template: str = TEMPLATE) -> Iterator[str]:
        """The DSN of a fresh database, dropped afterwards whoever is still connected."""
        name = f"test_{next(self._numbers)}"
        # Copying files is faster than copying through the log when fsync is off and the template is small.
        create = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
        self._connection.execute(create.format(sql.Identifier(name), sql.Identifier(template)))
        try:
            yield self._dsn(name)
        finally:
            self._connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()

    def _dsn(self, database: str) -> str:
        return psycopg.conninfo.make_conninfo(self._server_dsn, dbname=database)


def begun_transactions(dsn: str) -> int:
    """How many transactions that write have begun on the server of this database so far; asking is one more."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        row = connection.execute("SELECT pg_current_xact_id()::text::bigint").fetchone()
        assert row is not None
        return int(row[0])
