"""Conversations whose rows stand still, because one of their events cannot become rows.

The conversation is parked, not the event: rows made without it would be wrong, and its later events build upon it.
"""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from domain.ids import ConversationId, TenantId
from domain.ports import RecordedEvent, UnreadablePlace

Reason = Literal["unknown_event", "corrupt_event", "not_projectable", "rows_rejected"]


class Poison(Struct, frozen=True, kw_only=True):
    """The event before which the rows of a conversation stand still.

    `error` is a topic, the name of an exception or an SQLSTATE: never a word of what somebody said.
    """

    tenant_id: TenantId
    conversation_id: ConversationId
    version: int
    position: int
    reason: Reason
    error: str


class DeadLetter(Struct, frozen=True, kw_only=True):
    """A parked conversation. `attempts` counts the times that it was tried to re-drive it."""

    poison: Poison
    since: datetime
    attempts: int = 0
    last_tried_at: datetime | None = None


def unreadable(place: UnreadablePlace) -> Poison:
    """The event cannot be read."""
    return Poison(
        tenant_id=place.tenant_id,
        conversation_id=place.conversation_id,
        version=place.version,
        position=place.position,
        reason=unreadable_reason(place.code),
        error=place.topic,
    )


def unreadable_reason(code: str) -> Reason:
    """What the code of an `UnreadableEvent` is called here."""
    return "unknown_event" if code == "unknown_event" else "corrupt_event"


def not_projectable(recorded: RecordedEvent, error: Exception) -> Poison:
    """A projection failed on the event."""
    return _poison(recorded, "not_projectable", type(error).__name__)


def rows_rejected(recorded: RecordedEvent, error: str) -> Poison:
    """The database refuses what the event has become."""
    return _poison(recorded, "rows_rejected", error)


def _poison(recorded: RecordedEvent, reason: Reason, error: str) -> Poison:
    return Poison(
        tenant_id=recorded.tenant_id,
        conversation_id=recorded.conversation_id,
        version=recorded.version,
        position=recorded.position,
        reason=reason,
        error=error,
    )
