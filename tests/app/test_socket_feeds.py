"""How events reach a socket: by this process's own commits, by notifications, by the poll. Each alone is enough."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from msgspec.structs import replace
from websockets.protocol import State

from adapters.postgres.append_rows import encode
from adapters.postgres.appender import BatchingAppender
from adapters.postgres.connection import service_conninfo
from adapters.postgres.listener import NotificationListener
from adapters.postgres.statements import statement
from tests.support.appends import an_append, message, running_appender
from tests.support.postgres import TestDatabases
from tests.support.rest import Rest
from tests.support.server import TEST_SETTINGS, RunningServer, http_client, running_server
from tests.support.sockets import SocketClient, connected
from tests.support.waiting import until

NEVER = replace(TEST_SETTINGS, feed_poll_interval_s=60.0)
POLLED_WITHIN_S = 1.5
NOTIFIED_WITHIN_S = 1.0
UNKNOWN_EVENT = b'{"type":"mind_read","thought":"?"}'


async def deaf(_listener: NotificationListener) -> None:
    """A listener that hears nothing, ever."""
    await asyncio.Event().wait()


@asynccontextmanager
async def listening_on(
    databases: TestDatabases, settings: Any = TEST_SETTINGS
) -> AsyncIterator[tuple[RunningServer, Rest, str, SocketClient, BatchingAppender]]:
    """A live client of a service, and another process on its database."""
    with databases.clone() as dsn:
        conninfo = service_conninfo(dsn, statement_timeout_s=5, role=None)
        async with (
            running_server(dsn, settings) as server,
            http_client(server) as http,
            running_appender(conninfo) as elsewhere,
        ):
            rest = Rest(http)
            conversation_id = await rest.given_conversation()
            async with connected(server.address, conversation_id) as client:
                await client.until_live()
                yield server, rest, conversation_id, client, elsewhere


async def test_own_commits_alone_are_enough(test_databases: TestDatabases, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(NotificationListener, "run", deaf)
    async with listening_on(test_databases, NEVER) as (_, rest, conversation_id, client, _elsewhere):
        for number in range(20):
            await rest.given_message(conversation_id, content=f"{number}", role="system")
        await client.collect(until_seq=21)


async def test_notifications_alone_are_enough(test_databases: TestDatabases) -> None:
    async with listening_on(test_databases, NEVER) as (_, _rest, conversation_id, client, elsewhere):
        for number in range(20):
            await elsewhere.append(an_append(conversation_id, number + 1, events=[message(f"{number}")]))
        async with asyncio.timeout(NOTIFIED_WITHIN_S):
            await client.collect(until_seq=21)


async def test_without_notifications_the_poll_delivers_in_time(
    test_databases: TestDatabases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(NotificationListener, "run", deaf)
    async with listening_on(test_databases) as (_, _rest, conversation_id, client, elsewhere):
        for version in (1, 2, 3):
            await elsewhere.append(an_append(conversation_id, version, events=[message()]))
            async with asyncio.timeout(POLLED_WITHIN_S):
                await client.collect(until_seq=version + 1)


@pytest.mark.parametrize("is_committed", [True, False], ids=["committed", "rolled back"])
async def test_a_transaction_that_stays_open_makes_the_feed_skip_nothing(
    test_databases: TestDatabases, is_committed: bool
) -> None:
    async with listening_on(test_databases) as (server, _rest, conversation_id, client, elsewhere):
        before = await server.head_position()
        # given a transaction that has taken positions and is not committed
        async with await psycopg.AsyncConnection.connect(server.dsn) as slow:
            other_id = str(uuid4())
            stored = an_append(other_id, 0)
            await append_without_commit(slow, stored)
            # when others append behind it
            behind = asyncio.create_task(elsewhere.append(an_append(conversation_id, 1, events=[message(), message()])))
            await asyncio.sleep(0.3)
            assert await server.head_position() == before
            assert server.parts.feed.position == before
            await (slow.commit() if is_committed else slow.rollback())
        # then whatever is committed arrives, in order
        await behind
        await client.collect(until_seq=3)
        assert len(await server.event_types_after(before)) == (3 if is_committed else 2)
        assert server.parts.feed.position == await server.head_position()


async def append_without_commit(connection: psycopg.AsyncConnection[Any], append: Any) -> None:
    """As the appender does it, but for the commit."""
    encoded = encode(append)
    await connection.execute(
        statement("append_batch"),
        [
            [append.conversation_id],
            [1],
            ["message_recorded.v1"],
            [encoded.states[0]],
            [append.origin.command_id],
            [append.tenant_id],
        ],
    )


async def test_an_event_that_this_release_cannot_read_sends_its_clients_away_and_nobody_else(
    test_databases: TestDatabases,
) -> None:
    async with listening_on(test_databases) as (server, rest, conversation_id, client, _):
        other_id = await rest.given_conversation()
        async with connected(server.address, other_id) as other:
            await other.until_live()
            # given an event of a newer release, the last of its conversation
            insert_unknown(server.dsn, conversation_id, version=2)
            # then its clients are told to come back
            _, code, reason = await closed_late(client)
            assert (code, reason) == (4412, "position_lost")
            # and who does is told why that does not help
            async with connected(server.address, conversation_id, after=1) as resumed:
                frames, code, _ = await resumed.closed()
            assert (frames[0]["payload"]["code"], code) == ("unknown_event", 1013)
            # while others go on
            assert (await other.command("start_listening"))["version"] == 2
            await other.collect(until_seq=2)


async def closed_late(client: SocketClient) -> Any:
    """As `closed`, for what takes longer than a client's patience."""
    await until(lambda: client.connection.state is not State.OPEN, patience_s=12)
    return await client.closed()


def insert_unknown(dsn: str, conversation_id: str, version: int) -> None:
    """As a newer release stores it."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO stored_events (originator_id, originator_version, topic, state) VALUES (%s, %s, %s, %s)",
            [conversation_id, version, "mind_read.v1", UNKNOWN_EVENT],
        )
        connection.execute("NOTIFY stored_events")
