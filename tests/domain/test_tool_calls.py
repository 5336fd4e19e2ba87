"""The agent calls tools while it works or speaks."""

import pytest

from domain.conversation import commands as c
from domain.conversation import events as e
from domain.conversation.errors import InvalidCommand, InvalidTransition, LimitReached, UnknownToolCall
from domain.conversation.limits import MAX_OPEN_TOOL_CALLS
from domain.conversation.transitions import State
from tests.support.decider import given
from tests.support.moments import ANSWERED, BARGE_IN, CALLING_TOOL, PROCESSING, RESPONSE, TOOL_CALL, TOOL_CALL_ID

TABLE_FOUND = e.ToolCallCompleted(tool_call_id=TOOL_CALL_ID, result={"tables": [4, 7]})


def test_a_tool_is_called_with_its_arguments() -> None:
    arguments = {"people": 2, "near": ["window"]}
    conversation = (
        given(*PROCESSING)
        .when(c.StartToolCall(tool_call_id="call-2", name="find_table", arguments=arguments))
        .then(e.ToolCallStarted(tool_call_id="call-2", name="find_table", arguments=arguments))
    )
    assert conversation.open_tool_calls == ("call-2",)
    assert conversation.state is State.PROCESSING


def test_starting_the_same_call_again_is_already_true() -> None:
    given(*CALLING_TOOL).when(c.StartToolCall(tool_call_id=TOOL_CALL_ID, name="find_table")).then_nothing()


def test_a_call_ends_with_its_result() -> None:
    command = c.CompleteToolCall(tool_call_id=TOOL_CALL_ID, result={"tables": [4, 7]})
    conversation = given(*CALLING_TOOL).when(command).then(TABLE_FOUND)
    assert conversation.open_tool_calls == ()


def test_a_call_ends_with_its_error() -> None:
    given(*CALLING_TOOL).when(c.CompleteToolCall(tool_call_id=TOOL_CALL_ID, error="No connection.")).then(
        e.ToolCallCompleted(tool_call_id=TOOL_CALL_ID, error="No connection.")
    )


def test_result_and_error_exclude_each_other() -> None:
    command = c.CompleteToolCall(tool_call_id=TOOL_CALL_ID, result=1, error="No connection.")
    given(*CALLING_TOOL).when(command).then_refused(InvalidCommand, field="error")


@pytest.mark.parametrize("moment", [PROCESSING, (*CALLING_TOOL, TABLE_FOUND)], ids=["never begun", "over"])
def test_a_call_that_is_not_open_cannot_end(moment: tuple[e.Event, ...]) -> None:
    given(*moment).when(c.CompleteToolCall(tool_call_id=TOOL_CALL_ID, result=1)).then_refused(
        UnknownToolCall, tool_call_id=TOOL_CALL_ID
    )


def test_the_end_of_the_turn_ends_its_calls() -> None:
    conversation = (
        given(*CALLING_TOOL, RESPONSE)
        .when(c.CancelResponse(reason="too slow"))
        .then(e.ResponseCancelled(response_id=RESPONSE.response_id, reason="too slow"))
    )
    assert conversation.open_tool_calls == ()


def test_no_tool_is_called_outside_a_turn() -> None:
    given(*ANSWERED).when(c.StartToolCall(tool_call_id="call-2", name="find_table")).then_refused(
        InvalidTransition, state=State.IDLE
    )


def test_a_call_stays_open_through_a_false_interruption() -> None:
    resumed = e.SpeechResumed(response_id=RESPONSE.response_id)
    command = c.CompleteToolCall(tool_call_id=TOOL_CALL_ID, result={"tables": [4, 7]})
    given(*CALLING_TOOL, RESPONSE, BARGE_IN, resumed).when(command).then(TABLE_FOUND)


def test_a_turn_has_so_many_open_calls_and_no_more() -> None:
    open_calls = [
        e.ToolCallStarted(tool_call_id=f"call-{number}", name=TOOL_CALL.name) for number in range(MAX_OPEN_TOOL_CALLS)
    ]
    one_more = c.StartToolCall(tool_call_id="one more", name=TOOL_CALL.name)
    given(*PROCESSING, *open_calls).when(one_more).then_refused(LimitReached, limit=MAX_OPEN_TOOL_CALLS)
