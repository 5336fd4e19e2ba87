"""Two processes on one database, and clients that misbehave on the wire."""

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest
from structlog.testing import capture_logs

from tests.support.rest import CONVERSATIONS, Rest, as_json, key, path
from tests.support.server import RunningServer, http_client, running_server


@pytest.fixture(scope="module")
async def other(server: RunningServer) -> AsyncIterator[Rest]:
    """A client of a second service on the same database."""
    async with running_server(server.dsn) as running, http_client(running) as client:
        yield Rest(client)


async def test_what_one_process_writes_the_other_reads_at_once(rest: Rest, other: Rest) -> None:
    for _ in range(20):
        conversation_id = await rest.given_conversation()
        assert (await other.conversation(conversation_id))["version"] == 1
        written = await rest.given_command(conversation_id, "start_listening")
        assert await other.conversation(conversation_id) == written["conversation"]
        assert (await other.event_types(conversation_id))[-1] == "listening_started"
        posted = await other.given_message(conversation_id, content="Hello?")
        assert await rest.conversation(conversation_id) == posted["conversation"]


async def test_a_list_of_one_process_waits_for_a_write_of_the_other(rest: Rest, other: Rest) -> None:
    for _ in range(10):
        conversation_id = await rest.given_conversation()
        posted = await rest.given_message(conversation_id, content="Hello?")
        url = path(conversation_id, "/messages")

        response = await other.client.get(url, params={"min_position": posted["position"]})

        assert "turnlog-stale" not in response.headers
        assert as_json(response)["data"] == [posted["message"]]


async def test_recorded_messages_through_both_at_once_all_succeed(rest: Rest, other: Rest) -> None:
    conversation_id = await rest.given_conversation()

    answers = await asyncio.gather(
        *(
            through.post_message(conversation_id, role="tool", content=str(number))
            for number in range(25)
            for through in (rest, other)
        )
    )

    assert {answer.status_code for answer in answers} == {201}
    assert sorted(as_json(answer)["version"] for answer in answers) == list(range(2, 52))


async def test_one_key_through_both_at_once_is_one(rest: Rest, other: Rest) -> None:
    conversation_id, headers = await rest.given_conversation(), key()

    answers = await asyncio.gather(
        *(
            through.post_message(conversation_id, content="Hello?", headers=headers)
            for _ in range(25)
            for through in (rest, other)
        )
    )

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert await rest.event_types(conversation_id) == ["conversation_started", "user_message_received"]


@pytest.mark.parametrize(
    "sent",
    [
        b'POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{"user_id": "',
        b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
        b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n{}",
        b"POST %s HTTP/1.1\r\nHost: x y\r\nContent-Length: 2\r\n\r\n{}",
        b"GET %s HTTP/9.9\r\n\r\n",
        b"\x00\xff\r\n\r\n",
    ],
)
async def test_a_client_that_breaks_off_or_speaks_no_http(rest: Rest, server: RunningServer, sent: bytes) -> None:
    address = urlsplit(server.address)
    head = await server.head_position()
    with capture_logs() as logs:
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(sent.replace(b"%s", CONVERSATIONS.encode()))
        writer.write_eof()
        answered = await reader.read(1_000)
        writer.close()
        await rest.given_conversation()

    assert answered[:12] in (b"", b"HTTP/1.1 400", b"HTTP/1.1 415"), answered
    assert "request_failed" not in [log["event"] for log in logs]
    assert await server.event_types_after(head) == ["conversation_started"]
