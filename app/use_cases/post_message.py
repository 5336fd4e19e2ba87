"""Post a message: the one way to write for callers who think in messages, not in turns."""

from typing import Final, Literal

from msgspec import Struct

from app.histories import Histories
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
from domain.ids import ConversationId, GivenMessageId, MessageId
from domain.ports import EventStore, RecordedEvent
from projections.applying import added_message
from projections.history import message_rows
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

    def __init__(self, run_command: RunCommand, store: EventStore, histories: Histories) -> None:
        self._run_command = run_command
        self._store = store
        self._histories = histories

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
        """As the events of the command have made it, so that a retry gives the same."""
        recorded = next(recorded for recorded in result.events if is_posted(recorded.event))
        event = recorded.event
        if isinstance(event, e.ResponseCompleted) and event.resumed:
            # An interruption, found false since, has made the message.
            return await self._resumed(recorded, event.message_id)
        (row,) = message_rows([recorded])
        conversation = result.conversation
        return added_message(row, conversation.user_id, conversation.language)

    async def _resumed(self, answer: RecordedEvent, message_id: MessageId) -> MessageRow:
        """It is hardly ever far back, but it may be."""
        place = (answer.tenant_id, answer.conversation_id)
        recent = (await self._histories.load(*place, until=answer.version)).messages()
        for row in reversed(recent):
            if row.id == message_id:
                return row
        history = await self._store.read(*place, until=answer.version)
        return next(row for row in message_rows(history) if row.id == message_id)


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
