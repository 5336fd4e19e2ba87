"""What callers see of conversations, messages and events: the shapes of JSON, and how they are filled.

A view is made of stored facts alone, never of the present time, so the answer to a command can be given again byte for
byte. Fields may be added, never renamed.
"""

from datetime import UTC, datetime
from html import escape
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

from app.searching import SearchHit
from domain.conversation.conversation import Conversation, Fault, Status, allowed, status
from domain.conversation.events import tag_of
from domain.conversation.transitions import State
from domain.conversation.values import EndedReason, Metadata, Policies, Role, Usage
from domain.envelope import ActorType
from domain.ports import RecordedEvent
from projections.rows import MessageRow, SessionRow, conversation_of


class ConversationView(Struct, frozen=True, kw_only=True):
    """A conversation at `version`. `allowed` are the commands that are legal now."""

    id: str
    session_id: str
    tenant_id: str
    user_id: str | None
    agent: str | None
    channel: str | None
    language: str | None
    parent_id: str | None
    state: State | None
    status: Status | None
    allowed: tuple[str, ...]
    version: int
    epoch: str
    turn: int
    started_at: datetime | None
    last_activity_at: datetime | None
    ended_at: datetime | None
    ended_reason: EndedReason | None
    is_active: bool
    duration_seconds: float | None
    message_count: int
    metadata: Metadata
    policies: Policies
    fault: Fault | None


class FeedbackView(Struct, frozen=True, kw_only=True):
    """The last feedback on a message."""

    rating: int
    comment: str | None


class MessageView(Struct, frozen=True, kw_only=True):
    """A message. `version` is that of the event that first made it; `turn` is null where it takes or has none yet."""

    id: str
    session_id: str
    user_id: str | None
    role: Role
    content: str
    audio_url: str | None
    metadata: Metadata
    created_at: datetime
    turn: int | None
    version: int
    interrupted: bool
    heard_text: str | None
    usage: Usage | None
    feedback: FeedbackView | None


class SearchHitView(Struct, frozen=True, kw_only=True):
    """A message that was found. `id` is its place in the search, for `after` and `before`.

    `snippet` is HTML that may be shown as it is: pieces of the text in which `&`, `<`, `>` and quotes are escaped, and
    the words that were found stand between `<mark>` and `</mark>`, the only tags there are.
    """

    id: str
    message: MessageView
    snippet: str


class ActorView(Struct, frozen=True, kw_only=True):
    """Who acted."""

    type: ActorType
    id: str | None
    client_id: str | None


class EventView(Struct, frozen=True, kw_only=True):
    """A stored event. `data` has all fields of its type."""

    id: str
    conversation_id: str
    version: int
    position: int
    type: str
    schema_version: int
    data: dict[str, Any]
    actor: ActorView
    command_id: str
    correlation_id: str | None
    causation_id: str | None
    occurred_at: datetime
    recorded_at: datetime


def conversation_view(conversation: Conversation, epoch: str) -> ConversationView:
    """From the aggregate: as of the version that it was folded to."""
    return ConversationView(
        id=conversation.id,
        session_id=conversation.id,
        tenant_id=conversation.tenant_id,
        user_id=conversation.user_id,
        agent=conversation.agent,
        channel=conversation.channel,
        language=conversation.language,
        parent_id=conversation.parent_id,
        state=conversation.state,
        status=status(conversation),
        allowed=allowed(conversation),
        version=conversation.version,
        epoch=epoch,
        turn=conversation.turn,
        started_at=_utc(conversation.started_at),
        last_activity_at=_utc(conversation.last_activity_at),
        ended_at=_utc(conversation.ended_at),
        ended_reason=conversation.ended_reason,
        is_active=conversation.is_active,
        duration_seconds=conversation.duration_seconds,
        message_count=conversation.message_count,
        metadata=conversation.metadata,
        policies=conversation.policies,
        fault=conversation.fault,
    )


def listed_conversation_view(row: SessionRow, epoch: str) -> ConversationView:
    """From the read table: as of the version that it has come to."""
    known = conversation_of(row)
    return ConversationView(
        id=row.id,
        session_id=row.session_id,
        tenant_id=row.tenant_id,
        user_id=row.user_id,
        agent=row.agent,
        channel=row.channel,
        language=row.language,
        parent_id=row.parent_id,
        state=row.state,
        status=status(known),
        allowed=allowed(known),
        version=row.version,
        epoch=epoch,
        turn=row.turn_count,
        started_at=_utc(row.started_at),
        last_activity_at=_utc(row.last_activity_at),
        ended_at=_utc(row.ended_at),
        ended_reason=row.ended_reason,
        is_active=row.is_active,
        duration_seconds=row.duration_seconds,
        message_count=row.message_count,
        metadata=row.metadata,
        policies=row.policies,
        fault=known.fault,
    )


def message_view(row: MessageRow) -> MessageView:
    """From a row, or from what will be one."""
    feedback = None
    if row.feedback_rating is not None:
        feedback = FeedbackView(rating=row.feedback_rating, comment=row.feedback_comment)
    return MessageView(
        id=row.id,
        session_id=row.session_id,
        user_id=row.user_id,
        role=row.role,
        content=row.content,
        audio_url=row.audio_url,
        metadata=row.metadata,
        created_at=row.created_at.astimezone(UTC),
        turn=row.turn,
        version=row.version,
        interrupted=row.interrupted,
        heard_text=row.heard_text,
        usage=row.usage,
        feedback=feedback,
    )


def search_hit_view(hit: SearchHit) -> SearchHitView:
    """Escaped piece by piece, so that nothing somebody said can be taken for a mark."""
    pieces = (
        f"<mark>{escape(fragment.text)}</mark>" if fragment.is_match else escape(fragment.text)
        for fragment in hit.fragments
    )
    return SearchHitView(id=hit.place.as_text(), message=message_view(hit.message), snippet="".join(pieces))


def event_view(recorded: RecordedEvent) -> EventView:
    """The event with everything that was stored beside it."""
    origin = recorded.origin
    return EventView(
        id=recorded.event_id,
        conversation_id=recorded.conversation_id,
        version=recorded.version,
        position=recorded.position,
        type=tag_of(type(recorded.event)),
        schema_version=recorded.schema_version,
        data=asdict(recorded.event),
        actor=ActorView(type=origin.actor.type, id=origin.actor.id, client_id=origin.actor.client_id),
        command_id=origin.command_id,
        correlation_id=origin.correlation_id,
        causation_id=origin.causation_id,
        occurred_at=origin.occurred_at.astimezone(UTC),
        recorded_at=recorded.recorded_at.astimezone(UTC),
    )


def _utc(time: datetime | None) -> datetime | None:
    return None if time is None else time.astimezone(UTC)
