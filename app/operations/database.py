"""The database for the commands of an operator: beside a running service, or without any."""

from collections.abc import Iterator
from contextlib import contextmanager

import anyio

from adapters.embedded import EmbeddedPostgres, EmbeddedPostgresError, dsn_of_running
from adapters.postgres.migrate import MigrationError, migrate
from adapters.postgres.reachable import DatabaseUnreachable, check_reachable
from app.settings import Settings


class NoDatabase(Exception):
    """The database of the settings cannot be used; the sentence says why and what to do."""


@contextmanager
def operator_database(settings: Settings) -> Iterator[str]:
    """The DSN of the migrated database: of `DATABASE_URL`, or of the embedded Postgres.

    The embedded one is shared with the service that runs it; where none runs, it is started for the block.
    Call it from the main thread, before any event loop.

    Raises:
        NoDatabase: it cannot be reached or brought to the shape that this code expects.
    """
    try:
        with _dsn(settings) as dsn:
            anyio.run(_prepare, dsn)
            yield dsn
    except (EmbeddedPostgresError, DatabaseUnreachable, MigrationError) as error:
        raise NoDatabase(str(error)) from error


@contextmanager
def _dsn(settings: Settings) -> Iterator[str]:
    dsn = settings.database_url or dsn_of_running(settings.data_dir)
    if dsn is not None:
        yield dsn
        return
    with EmbeddedPostgres(settings.data_dir, pg_bin=settings.pg_bin) as postgres:
        yield postgres.dsn


async def _prepare(dsn: str) -> None:
    await check_reachable(dsn)
    await migrate(dsn)
