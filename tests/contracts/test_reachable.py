"""A database that takes no writes is waited for while it recovers, and refused in a sentence where it does not end."""

import asyncio

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from adapters.postgres import reachable
from adapters.postgres.reachable import DatabaseUnreachable, check_reachable
from tests.support.waiting import until

PATIENCE_S = 10.0
STANDBY = """
CREATE SCHEMA standby;
CREATE TABLE standby.recovery AS SELECT true AS is_on;
CREATE FUNCTION standby.pg_is_in_recovery() RETURNS boolean LANGUAGE sql AS 'SELECT is_on FROM standby.recovery';
"""

ASKING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query ~ 'in_recovery[(][)]$'"


@pytest.fixture
def standby(empty_database: str) -> str:
    """The DSN of a database that says that it recovers."""
    with psycopg.connect(empty_database, autocommit=True) as connection:
        connection.execute(STANDBY)
    return make_conninfo(empty_database, options="-c search_path=standby,pg_catalog")


async def test_a_recovery_that_ends_is_waited_for(standby: str) -> None:
    check = asyncio.create_task(check_reachable(standby))
    with psycopg.connect(standby, autocommit=True) as connection:
        await until(lambda: connection.execute(ASKING).fetchone() == (1,), PATIENCE_S)
        assert not check.done()
        connection.execute("UPDATE standby.recovery SET is_on = false")

    await asyncio.wait_for(check, PATIENCE_S)


async def test_a_standby_is_refused_with_what_to_do(standby: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reachable, "RECOVERY_WAIT_MAX_S", 0.05)

    with pytest.raises(DatabaseUnreachable, match="is a standby, or still recovering"):
        await check_reachable(standby)
