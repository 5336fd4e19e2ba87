"""The event store's cases over Postgres."""

from collections.abc import AsyncIterator

import pytest

from adapters.postgres.event_store import PostgresEventStore
from adapters.postgres.pool import read_pool
from tests.contracts.event_store_cases import EventStoreCases
from tests.support.appends import running_appender


class TestPostgresEventStore(EventStoreCases):
    """As it serves."""

    @pytest.fixture
    async def store(self, database: str) -> AsyncIterator[PostgresEventStore]:
        async with running_appender(database) as appender, read_pool(database, 2) as pool:
            yield PostgresEventStore(appender, pool)
