"""Every command in every state: the one table of outcomes, written out by hand."""

from typing import Final

import pytest
from msgspec import Struct

from domain.conversation import commands as c
from domain.conversation import events as e
from domain.conversation.decider import decide
from domain.conversation.errors import Refusal
from tests.support import moments
from tests.support.decider import conversation_after, issued, message_id

NOTHING: Final = "nothing"
REFUSED: Final = "invalid_transition"
GREETING: Final = e.MessageRecorded(message_id=message_id(9), role="assistant", content="Hello!")

STATES: Final[dict[str, tuple[e.Event, ...]]] = {
    "not_started": (),
    "idle": (*moments.IDLE, GREETING),
    "listening": (*moments.LISTENING, GREETING),
    "processing": (*moments.PROCESSING, GREETING),
    "speaking": (*moments.SPEAKING, GREETING),
    "ended": (moments.IDLE[0], GREETING, moments.END),
}


class Row(Struct, kw_only=True):
    """One command and what comes of it in each state: the events' tags, `nothing`, or the code of the refusal."""

    command: c.Command
    not_started: str = "not_found"
    idle: str
    listening: str
    processing: str
    speaking: str
    ended: str = REFUSED


TABLE: Final = (
    Row(
        command=c.StartConversation(),
        not_started="conversation_started",
        idle="already_exists",
        listening="already_exists",
        processing="already_exists",
        speaking="already_exists",
        ended="already_exists",
    ),
    Row(
        command=c.StartListening(),
        idle="listening_started",
        listening=NOTHING,
        processing="busy",
        speaking="response_interrupted",
    ),
    Row(
        command=c.StopListening(),
        idle=NOTHING,
        listening="listening_stopped",
        processing=REFUSED,
        speaking=REFUSED,
    ),
    Row(
        command=c.SubmitUserMessage(content="A table for two?"),
        idle="user_message_received",
        listening="user_message_received",
        processing="busy",
        speaking="busy",
    ),
    Row(
        command=c.StartResponse(),
        idle=REFUSED,
        listening=REFUSED,
        processing="response_started",
        speaking=NOTHING,
    ),
    Row(
        command=c.CompleteResponse(content="At seven."),
        idle=REFUSED,
        listening=REFUSED,
        processing="response_completed",
        speaking="response_completed",
    ),
    Row(
        command=c.InterruptResponse(),
        idle=REFUSED,
        listening=REFUSED,
        processing=REFUSED,
        speaking="response_interrupted",
    ),
    Row(
        command=c.CancelResponse(),
        idle=NOTHING,
        listening=NOTHING,
        processing="response_cancelled",
        speaking="response_cancelled",
    ),
    Row(
        command=c.ResumeSpeech(),
        idle=REFUSED,
        listening=REFUSED,  # nothing was interrupted here
        processing=REFUSED,
        speaking=NOTHING,
    ),
    Row(
        command=c.FailTurn(code="model_timeout", message="The model did not answer."),
        idle=REFUSED,
        listening="turn_failed",
        processing="turn_failed",
        speaking="turn_failed",
    ),
    Row(
        command=c.RetryTurn(),
        idle=REFUSED,  # nothing failed here
        listening=REFUSED,
        processing=REFUSED,
        speaking=REFUSED,
    ),
    Row(
        command=c.StartToolCall(tool_call_id="call-1", name="find_table"),
        idle=REFUSED,
        listening=REFUSED,
        processing="tool_call_started",
        speaking="tool_call_started",
    ),
    Row(
        command=c.CompleteToolCall(tool_call_id="call-1", result=True),
        idle=REFUSED,
        listening=REFUSED,
        processing="unknown_tool_call",
        speaking="unknown_tool_call",
    ),
    Row(
        command=c.RecordMessage(role="system", content="The call is recorded."),
        idle="message_recorded",
        listening="message_recorded",
        processing="message_recorded",
        speaking="message_recorded",
        ended="message_recorded",  # within the grace period
    ),
    Row(
        command=c.CorrectMessage(message_id=GREETING.message_id, content="Good evening!"),
        idle="message_corrected",
        listening="message_corrected",
        processing="message_corrected",
        speaking="message_corrected",
        ended="message_corrected",
    ),
    Row(
        command=c.RecordFeedback(message_id=GREETING.message_id, rating=5),
        idle="feedback_recorded",
        listening="feedback_recorded",
        processing="feedback_recorded",
        speaking="feedback_recorded",
        ended="feedback_recorded",
    ),
    Row(
        command=c.ChangeMetadata(metadata={"plan": "gold"}),
        idle="metadata_changed",
        listening="metadata_changed",
        processing="metadata_changed",
        speaking="metadata_changed",
    ),
    Row(
        command=c.EndConversation(),
        idle="conversation_ended",
        listening="conversation_ended",
        processing="response_cancelled conversation_ended",
        speaking="response_interrupted conversation_ended",
        ended=NOTHING,
    ),
)

CASES: Final = [
    pytest.param(row.command, state, getattr(row, state), id=f"{c.name_of(type(row.command))} in {state}")
    for row in TABLE
    for state in STATES
]


@pytest.mark.parametrize(("command", "state", "expected"), CASES)
def test_outcome(command: c.Command, state: str, expected: str) -> None:
    """Given the state, when the command comes, then just this happens."""
    conversation = conversation_after(STATES[state])
    try:
        events = decide(issued(command), conversation)
    except Refusal as refusal:
        outcome = refusal.code
    else:
        outcome = " ".join(e.tag_of(type(event)) for event in events) or NOTHING
    assert outcome == expected


def test_the_table_has_every_command() -> None:
    """A command without its row here is a command without a test."""
    assert [type(row.command) for row in TABLE] == list(c.COMMAND_TYPES)
