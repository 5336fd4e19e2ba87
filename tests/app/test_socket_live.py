"""A live socket: commands and their answers, interim messages, and everybody hears the same."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import anyio
import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs
from websockets.exceptions import ConnectionClosed

from adapters.postgres.connection import service_conninfo
from tests.support.appends import an_append, message, running_appender
from tests.support.postgres import TestDatabases
from tests.support.rest import Rest, new_id, path
from tests.support.server import TEST_SETTINGS, RunningServer, http_client, running_server
from tests.support.sockets import Json, SocketClient, connected
from tests.support.waiting import until

SMALL_BUFFER_BYTES = 16 * 1024
UNLIMITED = replace(TEST_SETTINGS, socket_messages_per_s=1_000_000, socket_messages_burst=1_000_000)
LARGE_TEXT = "0123456789" * 3_000


@asynccontextmanager
async def clients(server: RunningServer, conversation_id: str, count: int) -> AsyncIterator[list[SocketClient]]:
    """So many live clients of one conversation."""
    async with AsyncExitStack() as stack:
        connections = [
            await stack.enter_async_context(connected(server.address, conversation_id)) for _ in range(count)
        ]
        for client in connections:
            await client.until_live()
        yield connections


async def test_a_command_is_acknowledged_when_it_is_stored(server: RunningServer, rest: Rest) -> None:
    conversation_id, command_id = await rest.given_conversation(), new_id()
    async with clients(server, conversation_id, 1) as (client,):
        ack = await client.command("start_listening", command_id=command_id, source="voice")

    events = (await rest.get(path(conversation_id, "/events")))["data"]
    assert (
        ack
        == {
            "command_id": command_id,
            "version": 2,
            "position": events[1]["position"],
            "durable": True,
            "replayed": False,
        }
        | ack
    )
    assert (events[1]["command_id"], events[1]["data"]["source"]) == (command_id, "voice")


async def test_the_same_command_again_has_the_same_answer_and_no_effect(server: RunningServer, rest: Rest) -> None:
    conversation_id, command_id = await rest.given_conversation(), new_id()
    async with clients(server, conversation_id, 1) as (client,):
        first = await client.command("submit_user_message", command_id=command_id, content="Hello?")
        await client.command("complete_response", content="Yes?")
        again = await client.command("submit_user_message", command_id=command_id, content="Hello?")
        mismatch = await client.refused("submit_user_message", command_id=command_id, content="Hello!")

    assert again == {**first, "replayed": True}
    assert mismatch["code"] == "idempotency_mismatch"
    assert len(await rest.event_types(conversation_id)) == 3


async def test_the_same_command_over_rest_and_socket_is_one(server: RunningServer, rest: Rest) -> None:
    conversation_id, command_id = await rest.given_conversation(), new_id()
    headers = {"Idempotency-Key": command_id}
    await rest.command(conversation_id, "start_listening", headers=headers, source="text")

    async with clients(server, conversation_id, 1) as (client,):
        ack = await client.command("start_listening", command_id=command_id, source="text")

    assert (ack["version"], ack["replayed"]) == (2, True)


async def test_a_refused_command_tells_state_and_what_is_allowed(server: RunningServer, rest: Rest) -> None:
    async with clients(server, await rest.given_speaking(), 1) as (client,):
        error = await client.refused("retry_turn")
        busy = await client.refused("submit_user_message", content="And?")

    assert (error["code"], error["state"], error["version"]) == ("invalid_transition", "SPEAKING", 3)
    assert "interrupt_response" in error["allowed"]
    assert (error["retryable"], error["fatal"]) == (False, False)
    assert busy["code"] == "busy"


async def test_an_expected_version_that_is_not_true_is_a_conflict(server: RunningServer, rest: Rest) -> None:
    async with clients(server, await rest.given_conversation(), 1) as (client,):
        conflict = await client.refused("start_listening", expected_version=7)
        ack = await client.command("start_listening", expected_version=1)

    assert (conflict["code"], conflict["version"]) == ("conflict", 1)
    assert ack["version"] == 2


@pytest.mark.parametrize(
    ("name", "payload", "field"),
    [
        ("sing", {}, "name"),
        ("submit_user_message", {}, "payload.content"),
        ("submit_user_message", {"content": 5}, "payload.content"),
        ("submit_user_message", {"content": "\0"}, "payload.content"),
        ("change_metadata", {"metadata": {"plan": "\0"}}, "payload.metadata.plan"),
        ("start_listening", {"source": "radio"}, "payload.source"),
        ("start_listening", {"loud": True}, "payload.loud"),
        ("record_feedback", {"message_id": "1", "rating": 1}, "payload.message_id"),
        ("change_metadata", {"metadata": {str(number): "x" for number in range(17)}}, "payload.metadata"),
    ],
)
async def test_a_payload_that_is_not_acceptable_names_the_field_and_keeps_the_socket(
    server: RunningServer, rest: Rest, name: str, payload: Json, field: str
) -> None:
    async with clients(server, await rest.given_conversation(), 1) as (client,):
        for _ in range(4):
            error = await client.refused(name, **payload)
            assert (error["code"], error["field"]) == ("invalid_command", field)

        assert (await client.command("start_listening"))["version"] == 2


async def test_interims_reach_everybody_and_are_never_stored(server: RunningServer, rest: Rest) -> None:
    conversation_id = await rest.given_speaking()
    transcript = {"segment_id": "s-1", "revision": 3, "text": "At ei", "is_final": False}
    delta = {"response_id": "r-1", "offset": 4, "delta": "eight"}
    async with clients(server, conversation_id, 2) as (speaker, listener):
        for payload in (transcript, delta, {"event": "playback_progress", "at_ms": 120}):
            await speaker.interim(**payload)
        heard = [await listener.next() for _ in range(3)]
        own = [await speaker.next() for _ in range(3)]

    assert heard == own
    assert [frame["type"] for frame in heard] == ["transcript_update", "ai_response", "speech_event"]
    assert all((frame["seq"], frame["final"]) == (None, False) for frame in heard)
    assert [(frame.get("key"), frame.get("rev")) for frame in heard] == [("s-1", 3), ("r-1", 4), (None, None)]
    assert (heard[0]["payload"], heard[1]["payload"]) == (transcript, delta)
    assert len(await rest.event_types(conversation_id)) == 3


async def test_an_interim_that_claims_to_be_final_is_refused(server: RunningServer, rest: Rest) -> None:
    async with clients(server, await rest.given_conversation(), 1) as (client,):
        await client.interim(text="At eight.", is_final=True)

        assert (await client.next())["payload"]["field"] == "payload.is_final"


async def test_everybody_gets_the_same_frames_whoever_wrote(server: RunningServer, rest: Rest) -> None:
    conversation_id = await rest.given_conversation()
    async with clients(server, conversation_id, 3) as (first, second, third):
        await first.command("submit_user_message", content="A table?")
        await second.command("start_response", response_id="r-1")
        await rest.given_command(conversation_id, "complete_response", content="At seven.")
        await rest.client.put(path(conversation_id, "/end"))
        for client in (first, second, third):
            await client.find(lambda frame: frame["seq"] == 5)

    durable = [[text for text in client.texts if '"seq":null' not in text] for client in (first, second, third)]
    assert durable[0] == durable[1] == durable[2]
    assert len(durable[0]) == 6


async def test_what_another_process_appends_arrives_in_order(test_databases: TestDatabases) -> None:
    with test_databases.clone() as dsn:
        conninfo = service_conninfo(dsn, statement_timeout_s=5, role=None)
        async with running_server(dsn) as server, http_client(server) as http, running_appender(conninfo) as elsewhere:
            rest = Rest(http)
            conversation_id = await rest.given_conversation()
            async with clients(server, conversation_id, 2) as (first, second):
                # when another process and this one write by turns, with commands of one event and of many
                version = 1
                for count in (1, 3, 1, 100, 2):
                    events = [message(f"{version + number}") for number in range(count)]
                    await elsewhere.append(an_append(conversation_id, version, events=events))
                    answer = await rest.given_message(conversation_id, content="here", role="system")
                    version += count + 1
                    assert answer["version"] == version
                # then both clients get them all, in the order of versions, which they check themselves
                for client in (first, second):
                    await client.find(lambda frame: frame["seq"] == version)
                assert first.texts[3:] == second.texts[3:]


async def test_a_slow_client_is_closed_with_4499_and_the_others_go_on(server: RunningServer, rest: Rest) -> None:
    conversation_id = await rest.given_conversation()
    slow_connection = connected(server.address, conversation_id, receive_buffer_bytes=SMALL_BUFFER_BYTES)
    async with clients(server, conversation_id, 1) as (quick,), slow_connection as slow:
        await slow.until_live()

        # when one client reads nothing until its queue is full
        version = 1
        while server.parts.hub.subscriber_count == 2:
            await rest.given_message(conversation_id, content=LARGE_TEXT, role="system")
            version += 1
            await quick.collect(until_seq=version)

        # then it is told so when it reads again, and what it got until then has no hole
        frames, code, reason = await slow.closed()
        assert (code, reason) == (4499, "slow_consumer")
        last = max(frame["seq"] for frame in frames if frame.get("part") in (None, [2, 2]))
        assert last < version

        # and it resumes from there, while the other one has missed nothing
        async with connected(server.address, conversation_id, after=last) as resumed:
            await resumed.until_live()
            assert (await quick.command("start_listening"))["version"] == version + 1
            await resumed.collect(until_seq=version + 1)


async def test_many_clients_of_many_conversations_hear_their_own(server: RunningServer, rest: Rest) -> None:
    async def hold(number: int) -> None:
        conversation_id = await rest.given_conversation()
        async with clients(server, conversation_id, 2) as (speaker, listener):
            for turn in range(5):
                await speaker.command("submit_user_message", content=f"{number}.{turn}?")
                await speaker.command("complete_response", content=f"{number}.{turn}!")
            frames = await listener.collect(until_seq=11)
        texts = [frame["payload"]["text"] for frame in frames if "text" in frame["payload"]]
        assert texts == [f"{number}.{turn}{mark}" for turn in range(5) for mark in "?!"]

    async with anyio.create_task_group() as tasks:
        for number in range(20):
            tasks.start_soon(hold, number)


async def test_half_a_surrogate_pair_makes_a_frame_malformed_and_names_the_field(
    server: RunningServer, rest: Rest
) -> None:
    async with clients(server, await rest.given_conversation(), 1) as (client,):
        frame = {"type": "command", "name": "submit_user_message", "payload": {"content": "\ud800"}}
        await client.connection.send(json.dumps(frame))

        error = (await client.next())["payload"]
        assert (error["field"], error["fatal"]) == ("payload.content", False)


async def test_a_service_that_stops_in_the_middle_of_sending_logs_no_failure(test_databases: TestDatabases) -> None:
    codes = []

    async def chatter(address: str, conversation_id: str, number: int) -> None:
        async with connected(address, conversation_id) as client:
            with suppress(ConnectionClosed):
                while True:
                    await client.interim(event="playback_progress", at_ms=number)
                    while (await client.next())["payload"].get("at_ms") != number:
                        pass
            codes.append(client.connection.close_code)

    with test_databases.clone() as dsn, capture_logs() as logs:
        async with (
            anyio.create_task_group() as tasks,
            running_server(dsn, UNLIMITED) as server,
            http_client(server) as http,
        ):
            conversation_id = await Rest(http).given_conversation()
            for number in range(8):
                tasks.start_soon(chatter, server.address, conversation_id, number)
            await until(lambda: server.parts.hub.subscriber_count == 8)
            await anyio.sleep(0.1)

    assert codes == [1012] * 8
    assert [entry for entry in logs if entry["log_level"] == "error"] == []
