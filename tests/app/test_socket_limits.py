"""What a client may send, how fast and how large; and that whoever goes beyond it takes nothing from the others."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import anyio
import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace
from websockets.exceptions import ConnectionClosed

from adapters.system.clock import SystemClock
from app.settings import Settings
from app.ws.inbound import InterimFrame, PingFrame, interim_of, read_frame
from app.ws.interims import interim
from app.ws.protocol import MAX_FRAME_BYTES, Pong
from app.ws.worker import WAITING_MAX_FRAMES
from domain.conversation.errors import InvalidCommand
from tests.support.postgres import TestDatabases
from tests.support.rest import Rest, new_id
from tests.support.server import TEST_SETTINGS, RunningServer, http_client, running_server
from tests.support.sockets import Json, SocketClient, connected
from tests.support.waiting import until

PING_INTERVAL_S = 0.5
BUSY_S = 4 * PING_INTERVAL_S
QUICK_PINGS = replace(TEST_SETTINGS, socket_ping_interval_s=PING_INTERVAL_S)


@asynccontextmanager
async def live(server: RunningServer, rest: Rest) -> AsyncIterator[SocketClient]:
    """A live client of a new conversation."""
    async with connected(server.address, await rest.given_conversation()) as client:
        await client.until_live()
        yield client


async def test_a_burst_passes_then_each_frame_is_refused_until_there_are_tokens_again(
    server: RunningServer, rest: Rest
) -> None:
    async with live(server, rest) as client:
        command_id = new_id()
        for number in range(TEST_SETTINGS.socket_messages_burst):
            await client.send({"type": "ping", "n": number})
        await client.send({"type": "command", "id": command_id, "name": "start_listening"})

        for number in range(TEST_SETTINGS.socket_messages_burst):
            assert (await client.next())["payload"] == {"status": "pong", "n": number}
        refused = (await client.next())["payload"]
        assert (refused["code"], refused["command_id"], refused["retryable"]) == ("rate_limited", command_id, True)
        assert 0 < refused["retry_after_ms"] <= 1_000 / TEST_SETTINGS.socket_messages_per_s
        await asyncio.sleep(refused["retry_after_ms"] / 1_000)
        assert (await client.command("start_listening", command_id=command_id))["replayed"] is False


async def test_who_goes_on_regardless_is_closed_with_4429_and_told_when_to_come_back(
    server: RunningServer, rest: Rest
) -> None:
    async with live(server, rest) as client:
        with suppress(ConnectionClosed):
            for _ in range(10 * TEST_SETTINGS.socket_messages_burst):
                await client.send({"type": "ping"})
        frames = []
        while (frame := await client.next())["payload"].get("status") != "closing":
            frames.append(frame)
        assert (await client.closed())[1] == 4429

    assert frame["payload"]["after_ms"] > 0
    assert frames[-1]["payload"]["fatal"] is True


GARBAGE: dict[str, list[bytes | str]] = {
    "frames": ['{"type": "ping"}'],
    "commands": ['{"type": "command", "name": "record_message", "payload": {"role": "user", "content": "x"}}'],
    "no JSON": ["{"],
    "oversize": ["x" * (MAX_FRAME_BYTES + 1)],
    "binary": [b"\0"],
    "large": ['{"type": "interim", "payload": {"text": "' + "x" * 60_000 + '"}}'],
}


@pytest.mark.parametrize("kind", GARBAGE)
async def test_while_one_floods_the_commands_of_another_are_acknowledged(
    server: RunningServer, rest: Rest, kind: str
) -> None:
    over = anyio.Event()

    async def flood(conversation_id: str) -> None:
        while not over.is_set():
            async with connected(server.address, conversation_id) as client:
                with suppress(ConnectionClosed):
                    for number in range(1_000_000):
                        if over.is_set():
                            return
                        await client.connection.send(GARBAGE[kind][0])
                        if number % 50 == 0:
                            await asyncio.sleep(0)

    async with live(server, rest) as other, anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(flood, await rest.given_conversation())
        for version in range(2, 22):
            ack = await other.command("record_message", role="system", content="note")
            assert ack["version"] == version
            await asyncio.sleep(0.05)
        over.set()


@given(st.binary(max_size=300).flatmap(lambda raw: st.sampled_from([raw, b'{"type":"interim","payload":' + raw])))
@example(b'{"type":"ping","n":' + b"9" * 30 + b"}")
@example(b'{"type":"interim","payload":{"response_id":"r","delta":"x","offset":' + b"9" * 30 + b"}}")
@example(b'{"type":"interim","payload":{"segment_id":"s","text":"x","is_final":false,"revision":' + b"9" * 30 + b"}}")
@example(b'{"type":"interim","payload":{"event":"started","at_ms":-' + b"9" * 30 + b"}}")
@example(b'{"type":"interim","payload":{"text":"x","is_final":false,"confidence":1e308}}')
@example(b'{"type":"interim","payload":{"text":"x","is_final":false,"confidence":1e999}}')
@example(b'{"type":"interim","payload":' + b"[" * 5_000)
@example(b'{"type":"interim","payload":{"text":"\\ud800","is_final":false}}')
def test_no_bytes_are_anything_but_a_frame_or_a_refusal(raw: bytes) -> None:
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return
    try:
        frame = read_frame(text)
        if isinstance(frame, InterimFrame):
            interim(interim_of(frame), "conversation", "epoch", SystemClock().now())
        elif isinstance(frame, PingFrame):
            msgspec.json.encode(Pong(n=frame.n))
    except InvalidCommand:
        pass


class SlowCommands:
    """In place of the use case: takes its time, then does it."""

    def __init__(self, server: RunningServer, seconds: float) -> None:
        self._gateway = vars(server.parts.gateway)
        self._run_command = self._gateway["_run_command"]
        self._gateway["_run_command"] = self
        self.seconds = seconds

    async def __call__(self, request: Any) -> Any:
        await asyncio.sleep(self.seconds)
        return await self._run_command(request)


@asynccontextmanager
async def own_server(databases: TestDatabases, settings: Settings) -> AsyncIterator[tuple[RunningServer, Rest]]:
    with databases.clone() as dsn:
        async with running_server(dsn, settings) as server, http_client(server) as http:
            yield server, Rest(http)


async def test_a_handler_that_is_busy_over_many_pings_does_not_cost_the_connection(
    test_databases: TestDatabases,
) -> None:
    async with own_server(test_databases, QUICK_PINGS) as (server, rest):
        slow = SlowCommands(server, BUSY_S)
        async with live(server, rest) as client:
            ids = [new_id() for _ in range(10)]
            for command_id in ids:
                await client.send(note(command_id))
            await asyncio.sleep(BUSY_S / 2)
            slow.seconds = 0
            answers = [await client.find(lambda frame: frame["type"] == "ack") for _ in ids]

    assert [answer["payload"]["command_id"] for answer in answers] == ids


async def test_commands_beyond_those_that_may_wait_are_refused_as_overloaded_and_the_others_done(
    test_databases: TestDatabases,
) -> None:
    unlimited = replace(TEST_SETTINGS, socket_messages_burst=1_000)
    async with own_server(test_databases, unlimited) as (server, rest):
        slow = SlowCommands(server, 0.5)
        async with live(server, rest) as client:
            ids = [new_id() for _ in range(WAITING_MAX_FRAMES + 10)]
            for command_id in ids:
                await client.send(note(command_id))
            refused = [await client.find(lambda frame: frame["type"] == "error") for _ in range(9)]
            slow.seconds = 0
            acks = [await client.find(lambda frame: frame["type"] == "ack") for _ in range(WAITING_MAX_FRAMES + 1)]

    assert {answer["payload"]["code"] for answer in refused} == {"overloaded"}
    told = [answer["payload"]["command_id"] for answer in acks + refused]
    assert told == ids


def note(command_id: str) -> Json:
    payload = {"role": "system", "content": "note"}
    return {"type": "command", "id": command_id, "name": "record_message", "payload": payload}


async def test_a_client_that_answers_no_ping_is_freed(test_databases: TestDatabases) -> None:
    async with own_server(test_databases, QUICK_PINGS) as (server, rest):
        conversation_id = await rest.given_conversation()
        address = server.address.rpartition("/")[2].rpartition(":")
        reader, writer = await asyncio.open_connection(address[0], int(address[2]))
        descriptors = len(os.listdir("/proc/self/fd"))
        writer.write(
            f"GET /api/ws/conversations/{conversation_id} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
            "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
        )
        await reader.readuntil(b'"status":"live"')
        await until(lambda: len(server.parts.live) == 0 and server.parts.hub.subscriber_count == 0)
        assert b"\x03\xf3" in await reader.read()  # 1011
        writer.transport.abort()
        await until(lambda: len(os.listdir("/proc/self/fd")) < descriptors)
