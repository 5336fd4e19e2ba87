"""What a change makes of a row, and two changes of one. The SQL of a store says the same for whole pages."""

from typing import Any

from msgspec import UNSET
from msgspec.structs import asdict, replace

from projections.changes import MessageChanged, SessionChanged
from projections.rows import MessageRow, SessionRow


def changed_session(row: SessionRow, change: SessionChanged) -> SessionRow:
    """The row after the change."""
    open_tool_calls = 0 if change.turn_over else row.open_tool_calls
    can_resume = row.can_resume and not change.turn_over
    columns: dict[str, Any] = {
        "version": change.version,
        "last_activity_at": change.last_activity_at,
        "message_count": row.message_count + change.messages_added,
        "open_tool_calls": open_tool_calls + change.tool_calls_opened,
        "can_resume": can_resume if change.can_resume is None else change.can_resume,
    }
    if change.state is not None:
        columns["state"] = change.state
    if change.turn is not None:
        columns["turn_count"] = change.turn
    if change.answered is not None:
        columns["answered"] = change.answered
    if change.metadata is not None:
        columns["metadata"] = change.metadata
    return replace(row, **columns, **_grouped_columns(change))


def _grouped_columns(change: SessionChanged) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    if change.fault is None:
        columns |= {"fault_code": None, "fault_message": None, "fault_retryable": None}
    elif change.fault is not UNSET:
        fault = change.fault
        columns |= {"fault_code": fault.code, "fault_message": fault.message, "fault_retryable": fault.retryable}
    if change.ending is not None:
        columns |= asdict(change.ending)
    return columns


def merged_session(earlier: SessionChanged, later: SessionChanged) -> SessionChanged:
    """The one change that does what the two do, one after the other."""
    can_resume = earlier.can_resume if later.can_resume is None and not later.turn_over else later.can_resume
    return SessionChanged(
        session_id=later.session_id,
        version=later.version,
        last_activity_at=later.last_activity_at,
        state=earlier.state if later.state is None else later.state,
        turn=earlier.turn if later.turn is None else later.turn,
        messages_added=earlier.messages_added + later.messages_added,
        turn_over=earlier.turn_over or later.turn_over,
        tool_calls_opened=later.tool_calls_opened + (0 if later.turn_over else earlier.tool_calls_opened),
        can_resume=can_resume,
        answered=earlier.answered if later.answered is None else later.answered,
        fault=earlier.fault if later.fault is UNSET else later.fault,
        metadata=earlier.metadata if later.metadata is None else later.metadata,
        ending=later.ending or earlier.ending,
    )


def changed_message(row: MessageRow, change: MessageChanged) -> MessageRow:
    """The row after the change."""
    columns: dict[str, Any] = {}
    if change.content is not None:
        columns["content"] = change.content
    if change.turn is not None:
        columns["turn"] = change.turn
    if change.corrected_at is not None:
        columns["corrected_at"] = change.corrected_at
    if change.feedback is not None:
        columns |= {"feedback_rating": change.feedback.rating, "feedback_comment": change.feedback.comment}
    if change.answer is not None:
        columns |= asdict(change.answer)
    return replace(row, **columns)


def merged_message(earlier: MessageChanged, later: MessageChanged) -> MessageChanged:
    """The one change that does what the two do, one after the other."""
    return MessageChanged(
        session_id=later.session_id,
        message_id=later.message_id,
        content=earlier.content if later.content is None else later.content,
        turn=earlier.turn if later.turn is None else later.turn,
        answer=later.answer or earlier.answer,
        corrected_at=later.corrected_at or earlier.corrected_at,
        feedback=later.feedback or earlier.feedback,
    )


def added_message(row: MessageRow, user_id: str | None, language: str | None) -> MessageRow:
    """The new row in a conversation with this user, in this language."""
    return replace(row, user_id=user_id if row.role == "user" else None, conversation_language=language)
