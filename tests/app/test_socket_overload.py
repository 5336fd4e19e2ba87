"""One client that takes nothing harms nobody else; and whoever leaves, in whatever way, leaves nothing behind."""

import asyncio
import gc
import os
import time
from collections.abc import Callable, Coroutine
from typing import Any

import anyio
import pytest

from app.ws.subscriber import QUEUE_MAX_BYTES
from app.ws.transport import FrameTransport
from tests.support.postgres import TestDatabases
from tests.support.rest import Rest
from tests.support.server import TEST_SETTINGS, RunningServer, http_client, running_server
from tests.support.sockets import SocketClient, connected, tcp_socket
from tests.support.waiting import until

SMALL_BUFFER_BYTES = 16 * 1024
LARGE_TEXT = "0123456789" * 3_000
CLOSED_WITHIN_S = 10.0
GROWTH_MAX_BYTES = 5 * 2**20
DELIVERED_WITHIN_S = 1.0
LEAVERS = 200
LEAVERS_AT_ONCE = 25


def held_by(server: RunningServer) -> int:
    """Bytes that the server keeps for its clients because the network does not take them."""
    size_bytes = 0
    for live in server.parts.live:
        outlet, queued = vars(live.subscriber)["_outlet"], vars(live.subscriber)["_size_bytes"]
        assert isinstance(outlet, FrameTransport)
        assert queued <= QUEUE_MAX_BYTES
        size_bytes += queued + outlet.transport.get_write_buffer_size()
    return size_bytes


@pytest.mark.parametrize("text", ["small", LARGE_TEXT], ids=["a little", "much"])
async def test_a_client_that_stops_reading_is_closed_in_time_while_the_others_hear_everything(
    test_databases: TestDatabases, text: str
) -> None:
    with test_databases.clone() as dsn:
        async with running_server(dsn) as server, http_client(server) as http:
            rest = Rest(http)
            conversation_id = await rest.given_conversation()
            stuck = connected(server.address, conversation_id, receive_buffer_bytes=SMALL_BUFFER_BYTES)
            async with connected(server.address, conversation_id) as quick, stuck as slow:
                for client in (quick, slow):
                    await client.until_live()
                # given a client that has stopped reading, and whose buffers are full
                version = 1
                while not any(live.subscriber.is_waiting for live in server.parts.live):
                    version = await say(rest, quick, conversation_id, LARGE_TEXT)
                full_s = time.monotonic()
                # when the conversation goes on
                while len(server.parts.live) == 2:
                    version = await say(rest, quick, conversation_id, text)
                    assert held_by(server) < GROWTH_MAX_BYTES
                    assert time.monotonic() - full_s < CLOSED_WITHIN_S + 2.5
                    await asyncio.sleep(0.1)
                # then it is told so, and gets the rest when it comes back
                frames, code, _ = await slow.closed()
                assert code == 4499
            last = max(frame["seq"] for frame in frames if frame.get("part") in (None, [2, 2]))
            async with connected(server.address, conversation_id, after=last) as resumed:
                handshake = await resumed.until_live()
            assert handshake[0]["payload"]["resume"]["outcome"] == "resumed"
            assert (handshake[1]["seq"], handshake[-2]["seq"]) == (last + 1, version)


async def say(rest: Rest, listener: SocketClient, conversation_id: str, text: str) -> int:
    """The version of a message, which the listener hears in time."""
    answer = await rest.given_message(conversation_id, content=text, role="system")
    async with asyncio.timeout(DELIVERED_WITHIN_S):
        await listener.collect(until_seq=answer["version"])
    return int(answer["version"])


async def closes(client: SocketClient) -> None:
    await client.connection.close()


async def breaks_off(client: SocketClient) -> None:
    client.connection.transport.abort()


async def is_sent_away(client: SocketClient) -> None:
    for _ in range(3):
        await client.connection.send("{")
    assert (await client.closed())[1] == 4400


async def asks_and_leaves(client: SocketClient) -> None:
    await client.send({"type": "command", "name": "record_message", "payload": {"role": "user", "content": "x"}})
    client.connection.transport.abort()


async def speaks_and_leaves(client: SocketClient) -> None:
    await client.interim(segment_id="s", revision=1, text="I", is_final=False)
    await client.connection.close(1001)


WAYS: tuple[Callable[[SocketClient], Coroutine[Any, Any, None]], ...] = (
    closes,
    breaks_off,
    is_sent_away,
    asks_and_leaves,
    speaks_and_leaves,
)


async def test_who_leaves_leaves_nothing_behind(server: RunningServer, rest: Rest) -> None:
    conversations = [await rest.given_conversation() for _ in range(5)]

    async def visit(numbers: range) -> None:
        for number in numbers:
            async with connected(server.address, conversations[number % 4]) as client:
                if number % 7:
                    await client.until_live()
                await WAYS[number % len(WAYS)](client)
            hasty = tcp_socket(server.address)
            hasty.send(b"GET /api/ws/conversations/x HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n")
            hasty.close()

    await visit(range(len(WAYS)))
    await until(lambda: len(server.parts.live) == 0)
    before = left_behind(server)
    before["descriptors"] += TEST_SETTINGS.read_pool_max_connections  # the pool of the database may have grown
    async with anyio.create_task_group() as tasks:
        for first in range(0, LEAVERS, LEAVERS // LEAVERS_AT_ONCE):
            tasks.start_soon(visit, range(first, first + LEAVERS // LEAVERS_AT_ONCE))

    await until(lambda: left_behind(server) <= before, patience_s=10)
    assert left_behind(server)["connections"] == 0
    assert left_behind(server)["channels"] == 0


class Left(dict[str, int]):
    """Counts that are compared one by one."""

    def __le__(self, other: "Left") -> bool:
        return all(self[name] <= other[name] for name in self)


def left_behind(server: RunningServer) -> Left:
    """What there is for connections."""
    gc.collect()
    return Left(
        connections=len(server.parts.live),
        channels=len(vars(server.parts.hub)["_channels"]),
        tasks=len(asyncio.all_tasks()),
        descriptors=len(os.listdir("/proc/self/fd")),
        transports=sum(isinstance(one, FrameTransport) for one in gc.get_objects()),
    )


async def test_who_comes_later_hears_what_is_being_said_until_it_is_final(server: RunningServer, rest: Rest) -> None:
    conversation_id = await rest.given_conversation()
    async with connected(server.address, conversation_id) as speaker:
        await speaker.until_live()
        for revision, text in ((1, "A"), (3, "A table"), (2, "A ta")):
            await speaker.interim(segment_id="s-1", revision=revision, text=text, is_final=False)
        heard = [(await speaker.next())["payload"]["text"] for _ in range(2)]
        assert heard == ["A", "A table"]

        # given somebody who comes in the middle of it
        async with connected(server.address, conversation_id) as later:
            _, snapshot, _ = await later.until_live()
            assert [one["payload"]["text"] for one in snapshot["payload"]["interims"]] == ["A table"]
            assert (await later.next())["payload"]["text"] == "A table"
            # when it becomes final
            await speaker.command("submit_user_message", content="A table.", segment_ids=["s-1"])
            assert (await later.next_durable())["payload"]["text"] == "A table."
        # then who comes after that hears no more of it
        async with connected(server.address, conversation_id) as last:
            _, snapshot, _ = await last.until_live()
            assert "interims" not in snapshot["payload"]
            await last.send({"type": "ping", "n": 1})
            assert (await last.next())["payload"] == {"status": "pong", "n": 1}
