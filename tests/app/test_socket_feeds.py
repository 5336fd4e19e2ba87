"""What brings events to the sockets: commits of this process, notifications, a look each second. Each alone will do.

Another process is here an appender with its own connection, whose commits this process learns of as it would of any.
"""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import psycopg
import pytest
from msgspec.structs import replace

from adapters.postgres.appender import BatchingAppender
from adapters.postgres.connection import service_conninfo
from adapters.postgres.listener import NotificationListener
from app.feed import Feed
from tests.support.appends import an_append, message, running_appender
from tests.support.feeds import feeding
from tests.support.postgres import TestDatabases
from tests.support.rest import Rest
from tests.support.server import TEST_SETTINGS, RunningServer, http_client, running_server
from tests.support.sockets import SocketClient, connected

NEVER_S = 60.0
DELIVERED_WITHIN_S = 1.5
EVENTS = 20


async def sleep_forever(_: object) -> None:
    await anyio.sleep_forever()


@pytest.fixture
def no_notifications(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens to what the database announces."""
    monkeypatch.setattr(NotificationListener, "run", sleep_forever)


@pytest.fixture
def no_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    """The feed never reads the store, whatever is announced and however long it takes."""
    monkeypatch.setattr(Feed, "run", sleep_forever)


@asynccontextmanager
async def watched(
    databases: TestDatabases, poll_interval_s: float
) -> AsyncIterator[tuple[SocketClient, Rest, BatchingAppender, RunningServer]]:
    """A client that is live, and two ways to write to its conversation: through its process and past it."""
    settings = replace(TEST_SETTINGS, feed_poll_interval_s=poll_interval_s)
    with databases.clone() as dsn:
        conninfo = service_conninfo(dsn, statement_timeout_s=5, role=None)
        async with (
            running_server(dsn, settings) as server,
            http_client(server) as http,
            running_appender(conninfo) as elsewhere,
        ):
            rest = Rest(http)
            async with connected(server.address, await rest.given_conversation()) as client:
                await client.until_live()
                yield client, rest, elsewhere, server


async def append_elsewhere(elsewhere: BatchingAppender, client: SocketClient, version: int) -> float:
    """An event of another process; when it was stored."""
    await elsewhere.append(an_append(client.conversation_id, version - 1, events=[message(str(version))]))
    return time.monotonic()


@pytest.mark.usefixtures("no_notifications", "no_reading")
async def test_commits_of_this_process_alone_bring_what_this_process_stores(test_databases: TestDatabases) -> None:
    async with watched(test_databases, NEVER_S) as (client, rest, _, _):
        for version in range(2, EVENTS):
            await rest.given_message(client.conversation_id, content=str(version), role="system")
        await client.collect(until_seq=EVENTS - 1)


async def test_notifications_alone_bring_what_another_process_stores(test_databases: TestDatabases) -> None:
    async with watched(test_databases, NEVER_S) as (client, _, elsewhere, _):
        for version in range(2, EVENTS):
            stored_at_s = await append_elsewhere(elsewhere, client, version)
            await client.collect(until_seq=version)
            assert time.monotonic() - stored_at_s < DELIVERED_WITHIN_S


@pytest.mark.usefixtures("no_notifications")
async def test_the_look_each_second_alone_brings_what_another_process_stores(test_databases: TestDatabases) -> None:
    async with watched(test_databases, TEST_SETTINGS.feed_poll_interval_s) as (client, _, elsewhere, _):
        for version in range(2, 5):
            stored_at_s = await append_elsewhere(elsewhere, client, version)
            await client.collect(until_seq=version)
            assert time.monotonic() - stored_at_s < DELIVERED_WITHIN_S


@pytest.mark.parametrize("ending", ["COMMIT", "ROLLBACK"])
async def test_a_transaction_held_open_before_two_appenders_hides_nothing(
    test_databases: TestDatabases, ending: str
) -> None:
    async with (
        watched(test_databases, TEST_SETTINGS.feed_poll_interval_s) as (_, rest, elsewhere, server),
        feeding(server.address) as feed,
        await psycopg.AsyncConnection.connect(server.dsn) as holder,
    ):
        await feed.until_live()
        # given a transaction that has taken a position, and is not over
        await holder.execute("SELECT pg_advisory_xact_lock(turnlog_append_lock())")
        await holder.execute("SELECT nextval(pg_get_serial_sequence('stored_events', 'notification_id'))")
        # when both appenders store behind it, each its own conversations
        async with anyio.create_task_group() as tasks:
            for _ in range(EVENTS):
                tasks.start_soon(elsewhere.append, an_append())
                tasks.start_soon(rest.given_conversation)
            await anyio.sleep(0.3)
            assert await server.head_position() == 1
            await holder.execute(ending)
        # then the feed has everything, in the order of positions: it checks the chain itself
        head = await server.head_position()
        frames = await feed.collect_until(head)
        assert len({frame["conversation_id"] for frame in frames}) == 2 * EVENTS
