"""Messages that take no turn, before and after the end; corrections; feedback."""

from typing import get_args

import pytest

from domain.conversation import commands as c
from domain.conversation import events as e
from domain.conversation.errors import InvalidCommand, InvalidTransition, MessageExists, UnknownMessage
from domain.conversation.limits import LATE_MESSAGE_GRACE_SECONDS
from domain.conversation.transitions import State
from domain.conversation.values import FeedbackScale, GivenUsage, Usage
from tests.support.decider import OWN_MESSAGE_ID, given, message_id
from tests.support.moments import (
    ANSWER_ID,
    ENDED,
    IDLE,
    INTERRUPTED,
    PROCESSING,
    QUESTION_ID,
    SPEAKING,
    WAITING,
    WAITING_ID,
    speaking,
)

NOTE = c.RecordMessage(role="assistant", content="Thank you for calling.")
NOTE_TAKEN = e.MessageRecorded(message_id=OWN_MESSAGE_ID, role="assistant", content="Thank you for calling.")
NOTE_TAKEN_LATE = e.MessageRecorded(
    message_id=OWN_MESSAGE_ID, role="assistant", content="Thank you for calling.", late=True
)


def test_recording_moves_nothing() -> None:
    conversation = given(*SPEAKING).when(NOTE).then(NOTE_TAKEN)
    assert conversation.state is State.SPEAKING
    assert conversation.message_count == 2
    assert conversation.turn == 1


def test_recording_keeps_every_field() -> None:
    command = c.RecordMessage(
        role="tool",
        content="4",
        message_id=message_id(7),
        audio_url="https://example.org/4.ogg",
        metadata={"source": "import"},
        usage=GivenUsage(input_tokens=3),
    )
    given(*IDLE).when(command).then(
        e.MessageRecorded(
            message_id=message_id(7),
            role="tool",
            content="4",
            audio_url="https://example.org/4.ogg",
            metadata={"source": "import"},
            usage=Usage(input_tokens=3),
        )
    )


@pytest.mark.parametrize("seconds", [-3_600, 0, LATE_MESSAGE_GRACE_SECONDS])
def test_a_late_message_is_taken_within_the_grace_even_when_clocks_jump(seconds: int) -> None:
    conversation = given(*ENDED).when(NOTE, seconds_later=seconds).then(NOTE_TAKEN_LATE)
    assert conversation.state is State.ENDED
    assert conversation.duration_seconds == 0


def test_after_the_grace_no_message_is_taken() -> None:
    given(*ENDED).when(NOTE, seconds_later=LATE_MESSAGE_GRACE_SECONDS + 0.001).then_refused(
        InvalidTransition, state=State.ENDED, allowed=("correct_message", "record_feedback")
    )


@pytest.mark.parametrize("taken", [QUESTION_ID, ANSWER_ID], ids=["a message", "the answer in progress"])
def test_a_message_id_is_used_once(taken: str) -> None:
    command = c.RecordMessage(role="user", content="Again?", message_id=message_id(int(taken[-1])))
    given(*SPEAKING).when(command).then_refused(MessageExists, state=State.SPEAKING, code="message_exists")


def test_a_waiting_message_has_taken_its_id() -> None:
    command = c.RecordMessage(role="user", content="Again?", message_id=WAITING_ID)
    given(*speaking("enqueue"), WAITING).when(command).then_refused(MessageExists)


def test_the_user_cannot_take_the_id_of_the_answer_in_progress() -> None:
    command = c.SubmitUserMessage(content="Hurry!", message_id=ANSWER_ID)
    given(*speaking("enqueue")).when(command).then_refused(MessageExists)
    given(*speaking("interrupt")).when(command).then_refused(MessageExists)


@pytest.mark.parametrize("moment", [PROCESSING, (*PROCESSING, e.ConversationEnded(ended_reason="error"))])
def test_a_correction_gives_a_new_text_at_any_time(moment: tuple[e.Event, ...]) -> None:
    command = c.CorrectMessage(message_id=QUESTION_ID, content="A table for three?", reason="misheard")
    corrected = e.MessageCorrected(message_id=QUESTION_ID, content="A table for three?", reason="misheard")
    conversation = given(*moment).when(command, seconds_later=86_400).then(corrected)
    assert conversation.message_count == 1


def test_what_the_user_heard_of_an_interrupted_answer_can_be_corrected() -> None:
    given(*INTERRUPTED).when(c.CorrectMessage(message_id=ANSWER_ID, content="At sev-")).then(
        e.MessageCorrected(message_id=ANSWER_ID, content="At sev-")
    )


def test_feedback_is_kept_with_its_comment() -> None:
    given(*PROCESSING).when(c.RecordFeedback(message_id=QUESTION_ID, rating=-1, comment="Rude.")).then(
        e.FeedbackRecorded(message_id=QUESTION_ID, rating=-1, scale="thumbs", comment="Rude.")
    )


@pytest.mark.parametrize(
    ("rating", "scale"),
    [(-1, "thumbs"), (0, "thumbs"), (1, None), (2, "stars"), (5, "stars")],
)
def test_a_rating_without_a_scale_is_on_the_only_one_that_has_it(rating: int, scale: FeedbackScale | None) -> None:
    given(*PROCESSING).when(c.RecordFeedback(message_id=QUESTION_ID, rating=rating)).then(
        e.FeedbackRecorded(message_id=QUESTION_ID, rating=rating, scale=scale)
    )


def test_one_star_is_not_a_thumb_up() -> None:
    for scale in get_args(FeedbackScale):
        given(*PROCESSING).when(c.RecordFeedback(message_id=QUESTION_ID, rating=1, scale=scale)).then(
            e.FeedbackRecorded(message_id=QUESTION_ID, rating=1, scale=scale)
        )


@pytest.mark.parametrize(("rating", "scale"), [(2, "thumbs"), (5, "thumbs"), (0, "stars"), (-1, "stars")])
def test_a_rating_that_is_not_on_its_scale_is_refused(rating: int, scale: FeedbackScale) -> None:
    given(*PROCESSING).when(c.RecordFeedback(message_id=QUESTION_ID, rating=rating, scale=scale)).then_refused(
        InvalidCommand, field="rating"
    )


@pytest.mark.parametrize(
    "command",
    [
        c.CorrectMessage(message_id=message_id(77), content="?"),
        c.RecordFeedback(message_id=message_id(77), rating=1),
        c.RecordFeedback(message_id=ANSWER_ID, rating=1),
    ],
    ids=["correction", "feedback", "feedback on an answer that nobody has heard yet"],
)
def test_a_message_that_does_not_exist_is_refused_by_its_id(command: c.CorrectMessage | c.RecordFeedback) -> None:
    given(*SPEAKING).when(command).then_refused(UnknownMessage, message_id=command.message_id)
