"""One running service for all tests of a file. They keep apart by starting conversations of their own."""

from collections.abc import AsyncIterator

import pytest

from tests.support.postgres import TestDatabases
from tests.support.rest import Rest
from tests.support.server import RunningServer, http_client, running_server


@pytest.fixture(scope="module")
async def server(test_databases: TestDatabases) -> AsyncIterator[RunningServer]:
    """The service on a database that only this file uses."""
    with test_databases.clone() as dsn:
        async with running_server(dsn) as running:
            yield running


@pytest.fixture(scope="module")
async def rest(server: RunningServer) -> AsyncIterator[Rest]:
    """A client of it."""
    async with http_client(server) as client:
        yield Rest(client)
