"""A second database beside `database`, and a file between the two."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.postgres import TestDatabases


@pytest.fixture
def other_database(test_databases: TestDatabases) -> Iterator[str]:
    """The DSN of another migrated database; dropped after the test."""
    with test_databases.clone() as dsn:
        yield dsn


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where an export goes."""
    return tmp_path / "exported.jsonl"
