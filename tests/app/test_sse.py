"""A conversation as Server-Sent Events: word for word what its socket says, resumed by `Last-Event-ID`."""

import asyncio
import socket

import anyio
import httpx
import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from app.http import transport
from app.ws import event_stream
from app.ws.live import SILENT_BEATS, STUCK_BEATS
from tests.support.appends import an_append, message
from tests.support.event_streams import ACCEPT, streaming
from tests.support.postgres import TestDatabases
from tests.support.rest import NOBODYS_ID, Rest, path, then_problem
from tests.support.server import TEST_SETTINGS, RunningServer, http_client, running_server
from tests.support.sockets import connected, tcp_socket
from tests.support.waiting import until

LARGE_TEXT = "0123456789" * 3_000
SMALL_BUFFER_BYTES = 16 * 1024


async def given_dialogue(rest: Rest) -> str:
    """A conversation of six events, of which one gives three messages."""
    conversation_id = await rest.given_speaking()
    await rest.given_command(conversation_id, "interrupt_response", generated_text="At seven, or", heard_text="At")
    await rest.given_command(conversation_id, "start_listening")
    await rest.client.put(path(conversation_id, "/end"))
    return conversation_id


async def test_a_fresh_client_gets_ready_then_a_snapshot_then_live(server: RunningServer, rest: Rest) -> None:
    conversation_id = await rest.given_speaking()

    async with streaming(rest.client, conversation_id) as stream:
        ready, snapshot, live = await stream.until_live()

    headers = stream.response.headers
    assert headers["content-type"] == "text/event-stream"
    assert (headers["cache-control"], headers["x-accel-buffering"]) == ("no-store", "no")
    assert ready.frame["payload"]["resume"]["outcome"] == "fresh"
    assert snapshot.frame["payload"]["as_of_seq"] == live.frame["payload"]["head"] == 3
    assert stream.last_event_id is None
    assert stream.retry_ms == 2_000


async def test_it_says_word_for_word_what_the_socket_says(server: RunningServer, rest: Rest) -> None:
    conversation_id = await rest.given_conversation()
    async with streaming(rest.client, conversation_id) as stream, connected(server.address, conversation_id) as other:
        await stream.until_live()
        await other.until_live()
        for name, payload in (
            ("submit_user_message", {"content": "A table\r\nfor \u2028 two?\n\n"}),
            ("start_response", {}),
            ("interrupt_response", {"generated_text": "At seven, or", "heard_text": "At"}),
        ):
            await rest.given_command(conversation_id, name, **payload)
        events = await stream.collect(until_seq=4)
        await other.collect(until_seq=4)

    assert [event.text for event in events] == other.texts[3:]
    async with streaming(rest.client, conversation_id, after=1) as later:
        assert (await later.until_live())[1:-1] == events


async def test_interim_messages_have_no_id(server: RunningServer, rest: Rest) -> None:
    conversation_id = await rest.given_speaking()
    async with streaming(rest.client, conversation_id) as stream, connected(server.address, conversation_id) as other:
        await stream.until_live()
        await other.until_live()
        await other.interim(segment_id="s-1", revision=1, text="At", is_final=False)
        await other.next()

        assert (await stream.next()).text == other.texts[-1]
    assert stream.last_event_id is None


async def test_a_resume_from_every_id_gives_exactly_the_rest(server: RunningServer, rest: Rest) -> None:
    conversation_id = await given_dialogue(rest)
    async with streaming(rest.client, conversation_id, after=0) as first:
        whole = (await first.until_live())[1:-1]
    epoch = whole[0].frame["epoch"]

    for seen, event in enumerate(whole, start=1):
        if event.id is None:
            continue
        seq = event.id.partition(".")[0]
        # the header counts more than the query, which EventSource sends again as it was
        for headers, query in (
            ({"Last-Event-ID": event.id}, {}),
            ({"Last-Event-ID": event.id}, {"after": 0, "epoch": "another"}),
            ({"Last-Event-ID": seq}, {}),
            ({}, {"after": seq, "epoch": epoch}),
        ):
            async with streaming(rest.client, conversation_id, headers=headers, **query) as stream:
                handshake = await stream.until_live()
            assert handshake[0].frame["payload"]["resume"]["outcome"] == "resumed"
            assert handshake[1:-1] == whole[seen:]


