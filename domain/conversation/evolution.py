"""`evolve` and `fold`: what the events of a conversation make of it. Never raises on any event it knows."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, assert_never

from msgspec.structs import replace

from domain.conversation import events as e
from domain.conversation.conversation import Conversation, Fault, Response
from domain.conversation.transitions import state_after
from domain.envelope import Recorded
from domain.ids import MessageId


def evolve(conversation: Conversation, event: e.Event, at: datetime) -> Conversation:
    """The conversation after one more event, which occurred `at` (the clock of the node that took the command)."""
    return replace(
        conversation,
        version=conversation.version + 1,
        state=state_after(type(event), conversation.state),
        last_activity_at=at,
        **_changes(conversation, event, at),
    )


def fold(conversation: Conversation, history: Iterable[Recorded[e.Event]]) -> Conversation:
    """The conversation after a piece of its history, in order of version and without holes."""
    for recorded in history:
        conversation = evolve(conversation, recorded.event, recorded.origin.occurred_at)
    return conversation


def _changes(conversation: Conversation, event: e.Event, at: datetime) -> dict[str, Any]:
    match event:
        case e.ConversationStarted():
            return _started(event, at)
        case e.ListeningStarted():
            return {}
        case e.ListeningStopped():
            return _turn_over(conversation)
        case e.UserMessageReceived():
            return _user_message_received(conversation, event)
        case e.UserMessageQueued():
            return {"queue": (*conversation.queue, event), **_message(conversation, event.message_id)}
        case e.ResponseStarted():
            return {"response": _response(event)}
        case e.ResponseCompleted():
            return _response_completed(conversation, event)
        case e.ResponseInterrupted():
            message = _message(conversation, event.message_id, event.resumed)
            return {"response": None, "interrupted": _response(event, resumed=True), **message}
        case e.ResponseCancelled():
            return _turn_over(conversation)
        case e.SpeechResumed():
            return {"response": conversation.interrupted, "interrupted": None}
        case e.TurnFailed():
            fault = Fault(code=event.code, message=event.message, retryable=event.retryable)
            return {"fault": fault, "answered": False, **_turn_over(conversation)}
        case e.TurnRetried():
            return {"fault": None, "over_response_id": None}
        case e.ToolCallStarted():
            return {"open_tool_calls": (*conversation.open_tool_calls, event.tool_call_id)}
        case e.ToolCallCompleted():
            still_open = (call for call in conversation.open_tool_calls if call != event.tool_call_id)
            return {"open_tool_calls": tuple(still_open)}
        case e.MessageRecorded():
            return _message(conversation, event.message_id)
        case e.MessageCorrected():
            return {"queue": tuple(_corrected(message, event) for message in conversation.queue)}
        case e.FeedbackRecorded():
            return {}
        case e.MetadataChanged():
            return {"metadata": event.metadata}
        case e.ConversationEnded():
            return {"ended_at": at, "ended_reason": event.ended_reason, "queue": (), **_turn_over(conversation)}
        case _:
            assert_never(event)


def _started(event: e.ConversationStarted, at: datetime) -> dict[str, Any]:
    return {
        "tenant_id": event.tenant_id,
        "user_id": event.user_id,
        "agent": event.agent,
        "channel": event.channel,
        "language": event.language,
        "metadata": event.metadata,
        "parent_id": event.parent_id,
        "policies": event.policies,
        "started_at": at,
    }


def _corrected(message: e.UserMessageQueued, correction: e.MessageCorrected) -> e.UserMessageQueued:
    """What waits is taken as it was corrected, not as it was said."""
    if message.message_id != correction.message_id:
        return message
    return replace(message, content=correction.content)


def _user_message_received(conversation: Conversation, event: e.UserMessageReceived) -> dict[str, Any]:
    waiting = (message for message in conversation.queue if message.message_id != event.message_id)
    return {
        "turn": event.turn,
        "fault": None,
        "answered": False,
        "queue": tuple(waiting),
        **_turn_over(conversation),
        **_message(conversation, event.message_id, event.queued),
    }


def _response_completed(conversation: Conversation, event: e.ResponseCompleted) -> dict[str, Any]:
    return {
        "answered": True,
        **_turn_over(conversation),
        "over_response_id": event.response_id,
        **_message(conversation, event.message_id, event.resumed),
    }


def _turn_over(conversation: Conversation) -> dict[str, Any]:
    over = conversation.response or conversation.interrupted
    over_response_id = over.response_id if over else conversation.over_response_id
    return {"response": None, "interrupted": None, "open_tool_calls": (), "over_response_id": over_response_id}


def _response(event: e.ResponseStarted | e.ResponseInterrupted, resumed: bool = False) -> Response:
    return Response(event.response_id, event.message_id, event.model, event.provider, resumed)


def _message(conversation: Conversation, message_id: MessageId, known: bool = False) -> dict[str, Any]:
    return {} if known else {"message_ids": conversation.message_ids.adding(message_id)}
