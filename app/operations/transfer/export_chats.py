"""`turnlog export chats`: what was said, a conversation a line, in the format that `turnlog import chats` reads."""

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from typing import BinaryIO, Protocol

import msgspec
from msgspec import Struct

from app.operations.transfer.chats import ChatFeedback
from app.ports import RowSelection
from domain.conversation.values import EndedReason, Metadata, Role, Usage
from domain.ids import ConversationId, MessageId, TenantId
from projections.rows import MessageRow, SessionRow


class Rows(Protocol):
    """The read tables at one moment."""

    def conversations(self, selection: RowSelection) -> AsyncIterator[list[SessionRow]]:
        """The chosen ones, page by page."""
        ...

    def messages(self, conversation_ids: Sequence[ConversationId]) -> AsyncIterator[MessageRow]:
        """Those of these conversations: conversation by conversation, and then as they were made."""
        ...


class BareMessage(Struct, frozen=True):
    """What every tool understands."""

    role: Role
    content: str


class BareChat(Struct, frozen=True):
    """What tools for fine-tuning take, and nothing else."""

    messages: list[BareMessage]


class ExportedMessage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Of an interrupted answer `content` is what was generated, and `heard_text` what can have been heard."""

    role: Role
    content: str
    id: MessageId
    created_at: datetime
    turn: int | None = None
    interrupted: bool = False
    heard_text: str | None = None
    audio_url: str | None = None
    metadata: Metadata = {}
    model: str | None = None
    usage: Usage | None = None
    feedback: ChatFeedback | None = None


class ExportedChat(Struct, frozen=True, kw_only=True):
    """`ended_at` is null while the conversation is open."""

    messages: list[ExportedMessage]
    id: ConversationId
    tenant_id: TenantId
    user_id: str | None
    agent: str | None
    channel: str | None
    language: str | None
    metadata: Metadata
    started_at: datetime
    ended_at: datetime | None
    ended_reason: EndedReason | None
    ended_detail: str | None


_encoder = msgspec.json.Encoder()


async def export_chats(
    rows: Rows,
    selection: RowSelection,
    out: BinaryIO,
    on_conversations: Callable[[int], None],
    *,
    only_messages: bool,
) -> int:
    """Write the chosen conversations in which something was said. Gives their number."""
    count = 0
    line_of = _bare_chat if only_messages else _chat
    async for page in rows.conversations(selection):
        async for session, messages in _with_messages(rows, page):
            out.write(_encoder.encode(line_of(session, messages)) + b"\n")
            count += 1
        on_conversations(len(page))
    out.flush()
    return count


async def _with_messages(rows: Rows, page: Sequence[SessionRow]) -> AsyncIterator[tuple[SessionRow, list[MessageRow]]]:
    """One conversation at a time in memory. Those without messages are left out."""
    sessions = {session.id: session for session in page}
    messages: list[MessageRow] = []
    async for message in rows.messages(list(sessions)):
        if messages and message.session_id != messages[0].session_id:
            yield sessions[messages[0].session_id], messages
            messages = []
        messages.append(message)
    if messages:
        yield sessions[messages[0].session_id], messages


def _bare_chat(_session: SessionRow, messages: Sequence[MessageRow]) -> BareChat:
    return BareChat([BareMessage(message.role, message.content) for message in messages])


def _chat(session: SessionRow, messages: Sequence[MessageRow]) -> ExportedChat:
    return ExportedChat(
        messages=[_message(message) for message in messages],
        id=session.id,
        tenant_id=session.tenant_id,
        user_id=session.user_id,
        agent=session.agent,
        channel=session.channel,
        language=session.language,
        metadata=session.metadata,
        started_at=session.started_at,
        ended_at=session.ended_at,
        ended_reason=session.ended_reason,
        ended_detail=session.ended_detail,
    )


def _message(row: MessageRow) -> ExportedMessage:
    feedback = None if row.feedback_rating is None else ChatFeedback(row.feedback_rating, row.feedback_comment)
    return ExportedMessage(
        role=row.role,
        content=row.content,
        id=row.id,
        created_at=row.created_at,
        turn=row.turn,
        interrupted=row.interrupted,
        heard_text=row.heard_text,
        audio_url=row.audio_url,
        metadata=row.metadata,
        model=row.model,
        usage=row.usage,
        feedback=feedback,
    )
