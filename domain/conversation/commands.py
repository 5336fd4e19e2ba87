"""What a caller may ask of a conversation. A command holds only what the caller can know.

Ids that a caller leaves out are taken from the command id, so that a command sent again asks for the same thing.
"""

from typing import get_args

from msgspec import Struct

from domain.conversation.limits import (
    Confidence,
    Content,
    GivenMetadata,
    Identifier,
    Language,
    MetadataChange,
    Milliseconds,
    Name,
    Note,
    Rating,
    SegmentIds,
    Timestamp,
    ToolArguments,
    ToolResult,
    Url,
)
from domain.conversation.values import (
    EndedReason,
    FeedbackScale,
    GivenPolicies,
    GivenUsage,
    InterruptionSource,
    ListeningSource,
    ListeningStoppedReason,
    Role,
)
from domain.ids import GivenConversationId, GivenMessageId


class CommandBase(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What all commands share: frozen, and an unknown field is refused by its name."""


class StartConversation(CommandBase, frozen=True, kw_only=True, tag="start_conversation"):
    user_id: Identifier | None = None
    agent: Identifier | None = None
    channel: Name | None = None
    language: Language | None = None
    metadata: GivenMetadata = {}
    parent_id: GivenConversationId | None = None
    policies: GivenPolicies = GivenPolicies()


class StartListening(CommandBase, frozen=True, kw_only=True, tag="start_listening"):
    """While the agent speaks this is a barge-in."""

    source: ListeningSource = "client"


class StopListening(CommandBase, frozen=True, kw_only=True, tag="stop_listening"):
    """Listening ends without a message."""

    reason: ListeningStoppedReason = "cancelled"


class SubmitUserMessage(CommandBase, frozen=True, kw_only=True, tag="submit_user_message"):
    """The user's message is complete: the agent's work begins, or the conversation's `on_busy` decides."""

    content: Content
    message_id: GivenMessageId | None = None
    audio_url: Url | None = None
    segment_ids: SegmentIds = ()
    language: Language | None = None
    confidence: Confidence | None = None
    speaker_id: Identifier | None = None
    spoken_at: Timestamp | None = None
    audio_start_ms: Milliseconds | None = None
    audio_end_ms: Milliseconds | None = None
    metadata: GivenMetadata = {}


class StartResponse(CommandBase, frozen=True, kw_only=True, tag="start_response"):
    response_id: Identifier | None = None
    message_id: GivenMessageId | None = None
    model: Name | None = None
    provider: Name | None = None


class CompleteResponse(CommandBase, frozen=True, kw_only=True, tag="complete_response"):
    content: Content
    message_id: GivenMessageId | None = None
    response_id: Identifier | None = None
    audio_url: Url | None = None
    usage: GivenUsage | None = None
    finish_reason: Name | None = None
    metadata: GivenMetadata = {}


class InterruptResponse(CommandBase, frozen=True, kw_only=True, tag="interrupt_response"):
    generated_text: Content = ""
    heard_text: Content | None = None
    audio_end_ms: Milliseconds | None = None
    source: InterruptionSource = "programmatic"


class CancelResponse(CommandBase, frozen=True, kw_only=True, tag="cancel_response"):
    reason: Note | None = None
    generated_text: Content = ""


class ResumeSpeech(CommandBase, frozen=True, kw_only=True, tag="resume_speech"):
    """The interruption was false: the answer goes on."""


class FailTurn(CommandBase, frozen=True, kw_only=True, tag="fail_turn"):
    code: Name
    message: Note
    retryable: bool = False


class RetryTurn(CommandBase, frozen=True, kw_only=True, tag="retry_turn"):
    """Only while the last fault is retryable."""


class StartToolCall(CommandBase, frozen=True, kw_only=True, tag="start_tool_call"):
    tool_call_id: Identifier
    name: Name
    arguments: ToolArguments = {}


class CompleteToolCall(CommandBase, frozen=True, kw_only=True, tag="complete_tool_call"):
    """Give either `result` or `error`."""

    tool_call_id: Identifier
    result: ToolResult | None = None
    error: Note | None = None


class RecordMessage(CommandBase, frozen=True, kw_only=True, tag="record_message"):
    """Pure tracking: no state refuses it, and up to 60 s after the end it is still taken, marked as late."""

    role: Role
    content: Content
    message_id: GivenMessageId | None = None
    audio_url: Url | None = None
    metadata: GivenMetadata = {}
    usage: GivenUsage | None = None


class CorrectMessage(CommandBase, frozen=True, kw_only=True, tag="correct_message"):
    message_id: GivenMessageId
    content: Content
    reason: Note | None = None


class RecordFeedback(CommandBase, frozen=True, kw_only=True, tag="record_feedback"):
    """Without a `scale` it is the one that has the rating; both have 1."""

    message_id: GivenMessageId
    rating: Rating
    scale: FeedbackScale | None = None
    comment: Note | None = None


class ChangeMetadata(CommandBase, frozen=True, kw_only=True, tag="change_metadata"):
    """Merged into what is there; a null takes the key away."""

    metadata: MetadataChange


class EndConversation(CommandBase, frozen=True, kw_only=True, tag="end_conversation"):
    ended_reason: EndedReason = "user_ended"
    detail: Note | None = None


Command = (
    StartConversation
    | StartListening
    | StopListening
    | SubmitUserMessage
    | StartResponse
    | CompleteResponse
    | InterruptResponse
    | CancelResponse
    | ResumeSpeech
    | FailTurn
    | RetryTurn
    | StartToolCall
    | CompleteToolCall
    | RecordMessage
    | CorrectMessage
    | RecordFeedback
    | ChangeMetadata
    | EndConversation
)

COMMAND_TYPES: tuple[type[Command], ...] = get_args(Command)


def name_of(command_type: type[Command]) -> str:
    """The name by which callers ask for a command of this type."""
    return str(command_type.__struct_config__.tag)


RECORDING_COMMANDS: tuple[type[Command], ...] = (
    RecordMessage,
    CorrectMessage,
    RecordFeedback,
    ChangeMetadata,
)
"""Commands that only record: another writer who was first never makes them wrong."""
