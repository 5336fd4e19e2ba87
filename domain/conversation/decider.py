"""`decide`: what a command makes happen. Pure: time and ids arrive with the command.

A handler says what it would like to happen; `_check_path` holds that against the table, which alone refuses.
"""

from typing import assert_never

from msgspec.structs import asdict

from domain.conversation import commands as c
from domain.conversation import events as e
from domain.conversation.conversation import Conversation, Response, allowed
from domain.conversation.errors import (
    Busy,
    ConversationExists,
    ConversationNotFound,
    InvalidCommand,
    InvalidTransition,
    LimitReached,
    MessageExists,
    ResponseOver,
    UnknownMessage,
    UnknownToolCall,
)
from domain.conversation.feedback import scale_of
from domain.conversation.limits import (
    LATE_MESSAGE_GRACE_SECONDS,
    MAX_CONVERSATION_EVENTS,
    MAX_METADATA_KEYS,
    MAX_OPEN_TOOL_CALLS,
    MAX_QUEUED_MESSAGES,
)
from domain.conversation.transitions import State, may_happen, state_after
from domain.conversation.validation import validate
from domain.conversation.values import GivenUsage, InterruptionSource, Policies, Usage
from domain.envelope import Issued, Origin
from domain.ids import MessageId

Events = tuple[e.Event, ...]


def decide(issued: Issued[c.Command], conversation: Conversation) -> Events:
    """The events of the command, all or none; `()` when its wish is already true. Refusals are raised.

    Raises:
        Refusal: one of `domain.conversation.errors`; nothing happened.
    """
    command = issued.command
    validate(command)
    if conversation.state is None and not isinstance(command, c.StartConversation):
        raise ConversationNotFound(conversation.id)
    events = _wish(command, issued.origin, conversation)
    _check_path(command, conversation, events)
    is_end = isinstance(command, c.EndConversation)
    if not is_end and conversation.version + len(events) > MAX_CONVERSATION_EVENTS:
        raise LimitReached("events", MAX_CONVERSATION_EVENTS)
    return events


def _wish(command: c.Command, origin: Origin, conversation: Conversation) -> Events:
    match command:
        case c.StartConversation():
            return _start_conversation(command, conversation)
        case c.StartListening():
            return _start_listening(command, origin, conversation)
        case c.StopListening():
            return _stop_listening(command, conversation)
        case c.SubmitUserMessage():
            return _submit_user_message(command, origin, conversation)
        case c.StartResponse():
            return _start_response(command, origin, conversation)
        case c.CompleteResponse():
            return _complete_response(command, origin, conversation)
        case c.InterruptResponse():
            return _interrupt_response(command, origin, conversation)
        case c.CancelResponse():
            return _cancel_response(command, conversation)
        case c.ResumeSpeech():
            return _resume_speech(conversation)
        case c.FailTurn():
            return _fail_turn(command, conversation)
        case c.RetryTurn():
            return _retry_turn(conversation)
        case c.StartToolCall():
            return _start_tool_call(command, conversation)
        case c.CompleteToolCall():
            return _complete_tool_call(command, conversation)
        case c.RecordMessage():
            return _record_message(command, origin, conversation)
        case c.CorrectMessage():
            _require_message(command.message_id, conversation)
            return (e.MessageCorrected(**asdict(command)),)
        case c.RecordFeedback():
            _require_message(command.message_id, conversation)
            scale = command.scale or scale_of(command.rating)
            return (e.FeedbackRecorded(**{**asdict(command), "scale": scale}),)
        case c.ChangeMetadata():
            return _change_metadata(command, conversation)
        case c.EndConversation():
            return _end_conversation(command, origin, conversation)
        case _:
            assert_never(command)


def _check_path(command: c.Command, conversation: Conversation, events: Events) -> None:
    """Hold the wished events against the table, each in the state that the one before leaves."""
    state = conversation.state
    for event in events:
        if not may_happen(type(event), state):
            raise _invalid_transition(command, conversation)
        state = state_after(type(event), state)


def _start_conversation(command: c.StartConversation, conversation: Conversation) -> Events:
    if conversation.state is not None:
        sentence = f"Conversation {conversation.id} exists already."
        raise ConversationExists(sentence, conversation.state, conversation.version, allowed(conversation))
    policies = Policies(**asdict(command.policies))
    given = {**asdict(command), "policies": policies}
    return (e.ConversationStarted(tenant_id=conversation.tenant_id, **given),)


def _start_listening(command: c.StartListening, origin: Origin, conversation: Conversation) -> Events:
    started = e.ListeningStarted(turn=conversation.turn + 1, source=command.source)
    match conversation.state:
        case State.LISTENING:
            return ()
        case State.SPEAKING:
            return (_interruption(conversation, origin, "barge_in"),)
        case State.PROCESSING:
            if conversation.policies.on_busy == "interrupt":
                return (_displacement(conversation), started)
            raise _busy(conversation)
        case _:
            return (started,)


