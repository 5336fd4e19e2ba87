"""What an event does to the rows: one closed union. In a change, None means that a column stays as it is."""

from datetime import datetime

from msgspec import UNSET, Struct, UnsetType

from domain.conversation.conversation import Fault
from domain.conversation.transitions import State
from domain.conversation.values import EndedReason, Metadata, Usage
from domain.ids import ConversationId, MessageId
from projections.rows import MessageRow, SessionRow


class Ending(Struct, frozen=True, kw_only=True):
    """The columns that the end of a conversation fills, together."""

    ended_at: datetime
    ended_reason: EndedReason
    ended_detail: str | None


class Answer(Struct, frozen=True, kw_only=True):
    """The columns of a message that the end of an answer fills, together; null is written as null."""

    interrupted: bool
    audio_url: str | None = None
    metadata: Metadata = {}
    heard_text: str | None = None
    audio_end_ms: int | None = None
    finish_reason: str | None = None
    usage: Usage | None = None


class Feedback(Struct, frozen=True, kw_only=True):
    """The last feedback given on a message."""

    rating: int
    comment: str | None


class SessionOpened(Struct, frozen=True):
    """A new row of `conversation_sessions`."""

    row: SessionRow


class SessionChanged(Struct, frozen=True, kw_only=True):
    """A change of one row of `conversation_sessions`; every event is at least this much.

    `messages_added` and `tool_calls_opened` are added to the counts. `turn_over` comes before them: no tool call is
    open any more and nothing can resume. A `fault` of None clears it, one that is unset leaves it.
    """

    session_id: ConversationId
    version: int
    last_activity_at: datetime
    state: State | None = None
    turn: int | None = None
    messages_added: int = 0
    turn_over: bool = False
    tool_calls_opened: int = 0
    can_resume: bool | None = None
    answered: bool | None = None
    fault: Fault | UnsetType | None = UNSET
    metadata: Metadata | None = None
    ending: Ending | None = None


class MessageAdded(Struct, frozen=True):
    """A new row of `conversation_messages`. What it takes over from the session is filled when it is written."""

    row: MessageRow


class MessageChanged(Struct, frozen=True, kw_only=True):
    """A change of one row of `conversation_messages`."""

    session_id: ConversationId
    message_id: MessageId
    content: str | None = None
    turn: int | None = None
    answer: Answer | None = None
    corrected_at: datetime | None = None
    feedback: Feedback | None = None


SessionChange = SessionOpened | SessionChanged
MessageChange = MessageAdded | MessageChanged
Change = SessionChange | MessageChange
