"""Versions: expected ones, entity tags, and the conversation as it was."""

import asyncio
from typing import Any

import pytest

from app.principal import ANYBODY
from app.use_cases.run_command import command_request
from domain.conversation.commands import RecordMessage
from domain.ids import ConversationId
from tests.support.rest import NOBODYS_ID, Rest, as_json, new_id, path, then_problem
from tests.support.server import RunningServer


def if_match(version: object) -> dict[str, str]:
    return {"If-Match": f'"{version}"'}


async def test_if_match_at_the_right_version(rest: Rest) -> None:
    conversation_id = await rest.given_conversation()

    response = await rest.command(conversation_id, "start_listening", headers=if_match(1))

    assert response.headers["etag"] == '"2"'


@pytest.mark.parametrize("version", [0, 2, 17])
async def test_if_match_at_another_version(rest: Rest, version: int) -> None:
    conversation_id = await rest.given_conversation()

    response = await rest.command(conversation_id, "start_listening", headers=if_match(version))

    assert then_problem(response, 412, "precondition_failed", "If-Match")["version"] == 1
    assert len(await rest.event_types(conversation_id)) == 1


async def test_every_write_takes_if_match(rest: Rest) -> None:
    conversation_id = await rest.given_conversation()
    message_id = (await rest.given_message(conversation_id, role="tool", content="{}"))["message"]["id"]
    stale: dict[str, Any] = {"headers": if_match(1)}

    answers = [
        await rest.client.post(path(conversation_id, "/messages"), json={"content": "Hello?"}, **stale),
        await rest.client.patch(path(conversation_id), json={"metadata": {"a": "b"}}, **stale),
        await rest.client.put(path(conversation_id, "/end"), **stale),
        await rest.client.post(path(conversation_id, f"/messages/{message_id}/feedback"), json={"rating": 1}, **stale),
        await rest.client.post("/api/v2/conversations", json={}, **stale),
    ]

    for answer in answers:
        then_problem(answer, 412, "precondition_failed", "If-Match")
    assert len(await rest.event_types(conversation_id)) == 2


@pytest.mark.parametrize("value", ["1", '"x"', '"-1"', '"1", "2"', '"' + "9" * 19 + '"', '"' + "1" * 300 + '"', ""])
async def test_if_match_that_is_no_version(rest: Rest, value: str) -> None:
    conversation_id = await rest.given_conversation()

    response = await rest.command(conversation_id, "start_listening", headers={"If-Match": value})

    then_problem(response, 400, "invalid_header", "If-Match")


async def test_if_match_of_anything(rest: Rest) -> None:
    conversation_id = await rest.given_conversation()

    assert (await rest.command(conversation_id, "start_listening", headers={"If-Match": "*"})).status_code == 200
    then_problem(await rest.command(NOBODYS_ID, "start_listening", headers={"If-Match": "*"}), 404, "not_found")


async def test_expected_version_in_the_body(rest: Rest) -> None:
    conversation_id = await rest.given_conversation()
    url = path(conversation_id, "/commands")

    at_another = await rest.client.post(url, json={"name": "start_listening", "expected_version": 7})
    contradicted = await rest.client.post(
        url, json={"name": "start_listening", "expected_version": 1}, headers=if_match(2)
    )
    at_the_right = await rest.client.post(url, json={"name": "start_listening", "expected_version": 1})

    assert then_problem(at_another, 409, "conflict")["version"] == 1
    then_problem(contradicted, 400, "invalid_command", "expected_version")
    assert at_the_right.status_code == 200


async def test_of_many_with_the_same_expected_version_one_wins(rest: Rest) -> None:
    conversation_id = await rest.given_conversation()

    answers = await asyncio.gather(
        *(rest.post_message(conversation_id, role="tool", content="{}", headers=if_match(1)) for _ in range(20))
    )

    assert sorted(answer.status_code for answer in answers) == [201, *[412] * 19]
    assert len(await rest.event_types(conversation_id)) == 2


async def test_a_caller_who_has_the_version_gets_nothing(rest: Rest) -> None:
    conversation_id = await rest.given_conversation()
    url = path(conversation_id)

    for value in ('"1"', 'W/"1"', '"7", "1"', "*"):
        response = await rest.client.get(url, headers={"If-None-Match": value})
        assert (response.status_code, response.content) == (304, b"")
        assert response.headers["etag"] == '"1"'
    for value in ('"2"', "1", "", '"1'):
        assert (await rest.client.get(url, headers={"If-None-Match": value})).status_code == 200


async def test_time_travel_by_version(rest: Rest) -> None:
    conversation_id = await rest.given_speaking(metadata={"plan": "gold"})
    then = await rest.conversation(conversation_id)
    await rest.given_message(conversation_id, role="assistant", content="At seven.")
    await rest.client.patch(path(conversation_id), json={"metadata": {"plan": None}})

    assert await rest.conversation(conversation_id, at_version=3) == then
    assert (await rest.conversation(conversation_id, at_version=1))["message_count"] == 0
    assert (await rest.conversation(conversation_id, at_version=5)) == await rest.conversation(conversation_id)


async def test_time_travel_by_time(rest: Rest) -> None:
    conversation_id = await rest.given_conversation()
    for name in ("start_listening", "stop_listening"):
        await rest.given_command(conversation_id, name)
    times = [event["occurred_at"] for event in (await rest.get(path(conversation_id, "/events")))["data"]]

    states = [(await rest.conversation(conversation_id, at=time))["version"] for time in times]

    assert states == [1, 2, 3]
    assert (await rest.conversation(conversation_id, at="2100-01-01T00:00:00+01:00"))["version"] == 3


async def test_a_version_that_never_was(rest: Rest) -> None:
    conversation_id = await rest.given_conversation()
    url = path(conversation_id)

    of_the_future = await rest.client.get(url, params={"at_version": 2})
    of_the_past = await rest.client.get(url, params={"at": "1999-12-31T23:59:59Z"})
    of_both = await rest.client.get(url, params={"at": "2100-01-01T00:00:00Z", "at_version": 1})
    of_nothing = await rest.client.get(path(new_id()), params={"at_version": 1})

    assert then_problem(of_the_future, 404, "version_not_found")["version"] == 1
    assert then_problem(of_the_past, 404, "version_not_found")["version"] == 1
    then_problem(of_both, 400, "invalid_query", "at")
    then_problem(of_nothing, 404, "not_found")


async def test_a_long_history_is_read_in_pieces(rest: Rest, server: RunningServer) -> None:
    conversation_id = await rest.given_conversation()
    message = RecordMessage(role="tool", content="{}")
    for _ in range(1_030):
        await server.parts.service.run_command(command_request(ANYBODY, ConversationId(conversation_id), message))

    assert (await rest.conversation(conversation_id, at_version=1_010))["message_count"] == 1_009
    assert (await rest.conversation(conversation_id, at="2100-01-01T00:00:00Z"))["version"] == 1_031


async def test_fifty_recorded_messages_at_once_all_succeed(rest: Rest) -> None:
    conversation_id = await rest.given_conversation()

    answers = await asyncio.gather(
        *(rest.post_message(conversation_id, role="tool", content=str(number)) for number in range(50))
    )

    assert {answer.status_code for answer in answers} == {201}
    assert sorted(as_json(answer)["version"] for answer in answers) == list(range(2, 52))