def _stop_listening(command: c.StopListening, conversation: Conversation) -> Events:
    if conversation.state is State.IDLE:
        return ()
    return _end_of_turn(conversation, e.ListeningStopped(reason=command.reason))


def _submit_user_message(command: c.SubmitUserMessage, origin: Origin, conversation: Conversation) -> Events:
    message_id = _new_message_id(command.message_id, origin, conversation)
    queued = e.UserMessageQueued(**{**asdict(command), "message_id": message_id})
    received = e.UserMessageReceived(turn=conversation.turn + 1, **asdict(queued))
    agent_has_turn = conversation.state in (State.PROCESSING, State.SPEAKING)
    if agent_has_turn and conversation.policies.on_busy == "reject":
        raise _busy(conversation)
    if agent_has_turn and conversation.policies.on_busy == "interrupt":
        if conversation.state is State.SPEAKING:
            return (_interruption(conversation, origin, "user"), received)
        return (_displacement(conversation), received)
    if agent_has_turn:
        return (_queueing(queued, conversation),)
    if conversation.queue:  # after a barge-in: who waited longest is answered first
        return (_from_queue(conversation), _queueing(queued, conversation, leaving=1))
    return (received,)


def _start_response(command: c.StartResponse, origin: Origin, conversation: Conversation) -> Events:
    current = conversation.response
    if current is not None and _means(command, current):
        return ()
    started = e.ResponseStarted(
        response_id=command.response_id or origin.command_id,
        message_id=_new_message_id(command.message_id, origin, conversation),
        model=command.model,
        provider=command.provider,
    )
    return (started,)


def _means(command: c.StartResponse, current: Response) -> bool:
    return command.response_id in (None, current.response_id) and command.message_id in (None, current.message_id)


def _complete_response(command: c.CompleteResponse, origin: Origin, conversation: Conversation) -> Events:
    current = conversation.response
    if current is None:
        if command.response_id is not None and command.response_id == conversation.over_response_id:
            raise _response_over(command.response_id, conversation)
        response_id = command.response_id or origin.command_id
        current = Response(response_id, _new_message_id(command.message_id, origin, conversation))
    if command.response_id not in (None, current.response_id):
        raise _response_over(command.response_id, conversation)
    if command.message_id not in (None, current.message_id):
        raise InvalidCommand("message_id", f"differs from {current.message_id}, which the answer began with.")
    completed = e.ResponseCompleted(
        turn=conversation.turn,
        **asdict(current),
        content=command.content,
        audio_url=command.audio_url,
        usage=_usage(command.usage),
        finish_reason=command.finish_reason,
        metadata=command.metadata,
    )
    return _end_of_turn(conversation, completed)


def _interrupt_response(command: c.InterruptResponse, origin: Origin, conversation: Conversation) -> Events:
    if conversation.state is State.LISTENING and conversation.interrupted is not None:
        return ()
    interrupted = _interruption(
        conversation,
        origin,
        command.source,
        generated_text=command.generated_text,
        heard_text=command.heard_text,
        audio_end_ms=command.audio_end_ms,
    )
    return (interrupted,)


def _cancel_response(command: c.CancelResponse, conversation: Conversation) -> Events:
    if conversation.state in (State.IDLE, State.LISTENING):
        return ()
    response_id = conversation.response.response_id if conversation.response else None
    cancelled = e.ResponseCancelled(
        response_id=response_id, reason=command.reason, generated_text=command.generated_text
    )
    return _end_of_turn(conversation, cancelled)


def _resume_speech(conversation: Conversation) -> Events:
    if conversation.state is State.SPEAKING:
        return ()
    if conversation.interrupted is None:
        raise _invalid_transition(c.ResumeSpeech(), conversation)
    return (e.SpeechResumed(response_id=conversation.interrupted.response_id),)


def _fail_turn(command: c.FailTurn, conversation: Conversation) -> Events:
    # While listening there is no message yet that could be tried again: the user speaks anew.
    retryable = command.retryable and conversation.state is not State.LISTENING
    return _end_of_turn(conversation, e.TurnFailed(code=command.code, message=command.message, retryable=retryable))


def _retry_turn(conversation: Conversation) -> Events:
    if conversation.fault is None or not conversation.fault.retryable:
        raise _invalid_transition(c.RetryTurn(), conversation)
    return (e.TurnRetried(turn=conversation.turn),)


def _start_tool_call(command: c.StartToolCall, conversation: Conversation) -> Events:
    if command.tool_call_id in conversation.open_tool_calls:
        return ()
    if len(conversation.open_tool_calls) >= MAX_OPEN_TOOL_CALLS:
        raise LimitReached("open tool calls", MAX_OPEN_TOOL_CALLS)
    return (e.ToolCallStarted(**asdict(command)),)


def _complete_tool_call(command: c.CompleteToolCall, conversation: Conversation) -> Events:
    if command.result is not None and command.error is not None:
        raise InvalidCommand("error", "and `result` exclude each other.")
    agent_has_turn = conversation.state in (State.PROCESSING, State.SPEAKING)
    if agent_has_turn and command.tool_call_id not in conversation.open_tool_calls:
        raise UnknownToolCall(command.tool_call_id)
    return (e.ToolCallCompleted(**asdict(command)),)