async def test_who_has_seen_an_event_in_part_gets_all_of_it_again(server: RunningServer, rest: Rest) -> None:
    conversation_id = await given_dialogue(rest)
    async with streaming(rest.client, conversation_id, after=2) as stream:
        events = await stream.until_live()
        (cut_at,) = (number for number, event in enumerate(events) if event.frame.get("part") == [2, 3])
    seen = [event.id for event in events[: cut_at + 1] if event.id is not None]

    async with streaming(rest.client, conversation_id, headers={"Last-Event-ID": seen[-1]}) as again:
        await again.next()
        assert (await again.next()).frame["part"] == [1, 3]


@pytest.mark.parametrize("last_event_id", ["99", "2.another", "99.another"])
async def test_what_cannot_be_resumed_is_a_gap_with_a_snapshot(
    server: RunningServer, rest: Rest, last_event_id: str
) -> None:
    conversation_id = await rest.given_speaking()

    async with streaming(rest.client, conversation_id, headers={"Last-Event-ID": last_event_id}) as stream:
        ready, snapshot, _ = await stream.until_live()

    assert ready.frame["payload"]["resume"]["outcome"] == "gap"
    assert snapshot.frame["payload"]["as_of_seq"] == 3


@pytest.mark.parametrize(
    ("accept", "is_stream"),
    [
        ("text/event-stream", True),
        ("TEXT/EVENT-STREAM", True),
        ("application/json, text/event-stream", True),
        ("application/json;q=1.0, text/event-stream;charset=utf-8;q=0.1", True),
        ("text/event-stream;q=0.001", True),
        ("text/event-stream;q=0", False),
        ("text/event-stream; q=0.000, */*", False),
        ("text/event-streams", False),
        ("text/*, */*", False),
        ("application/json", False),
        ("", False),
    ],
)
async def test_the_accept_header_decides(server: RunningServer, rest: Rest, accept: str, is_stream: bool) -> None:
    address = path(await rest.given_conversation(), "/events")
    async with rest.client.stream("GET", address, headers={"Accept": accept}) as response:
        expected = "text/event-stream" if is_stream else "application/json"
        assert (response.status_code, response.headers["content-type"]) == (200, expected)


async def test_refusals_are_problems_before_the_stream_begins(server: RunningServer, rest: Rest) -> None:
    conversation_id = await rest.given_conversation()

    async def refused(address: str = path(conversation_id, "/events"), **headers: str) -> httpx.Response:
        return await rest.client.get(address, headers={**ACCEPT, **headers})

    then_problem(await refused(path(NOBODYS_ID, "/events")), 404, "not_found")
    then_problem(await refused(path("not-an-id", "/events")), 404, "not_found")
    for last_event_id in ("x", "-1", "1.", "9" * 19, "9" * 5_000, ".e"):
        then_problem(await refused(**{"Last-Event-ID": last_event_id}), 400, "invalid_header", "Last-Event-ID")
    for query, field in (("after=-1", "after"), ("after=x", "after"), ("limit=5", "limit"), ("before=3", "before")):
        then_problem(await refused(path(conversation_id, f"/events?{query}")), 400, "invalid_query", field)
    foreign = await refused(Origin="https://evil.example")
    then_problem(foreign, 403, "foreign_origin", "Origin")
    assert "access-control-allow-origin" not in foreign.headers
    assert (len(server.parts.live), server.parts.hub.subscriber_count) == (0, 0)


async def test_a_page_that_may_connect_may_read(server: RunningServer, rest: Rest) -> None:
    origin = {"Origin": "http://localhost:5173"}
    async with streaming(rest.client, await rest.given_conversation(), headers=origin) as stream:
        await stream.until_live()

    assert stream.response.headers["access-control-allow-origin"] == origin["Origin"]
    assert "Origin" in stream.response.headers["vary"]


