"""The projection `conversation_sessions`: one row for each conversation."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, assert_never

from domain.conversation import events as e
from domain.conversation.conversation import Fault
from domain.conversation.transitions import STAY, TRANSITIONS, State
from domain.ports import RecordedEvent
from projections.changes import Ending, SessionChange, SessionChanged, SessionOpened
from projections.rows import SessionRow

_TURN_OVER: dict[str, Any] = {"turn_over": True}


def project(recorded: RecordedEvent) -> Iterator[SessionChange]:
    """The first event opens the row; every other one at least raises its version."""
    event = recorded.event
    if isinstance(event, e.ConversationStarted):
        yield SessionOpened(_opened(recorded, event))
        return
    yield SessionChanged(
        session_id=recorded.conversation_id,
        version=recorded.version,
        last_activity_at=recorded.origin.occurred_at,
        state=_target_of(type(event)),
        **_changes(recorded, event),
    )


@lru_cache(maxsize=64)
def _target_of(event_type: type[e.Event]) -> State | None:
    """The state after the event; None where it stays. The table of the domain is the only one there is."""
    target = TRANSITIONS[event_type].target
    return None if target == STAY else target


def _opened(recorded: RecordedEvent, event: e.ConversationStarted) -> SessionRow:
    occurred_at = recorded.origin.occurred_at
    return SessionRow(
        id=recorded.conversation_id,
        tenant_id=recorded.tenant_id,
        user_id=event.user_id,
        agent=event.agent,
        channel=event.channel,
        language=event.language,
        parent_id=event.parent_id,
        policies=event.policies,
        metadata=event.metadata,
        state=_target_of(e.ConversationStarted) or State.IDLE,
        started_at=occurred_at,
        created_at=occurred_at,
        last_activity_at=occurred_at,
        version=recorded.version,
    )


def _changes(recorded: RecordedEvent, event: e.Event) -> dict[str, Any]:
    match event:
        case e.ConversationStarted() | e.ListeningStarted() | e.ResponseStarted():
            return {}
        case e.MessageCorrected() | e.FeedbackRecorded():
            return {}
        case e.ListeningStopped() | e.ResponseCancelled():
            return _TURN_OVER
        case e.UserMessageReceived():
            added = 0 if event.queued else 1
            return {"turn": event.turn, "messages_added": added, "answered": False, "fault": None, **_TURN_OVER}
        case e.UserMessageQueued() | e.MessageRecorded():
            return {"messages_added": 1}
        case e.ResponseCompleted():
            return {"messages_added": 0 if event.resumed else 1, "answered": True, **_TURN_OVER}
        case e.ResponseInterrupted():
            return {"messages_added": 0 if event.resumed else 1, "can_resume": True}
        case e.SpeechResumed():
            return {"can_resume": False}
        case e.TurnFailed():
            fault = Fault(code=event.code, message=event.message, retryable=event.retryable)
            return {"fault": fault, "answered": False, **_TURN_OVER}
        case e.TurnRetried():
            return {"fault": None}
        case e.ToolCallStarted():
            return {"tool_calls_opened": 1}
        case e.ToolCallCompleted():
            return {"tool_calls_opened": -1}
        case e.MetadataChanged():
            return {"metadata": event.metadata}
        case e.ConversationEnded():
            return {"ending": _ending(recorded, event), **_TURN_OVER}
        case _:
            assert_never(event)


def _ending(recorded: RecordedEvent, event: e.ConversationEnded) -> Ending:
    return Ending(ended_at=recorded.origin.occurred_at, ended_reason=event.ended_reason, ended_detail=event.detail)
