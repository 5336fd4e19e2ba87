"""A write sent again takes effect once and is answered with the same bytes (R2, R3), whatever happened since."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from app.http.requests import KEY_NAMESPACE
from tests.support.rest import CONVERSATIONS, Rest, as_json, key, new_id, path, then_problem
from tests.support.server import RunningServer, http_client, running_server

Write = Callable[[Rest, str, dict[str, str]], Awaitable[httpx.Response]]

MESSAGE_ID = "00000000-0000-7000-8000-0000000000aa"


def _sent(method: str, rest_of_path: str, body: dict[str, Any] | None) -> Write:
    async def write(rest: Rest, conversation_id: str, headers: dict[str, str]) -> httpx.Response:
        return await rest.client.request(method, path(conversation_id, rest_of_path), json=body, headers=headers)

    return write


async def _start(rest: Rest, _conversation_id: str, headers: dict[str, str]) -> httpx.Response:
    return await rest.client.post(CONVERSATIONS, json={"user_id": "user-1"}, headers=headers)


WRITES: dict[str, Write] = {
    "start": _start,
    "message of the user": _sent("POST", "/messages", {"content": "And outside, please."}),
    "message of the agent": _sent("POST", "/messages", {"role": "assistant", "content": "At seven."}),
    "recorded message": _sent("POST", "/messages", {"content": "Said.", "record_only": True}),
    "end": _sent("PUT", "/end", {"detail": "hung up"}),
    "metadata": _sent("PATCH", "", {"metadata": {"plan": "gold", "a": "b"}}),
    "feedback": _sent("POST", f"/messages/{MESSAGE_ID}/feedback", {"rating": 1}),
    "command": _sent(
        "POST",
        "/commands",
        {"name": "start_tool_call", "payload": {"tool_call_id": "c", "name": "find", "arguments": {"n": [1.0, "ü"]}}},
    ),
    "barge-in": _sent("POST", "/commands", {"name": "start_listening", "payload": {"source": "voice"}}),
}


async def given_answering(rest: Rest) -> str:
    """A conversation that takes every one of the writes."""
    conversation_id = await rest.given_speaking(user_id="user-1", policies={"on_busy": "enqueue"})
    await rest.given_message(conversation_id, role="system", content="Be brief.", message_id=MESSAGE_ID)
    return conversation_id


async def _given_much_happened(rest: Rest, conversation_id: str) -> None:
    """Whatever the state allows, and some."""
    await rest.post_message(conversation_id, role="assistant", content="Anything else?")
    await rest.client.patch(path(conversation_id), json={"metadata": {"later": "yes"}})
    await rest.given_message(conversation_id, role="tool", content="{}")
    await rest.client.put(path(conversation_id, "/end"))


@pytest.mark.parametrize("name", WRITES)
async def test_a_retry_is_answered_byte_for_byte(rest: Rest, name: str) -> None:
    conversation_id, headers = await given_answering(rest), key()
    first = await WRITES[name](rest, conversation_id, headers)
    at_once = await WRITES[name](rest, conversation_id, headers)
    written = as_json(first)["conversation"]["id"]
    await _given_much_happened(rest, written)
    events = await rest.event_types(written)

    later = await WRITES[name](rest, conversation_id, headers)

    assert first.is_success, first.text
    assert "idempotent-replayed" not in first.headers
    for retry in (at_once, later):
        assert retry.content == first.content
        assert retry.status_code == first.status_code
        assert retry.headers["etag"] == first.headers["etag"]
        assert retry.headers.get("location") == first.headers.get("location")
        assert retry.headers["idempotent-replayed"] == "true"
    assert await rest.event_types(written) == events


async def test_a_retry_of_an_answer_that_had_been_interrupted(rest: Rest) -> None:
    conversation_id, headers = await rest.given_speaking(), key()
    await rest.given_command(conversation_id, "start_listening")
    await rest.given_command(conversation_id, "resume_speech")
    write = WRITES["message of the agent"]
    first = await write(rest, conversation_id, headers)
    await _given_much_happened(rest, conversation_id)

    assert (await write(rest, conversation_id, headers)).content == first.content


async def test_a_retry_to_another_process(rest: Rest, server: RunningServer) -> None:
    """Nothing of the answer comes from what a process remembers."""
    conversation_id = await given_answering(rest)
    keys = {name: key() for name in WRITES}
    first = {name: await WRITES[name](rest, conversation_id, keys[name]) for name in WRITES}

    async with running_server(server.dsn) as other, http_client(other) as client:
        again = {name: await WRITES[name](Rest(client), conversation_id, keys[name]) for name in WRITES}

    for name, answer in first.items():
        if answer.is_success:
            assert again[name].content == answer.content, name
    assert sum(answer.is_success for answer in first.values()) > len(WRITES) // 2


@pytest.mark.parametrize("name", WRITES)
async def test_fifty_at_once_with_one_key_are_one(rest: Rest, name: str) -> None:
    conversation_id, headers = await given_answering(rest), key()

    answers = await asyncio.gather(*(WRITES[name](rest, conversation_id, headers) for _ in range(50)))

    assert len({answer.content for answer in answers}) == 1
    assert {answer.is_success for answer in answers} == {True}
    assert sum("idempotent-replayed" not in answer.headers for answer in answers) == 1
    written = as_json(answers[0])
    assert len(await rest.event_types(written["conversation"]["id"])) == written["version"]


async def test_the_same_key_with_another_body(rest: Rest) -> None:
    conversation_id, headers = await rest.given_conversation(), key()
    await rest.post_message(conversation_id, content="One.", role="tool", headers=headers)

    response = await rest.post_message(conversation_id, content="Two.", role="tool", headers=headers)

    then_problem(response, 422, "idempotency_mismatch")
    assert len(await rest.event_types(conversation_id)) == 2


async def test_the_same_key_for_another_conversation(rest: Rest) -> None:
    one, other, headers = await rest.given_conversation(), await rest.given_conversation(), key()
    await rest.command(one, "start_listening", headers=headers)

    then_problem(await rest.command(other, "start_listening", headers=headers), 422, "idempotency_mismatch")


async def test_a_refused_command_leaves_its_key_unused(rest: Rest) -> None:
    conversation_id, headers = await rest.given_conversation(), key()
    refused = await rest.command(conversation_id, "start_response", headers=headers)
    await rest.given_message(conversation_id, content="A table?")

    taken = await rest.command(conversation_id, "start_response", headers=headers)

    then_problem(refused, 409, "invalid_transition")
    assert taken.status_code == 200


async def test_a_key_that_is_a_uuid_is_the_command_id(rest: Rest) -> None:
    conversation_id, command_id = await rest.given_conversation(), new_id()

    response = await rest.command(conversation_id, "start_listening", headers=key(command_id.upper()))

    assert response.json()["events"][0]["command_id"] == command_id


async def test_any_other_key_makes_a_command_id(rest: Rest) -> None:
    conversation_id = await rest.given_conversation()

    plain = await rest.command(conversation_id, "start_listening", headers=key("call 17, step 3"))
    quoted = await rest.command(conversation_id, "start_listening", headers=key('"call 17, step 3"'))

    assert plain.json()["events"][0]["command_id"][14] == "5"
    assert quoted.content == plain.content
    assert KEY_NAMESPACE.version == 5


async def test_a_key_in_the_body_is_the_same_key(rest: Rest) -> None:
    conversation_id, command_id = await rest.given_conversation(), new_id()
    url = path(conversation_id, "/commands")
    first = await rest.client.post(url, json={"name": "start_listening", "id": command_id})

    again = await rest.client.post(url, json={"name": "start_listening"}, headers=key(command_id))
    both = await rest.client.post(url, json={"name": "start_listening", "id": command_id}, headers=key(command_id))
    other = await rest.client.post(url, json={"name": "start_listening", "id": command_id}, headers=key())

    assert first.content == again.content == both.content
    then_problem(other, 400, "invalid_command", "id")


async def test_a_new_conversation_takes_the_id_of_its_command(rest: Rest) -> None:
    command_id = new_id()

    response = await rest.client.post(CONVERSATIONS, json={}, headers=key(command_id))

    assert response.json()["conversation"]["id"] == command_id
