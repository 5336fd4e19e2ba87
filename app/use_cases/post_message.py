"""Post a message: the one way to write for callers who think in messages, not in turns."""

from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from app.principal import Principal
from app.use_cases.run_command import CommandRequest, CommandResult, RunCommand
from app.use_cases.write_options import WriteOptions
from domain.conversation import events as e
from domain.conversation.commands import Command, CompleteResponse, RecordMessage, SubmitUserMessage
from domain.conversation.conversation import Conversation
from domain.conversation.errors import InvalidCommand
from domain.conversation.limits import Content, GivenMetadata, Url
from domain.conversation.transitions import State
from domain.conversation.values import GivenUsage, Role
from domain.ids import ConversationId, GivenMessageId
from domain.ports import EventStore, RecordedEvent
from projections.changes import MessageAdded
from projections.messages import project
from projections.rows import MessageRow

PostedRole = Literal["system", "developer", "user", "assistant", "tool", "agent", "bot"]

_ROLES: Final[dict[PostedRole, Role]] = {
    "system": "system",
    "developer": "developer",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "agent": "assistant",
    "bot": "assistant",
}


class PostedMessage(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A message of anybody in the conversation. `record_only` keeps it from taking or answering a turn.

    `agent` and `bot` are other words for `assistant`.
    """

    content: Content
    role: PostedRole = "user"
    record_only: bool = False
    message_id: GivenMessageId | None = None
    audio_url: Url | None = None
    metadata: GivenMetadata = {}
    usage: GivenUsage | None = None


class Posted(Struct, frozen=True, kw_only=True):
    """What posting came to: the command's result, and the message as it was at the result's version."""

    result: CommandResult
    message: MessageRow


class PostMessage:
    """Which command a message means depends on who speaks and on whose turn it is."""

    def __init__(self, run_command: RunCommand, store: EventStore) -> None:
        self._run_command = run_command
        self._store = store

    async def __call__(
        self, principal: Principal, conversation_id: ConversationId, posted: PostedMessage, options: WriteOptions
    ) -> Posted:
        """Run the command that the message means. Raises what `RunCommand` raises."""
        if posted.usage is not None and _takes_turn(posted):
            raise InvalidCommand("usage", "is for messages of others than the user, or with `record_only`.")
        result = await self._run_command(
            CommandRequest(
                principal=principal,
                conversation_id=conversation_id,
                body=posted,
                choose=lambda conversation: meaning(posted, conversation),
                command_id=options.command_id,
                expected_version=options.expected_version,
                traceparent=options.traceparent,
            )
        )
        return Posted(result=result, message=await self._message(result))

    async def _message(self, result: CommandResult) -> MessageRow:
        """From the events of the command alone, so that a retry gives the same."""
        recorded = next(recorded for recorded in result.events if is_posted(recorded.event))
        row = made_by(recorded, result)
        if isinstance(recorded.event, e.ResponseCompleted) and recorded.event.resumed:
            first = await self._first_appearance(recorded, row)
            return replace(row, version=first.version, created_at=first.origin.occurred_at)
        return row

    async def _first_appearance(self, recorded: RecordedEvent, row: MessageRow) -> RecordedEvent:
        """The interruption, later found false, that made the message."""
        history = await self._store.read(recorded.tenant_id, recorded.conversation_id, until=recorded.version)
        interruptions = (one for one in history if isinstance(one.event, e.ResponseInterrupted))
        return next(one for one in interruptions if getattr(one.event, "message_id", None) == row.id)


def meaning(posted: PostedMessage, conversation: Conversation) -> Command:
    """The command that the message is in this state."""
    if _takes_turn(posted):
        return SubmitUserMessage(
            content=posted.content,
            message_id=posted.message_id,
            audio_url=posted.audio_url,
            metadata=posted.metadata,
        )
    role = _ROLES[posted.role]
    agent_has_turn = conversation.state in (State.PROCESSING, State.SPEAKING)
    if role == "assistant" and agent_has_turn and not posted.record_only:
        return CompleteResponse(
            content=posted.content,
            message_id=posted.message_id,
            audio_url=posted.audio_url,
            metadata=posted.metadata,
            usage=posted.usage,
        )
    return RecordMessage(
        role=role,
        content=posted.content,
        message_id=posted.message_id,
        audio_url=posted.audio_url,
        metadata=posted.metadata,
        usage=posted.usage,
    )


def _takes_turn(posted: PostedMessage) -> bool:
    return posted.role == "user" and not posted.record_only


def is_posted(event: e.Event) -> bool:
    """Whether the event is the posted message itself, and not one that it displaced or that waited longer."""
    if isinstance(event, e.UserMessageReceived):
        return not event.queued
    return isinstance(event, e.UserMessageQueued | e.ResponseCompleted | e.MessageRecorded)


def made_by(recorded: RecordedEvent, result: CommandResult) -> MessageRow:
    """The row that the event makes, with what it takes from its conversation."""
    event, turn = recorded.event, None
    if isinstance(event, e.ResponseCompleted):
        recorded = replace(recorded, event=replace(event, resumed=False))
        began_next = any(isinstance(other.event, e.UserMessageReceived) for other in result.events)
        turn = result.conversation.turn - 1 if began_next else result.conversation.turn
    row = next(change.row for change in project(recorded) if isinstance(change, MessageAdded))
    user_id = result.conversation.user_id if row.role == "user" else None
    return replace(row, user_id=user_id, turn=row.turn if turn is None else turn)
