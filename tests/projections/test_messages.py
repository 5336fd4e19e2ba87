"""Given one event, then this is what it does to the rows of messages."""

from typing import Any

import pytest

from domain.conversation import events as e
from domain.conversation.values import Usage
from domain.ids import MessageId
from projections.changes import Answer, Feedback, MessageAdded, MessageChange, MessageChanged
from projections.messages import project
from projections.rows import MessageRow
from tests.support import moments as m
from tests.support.decider import CONVERSATION_ID, NOON, TENANT_ID, message_id
from tests.support.recording import recorded

VERSION = 7
ID = message_id(9)
USAGE = Usage(input_tokens=3)
SPOKEN: dict[str, Any] = {
    "content": "Hi",
    "audio_url": "https://a/1",
    "language": "de",
    "confidence": 0.5,
    "speaker_id": "s",
    "spoken_at": NOON,
    "audio_start_ms": 10,
    "audio_end_ms": 20,
    "metadata": {"k": "v"},
}


def added(role: str, message: MessageId = ID, **columns: Any) -> MessageAdded:
    """A new row of this version and moment."""
    row = MessageRow(
        id=message,
        session_id=CONVERSATION_ID,
        tenant_id=TENANT_ID,
        role=role,  # type: ignore[arg-type] # one of them
        created_at=NOON,
        version=VERSION,
        **columns,
    )
    return MessageAdded(row)


def changed(**columns: Any) -> MessageChanged:
    """A change of the row that is there."""
    return MessageChanged(session_id=CONVERSATION_ID, message_id=ID, **columns)


COMPLETED: dict[str, Any] = {
    "audio_url": "https://a/2",
    "metadata": {"k": "v"},
    "finish_reason": "stop",
    "usage": USAGE,
}
INTERRUPTED: dict[str, Any] = {"heard_text": "At", "audio_end_ms": 900}
OF: dict[str, Any] = {"turn": 2, "response_id": "r", "model": "large", "provider": "acme"}

CHANGES: list[tuple[e.Event, MessageChange]] = [
    (e.UserMessageReceived(message_id=ID, turn=2, **SPOKEN), added("user", turn=2, **SPOKEN)),
    (e.UserMessageQueued(message_id=ID, **SPOKEN), added("user", **SPOKEN)),
    (e.UserMessageReceived(message_id=ID, turn=2, queued=True, **SPOKEN), changed(turn=2)),
    (
        e.ResponseCompleted(message_id=ID, **OF, content="At seven.", **COMPLETED),
        added("assistant", **OF, content="At seven.", **COMPLETED),
    ),
    (
        e.ResponseCompleted(message_id=ID, **OF, content="At seven.", resumed=True, **COMPLETED),
        changed(content="At seven.", answer=Answer(interrupted=False, **COMPLETED)),
    ),
    (
        e.ResponseInterrupted(message_id=ID, **OF, source="barge_in", generated_text="At seven", **INTERRUPTED),
        added("assistant", **OF, content="At seven", interrupted=True, **INTERRUPTED),
    ),
    (
        e.ResponseInterrupted(
            message_id=ID, **OF, source="user", generated_text="At seven", resumed=True, **INTERRUPTED
        ),
        changed(content="At seven", answer=Answer(interrupted=True, **INTERRUPTED)),
    ),
    (
        e.MessageRecorded(message_id=ID, role="system", content="", metadata={"k": "v"}, usage=USAGE, late=True),
        added("system", content="", metadata={"k": "v"}, usage=USAGE, late=True),
    ),
    (e.MessageCorrected(message_id=ID, content="Hello"), changed(content="Hello", corrected_at=NOON)),
    (
        e.FeedbackRecorded(message_id=ID, rating=-1, comment="No"),
        changed(feedback=Feedback(rating=-1, comment="No")),
    ),
]

NO_MESSAGE: list[e.Event] = [
    *m.started(),
    e.ListeningStarted(turn=1),
    e.ListeningStopped(),
    m.RESPONSE,
    e.ResponseCancelled(generated_text="At"),
    m.RESUMPTION,
    m.CRASH,
    e.TurnRetried(turn=1),
    m.TOOL_CALL,
    e.ToolCallCompleted(tool_call_id="call-1"),
    e.MetadataChanged(metadata={}),
    m.END,
]


@pytest.mark.parametrize(("event", "change"), CHANGES, ids=lambda value: type(value).__name__)
def test_an_event_adds_a_row_or_changes_the_one_there_is(event: e.Event, change: MessageChange) -> None:
    assert list(project(recorded(event, VERSION))) == [change]


@pytest.mark.parametrize("event", NO_MESSAGE, ids=lambda value: type(value).__name__)
def test_an_event_without_a_message_touches_no_row(event: e.Event) -> None:
    assert list(project(recorded(event, VERSION))) == []


def test_every_event_is_tried() -> None:
    assert {type(event) for event in [*NO_MESSAGE, *(event for event, _ in CHANGES)]} == set(e.EVENT_TYPES)
