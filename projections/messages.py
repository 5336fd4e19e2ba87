"""The projection `conversation_messages`: one row for each message of a conversation."""

from collections.abc import Iterator
from datetime import datetime
from typing import assert_never

from msgspec.structs import asdict

from domain.conversation import events as e
from domain.ids import MessageId
from domain.ports import RecordedEvent
from projections.changes import Answer, Feedback, MessageAdded, MessageChange, MessageChanged
from projections.rows import MessageRow


def project(recorded: RecordedEvent) -> Iterator[MessageChange]:
    """`queued` and `resumed` of an event say that the message has its row already."""
    event = recorded.event
    match event:
        case e.UserMessageQueued():
            yield MessageAdded(_user_message(recorded, event))
        case e.UserMessageReceived():
            if event.queued:
                yield _changed(recorded, event.message_id, turn=event.turn)
            else:
                yield MessageAdded(_user_message(recorded, event, turn=event.turn))
        case e.ResponseCompleted():
            yield _answered(recorded, event, event.content, _completed_answer(event))
        case e.ResponseInterrupted():
            yield _answered(recorded, event, event.generated_text, _interrupted_answer(event))
        case e.MessageRecorded():
            yield MessageAdded(_recorded_message(recorded, event))
        case e.MessageCorrected():
            yield _changed(recorded, event.message_id, content=event.content, corrected_at=recorded.origin.occurred_at)
        case e.FeedbackRecorded():
            feedback = Feedback(rating=event.rating, comment=event.comment)
            yield _changed(recorded, event.message_id, feedback=feedback)
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
            | e.MetadataChanged()
            | e.ConversationEnded()
        ):
            return
        case _:
            assert_never(event)


def _user_message(
    recorded: RecordedEvent, event: e.UserMessageReceived | e.UserMessageQueued, turn: int | None = None
) -> MessageRow:
    return MessageRow(
        id=event.message_id,
        session_id=recorded.conversation_id,
        tenant_id=recorded.tenant_id,
        role="user",
        content=event.content,
        audio_url=event.audio_url,
        metadata=event.metadata,
        created_at=recorded.origin.occurred_at,
        turn=turn,
        version=recorded.version,
        audio_start_ms=event.audio_start_ms,
        audio_end_ms=event.audio_end_ms,
        language=event.language,
        confidence=event.confidence,
        speaker_id=event.speaker_id,
        spoken_at=event.spoken_at,
    )


def _recorded_message(recorded: RecordedEvent, event: e.MessageRecorded) -> MessageRow:
    return MessageRow(
        id=event.message_id,
        session_id=recorded.conversation_id,
        tenant_id=recorded.tenant_id,
        role=event.role,
        content=event.content,
        audio_url=event.audio_url,
        metadata=event.metadata,
        created_at=recorded.origin.occurred_at,
        version=recorded.version,
        late=event.late,
        usage=event.usage,
    )


def _completed_answer(event: e.ResponseCompleted) -> Answer:
    return Answer(
        interrupted=False,
        audio_url=event.audio_url,
        metadata=event.metadata,
        finish_reason=event.finish_reason,
        usage=event.usage,
    )


def _interrupted_answer(event: e.ResponseInterrupted) -> Answer:
    return Answer(interrupted=True, heard_text=event.heard_text, audio_end_ms=event.audio_end_ms)


def _answered(
    recorded: RecordedEvent, event: e.ResponseCompleted | e.ResponseInterrupted, content: str, answer: Answer
) -> MessageChange:
    if event.resumed:
        return _changed(recorded, event.message_id, content=content, answer=answer)
    return MessageAdded(
        MessageRow(
            id=event.message_id,
            session_id=recorded.conversation_id,
            tenant_id=recorded.tenant_id,
            role="assistant",
            content=content,
            created_at=recorded.origin.occurred_at,
            turn=event.turn,
            version=recorded.version,
            response_id=event.response_id,
            model=event.model,
            provider=event.provider,
            **asdict(answer),
        )
    )


def _changed(
    recorded: RecordedEvent,
    message_id: MessageId,
    *,
    content: str | None = None,
    turn: int | None = None,
    answer: Answer | None = None,
    corrected_at: datetime | None = None,
    feedback: Feedback | None = None,
) -> MessageChanged:
    return MessageChanged(
        session_id=recorded.conversation_id,
        message_id=message_id,
        content=content,
        turn=turn,
        answer=answer,
        corrected_at=corrected_at,
        feedback=feedback,
    )
