"""The hot statements use their indexes, also when the table was tiny, and known to be, at the time of their plan."""

import psycopg
import pytest

from adapters.postgres.append_queue import AppendLimits
from adapters.postgres.append_rows import encode
from adapters.postgres.append_session import AppendSession
from adapters.postgres.appender import BatchingAppender
from adapters.postgres.connection import service_conninfo
from adapters.postgres.event_store import PostgresEventStore
from adapters.postgres.pool import read_pool
from adapters.postgres.rebuild.histories import LAST_ID
from adapters.postgres.statements import statement
from domain.ports import Append
from tests.support.appends import an_append, new_conversation

ENOUGH_FOR_A_KEPT_PLAN = 10


def sequential_scans(dsn: str) -> int:
    """How often the whole table was read so far, by connections that are closed by now."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        query = "SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'stored_events'"
        row = connection.execute(query).fetchone()
    assert row is not None
    return int(row[0])


@pytest.fixture
async def tiny_table(database: str) -> str:
    """The service's DSN of a database with a few events, which the planner has counted."""
    dsn = service_conninfo(database, statement_timeout_s=5, role=None)
    session = AppendSession(dsn, statement_timeout_s=5)
    await session.open()
    await session.append_batch([encode(an_append()) for _ in range(3)])
    await session.close()
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE stored_events")
    return dsn


@pytest.mark.parametrize("commands", [1, 3])
async def test_appends_never_read_the_whole_table(tiny_table: str, commands: int) -> None:
    # given a session that has planned its statements on a tiny table
    before = sequential_scans(tiny_table)
    session = AppendSession(tiny_table, statement_timeout_s=5)
    await session.open()
    # when it appends to known conversations, in both forms
    conversations = [new_conversation() for _ in range(commands)]
    for version in range(ENOUGH_FOR_A_KEPT_PLAN):
        batch = [encode(an_append(conversation, version)) for conversation in conversations]
        assert await session.append_batch(batch) is not None
        again: list[Append] = [an_append(conversation, version) for conversation in conversations]
        outcomes = await session.append_each([encode(append) for append in again])
        assert {outcome.outcome for outcome in outcomes} == {"conflict"}
    await session.close()
    # then it has looked up what it needed
    assert sequential_scans(tiny_table) == before


async def test_reads_of_the_store_never_read_the_whole_table(tiny_table: str) -> None:
    before = sequential_scans(tiny_table)
    append = an_append()
    async with read_pool(tiny_table, max_connections=1) as pool:
        store = PostgresEventStore(BatchingAppender(tiny_table, AppendLimits()), pool)
        for _ in range(ENOUGH_FOR_A_KEPT_PLAN):
            await store.read(append.tenant_id, append.conversation_id)
            await store.find_command(append.tenant_id, append.origin.command_id)
            await store.read_page(0, 10)
            await store.head_position()
    assert sequential_scans(tiny_table) == before


async def test_a_rebuild_reads_whole_histories_in_the_order_of_an_index(tiny_table: str) -> None:
    place = (new_conversation(), 0, LAST_ID, 1_000, 100)

    with psycopg.connect(tiny_table, autocommit=True) as connection:
        connection.execute("SET enable_sort = off")  # where nothing can be sorted, a few rows are not either
        lines = connection.execute(f"EXPLAIN {statement('rebuild_read_histories')}".encode(), place).fetchall()

    plan = "\n".join(line for (line,) in lines)
    assert "Index Scan using stored_events_pkey" in plan
    assert "Sort  (" not in plan
