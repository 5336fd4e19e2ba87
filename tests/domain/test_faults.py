"""A turn fails, and may be tried again."""

import pytest

from domain.conversation import commands as c
from domain.conversation import events as e
from domain.conversation.conversation import Fault, Status, allowed, status
from domain.conversation.errors import InvalidTransition
from domain.conversation.transitions import State
from tests.support.decider import OWN_MESSAGE_ID, conversation_after, given
from tests.support.moments import CALLING_TOOL, CRASH, FAILED, LISTENING, PROCESSING, SPEAKING

FAIL = c.FailTurn(code=CRASH.code, message=CRASH.message, retryable=True)
FINAL_CRASH = e.TurnFailed(code="quota", message="The month's quota is used up.")


@pytest.mark.parametrize("moment", [PROCESSING, SPEAKING], ids=["processing", "speaking"])
def test_a_turn_fails_wherever_it_is(moment: tuple[e.Event, ...]) -> None:
    conversation = given(*moment).when(FAIL).then(CRASH)
    assert conversation.state is State.IDLE
    assert conversation.fault == Fault(code=CRASH.code, message=CRASH.message, retryable=True)
    assert status(conversation) is Status.ERROR


def test_a_fault_while_listening_has_no_message_that_could_be_tried_again() -> None:
    crash = e.TurnFailed(code=CRASH.code, message=CRASH.message, retryable=False)
    conversation = given(*LISTENING).when(FAIL).then(crash)
    assert conversation.state is State.IDLE
    assert "retry_turn" not in allowed(conversation)


def test_a_failed_turn_leaves_no_answer_and_no_tool_call_open() -> None:
    conversation = given(*CALLING_TOOL).when(FAIL).then(CRASH)
    assert conversation.response is None
    assert conversation.open_tool_calls == ()


def test_the_same_turn_is_tried_again() -> None:
    conversation = given(*FAILED).when(c.RetryTurn()).then(e.TurnRetried(turn=1))
    assert conversation.state is State.PROCESSING
    assert conversation.fault is None
    assert conversation.turn == 1


def test_a_turn_is_not_tried_again_while_it_runs() -> None:
    given(*FAILED, e.TurnRetried(turn=1)).when(c.RetryTurn()).then_refused(InvalidTransition, state=State.PROCESSING)


def test_a_final_fault_is_not_tried_again() -> None:
    given(*PROCESSING, FINAL_CRASH).when(c.RetryTurn()).then_refused(
        InvalidTransition,
        allowed=(
            "start_listening",
            "submit_user_message",
            "record_message",
            "correct_message",
            "record_feedback",
            "change_metadata",
            "end_conversation",
        ),
    )


def test_the_next_message_makes_the_fault_forgotten() -> None:
    received = e.UserMessageReceived(message_id=OWN_MESSAGE_ID, turn=2, content="Are you there?")
    conversation = given(*FAILED).when(c.SubmitUserMessage(content="Are you there?")).then(received)
    assert conversation.fault is None


def test_a_fault_that_nobody_cared_for_is_still_there_after_listening() -> None:
    listened = conversation_after([*FAILED, e.ListeningStarted(turn=2), e.ListeningStopped()])
    assert status(listened) is Status.ERROR
