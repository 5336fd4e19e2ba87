"""What becomes of a wish to speak while the agent has the turn: reject, interrupt or enqueue."""

import pytest
from msgspec.structs import replace

from domain.conversation import commands as c
from domain.conversation import events as e
from domain.conversation.errors import Busy, LimitReached
from domain.conversation.limits import MAX_QUEUED_MESSAGES
from domain.conversation.transitions import State
from tests.support.decider import OWN_MESSAGE_ID, conversation_after, given, message_id
from tests.support.moments import (
    ANSWER,
    BARGE_IN,
    PROCESSING,
    RESPONSE,
    RESPONSE_ID,
    SPEAKING,
    WAITING,
    WAITING_TAKEN,
    processing,
    speaking,
)

HURRY = c.SubmitUserMessage(content="Hurry!")
HURRY_QUEUED = e.UserMessageQueued(message_id=OWN_MESSAGE_ID, content="Hurry!")
HURRY_RECEIVED = e.UserMessageReceived(message_id=OWN_MESSAGE_ID, turn=2, content="Hurry!")


@pytest.mark.parametrize("command", [HURRY, c.StartListening()], ids=["message", "listening"])
def test_reject_refuses_while_the_agent_works(command: c.Command) -> None:
    given(*PROCESSING).when(command).then_refused(Busy, state=State.PROCESSING, version=2, code="busy")


def test_reject_refuses_a_message_while_the_agent_speaks() -> None:
    given(*SPEAKING).when(HURRY).then_refused(Busy, state=State.SPEAKING)


def test_a_busy_conversation_does_not_offer_what_it_refuses() -> None:
    given(*PROCESSING).when(HURRY).then_refused(
        Busy,
        allowed=(
            "start_response",
            "complete_response",
            "cancel_response",
            "fail_turn",
            "start_tool_call",
            "record_message",
            "correct_message",
            "record_feedback",
            "change_metadata",
            "end_conversation",
        ),
    )


def test_interrupt_displaces_the_answer_that_is_worked_on() -> None:
    given(*processing("interrupt")).when(HURRY).then(e.ResponseCancelled(reason="displaced"), HURRY_RECEIVED)


def test_interrupt_cuts_the_answer_that_is_spoken() -> None:
    cut = replace(BARGE_IN, source="user")
    given(*speaking("interrupt")).when(HURRY).then(cut, HURRY_RECEIVED)


def test_interrupt_lets_the_user_begin_to_speak_while_the_agent_works() -> None:
    given(*processing("interrupt")).when(c.StartListening(source="voice")).then(
        e.ResponseCancelled(reason="displaced"), e.ListeningStarted(turn=2, source="voice")
    )


def test_enqueue_lets_nobody_speak_into_the_work() -> None:
    given(*processing("enqueue")).when(c.StartListening()).then_refused(Busy, state=State.PROCESSING)


@pytest.mark.parametrize("moment", [processing("enqueue"), speaking("enqueue")], ids=["processing", "speaking"])
def test_enqueue_keeps_the_message_with_all_its_fields(moment: tuple[e.Event, ...]) -> None:
    command = c.SubmitUserMessage(
        content="Hurry!", message_id=message_id(7), language="en", confidence=0.9, metadata={"client": "web"}
    )
    queued = e.UserMessageQueued(
        message_id=message_id(7), content="Hurry!", language="en", confidence=0.9, metadata={"client": "web"}
    )
    conversation = given(*moment).when(command).then(queued)
    assert conversation.queue == (queued,)
    assert conversation.message_count == 2


@pytest.mark.parametrize(
    ("command", "closing"),
    [
        (c.CompleteResponse(content="At seven."), ANSWER),
        (c.CancelResponse(), e.ResponseCancelled(response_id=RESPONSE_ID)),
        (
            c.FailTurn(code="crash", message="The agent is gone."),
            e.TurnFailed(code="crash", message="The agent is gone."),
        ),
    ],
    ids=["completed", "cancelled", "failed"],
)
def test_the_end_of_a_turn_gives_the_next_in_the_same_decision(command: c.Command, closing: e.Event) -> None:
    conversation = given(*speaking("enqueue"), WAITING).when(command).then(closing, WAITING_TAKEN)
    assert conversation.state is State.PROCESSING
    assert conversation.queue == ()
    assert conversation.turn == 2


def test_who_waited_longest_is_answered_first() -> None:
    moment = (*speaking("enqueue"), WAITING, HURRY_QUEUED)
    conversation = given(*moment).when(c.CompleteResponse(content="At seven.")).then(ANSWER, WAITING_TAKEN)
    assert conversation.queue == (HURRY_QUEUED,)


def test_a_waiting_message_is_counted_once() -> None:
    assert conversation_after([*speaking("enqueue"), WAITING, ANSWER, WAITING_TAKEN]).message_count == 3


def test_after_a_barge_in_a_new_message_stands_behind_the_waiting_one() -> None:
    given(*speaking("enqueue"), WAITING, BARGE_IN).when(HURRY).then(WAITING_TAKEN, HURRY_QUEUED)


def test_after_a_barge_in_that_stops_the_waiting_message_is_taken() -> None:
    given(*speaking("enqueue"), WAITING, BARGE_IN).when(c.StopListening(reason="noise")).then(
        e.ListeningStopped(reason="noise"), WAITING_TAKEN
    )


def test_a_message_that_was_corrected_while_it_waited_is_taken_as_it_was_corrected() -> None:
    correction = e.MessageCorrected(message_id=WAITING.message_id, content="At eight, I mean.")
    taken = replace(WAITING_TAKEN, content="At eight, I mean.")
    moment = (*speaking("enqueue"), WAITING, HURRY_QUEUED, correction)
    conversation = given(*moment).when(c.CompleteResponse(content="At seven.")).then(ANSWER, taken)
    assert conversation.queue == (HURRY_QUEUED,)


def test_a_full_queue_takes_no_more() -> None:
    waiting = [e.UserMessageQueued(message_id=message_id(100 + n), content="!") for n in range(MAX_QUEUED_MESSAGES)]
    given(*processing("enqueue"), *waiting).when(HURRY).then_refused(LimitReached, limit=MAX_QUEUED_MESSAGES)


def test_a_full_queue_takes_one_when_one_leaves() -> None:
    waiting = [e.UserMessageQueued(message_id=message_id(100 + n), content="!") for n in range(MAX_QUEUED_MESSAGES)]
    oldest = e.UserMessageReceived(message_id=message_id(100), turn=2, content="!", queued=True)
    given(*processing("enqueue"), RESPONSE, *waiting, BARGE_IN).when(HURRY).then(oldest, HURRY_QUEUED)
