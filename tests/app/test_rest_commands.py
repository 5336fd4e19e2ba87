"""Every command by its name, and the history that comes of it."""

from typing import Any

import pytest

from domain.conversation.commands import COMMAND_TYPES, name_of
from tests.support.rest import NOBODYS_ID, Rest, key, new_id, path, then_problem

Steps = list[tuple[str, dict[str, Any]]]

QUESTION: Steps = [("submit_user_message", {"content": "A table for two?"})]
ANSWERING: Steps = [*QUESTION, ("start_response", {"response_id": "r-1", "model": "m-1"})]
INTERRUPTED: Steps = [*ANSWERING, ("interrupt_response", {"heard_text": "At", "audio_end_ms": 300})]
CALLING: Steps = [*QUESTION, ("start_tool_call", {"tool_call_id": "c-1", "name": "find", "arguments": {"seats": 2}})]
FAILED: Steps = [*QUESTION, ("fail_turn", {"code": "timeout", "message": "No answer.", "retryable": True})]
MESSAGE_ID = "00000000-0000-7000-8000-0000000000aa"
RECORDED: Steps = [("record_message", {"role": "tool", "content": "{}", "message_id": MESSAGE_ID})]

EVERY_COMMAND: list[Steps] = [
    [("start_listening", {"source": "voice"})],
    [("start_listening", {}), ("stop_listening", {"reason": "noise"})],
    QUESTION,
    ANSWERING,
    [*ANSWERING, ("complete_response", {"content": "At seven.", "finish_reason": "stop"})],
    INTERRUPTED,
    [*ANSWERING, ("cancel_response", {"reason": "changed mind"})],
    [*INTERRUPTED, ("resume_speech", {})],
    FAILED,
    [*FAILED, ("retry_turn", {})],
    CALLING,
    [*CALLING, ("complete_tool_call", {"tool_call_id": "c-1", "result": {"free": [1, 2.5, None, True, "x"]}})],
    RECORDED,
    [*RECORDED, ("correct_message", {"message_id": MESSAGE_ID, "content": "{1}"})],
    [*RECORDED, ("record_feedback", {"message_id": MESSAGE_ID, "rating": 5})],
    [("change_metadata", {"metadata": {"plan": "gold"}})],
    [("end_conversation", {"ended_reason": "agent_ended"})],
]


@pytest.mark.parametrize("steps", EVERY_COMMAND, ids=lambda steps: steps[-1][0])
async def test_every_command(rest: Rest, steps: Steps) -> None:
    conversation_id = await rest.given_conversation()

    answers = [await rest.given_command(conversation_id, name, **payload) for name, payload in steps]

    events = [event for answer in answers for event in answer["events"]]
    listed = await rest.get(path(conversation_id, "/events"), after=1)
    conversation = await rest.conversation(conversation_id)
    assert set(answers[-1]) == {"events", "conversation", "version", "position"}
    assert listed["data"] == events
    assert conversation == answers[-1]["conversation"]
    assert [event["version"] for event in events] == list(range(2, 2 + len(events)))
    assert answers[-1]["position"] == events[-1]["position"]


def test_no_command_is_left_out() -> None:
    tried = {name for steps in EVERY_COMMAND for name, _ in steps}

    assert tried == {name_of(command) for command in COMMAND_TYPES} - {"start_conversation"}


async def test_a_conversation_can_be_started_by_a_command(rest: Rest) -> None:
    own_id = new_id()

    answer = await rest.given_command(own_id, "start_conversation", user_id="user-1")

    assert answer["conversation"]["id"] == own_id
    assert [event["type"] for event in answer["events"]] == ["conversation_started"]


async def test_an_event_tells_all(rest: Rest) -> None:
    conversation_id, command_id = await rest.given_conversation(), new_id()
    trace = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}

    await rest.command(conversation_id, "start_listening", headers={**key(command_id), **trace})
    event = (await rest.get(path(conversation_id, "/events")))["data"][-1]

    assert set(event) == {
        "id",
        "conversation_id",
        "version",
        "position",
        "type",
        "schema_version",
        "data",
        "actor",
        "command_id",
        "correlation_id",
        "causation_id",
        "occurred_at",
        "recorded_at",
    }
    assert (event["conversation_id"], event["version"], event["command_id"]) == (conversation_id, 2, command_id)
    assert (event["type"], event["schema_version"]) == ("listening_started", 1)
    assert event["data"] == {"turn": 1, "source": "client"}
    assert event["actor"] == {"type": "user", "id": None, "client_id": None}


async def test_a_wish_that_is_true_already_gives_no_event(rest: Rest) -> None:
    conversation_id = await rest.given_conversation()

    answer = await rest.given_command(conversation_id, "stop_listening")

    assert (answer["events"], answer["version"]) == ([], 1)


async def test_a_command_that_the_state_does_not_allow(rest: Rest) -> None:
    conversation_id = await rest.given_conversation()

    problem = then_problem(await rest.command(conversation_id, "start_response"), 409, "invalid_transition")

    assert (problem["state"], problem["version"]) == ("IDLE", 1)
    assert problem["allowed"] == (await rest.conversation(conversation_id))["allowed"]


async def test_unknown_messages_and_tool_calls(rest: Rest) -> None:
    conversation_id = await rest.given_conversation()
    await rest.given_command(conversation_id, "submit_user_message", content="Hello?")
    correction: dict[str, Any] = {"message_id": new_id(), "content": "Hi?"}

    then_problem(await rest.command(conversation_id, "correct_message", **correction), 404, "unknown_message")
    of_no_call = await rest.command(conversation_id, "complete_tool_call", tool_call_id="c-9", result=1)
    then_problem(of_no_call, 409, "unknown_tool_call")


async def test_a_command_to_nothing(rest: Rest) -> None:
    then_problem(await rest.command(NOBODYS_ID, "start_listening"), 404, "not_found")
    then_problem(await rest.client.get(path(NOBODYS_ID, "/events")), 404, "not_found")
