"""An answer is started, given, completed or cancelled."""

import pytest

from domain.conversation import commands as c
from domain.conversation import events as e
from domain.conversation.conversation import Response
from domain.conversation.errors import InvalidCommand, InvalidTransition, MessageExists, ResponseOver
from domain.conversation.transitions import State
from domain.conversation.values import GivenUsage, Usage
from tests.support.decider import COMMAND_ID, OWN_MESSAGE_ID, given, message_id
from tests.support.moments import (
    ANSWER,
    ANSWER_ID,
    ANSWERED,
    CRASH,
    INTERRUPTED,
    PROCESSING,
    QUESTION_ID,
    RESPONSE_ID,
    SPEAKING,
    WAITING,
    WAITING_TAKEN,
    speaking,
)


def test_an_answer_that_names_no_ids_has_those_of_its_command() -> None:
    conversation = (
        given(*PROCESSING)
        .when(c.StartResponse(model="large", provider="acme"))
        .then(e.ResponseStarted(response_id=COMMAND_ID, message_id=OWN_MESSAGE_ID, model="large", provider="acme"))
    )
    assert conversation.response == Response(COMMAND_ID, OWN_MESSAGE_ID, "large", "acme")


@pytest.mark.parametrize(
    "command",
    [c.StartResponse(), c.StartResponse(response_id=RESPONSE_ID), c.StartResponse(message_id=ANSWER_ID)],
    ids=["no id", "the same response", "the same message"],
)
def test_starting_the_running_answer_is_already_true(command: c.StartResponse) -> None:
    given(*SPEAKING).when(command).then_nothing()


@pytest.mark.parametrize(
    "command",
    [c.StartResponse(response_id="another"), c.StartResponse(message_id=message_id(7))],
    ids=["another response", "another message"],
)
def test_a_second_answer_does_not_start_beside_the_first(command: c.StartResponse) -> None:
    given(*SPEAKING).when(command).then_refused(InvalidTransition, state=State.SPEAKING)


def test_an_answer_takes_no_id_of_another_message() -> None:
    given(*PROCESSING).when(c.StartResponse(message_id=QUESTION_ID)).then_refused(MessageExists)


def test_a_completed_answer_closes_the_turn() -> None:
    conversation = given(*SPEAKING).when(c.CompleteResponse(content="At seven.")).then(ANSWER)
    assert conversation.state is State.IDLE
    assert conversation.response is None
    assert conversation.message_count == 2


def test_a_completed_answer_keeps_every_field() -> None:
    command = c.CompleteResponse(
        content="At seven.",
        message_id=ANSWER_ID,
        response_id=RESPONSE_ID,
        audio_url="https://example.org/a.ogg",
        usage=GivenUsage(input_tokens=12, output_tokens=5),
        finish_reason="stop",
        metadata={"voice": "alto"},
    )
    given(*SPEAKING).when(command).then(
        e.ResponseCompleted(
            turn=1,
            content="At seven.",
            message_id=ANSWER_ID,
            response_id=RESPONSE_ID,
            model="large",
            provider="acme",
            audio_url="https://example.org/a.ogg",
            usage=Usage(input_tokens=12, output_tokens=5),
            finish_reason="stop",
            metadata={"voice": "alto"},
        )
    )


def test_an_answer_may_be_completed_that_was_never_started() -> None:
    given(*PROCESSING).when(c.CompleteResponse(content="Yes.")).then(
        e.ResponseCompleted(turn=1, message_id=OWN_MESSAGE_ID, response_id=COMMAND_ID, content="Yes.")
    )


def test_an_answer_tells_its_own_turn_and_not_the_one_that_begins_with_its_end() -> None:
    conversation = (
        given(*speaking("enqueue"), WAITING).when(c.CompleteResponse(content="At seven.")).then(ANSWER, WAITING_TAKEN)
    )
    assert (ANSWER.turn, conversation.turn) == (1, 2)


def test_the_next_answer_has_its_own_turn_and_no_model_of_the_last() -> None:
    given(*ANSWERED, NEXT_QUESTION).when(c.CompleteResponse(content="Yes.")).then(
        e.ResponseCompleted(turn=2, message_id=OWN_MESSAGE_ID, response_id=COMMAND_ID, content="Yes.")
    )


def test_an_answer_keeps_the_message_id_that_it_began_with() -> None:
    command = c.CompleteResponse(content="Yes.", message_id=message_id(7))
    given(*SPEAKING).when(command).then_refused(InvalidCommand, field="message_id")


def test_an_answer_that_is_over_cannot_complete_the_one_in_progress() -> None:
    command = c.CompleteResponse(content="Yes.", response_id="an older one")
    given(*SPEAKING).when(command).then_refused(ResponseOver, state=State.SPEAKING, version=3, code="response_over")


NEXT_QUESTION = e.UserMessageReceived(message_id=message_id(7), turn=2, content="And at eight?")


@pytest.mark.parametrize("moment", [INTERRUPTED, ANSWERED], ids=["interrupted", "answered"])
def test_an_answer_that_is_over_does_not_answer_the_next_turn(moment: tuple[e.Event, ...]) -> None:
    late = c.CompleteResponse(content="Yes.", response_id=RESPONSE_ID)
    given(*moment, NEXT_QUESTION).when(late).then_refused(ResponseOver, state=State.PROCESSING)


def test_a_turn_that_is_tried_again_may_use_its_response_id_again() -> None:
    answer = c.CompleteResponse(content="Yes.", response_id=RESPONSE_ID)
    given(*SPEAKING, CRASH, e.TurnRetried(turn=1)).when(answer).then(
        e.ResponseCompleted(turn=1, message_id=OWN_MESSAGE_ID, response_id=RESPONSE_ID, content="Yes.")
    )


@pytest.mark.parametrize("moment", [INTERRUPTED, ANSWERED], ids=["interrupted", "answered"])
def test_an_answer_that_is_over_is_not_completed(moment: tuple[e.Event, ...]) -> None:
    given(*moment).when(c.CompleteResponse(content="Yes.")).then_refused(InvalidTransition)


def test_a_cancelled_answer_leaves_what_was_generated() -> None:
    command = c.CancelResponse(reason="the user left", generated_text="At sev")
    given(*SPEAKING).when(command).then(
        e.ResponseCancelled(response_id=RESPONSE_ID, reason="the user left", generated_text="At sev")
    )


def test_work_is_cancelled_before_an_answer_is_started() -> None:
    given(*PROCESSING).when(c.CancelResponse()).then(e.ResponseCancelled())


def test_cancelling_without_a_turn_is_already_true() -> None:
    given(*ANSWERED).when(c.CancelResponse()).then_nothing()
