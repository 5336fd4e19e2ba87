"""What an event says to sockets: every event gives at least one message, so `seq` has no holes for a client."""

from collections.abc import Iterable
from typing import Any, assert_never

import msgspec
from msgspec import Struct

from app.ws.protocol import (
    Answer,
    Envelope,
    ErrorPayload,
    MessageType,
    SpeechEvent,
    StateUpdate,
    TranscriptUpdate,
)
from domain.conversation import events as e
from domain.conversation.conversation import Conversation, allowed, status
from domain.ports import RecordedEvent

Payload = tuple[MessageType, Struct]

_encoder = msgspec.json.Encoder()


class Frames(Struct, frozen=True):
    """What is sent together, encoded once for all who get it: its texts, and the WebSocket frames of them."""

    texts: tuple[bytes, ...]
    wire: bytes


class Marks(Struct, frozen=True):
    """What is looked at again of an envelope that is encoded already."""

    type: MessageType
    epoch: str
    seq: int | None
    part: tuple[int, int] | None = None


marks_of = msgspec.json.Decoder(Marks).decode


def frames_of(*texts: bytes) -> Frames:
    """The frames of these texts."""
    return Frames(texts, text_frame(texts[0]) if len(texts) == 1 else b"".join(map(text_frame, texts)))


def text_frame(text: bytes) -> bytes:
    """One unmasked text frame of RFC 6455. The library's own way to it, which can do all kinds, takes three times as
    long, and every message goes this way."""
    size_bytes = len(text)
    if size_bytes < 126:
        return b"\x81" + size_bytes.to_bytes(1, "big") + text
    if size_bytes < 2**16:
        return b"\x81\x7e" + size_bytes.to_bytes(2, "big") + text
    return b"\x81\x7f" + size_bytes.to_bytes(8, "big") + text


def encode(envelope: Envelope) -> Frames:
    """The frame of one envelope."""
    return frames_of(_encoder.encode(envelope))


def durable_frames(recorded: RecordedEvent, before: Conversation, after: Conversation, epoch: str) -> Frames:
    """What one event says; the same bytes on every replay."""
    payloads = _payloads(recorded.event, before, after)
    count = len(payloads)
    texts = [
        _encoder.encode(
            Envelope(
                type=message_type,
                id=f"{recorded.event_id}.{index}" if count > 1 else recorded.event_id,
                conversation_id=recorded.conversation_id,
                epoch=epoch,
                seq=recorded.version,
                prev=recorded.version - 1 if index == 1 else recorded.version,
                part=(index, count) if count > 1 else None,
                ts=recorded.origin.occurred_at,
                correlation_id=recorded.origin.correlation_id or recorded.origin.command_id,
                trace=recorded.origin.traceparent,
                payload=payload,
            )
        )
        for index, (message_type, payload) in enumerate(payloads, start=1)
    ]
    return frames_of(*texts)


def state_update(event: e.Event, before: Conversation, after: Conversation) -> StateUpdate:
    """How the event moved the conversation."""
    return StateUpdate(
        from_state=before.state,
        to=after.state,
        status=status(after),
        reason=e.tag_of(type(event)),
        turn=after.turn,
        allowed=allowed(after),
        data=_data(event),
    )


def _payloads(event: e.Event, before: Conversation, after: Conversation) -> list[Payload]:
    return [*_content(event), ("state_update", state_update(event, before, after))]


def _content(event: e.Event) -> Iterable[Payload]:
    """What the event says beside the change of state."""
    match event:
        case e.UserMessageReceived() if event.queued:
            return ()  # announced when it was queued
        case e.UserMessageReceived() | e.UserMessageQueued():
            return (("transcript_update", _user_transcript(event)),)
        case e.MessageRecorded():
            return (_recorded_message(event),)
        case e.ResponseCompleted():
            return (("ai_response", _answer(event)),)
        case e.ResponseInterrupted():
            interrupted = SpeechEvent(event="interrupted", actor="user", at_ms=event.audio_end_ms)
            return (("ai_response", _interrupted_answer(event)), ("speech_event", interrupted))
        case e.ListeningStarted():
            return (("speech_event", SpeechEvent(event="started", actor="user")),)
        case e.ListeningStopped():
            return (("speech_event", SpeechEvent(event="stopped", actor="user")),)
        case e.SpeechResumed():
            return (("speech_event", SpeechEvent(event="resumed", actor="agent")),)
        case e.TurnFailed():
            return (("error", _fault(event)),)
        case (
            e.ConversationStarted()
            | e.ResponseStarted()
            | e.ResponseCancelled()
            | e.TurnRetried()
            | e.ToolCallStarted()
            | e.ToolCallCompleted()
            | e.MessageCorrected()
            | e.FeedbackRecorded()
            | e.MetadataChanged()
            | e.ConversationEnded()
        ):
            return ()
        case _:
            assert_never(event)


_SAID_BY_ANOTHER_MESSAGE = (
    e.UserMessageQueued,
    e.MessageRecorded,
    e.ResponseCompleted,
    e.ResponseInterrupted,
    e.TurnFailed,
)


def _data(event: e.Event) -> dict[str, Any] | None:
    if isinstance(event, _SAID_BY_ANOTHER_MESSAGE):
        return None
    if isinstance(event, e.UserMessageReceived):
        return {"message_id": event.message_id}
    data: dict[str, Any] = msgspec.to_builtins(event)
    del data["type"]
    return data or None


def _user_transcript(event: e.UserMessageReceived | e.UserMessageQueued) -> TranscriptUpdate:
    return TranscriptUpdate(
        text=event.content,
        is_final=True,
        segment_id=event.segment_ids[-1] if event.segment_ids else None,
        segment_ids=event.segment_ids,
        confidence=event.confidence,
        start_ms=event.audio_start_ms,
        end_ms=event.audio_end_ms,
        message_id=event.message_id,
        queued=isinstance(event, e.UserMessageQueued),
    )


def _recorded_message(event: e.MessageRecorded) -> Payload:
    if event.role == "assistant":
        answer = Answer(message_id=event.message_id, text=event.content, usage=event.usage, audio_url=event.audio_url)
        return ("ai_response", answer)
    transcript = TranscriptUpdate(text=event.content, is_final=True, speaker=event.role, message_id=event.message_id)
    return ("transcript_update", transcript)


def _answer(event: e.ResponseCompleted) -> Answer:
    return Answer(
        message_id=event.message_id,
        response_id=event.response_id,
        text=event.content,
        finish_reason=event.finish_reason,
        usage=event.usage,
        audio_url=event.audio_url,
    )


def _interrupted_answer(event: e.ResponseInterrupted) -> Answer:
    return Answer(
        message_id=event.message_id,
        response_id=event.response_id,
        text=event.generated_text,
        interrupted=True,
        heard_text=event.heard_text,
    )


def _fault(event: e.TurnFailed) -> ErrorPayload:
    return ErrorPayload(code=event.code, message=event.message, retryable=event.retryable, fatal=False)
