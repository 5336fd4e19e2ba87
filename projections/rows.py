"""The rows of the two read tables, column by column, and what is derived from a row."""

from datetime import datetime

from msgspec import Struct

from domain.conversation.conversation import Conversation, Fault, Response
from domain.conversation.transitions import State
from domain.conversation.values import EndedReason, Metadata, Policies, Role, Usage
from domain.ids import ConversationId, MessageId, TenantId


class SessionRow(Struct, frozen=True, kw_only=True):
    """A row of `conversation_sessions`, at `version`.

    `is_active` and `duration_seconds` are computed by the table, so that they cannot disagree with the columns they
    come from.
    """

    id: ConversationId
    tenant_id: TenantId
    user_id: str | None
    agent: str | None
    channel: str | None
    language: str | None
    parent_id: ConversationId | None
    policies: Policies
    metadata: Metadata
    state: State
    started_at: datetime
    created_at: datetime
    last_activity_at: datetime
    version: int
    ended_at: datetime | None = None
    ended_reason: EndedReason | None = None
    ended_detail: str | None = None
    message_count: int = 0
    turn_count: int = 0
    answered: bool = False
    can_resume: bool = False
    open_tool_calls: int = 0
    fault_code: str | None = None
    fault_message: str | None = None
    fault_retryable: bool | None = None

    @property
    def session_id(self) -> ConversationId:
        """One conversation is one session."""
        return self.id

    @property
    def is_active(self) -> bool:
        return self.state is not State.ENDED

    @property
    def duration_seconds(self) -> float | None:
        """From start to end; null while it lives, never negative though clocks may jump."""
        if self.ended_at is None:
            return None
        return max(0.0, (self.ended_at - self.started_at).total_seconds())


class MessageRow(Struct, frozen=True, kw_only=True):
    """A row of `conversation_messages`. `version` and `created_at` are those of the event that first made it.

    `user_id` is the conversation's, on messages of the user; `conversation_language` is on all. `turn` is null on
    messages that take no turn and on those that still wait for one. `content` of an interrupted answer is what was
    generated; `heard_text` is what of it the user can have heard.
    """

    id: MessageId
    session_id: ConversationId
    tenant_id: TenantId
    user_id: str | None = None
    role: Role
    content: str
    audio_url: str | None = None
    metadata: Metadata = {}
    created_at: datetime
    turn: int | None = None
    version: int
    interrupted: bool = False
    heard_text: str | None = None
    audio_start_ms: int | None = None
    audio_end_ms: int | None = None
    language: str | None = None
    confidence: float | None = None
    speaker_id: str | None = None
    spoken_at: datetime | None = None
    late: bool = False
    response_id: str | None = None
    model: str | None = None
    provider: str | None = None
    finish_reason: str | None = None
    usage: Usage | None = None
    feedback_rating: int | None = None
    feedback_comment: str | None = None
    corrected_at: datetime | None = None
    conversation_language: str | None = None


def conversation_of(row: SessionRow) -> Conversation:
    """As much of the conversation as `status` and `allowed` ask for. Not one to decide on."""
    fault = None
    if row.fault_code is not None:
        fault = Fault(code=row.fault_code, message=row.fault_message or "", retryable=row.fault_retryable or False)
    return Conversation(
        id=row.id,
        tenant_id=row.tenant_id,
        version=row.version,
        state=row.state,
        policies=row.policies,
        interrupted=Response("", MessageId("")) if row.can_resume else None,
        open_tool_calls=("",) * row.open_tool_calls,
        fault=fault,
        answered=row.answered,
    )
