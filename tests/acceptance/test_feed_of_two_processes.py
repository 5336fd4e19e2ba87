"""What one process stores reaches the sockets of another: without a notification, and past a transaction held open."""

import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from typing import Final

import anyio
import httpx
import psycopg
import pytest

from adapters.codec.events import encode, topic_of
from tests.support.appends import an_append, message
from tests.support.feeds import feeding
from tests.support.postgres import embedded_server, temporary_folder
from tests.support.rest import Rest
from tests.support.served import ServedProcess
from tests.support.sockets import connected

DELIVERED_WITHIN_S: Final = 1.5
CONVERSATIONS: Final = 20


@contextmanager
def two_processes() -> Iterator[tuple[ServedProcess, ServedProcess, str]]:
    """And the database that both serve."""
    with embedded_server(durable=True) as postgres, temporary_folder() as folder:
        left, right = (ServedProcess(folder / name, {"DATABASE_URL": postgres.dsn}) for name in ("left", "right"))
        try:
            left.start()
            right.start()
            yield left, right, postgres.dsn
        finally:
            for process in (left, right):
                if process.is_running():
                    process.kill()


def rest_of(process: ServedProcess) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=process.url, timeout=30)


def store_in_silence(dsn: str, conversation_id: str, version: int) -> None:
    """As every process stores, but nobody is notified of it."""
    append = an_append(conversation_id, version - 1, events=[message(f"version {version}")])
    state = encode(append.event_ids[0], append.origin, append.events[0])
    with psycopg.connect(dsn) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(turnlog_append_lock())")
        connection.execute(
            "INSERT INTO stored_events (originator_id, originator_version, topic, state) VALUES (%s, %s, %s, %s)",
            [conversation_id, version, topic_of(append.events[0]), state],
        )


async def test_an_event_whose_notification_is_lost_arrives_within_the_poll_interval() -> None:
    with two_processes() as (left, right, dsn):
        async with AsyncExitStack() as stack:
            conversation_id = await Rest(await stack.enter_async_context(rest_of(left))).given_conversation()
            clients = [
                await stack.enter_async_context(connected(process.url, conversation_id)) for process in (left, right)
            ]
            for client in clients:
                await client.until_live()
            for version in range(2, 6):
                # when an event is stored and nobody is told
                store_in_silence(dsn, conversation_id, version)
                stored_at_s = time.monotonic()
                # then the clients of both processes have it all the same
                for client in clients:
                    await client.collect(until_seq=version)
                assert time.monotonic() - stored_at_s < DELIVERED_WITHIN_S


@pytest.mark.parametrize("ending", ["COMMIT", "ROLLBACK"])
async def test_a_transaction_held_open_before_two_processes_makes_nobody_skip(ending: str) -> None:
    with two_processes() as (left, right, dsn):
        async with AsyncExitStack() as stack:
            rests = [Rest(await stack.enter_async_context(rest_of(process))) for process in (left, right)]
            feeds = [await stack.enter_async_context(feeding(process.url)) for process in (left, right)]
            for feed in feeds:
                await feed.until_live()
            # given a transaction that has taken a position and stays open
            holder = await stack.enter_async_context(await psycopg.AsyncConnection.connect(dsn))
            await holder.execute("SELECT pg_advisory_xact_lock(turnlog_append_lock())")
            await holder.execute("SELECT nextval(pg_get_serial_sequence('stored_events', 'notification_id'))")
            # when both processes store behind it, and it ends in the one way or the other
            positions: list[int] = []

            async def start(rest: Rest) -> None:
                answer = await rest.client.post("/api/v2/conversations", json={})
                positions.append(answer.json()["position"])

            async with anyio.create_task_group() as tasks:
                for number in range(CONVERSATIONS):
                    tasks.start_soon(start, rests[number % 2])
                await anyio.sleep(0.5)
                assert positions == []
                await holder.execute(ending)
            # then both feeds have all of it, in the order of positions
            for feed in feeds:
                frames = await feed.collect_until(max(positions))
                assert [frame["position"] for frame in frames] == sorted(positions)
