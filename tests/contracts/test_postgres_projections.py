"""The cases of the projection store and the read models over Postgres, and what only a database can do."""

from collections.abc import AsyncIterator

import pytest

from adapters.postgres.pool import read_pool
from adapters.postgres.projection_store import PostgresProjectionStore
from adapters.postgres.read_models import PostgresReadModels
from tests.contracts.projection_store_cases import ProjectionStoreCases
from tests.contracts.quarantine_cases import QuarantineCases
from tests.contracts.read_model_cases import ReadModelCases
from tests.support.projecting import nobody_projects


@pytest.fixture
def store(database: str) -> PostgresProjectionStore:
    return PostgresProjectionStore(database)


@pytest.fixture
async def models(database: str) -> AsyncIterator[PostgresReadModels]:
    async with read_pool(database, 2) as pool:
        yield PostgresReadModels(pool, nobody_projects())


class TestPostgresProjectionStore(ProjectionStoreCases):
    """As it serves."""


class TestPostgresQuarantine(QuarantineCases):
    """As it serves."""


class TestPostgresReadModels(ReadModelCases):
    """As they serve."""
