"""The messages of a conversation as a snapshot shows them, folded from its events."""

from collections.abc import Iterable
from typing import assert_never

from msgspec.structs import replace

from app.ws.protocol import SNAPSHOT_MESSAGES, SnapshotMessage
from domain.conversation import events as e
from domain.ports import RecordedEvent


def recent_messages(history: Iterable[RecordedEvent]) -> tuple[SnapshotMessage, ...]:
    """The last messages, oldest first, as corrected since."""
    messages: dict[str, SnapshotMessage] = {}
    for recorded in history:
        message = _message(recorded.event, recorded.version, messages)
        if message is not None:
            messages[message.message_id] = message
    return tuple(messages.values())[-SNAPSHOT_MESSAGES:]


def _message(event: e.Event, version: int, known: dict[str, SnapshotMessage]) -> SnapshotMessage | None:
    """The message as the event makes or leaves it; a known one keeps the `seq` that it began with."""
    match event:
        case e.UserMessageReceived() | e.UserMessageQueued():
            made = SnapshotMessage(message_id=event.message_id, role="user", text=event.content, seq=version)
        case e.ResponseCompleted():
            made = SnapshotMessage(message_id=event.message_id, role="assistant", text=event.content, seq=version)
        case e.ResponseInterrupted():
            made = SnapshotMessage(
                message_id=event.message_id,
                role="assistant",
                text=event.generated_text,
                seq=version,
                interrupted=True,
                heard_text=event.heard_text,
            )
        case e.MessageRecorded():
            made = SnapshotMessage(message_id=event.message_id, role=event.role, text=event.content, seq=version)
        case e.MessageCorrected():
            corrected = known.get(event.message_id)
            return replace(corrected, text=event.content) if corrected else None
        case (
            e.ConversationStarted()
            | e.ListeningStarted()
            | e.ListeningStopped()
            | e.ResponseStarted()
            | e.ResponseCancelled()
            | e.SpeechResumed()
            | e.TurnFailed()
            | e.TurnRetried()
            | e.ToolCallStarted()
            | e.ToolCallCompleted()
            | e.FeedbackRecorded()
            | e.MetadataChanged()
            | e.ConversationEnded()
        ):
            return None
        case _:
            assert_never(event)
    earlier = known.get(event.message_id)
    return replace(made, seq=earlier.seq) if earlier else made
