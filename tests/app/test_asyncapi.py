"""The AsyncAPI document says what goes over sockets: the shared client holds every frame of every test against it."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema_rs import Draft7Validator
from litestar.routes import WebSocketRoute
from msgspec import Struct

from app.ws import protocol
from app.ws.asyncapi.close_codes import described_codes
from app.ws.asyncapi.document import document
from app.ws.asyncapi.messages import SERVER_MESSAGES, ServerMessage, as_json, client_messages, envelope_of
from app.ws.inbound import read_frame
from app.ws.protocol import CLOSE_CODES, CloseCode, Envelope
from tests.support.rest import Rest
from tests.support.server import RunningServer, application_of
from tests.support.socket_schemas import check_client_frame, check_server_frame, is_client_frame, messages_like
from tests.support.sockets import Json, connected

WRITTEN: Json = as_json(document())
OFFICIAL_SCHEMA = Path(__file__).parents[1] / "support" / "asyncapi" / "3.0.0.json"
NAMES = {message.name for message in SERVER_MESSAGES}


def references(value: Any) -> Iterator[str]:
    """Every `$ref` in a JSON value."""
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"]
        value = list(value.values())
    for child in value if isinstance(value, list) else ():
        yield from references(child)


def found_at(pointer: str) -> Any:
    """What the reference leads to."""
    found: Any = WRITTEN
    for part in pointer.removeprefix("#/").split("/"):
        found = found[part]
    return found


async def test_it_is_served(rest: Rest) -> None:
    response = await rest.client.get("/asyncapi.json")

    assert response.headers["content-type"] == "application/vnd.aai.asyncapi+json;version=3.0.0"
    assert response.json() == WRITTEN


def test_it_is_an_asyncapi_3_document() -> None:
    schema = json.loads(OFFICIAL_SCHEMA.read_text(encoding="utf-8"))

    faults = [f"{error.instance_path}: {error.message}" for error in Draft7Validator(schema).iter_errors(WRITTEN)]

    assert WRITTEN["asyncapi"] == "3.0.0"
    assert faults == []


def test_every_reference_leads_somewhere() -> None:
    there = set(references(WRITTEN))

    assert len(there) > 50
    assert all(found_at(pointer) for pointer in there)


async def test_every_socket_has_a_channel(server: RunningServer) -> None:
    application = application_of(server.parts)
    routes = [route for route in application.routes if isinstance(route, WebSocketRoute)]

    paths = {re.sub(r":[a-z]+}", "}", route.path) for route in routes}
    assert paths == {channel["address"] for channel in WRITTEN["channels"].values()}


def test_every_type_of_the_protocol_is_in_it() -> None:
    types = {name for name, kind in vars(protocol).items() if isinstance(kind, type) and issubclass(kind, Struct)}

    assert types - {Struct.__name__, CloseCode.__name__} <= set(WRITTEN["components"]["schemas"])


@pytest.mark.parametrize("message", SERVER_MESSAGES, ids=lambda message: message.name)
def test_an_example_is_its_message_and_no_other(message: ServerMessage) -> None:
    assert messages_like(as_json(envelope_of(message))) == [message.name]


@pytest.mark.parametrize("message", client_messages(), ids=lambda message: message.name)
def test_the_server_reads_the_examples_of_frames(message: Any) -> None:
    frame = read_frame(json.dumps(message.example))

    assert isinstance(frame, message.frame)
    check_client_frame(message.example)


@pytest.mark.parametrize(
    "change",
    [
        {"loud": True},
        {"type": "shout"},
        {"seq": 17},
        {"ts": "yesterday"},
        {"epoch": None},
        {"rev": None},
        {"payload": {"head": "17", "status": "live"}},
        {"payload": {"head": 17, "status": "live", "loud": True}},
        {"payload": {"status": "live"}},
    ],
    ids=str,
)
def test_a_frame_that_is_not_in_it_does_not_pass(change: Json) -> None:
    live = next(as_json(envelope_of(message)) for message in SERVER_MESSAGES if message.name == "live")
    check_server_frame(live)

    with pytest.raises(AssertionError, match="has no such frame"):
        check_server_frame(live | change)


@pytest.mark.parametrize(
    "frame", [{"type": "shout"}, {"type": "command"}, {"type": "command", "name": "dance"}], ids=str
)
def test_a_frame_that_clients_cannot_send_is_not_in_it(frame: Json) -> None:
    assert not is_client_frame(frame)


async def test_what_a_conversation_says_is_in_it(server: RunningServer, rest: Rest) -> None:
    # given a client that sends every kind of frame
    conversation_id = await rest.given_conversation()
    async with connected(server.address, conversation_id) as client:
        frames = await client.until_live()
        await client.send({"type": "ping", "n": 1})
        await client.interim(text="A table", is_final=False, segment_id="s1", revision=1)
        await client.interim(response_id="r1", offset=0, delta="At ")
        await client.interim(event="playback_progress", actor="agent", at_ms=20)
        await client.send({"type": "ack", "seq": 1})
        for name, payload in (
            ("start_listening", {}),
            ("submit_user_message", {"content": "A table for two."}),
            ("complete_response", {"content": "At seven?"}),
            ("submit_user_message", {"content": "At eight."}),
            ("fail_turn", {"code": "agent_lost", "message": "Gone.", "retryable": True}),
            ("resume_speech", {}),
        ):
            await client.send({"type": "command", "name": name, "payload": payload})
        while frames[-1]["type"] != "error" or frames[-1]["seq"] is not None:
            frames.append(await client.next())

    # then each message is one of the document, and all are seen but those of long silence and of the end
    seen = [messages_like(frame) for frame in frames]
    assert [names for names in seen if len(names) != 1] == []
    assert {name for (name,) in seen} == NAMES - {"heartbeat", "draining", "closing", "replay_over"}


def test_close_codes_say_how_long_to_wait() -> None:
    assert [(row.code, row.name, row.action, row.meaning) for row in described_codes()] == [
        (row.code, row.name, row.action, row.meaning) for row in CLOSE_CODES
    ]
    assert [row.name for row in described_codes() if (row.backoff is None) != (row.action == "stop")] == []
    assert msgspec.json.decode(msgspec.json.encode(described_codes())) == WRITTEN["x-close-codes"]


async def test_the_page_shows_everything_and_needs_nothing_else(rest: Rest) -> None:
    page = await rest.client.get("/docs/websocket")

    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    links = re.findall(r'(?:src|href)="([^"]*)"', page.text)
    inner = {link.removeprefix("#") for link in links if link.startswith("#")}
    assert set(links) - {f"#{name}" for name in inner} == {"data:,", "/docs", "/asyncapi.json"}
    assert inner | set(WRITTEN["components"]["schemas"]) <= set(re.findall(r'id="([^"]*)"', page.text))
    assert all(f"<td>{row.code}</td>" in page.text for row in CLOSE_CODES)
    assert all(
        f"<code>{name}</code>" in page.text for name in msgspec.json.schema(Envelope)["$defs"]["Envelope"]["properties"]
    )
    assert 'href="/docs/websocket"' in (await rest.client.get("/docs")).text
