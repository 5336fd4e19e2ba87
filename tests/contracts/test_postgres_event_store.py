"""The event store's cases over Postgres."""

from collections.abc import AsyncIterator

import pytest

from adapters.postgres.connection import APPLICATION_ROLE, service_conninfo
from adapters.postgres.event_store import PostgresEventStore
from adapters.postgres.pool import read_pool
from tests.contracts.event_store_cases import EventStoreCases
from tests.support.appends import running_appender


class TestPostgresEventStore(EventStoreCases):
    """As it serves: in the role that may only read and append."""

    @pytest.fixture
    async def store(self, database: str) -> AsyncIterator[PostgresEventStore]:
        dsn = service_conninfo(database, statement_timeout_s=5, role=APPLICATION_ROLE)
        async with running_appender(dsn) as appender, read_pool(dsn, 2) as pool:
            yield PostgresEventStore(appender, pool)
