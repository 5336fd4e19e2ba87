"""The facts of a conversation, in the past tense. Tags are written by hand and stored for ever.

A new field needs a default. Everything else about changing an event is in `docs/how-to/add-an-event.md`.
"""

from datetime import datetime
from typing import get_args

from msgspec import Struct

from domain.conversation.limits import ToolArguments, ToolResult
from domain.conversation.values import (
    EndedReason,
    FeedbackScale,
    InterruptionSource,
    ListeningSource,
    ListeningStoppedReason,
    Metadata,
    Policies,
    Role,
    Usage,
)
from domain.ids import ConversationId, MessageId, TenantId


class EventBase(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What all events share: they are frozen, and a field at its default is not written."""


class ConversationStarted(EventBase, frozen=True, kw_only=True, tag="conversation_started"):
    tenant_id: TenantId
    user_id: str | None = None
    agent: str | None = None
    channel: str | None = None
    language: str | None = None
    metadata: Metadata = {}
    parent_id: ConversationId | None = None
    policies: Policies


class ListeningStarted(EventBase, frozen=True, kw_only=True, tag="listening_started"):
    """`turn` is the turn that the user's message will open."""

    turn: int
    source: ListeningSource = "client"


class ListeningStopped(EventBase, frozen=True, kw_only=True, tag="listening_stopped"):
    """No message came of it."""

    reason: ListeningStoppedReason = "cancelled"


class UserMessageReceived(EventBase, frozen=True, kw_only=True, tag="user_message_received"):
    """Opens `turn`. `queued` says that `user_message_queued` announced the same message before."""

    message_id: MessageId
    turn: int
    content: str
    queued: bool = False
    audio_url: str | None = None
    segment_ids: tuple[str, ...] = ()
    language: str | None = None
    confidence: float | None = None
    speaker_id: str | None = None
    spoken_at: datetime | None = None
    audio_start_ms: int | None = None
    audio_end_ms: int | None = None
    metadata: Metadata = {}


class UserMessageQueued(EventBase, frozen=True, kw_only=True, tag="user_message_queued"):
    """Waits for the end of the turn; then `user_message_received` follows with the same fields."""

    message_id: MessageId
    content: str
    audio_url: str | None = None
    segment_ids: tuple[str, ...] = ()
    language: str | None = None
    confidence: float | None = None
    speaker_id: str | None = None
    spoken_at: datetime | None = None
    audio_start_ms: int | None = None
    audio_end_ms: int | None = None
    metadata: Metadata = {}


class ResponseStarted(EventBase, frozen=True, kw_only=True, tag="response_started"):
    """`message_id` is the id that the answer's message has from its first word on."""

    response_id: str
    message_id: MessageId
    model: str | None = None
    provider: str | None = None


class ResponseCompleted(EventBase, frozen=True, kw_only=True, tag="response_completed"):
    """The answer to `turn`. `resumed` says that the message exists already, from an interruption that proved false."""

    turn: int
    message_id: MessageId
    response_id: str
    model: str | None = None
    provider: str | None = None
    content: str
    resumed: bool = False
    audio_url: str | None = None
    usage: Usage | None = None
    finish_reason: str | None = None
    metadata: Metadata = {}


class ResponseInterrupted(EventBase, frozen=True, kw_only=True, tag="response_interrupted"):
    """The answer to `turn`. `heard_text` is what the user can have heard of `generated_text` until `audio_end_ms`."""

    turn: int
    message_id: MessageId
    response_id: str
    model: str | None = None
    provider: str | None = None
    source: InterruptionSource
    generated_text: str = ""
    heard_text: str | None = None
    audio_end_ms: int | None = None
    resumed: bool = False


class ResponseCancelled(EventBase, frozen=True, kw_only=True, tag="response_cancelled"):
    """`response_id` is null when no answer had been started."""

    response_id: str | None = None
    reason: str | None = None
    generated_text: str = ""


class SpeechResumed(EventBase, frozen=True, kw_only=True, tag="speech_resumed"):
    """The interruption was false: the answer goes on."""

    response_id: str


class TurnFailed(EventBase, frozen=True, kw_only=True, tag="turn_failed"):
    code: str
    message: str
    retryable: bool = False


class TurnRetried(EventBase, frozen=True, kw_only=True, tag="turn_retried"):
    turn: int


class ToolCallStarted(EventBase, frozen=True, kw_only=True, tag="tool_call_started"):
    tool_call_id: str
    name: str
    arguments: ToolArguments = {}


class ToolCallCompleted(EventBase, frozen=True, kw_only=True, tag="tool_call_completed"):
    """Either a `result` or an `error`."""

    tool_call_id: str
    result: ToolResult | None = None
    error: str | None = None


class MessageRecorded(EventBase, frozen=True, kw_only=True, tag="message_recorded"):
    """A message that takes no turn. `late` says that the conversation had ended."""

    message_id: MessageId
    role: Role
    content: str
    audio_url: str | None = None
    metadata: Metadata = {}
    usage: Usage | None = None
    late: bool = False


class MessageCorrected(EventBase, frozen=True, kw_only=True, tag="message_corrected"):
    """The new text of a message. The events that gave it the old one stay."""

    message_id: MessageId
    content: str
    reason: str | None = None


class FeedbackRecorded(EventBase, frozen=True, kw_only=True, tag="feedback_recorded"):
    """Version 2 says on which `scale` the `rating` was given; null where nobody said and the rating does not tell."""

    message_id: MessageId
    rating: int
    scale: FeedbackScale | None = None
    comment: str | None = None


class MetadataChanged(EventBase, frozen=True, kw_only=True, tag="metadata_changed"):
    """`metadata` is the whole of it after the change."""

    metadata: Metadata


class ConversationEnded(EventBase, frozen=True, kw_only=True, tag="conversation_ended"):
    ended_reason: EndedReason
    detail: str | None = None


Event = (
    ConversationStarted
    | ListeningStarted
    | ListeningStopped
    | UserMessageReceived
    | UserMessageQueued
    | ResponseStarted
    | ResponseCompleted
    | ResponseInterrupted
    | ResponseCancelled
    | SpeechResumed
    | TurnFailed
    | TurnRetried
    | ToolCallStarted
    | ToolCallCompleted
    | MessageRecorded
    | MessageCorrected
    | FeedbackRecorded
    | MetadataChanged
    | ConversationEnded
)

EVENT_TYPES: tuple[type[Event], ...] = get_args(Event)


def tag_of(event_type: type[Event]) -> str:
    """The tag under which events of this type are stored."""
    return str(event_type.__struct_config__.tag)
