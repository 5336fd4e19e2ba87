"""What the rows must be, told from the folded conversation and its history without any projection."""

from collections.abc import Sequence
from typing import Any, Final

from domain.conversation import events as e
from domain.conversation.conversation import Conversation
from domain.conversation.evolution import evolve
from domain.conversation.transitions import State
from domain.ids import MessageId
from domain.ports import RecordedEvent
from projections.rows import MessageRow, SessionRow


def expected_session(conversation: Conversation, history: Sequence[RecordedEvent]) -> SessionRow:
    """The row of a conversation that the history folds into."""
    assert conversation.started_at is not None
    assert conversation.last_activity_at is not None
    fault = conversation.fault
    last_end = next((one.event for one in reversed(history) if isinstance(one.event, e.ConversationEnded)), None)
    return SessionRow(
        id=conversation.id,
        tenant_id=conversation.tenant_id,
        user_id=conversation.user_id,
        agent=conversation.agent,
        channel=conversation.channel,
        language=conversation.language,
        parent_id=conversation.parent_id,
        policies=conversation.policies,
        metadata=conversation.metadata,
        state=State(conversation.state or ""),
        started_at=conversation.started_at,
        created_at=conversation.started_at,
        last_activity_at=conversation.last_activity_at,
        version=conversation.version,
        ended_at=conversation.ended_at,
        ended_reason=conversation.ended_reason,
        ended_detail=last_end.detail if last_end else None,
        message_count=conversation.message_count,
        turn_count=conversation.turn,
        answered=conversation.answered,
        can_resume=conversation.interrupted is not None,
        open_tool_calls=len(conversation.open_tool_calls),
        fault_code=fault.code if fault else None,
        fault_message=fault.message if fault else None,
        fault_retryable=fault.retryable if fault else None,
    )


def expected_messages(unborn: Conversation, history: Sequence[RecordedEvent]) -> list[MessageRow]:
    """The rows of all messages of the history, in the order in which they were made."""
    conversation = unborn
    stories: dict[MessageId, _Story] = {}
    for recorded in history:
        event = recorded.event
        conversation = evolve(conversation, event, recorded.origin.occurred_at)
        message_id = getattr(event, "message_id", None)
        if message_id is not None and not isinstance(event, e.ResponseStarted):
            story = stories.setdefault(message_id, _Story(recorded, conversation))
            story.chapters.append(recorded)
    return [story.row() for story in stories.values()]


class _Story:
    """All that was ever said of one message, and what stood when it was made."""

    def __init__(self, first: RecordedEvent, conversation: Conversation) -> None:
        self.first = first
        self.conversation = conversation
        self.chapters: list[RecordedEvent] = []

    def row(self) -> MessageRow:
        """The message as it is in the end."""
        spoken = self._last(e.UserMessageQueued, e.UserMessageReceived)
        answer = self._last(*_ANSWERS)
        corrected = [r for r in self.chapters if isinstance(r.event, e.MessageCorrected)]
        return _with_feedback(
            self._last(e.FeedbackRecorded),
            id=getattr(self.first.event, "message_id"),  # noqa: B009 - only some events have it
            session_id=self.first.conversation_id,
            tenant_id=self.first.tenant_id,
            created_at=self.first.origin.occurred_at,
            version=self.first.version,
            conversation_language=self.conversation.language,
            content=self._content(),
            corrected_at=corrected[-1].origin.occurred_at if corrected else None,
            **(self._of_user(spoken) if spoken else self._of_answer(answer) if answer else self._of_record()),
        )

    def _of_user(self, spoken: e.Event) -> dict[str, Any]:
        copied = ("audio_start_ms", "audio_end_ms", "language", "confidence", "speaker_id", "spoken_at")
        return {
            "role": "user",
            "user_id": self.conversation.user_id,
            "turn": getattr(spoken, "turn", None),
            **_copied(spoken, "audio_url", "metadata", *copied),
        }

    def _of_answer(self, answer: e.Event) -> dict[str, Any]:
        copied = ("audio_url", "metadata", "heard_text", "audio_end_ms", "finish_reason", "usage")
        return {
            "role": "assistant",
            "turn": self.conversation.turn,
            "interrupted": isinstance(answer, e.ResponseInterrupted),
            **_copied(self.first.event, "response_id", "model", "provider"),
            **_copied(answer, *copied),
        }

    def _of_record(self) -> dict[str, Any]:
        event = self.first.event
        user_id = self.conversation.user_id if getattr(event, "role", None) == "user" else None
        return {"user_id": user_id, **_copied(event, "role", "audio_url", "metadata", "usage", "late")}

    def _content(self) -> str:
        """What the last event that had a text said."""
        texts = [_text_of(recorded.event) for recorded in self.chapters]
        return [text for text in texts if text is not None][-1]

    def _last(self, *event_types: type[e.Event]) -> e.Event | None:
        events = [recorded.event for recorded in self.chapters if isinstance(recorded.event, event_types)]
        return events[-1] if events else None


_ANSWERS: Final = (e.ResponseCompleted, e.ResponseInterrupted)


def _with_feedback(feedback: e.Event | None, **columns: Any) -> MessageRow:
    if isinstance(feedback, e.FeedbackRecorded):
        columns |= {"feedback_rating": feedback.rating, "feedback_comment": feedback.comment}
    return MessageRow(**columns)


def _text_of(event: e.Event) -> str | None:
    return event.generated_text if isinstance(event, e.ResponseInterrupted) else getattr(event, "content", None)


def _copied(event: e.Event, *fields: str) -> dict[str, Any]:
    return {field: getattr(event, field) for field in fields if hasattr(event, field)}
