"""What reading from Postgres adds to the contract of the event store: foreign events, and faults."""

import asyncio
from collections.abc import AsyncIterator
from time import perf_counter

import psycopg
import pytest

from adapters.postgres import reading
from adapters.postgres.append_queue import AppendLimits
from adapters.postgres.appender import BatchingAppender
from adapters.postgres.event_store import PostgresEventStore
from adapters.postgres.pool import Pool, read_pool
from domain.errors import StoreUnavailable, UnknownEvent
from domain.ids import DEFAULT_TENANT
from domain.ports import Append, RecordedEvent
from tests.support.appends import an_append, message, running_appender
from tests.support.fault_proxy import FaultProxy

FOREIGN = """
INSERT INTO stored_events (originator_id, originator_version, topic, state) VALUES (%s, %s, 'theirs.v1', 'theirs')
"""
MAX_CONNECTIONS = 4


@pytest.fixture
async def proxy(database: str) -> AsyncIterator[FaultProxy]:
    async with FaultProxy(database) as proxy:
        yield proxy


@pytest.fixture
async def pool(proxy: FaultProxy) -> AsyncIterator[Pool]:
    """Behind the proxy, with all its connections open."""
    async with read_pool(proxy.dsn, MAX_CONNECTIONS) as pool:
        await pool.resize(MAX_CONNECTIONS, MAX_CONNECTIONS)
        await pool.wait()
        yield pool


@pytest.fixture
async def store(proxy: FaultProxy, pool: Pool) -> PostgresEventStore:
    return PostgresEventStore(BatchingAppender(proxy.dsn, AppendLimits()), pool)


async def stored(dsn: str, append: Append) -> tuple[RecordedEvent, ...]:
    async with running_appender(dsn) as appender:
        return await appender.append(append)


def insert_foreign(dsn: str, conversation_id: str, version: int) -> None:
    """As the library or newer code would write: without a command id."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(FOREIGN, [conversation_id, version])


async def test_an_event_of_others_behind_a_command_is_not_taken_for_the_commands(
    database: str, store: PostgresEventStore
) -> None:
    append = an_append(events=[message(), message()])
    events = await stored(database, append)
    insert_foreign(database, append.conversation_id, 3)

    assert await store.find_command(DEFAULT_TENANT, append.origin.command_id) == events


async def test_an_event_of_newer_code_is_skipped_by_the_log_and_refused_by_the_conversation(
    database: str, store: PostgresEventStore
) -> None:
    append = an_append()
    (event,) = await stored(database, append)
    insert_foreign(database, append.conversation_id, 2)

    page = await store.read_page(0, 10)
    assert list(page.events) == [event]
    assert page.unknown_events == 1
    assert page.last_position > event.position
    with pytest.raises(UnknownEvent):
        await store.read(DEFAULT_TENANT, append.conversation_id)


async def test_connections_that_died_in_the_pool_fail_nobody(
    database: str, proxy: FaultProxy, store: PostgresEventStore
) -> None:
    append = an_append()
    events = await stored(database, append)
    proxy.reset()

    assert await store.read(DEFAULT_TENANT, append.conversation_id) == events


async def test_a_database_that_is_away_is_told_within_three_seconds_and_the_pool_heals(
    database: str, proxy: FaultProxy, store: PostgresEventStore
) -> None:
    append = an_append()
    events = await stored(database, append)
    proxy.go_away()
    started_at = perf_counter()

    with pytest.raises(StoreUnavailable):
        await store.read(DEFAULT_TENANT, append.conversation_id)

    assert perf_counter() - started_at < 3.5
    proxy.heal()
    async with asyncio.timeout(10):
        while await _fails(store, append):  # noqa: ASYNC110 - no event tells it
            await asyncio.sleep(0.1)
    assert await store.read(DEFAULT_TENANT, append.conversation_id) == events


async def test_when_all_connections_are_taken_a_read_is_refused_within_two_and_a_half_seconds(
    pool: Pool, store: PostgresEventStore
) -> None:
    taken = [await pool.getconn() for _ in range(MAX_CONNECTIONS)]
    started_at = perf_counter()

    with pytest.raises(StoreUnavailable):
        await store.head_position()

    assert perf_counter() - started_at < 2.5
    for connection in taken:
        await pool.putconn(connection)
    assert await store.head_position() == 0


async def test_a_stalled_link_is_given_up(
    proxy: FaultProxy, store: PostgresEventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "STALL_TIMEOUT_S", 0.3)
    monkeypatch.setattr(reading, "RETRY_WINDOW_S", 0.0)
    proxy.stall()

    with pytest.raises(StoreUnavailable):
        async with asyncio.timeout(2):
            await store.head_position()

    proxy.heal()
    assert await store.head_position() == 0


async def _fails(store: PostgresEventStore, append: Append) -> bool:
    try:
        await store.read(DEFAULT_TENANT, append.conversation_id)
    except StoreUnavailable:
        return True
    return False
