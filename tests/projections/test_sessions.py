"""Given one event, then this is what it does to the conversation's row."""

from typing import Any

import pytest
from msgspec.structs import replace

from domain.conversation import events as e
from domain.conversation.conversation import Fault
from domain.conversation.transitions import State
from domain.conversation.values import Policies
from projections.changes import Ending, SessionChanged, SessionOpened
from projections.rows import SessionRow
from projections.sessions import project
from tests.support import moments as m
from tests.support.decider import CONVERSATION_ID, NOON, TENANT_ID, message_id
from tests.support.recording import OTHER_CONVERSATION_ID, recorded

VERSION = 7
TURN_OVER = {"turn_over": True}
TAKEN = {"state": State.PROCESSING, "turn": 2, "answered": False, "fault": None, **TURN_OVER}
FAULT = Fault(code="model_timeout", message="The model did not answer.", retryable=True)
ENDING = Ending(ended_at=NOON, ended_reason="idle_timeout", ended_detail="30 minutes")
QUESTION = e.UserMessageReceived(message_id=message_id(1), turn=2, content="?")

CHANGES: list[tuple[e.Event, dict[str, Any]]] = [
    (e.ListeningStarted(turn=1), {"state": State.LISTENING}),
    (e.ListeningStopped(), {"state": State.IDLE, **TURN_OVER}),
    (QUESTION, {**TAKEN, "messages_added": 1}),
    (m.WAITING_TAKEN, TAKEN),
    (m.WAITING, {"messages_added": 1}),
    (m.RESPONSE, {"state": State.SPEAKING}),
    (m.ANSWER, {"state": State.IDLE, "messages_added": 1, "answered": True, **TURN_OVER}),
    (replace(m.ANSWER, resumed=True), {"state": State.IDLE, "answered": True, **TURN_OVER}),
    (m.BARGE_IN, {"state": State.LISTENING, "messages_added": 1, "can_resume": True}),
    (replace(m.BARGE_IN, resumed=True), {"state": State.LISTENING, "can_resume": True}),
    (e.ResponseCancelled(), {"state": State.IDLE, **TURN_OVER}),
    (m.RESUMPTION, {"state": State.SPEAKING, "can_resume": False}),
    (m.CRASH, {"state": State.IDLE, "fault": FAULT, "answered": False, **TURN_OVER}),
    (e.TurnRetried(turn=1), {"state": State.PROCESSING, "fault": None}),
    (m.TOOL_CALL, {"tool_calls_opened": 1}),
    (e.ToolCallCompleted(tool_call_id="call-1"), {"tool_calls_opened": -1}),
    (e.MessageRecorded(message_id=message_id(5), role="tool", content=""), {"messages_added": 1}),
    (e.MessageCorrected(message_id=message_id(5), content=""), {}),
    (e.FeedbackRecorded(message_id=message_id(5), rating=1), {}),
    (e.MetadataChanged(metadata={"plan": "gold"}), {"metadata": {"plan": "gold"}}),
    (e.MetadataChanged(metadata={}), {"metadata": {}}),
    (
        e.ConversationEnded(ended_reason="idle_timeout", detail="30 minutes"),
        {"state": State.ENDED, "ending": ENDING, **TURN_OVER},
    ),
]


@pytest.mark.parametrize(("event", "columns"), CHANGES, ids=lambda value: type(value).__name__)
def test_an_event_changes_the_row_and_always_its_version_and_time(event: e.Event, columns: dict[str, Any]) -> None:
    changed = SessionChanged(session_id=CONVERSATION_ID, version=VERSION, last_activity_at=NOON, **columns)

    assert list(project(recorded(event, VERSION))) == [changed]


def test_every_event_is_tried() -> None:
    assert {type(event) for event, _ in CHANGES} | {e.ConversationStarted} == set(e.EVENT_TYPES)


def test_the_first_event_opens_the_row() -> None:
    policies = Policies(on_busy="enqueue")
    started = e.ConversationStarted(
        tenant_id=TENANT_ID,
        user_id="u",
        agent="a",
        channel="phone",
        language="de-AT",
        metadata={"plan": "gold"},
        parent_id=OTHER_CONVERSATION_ID,
        policies=policies,
    )

    row = SessionRow(
        id=CONVERSATION_ID,
        tenant_id=TENANT_ID,
        user_id="u",
        agent="a",
        channel="phone",
        language="de-AT",
        parent_id=OTHER_CONVERSATION_ID,
        policies=policies,
        metadata={"plan": "gold"},
        state=State.IDLE,
        started_at=NOON,
        created_at=NOON,
        last_activity_at=NOON,
        version=1,
    )
    assert list(project(recorded(started))) == [SessionOpened(row)]
    assert (row.session_id, row.is_active, row.duration_seconds) == (CONVERSATION_ID, True, None)