async def test_caps_are_those_of_sockets(test_databases: TestDatabases) -> None:
    for settings, status, code in (
        (replace(TEST_SETTINGS, sockets_max_per_address=1), 429, "too_many_connections"),
        (replace(TEST_SETTINGS, sockets_max_per_tenant=1), 503, "overloaded"),
    ):
        with test_databases.clone() as dsn:
            async with running_server(dsn, settings) as server, http_client(server) as http:
                conversation_id = await Rest(http).given_conversation()
                async with connected(server.address, conversation_id) as other:
                    await other.until_live()
                    refusal = await http.get(path(conversation_id, "/events"), headers=ACCEPT)
                    then_problem(refusal, status, code)
                    assert int(refusal.headers["retry-after"]) == 5


async def test_a_handshake_that_takes_too_long_is_503(test_databases: TestDatabases) -> None:
    settings = replace(TEST_SETTINGS, handshakes_max_count=1, handshake_timeout_s=0.1)
    with test_databases.clone() as dsn:
        async with running_server(dsn, settings) as server, http_client(server) as http:
            address = path(await Rest(http).given_conversation(), "/events")
            # given somebody else whose handshake does not end
            async with server.parts.drain._admission._handshakes:
                then_problem(await http.get(address, headers=ACCEPT), 503, "overloaded")
            assert (len(server.parts.live), server.parts.hub.subscriber_count) == (0, 0)


async def test_a_client_that_goes_away_leaves_nothing_behind(server: RunningServer, rest: Rest) -> None:
    conversation_id = await rest.given_conversation()
    before = len(asyncio.all_tasks())
    for is_live in (False, True):
        async with http_client(server) as http, streaming(http, conversation_id) as stream:
            await (stream.until_live() if is_live else stream.next())
            assert (len(server.parts.live), server.parts.hub.subscriber_count) == (1, 1)

        await until(lambda: (len(server.parts.live), server.parts.hub.subscriber_count) == (0, 0))
    await until(lambda: len(asyncio.all_tasks()) <= before)


async def test_an_idle_stream_hears_a_heartbeat_with_the_head(server: RunningServer, rest: Rest) -> None:
    async with streaming(rest.client, await rest.given_speaking()) as stream:
        await stream.until_live()
        for _ in range(2):
            for _ in range(SILENT_BEATS + 1):
                await server.parts.pulse.beat()
            heartbeat = (await stream.next()).frame["payload"]
            assert (heartbeat["status"], heartbeat["head"]) == ("heartbeat", 3)


async def test_a_service_that_stops_says_so_and_when_to_come_back(test_databases: TestDatabases) -> None:
    settings = replace(TEST_SETTINGS, drain_spread_s=1.0)

    async def watch(server: RunningServer, conversation_id: str, is_live: anyio.Event) -> None:
        async with http_client(server) as http, streaming(http, conversation_id) as stream:
            await stream.until_live()
            is_live.set()
            draining, closing = [event.frame["payload"] for event in await stream.ended()]
        assert (draining["status"], closing["status"]) == ("draining", "closing")
        assert (closing["code"], closing["action"]) == (1012, "resume")
        assert closing["after_ms"] == draining["after_ms"] == stream.retry_ms

    with test_databases.clone() as dsn, capture_logs() as logs:
        async with anyio.create_task_group() as tasks, running_server(dsn, settings) as server:
            async with http_client(server) as http:
                conversation_id = await Rest(http).given_conversation()
            is_live = anyio.Event()
            tasks.start_soon(watch, server, conversation_id, is_live)
            await is_live.wait()
    assert [entry for entry in logs if entry["log_level"] == "error"] == []


async def test_what_was_said_just_before_the_end_comes_first(server: RunningServer, rest: Rest) -> None:
    async with streaming(rest.client, await rest.given_conversation()) as stream:
        await stream.until_live()
        (connection,) = server.parts.live
        connection.announce_drain(700)
        connection.end("service_restart", 700)
        events = await stream.ended()

    assert [event.frame["payload"]["status"] for event in events] == ["draining", "closing"]
    assert stream.retry_ms == 700


async def test_a_service_that_stops_begins_no_streams(server: RunningServer, rest: Rest) -> None:
    address = path(await rest.given_conversation(), "/events")
    admission = server.parts.drain._admission
    admission.is_draining = True
    try:
        then_problem(await rest.client.get(address, headers=ACCEPT), 503, "service_restart")
    finally:
        admission.is_draining = False


