"""The user speaks into the answer; sometimes it was only a cough."""

from msgspec.structs import replace

from domain.conversation import commands as c
from domain.conversation import events as e
from domain.conversation.conversation import Response
from domain.conversation.errors import InvalidTransition
from domain.conversation.transitions import State
from tests.support.decider import OWN_MESSAGE_ID, conversation_after, given
from tests.support.moments import (
    ANSWER,
    ANSWER_ID,
    BARGE_IN,
    INTERRUPTED,
    LISTENING,
    PROCESSING,
    RESPONSE_ID,
    RESUMED,
    SPEAKING,
)


def test_listening_while_the_agent_speaks_is_a_barge_in() -> None:
    conversation = given(*SPEAKING).when(c.StartListening(source="voice")).then(BARGE_IN)
    assert conversation.state is State.LISTENING
    assert conversation.message_count == 2


def test_an_interruption_keeps_what_was_said_and_what_was_heard() -> None:
    command = c.InterruptResponse(
        generated_text="At seven or at eight.", heard_text="At seven", audio_end_ms=800, source="user"
    )
    given(*SPEAKING).when(command).then(
        e.ResponseInterrupted(
            turn=1,
            message_id=ANSWER_ID,
            response_id=RESPONSE_ID,
            model="large",
            provider="acme",
            source="user",
            generated_text="At seven or at eight.",
            heard_text="At seven",
            audio_end_ms=800,
        )
    )


def test_interrupting_twice_is_interrupting_once() -> None:
    given(*INTERRUPTED).when(c.InterruptResponse()).then_nothing()


def test_listening_alone_cannot_be_interrupted() -> None:
    given(*LISTENING).when(c.InterruptResponse()).then_refused(InvalidTransition, state=State.LISTENING, version=2)


def test_a_false_interruption_lets_the_same_answer_go_on() -> None:
    conversation = given(*INTERRUPTED).when(c.ResumeSpeech()).then(e.SpeechResumed(response_id=RESPONSE_ID))
    assert conversation.state is State.SPEAKING
    assert conversation.interrupted is None


def test_a_resumed_answer_is_the_same_message_and_counted_once() -> None:
    conversation = given(*RESUMED).when(c.CompleteResponse(content="At seven.")).then(replace(ANSWER, resumed=True))
    assert conversation.message_count == 2


def test_an_answer_interrupted_again_after_it_resumed_is_still_counted_once() -> None:
    interrupted_again = replace(BARGE_IN, resumed=True)
    conversation = given(*RESUMED).when(c.StartListening()).then(interrupted_again)
    assert conversation.message_count == 2
    resumed_again = conversation_after([*RESUMED, interrupted_again, e.SpeechResumed(response_id=RESPONSE_ID)])
    assert resumed_again.response == Response(RESPONSE_ID, ANSWER_ID, "large", "acme", resumed=True)


def test_resuming_while_the_agent_speaks_is_already_true() -> None:
    given(*SPEAKING).when(c.ResumeSpeech()).then_nothing()


def test_nothing_resumes_where_nothing_was_interrupted() -> None:
    given(*LISTENING).when(c.ResumeSpeech()).then_refused(
        InvalidTransition,
        allowed=(
            "stop_listening",
            "submit_user_message",
            "fail_turn",
            "record_message",
            "correct_message",
            "record_feedback",
            "change_metadata",
            "end_conversation",
        ),
    )


def test_nothing_resumes_once_the_user_has_spoken() -> None:
    asked_again = e.UserMessageReceived(message_id=OWN_MESSAGE_ID, turn=2, content="No, at eight.")
    conversation = given(*INTERRUPTED).when(c.SubmitUserMessage(content="No, at eight.")).then(asked_again)
    assert conversation.interrupted is None
    given(*INTERRUPTED, asked_again).when(c.ResumeSpeech()).then_refused(InvalidTransition, state=State.PROCESSING)


def test_nothing_resumes_once_listening_has_stopped() -> None:
    stopped = e.ListeningStopped(reason="silence")
    given(*INTERRUPTED).when(c.StopListening(reason="silence")).then(stopped)
    given(*INTERRUPTED, stopped).when(c.ResumeSpeech()).then_refused(InvalidTransition, state=State.IDLE)


def test_an_answer_that_has_not_begun_cannot_be_interrupted() -> None:
    given(*PROCESSING).when(c.InterruptResponse()).then_refused(InvalidTransition, state=State.PROCESSING)
