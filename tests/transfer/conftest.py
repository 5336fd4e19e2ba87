"""A second database beside `database`."""

from collections.abc import Iterator

import pytest

from tests.support.postgres import TestDatabases


@pytest.fixture
def other_database(test_databases: TestDatabases) -> Iterator[str]:
    """The DSN of another migrated database; dropped after the test."""
    with test_databases.clone() as dsn:
        yield dsn
