"""Fixtures that every test may ask for."""

from collections.abc import Iterator

import pytest
import structlog

from adapters.embedded import EmbeddedPostgres
from tests.support.hypothesis_profiles import load_hypothesis_profile
from tests.support.postgres import EMPTY, TestDatabases, embedded_server


def pytest_configure() -> None:
    """Before any test is read."""
    load_hypothesis_profile()


@pytest.fixture(autouse=True)
def logs_as_ever() -> Iterator[None]:
    """A command that a test runs in this process sets up its logs, and they end with the test."""
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, bool]]:
    """Async tests run as the service does: asyncio on uvloop."""
    return "asyncio", {"use_uvloop": True}


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[EmbeddedPostgres]:
    """One server for all tests. Nothing it says is durable: start your own to test durability."""
    with embedded_server() as server:
        yield server


@pytest.fixture(scope="session")
def test_databases(postgres_server: EmbeddedPostgres) -> Iterator[TestDatabases]:
    """Makes the databases of the single tests."""
    databases = TestDatabases(postgres_server.dsn)
    databases.create_template()
    yield databases
    databases.close()


@pytest.fixture
def database(test_databases: TestDatabases) -> Iterator[str]:
    """The DSN of a migrated database that nobody else uses; dropped after the test."""
    with test_databases.clone() as dsn:
        yield dsn


@pytest.fixture
def empty_database(test_databases: TestDatabases) -> Iterator[str]:
    """The DSN of a database without any table; dropped after the test."""
    with test_databases.clone(EMPTY) as dsn:
        yield dsn