def _record_message(command: c.RecordMessage, origin: Origin, conversation: Conversation) -> Events:
    late = conversation.ended_at is not None
    if conversation.ended_at is not None:
        seconds_late = (origin.occurred_at - conversation.ended_at).total_seconds()
        if seconds_late > LATE_MESSAGE_GRACE_SECONDS:
            raise _invalid_transition(command, conversation)
    message_id = _new_message_id(command.message_id, origin, conversation)
    given = {**asdict(command), "message_id": message_id, "usage": _usage(command.usage)}
    return (e.MessageRecorded(**given, late=late),)


def _change_metadata(command: c.ChangeMetadata, conversation: Conversation) -> Events:
    merged = {**conversation.metadata, **command.metadata}
    metadata = {key: value for key, value in merged.items() if value is not None}
    if len(metadata) > MAX_METADATA_KEYS:
        raise InvalidCommand("metadata", f"would have {len(metadata)} keys; at most {MAX_METADATA_KEYS} are kept.")
    if metadata == conversation.metadata and conversation.state is not State.ENDED:
        return ()
    return (e.MetadataChanged(metadata=metadata),)


def _end_conversation(command: c.EndConversation, origin: Origin, conversation: Conversation) -> Events:
    """An open turn is closed first, so that none is left open for ever."""
    ended = e.ConversationEnded(ended_reason=command.ended_reason, detail=command.detail)
    match conversation.state:
        case State.ENDED:
            return ()
        case State.SPEAKING:
            return (_interruption(conversation, origin, "programmatic"), ended)
        case State.PROCESSING:
            return (_displacement(conversation, reason="conversation_ended"), ended)
        case _:
            return (ended,)


def _end_of_turn(conversation: Conversation, closing: e.Event) -> Events:
    """Where a message waits, the end of one turn is the beginning of the next, in the same decision."""
    return (closing, _from_queue(conversation)) if conversation.queue else (closing,)


def _from_queue(conversation: Conversation) -> e.UserMessageReceived:
    return e.UserMessageReceived(turn=conversation.turn + 1, queued=True, **asdict(conversation.queue[0]))


def _queueing(queued: e.UserMessageQueued, conversation: Conversation, leaving: int = 0) -> e.UserMessageQueued:
    if len(conversation.queue) - leaving >= MAX_QUEUED_MESSAGES:
        raise LimitReached("queued messages", MAX_QUEUED_MESSAGES)
    return queued


def _interruption(
    conversation: Conversation,
    origin: Origin,
    source: InterruptionSource,
    *,
    generated_text: str = "",
    heard_text: str | None = None,
    audio_end_ms: int | None = None,
) -> e.ResponseInterrupted:
    # Without an answer in progress the table refuses the event, so the ids below are then never stored.
    current = conversation.response or Response(origin.command_id, MessageId(origin.command_id))
    return e.ResponseInterrupted(
        turn=conversation.turn,
        **asdict(current),
        source=source,
        generated_text=generated_text,
        heard_text=heard_text,
        audio_end_ms=audio_end_ms,
    )


def _displacement(conversation: Conversation, reason: str = "displaced") -> e.ResponseCancelled:
    response_id = conversation.response.response_id if conversation.response else None
    return e.ResponseCancelled(response_id=response_id, reason=reason)


def _new_message_id(given: MessageId | None, origin: Origin, conversation: Conversation) -> MessageId:
    message_id = given or MessageId(origin.command_id)
    in_progress = conversation.response is not None and conversation.response.message_id == message_id
    if in_progress or message_id in conversation.message_ids:
        sentence = f"The conversation has a message {message_id} already."
        raise MessageExists(sentence, conversation.state, conversation.version, allowed(conversation))
    return message_id


def _usage(given: GivenUsage | None) -> Usage | None:
    return Usage(**asdict(given)) if given else None


def _require_message(message_id: MessageId, conversation: Conversation) -> None:
    if message_id not in conversation.message_ids:
        raise UnknownMessage(message_id)


def _busy(conversation: Conversation) -> Busy:
    sentence = f"The agent has the turn: the conversation is {conversation.state}."
    return Busy(sentence, conversation.state, conversation.version, allowed(conversation))


def _invalid_transition(command: c.Command, conversation: Conversation) -> InvalidTransition:
    names = allowed(conversation)
    sentence = (
        f"{c.name_of(type(command))} is not possible while the conversation is {conversation.state}; "
        f"possible now: {', '.join(names)}."
    )
    return InvalidTransition(sentence, conversation.state, conversation.version, names)


def _response_over(given: str | None, conversation: Conversation) -> ResponseOver:
    current = conversation.response
    present = f"the one in progress is {current.response_id}" if current else "none is in progress"
    sentence = f"Response {given} is over; {present}."
    return ResponseOver(sentence, conversation.state, conversation.version, allowed(conversation))