async def test_a_slow_client_is_told_so_when_it_reads_again_and_resumes(server: RunningServer, rest: Rest) -> None:
    conversation_id = await rest.given_conversation()
    narrow = httpx.AsyncHTTPTransport(socket_options=[(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER_BYTES)])
    async with (
        httpx.AsyncClient(base_url=server.address, transport=narrow) as http,
        streaming(http, conversation_id) as stream,
    ):
        await stream.until_live()
        (connection,) = server.parts.live
        # when it reads nothing until its queue is full
        while connection.subscriber.ended is None:
            await rest.given_message(conversation_id, content=LARGE_TEXT, role="system")
        events = await stream.ended()

    closing = events.pop().frame["payload"]
    assert (closing["status"], closing["code"], closing["action"]) == ("closing", 4499, "resume")
    head = (await rest.conversation(conversation_id))["version"]
    assert stream.last_event_id is not None
    async with streaming(rest.client, conversation_id, headers={"Last-Event-ID": stream.last_event_id}) as resumed:
        rest_of_it = (await resumed.until_live())[1:-1]
    seen = int(stream.last_event_id.partition(".")[0])
    assert [event.frame["seq"] for event in rest_of_it][::2] == list(range(seen + 1, head + 1))
    await until(lambda: len(server.parts.live) == 0)


async def test_a_client_that_never_reads_is_cut_off(
    server: RunningServer, rest: Rest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "CUT_AFTER_S", 0.2)
    conversation_id = await rest.given_conversation()
    request = f"GET {path(conversation_id, '/events')} HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n"
    with tcp_socket(server.address, SMALL_BUFFER_BYTES) as connection, capture_logs() as logs:
        await asyncio.get_running_loop().sock_sendall(connection, request.encode())
        await until(lambda: len(server.parts.live) == 1)
        (live,) = server.parts.live
        await until(lambda: live.is_live)
        while not live.subscriber.is_waiting:
            await rest.given_message(conversation_id, content=LARGE_TEXT, role="system")
        for _ in range(STUCK_BEATS + 2):
            await anyio.sleep(0.01)
            await server.parts.pulse.beat()

        assert live.subscriber.ended == "slow_consumer"
        await until(lambda: (len(server.parts.live), server.parts.hub.subscriber_count) == (0, 0))
    assert [entry for entry in logs if entry["log_level"] == "error"] == []


async def test_a_client_that_does_not_read_its_replay_is_cut_off(
    server: RunningServer, rest: Rest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "CUT_AFTER_S", 0.1)
    monkeypatch.setattr(event_stream, "SEND_TIMEOUT_S", 0.1)
    conversation_id = await rest.given_conversation()
    events = [message(LARGE_TEXT) for _ in range(300)]
    await server.parts.store.append(an_append(conversation_id, 1, events=events))
    address = path(conversation_id, "/events?after=0")
    request = f"GET {address} HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n"
    with tcp_socket(server.address, SMALL_BUFFER_BYTES) as connection, capture_logs() as logs:
        await asyncio.get_running_loop().sock_sendall(connection, request.encode())
        await until(lambda: len(server.parts.live) == 1)
        (live,) = server.parts.live
        await until(lambda: len(server.parts.live) == 0)

    assert (live.subscriber.ended, live.is_live) == ("slow_consumer", False)
    assert [entry for entry in logs if entry["log_level"] == "error"] == []


async def test_a_fault_of_ours_ends_the_stream_with_internal_and_says_nothing_of_itself(
    server: RunningServer, rest: Rest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a secret")

    monkeypatch.setattr("app.ws.hub.Channel.go_live", fail)
    with capture_logs() as logs:
        async with streaming(rest.client, await rest.given_conversation()) as stream:
            await stream.until_live()
            (closing,) = await stream.ended()

    assert (closing.frame["payload"]["code"], closing.frame["payload"]["action"]) == (4500, "resume")
    assert [entry["error"] for entry in logs if entry["event"] == "event_stream_failed"] == ["RuntimeError"]
    assert "secret" not in str(logs)
